# Refiner. The two commands that matter: make demo, make test. Each does all set-up by itself.

GO      ?= go
BIN     := bin
CACHE   := .cache
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.DEFAULT_GOAL := help

## help: list the targets
.PHONY: help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST) | awk -F': ' '{printf "  make %-14s %s\n", $$1, $$2}'

## build: compile the commands into bin/
.PHONY: build
build:
	@mkdir -p $(BIN)
	$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o $(BIN)/ ./cmd/...

## test: everything that must hold: format, vet, staticcheck, all tests with the race detector
.PHONY: test
test: lint test-race

.PHONY: lint
lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w on:" $$unformatted; exit 1; fi
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/refine

.PHONY: test-race
test-race: runtime
	$(GO) test -race -timeout 9m ./...

## runtime: install ONNX Runtime into .cache, pinned and checked
.PHONY: runtime
runtime:
	@$(GO) run ./trmcore/onnx/internal/fetch >/dev/null

## test-webgpu: run the model's graphs through WebGPU on a software Vulkan driver (Debian 12)
.PHONY: test-webgpu
test-webgpu: runtime
	@tools/lavapipe.sh $(CACHE)/lavapipe
	env $$(cat $(CACHE)/lavapipe/lavapipe.env) TRM_TEST_WEBGPU=1 $(GO) test -count=1 -v -run TestWebGPU ./trmcore/onnx
