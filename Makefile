# Refiner. The two commands that matter: make demo, make test. Each does all set-up by itself.

GO      ?= go
BIN     := bin
CACHE   := .cache
DEMO    := $(CACHE)/demo
REFINE  := $(BIN)/refine --store $(DEMO)/store.db --user nora
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
	CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/trm

.PHONY: test-race
test-race: runtime
	$(GO) test -race -timeout 9m ./...

## runtime: install ONNX Runtime into .cache, pinned and checked
.PHONY: runtime
runtime:
	@$(GO) run ./trmcore/onnx/internal/fetch >/dev/null

## crash: kill -9 two processes that write to one store, 300 times over; about ten minutes
.PHONY: crash
crash:
	$(GO) test -count=1 -timeout 60m -v -run '^TestCrash' ./memory -rounds 300

# For how long `make fuzz` runs each target, and in which packages.
FUZZTIME ?= 1m
FUZZ     ?= ./...

## fuzz: run each fuzz target for a minute (FUZZTIME=10s FUZZ=./memory for less)
.PHONY: fuzz
fuzz:
	@for p in $$($(GO) list $(FUZZ)); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			echo "$$p $$f"; \
			$(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
		done; \
	done

## test-webgpu: run the model's graphs through WebGPU on a software Vulkan driver (Debian 12)
.PHONY: test-webgpu
test-webgpu: runtime
	@tools/lavapipe.sh $(CACHE)/lavapipe
	env $$(cat $(CACHE)/lavapipe/lavapipe.env) TRM_TEST_WEBGPU=1 $(GO) test -count=1 -v -run TestWebGPU ./trmcore/onnx

# PyTorch, for what compares with it. The wheel brings CUDA's libraries along (5 GB); PYTHON=... takes one that is there.
PYTHON ?= $(CACHE)/venv/bin/python
$(CACHE)/venv/bin/python: bench/parity/requirements.txt
	python3 -m venv $(CACHE)/venv
	$(CACHE)/venv/bin/pip install -q -r $<
	@touch $@

## parity: compare every step with PyTorch anew, also at the published sizes
.PHONY: parity
parity: runtime $(PYTHON)
	OMP_NUM_THREADS=1 $(PYTHON) bench/parity/golden.py trmcore/onnx/testdata --check
	rm -rf $(CACHE)/parity
	OMP_NUM_THREADS=1 $(PYTHON) bench/parity/golden.py $(CACHE)/parity --seed $$(date +%s)
	OMP_NUM_THREADS=1 $(PYTHON) bench/parity/golden.py $(CACHE)/parity --seed $$(date +%s) --full
	TRM_PARITY_DIR=$(CURDIR)/$(CACHE)/parity $(GO) test -count=1 -v -run 'TestParity' ./trmcore/onnx

## bench-trm: puzzles a second against PyTorch, in one run
.PHONY: bench-trm
bench-trm: runtime $(PYTHON)
	$(GO) run ./bench/trm -python $(PYTHON)
	$(GO) run ./bench/trm -halting

## demo: import a bundled conversation into a fresh store, ask it, and see a ranking settle
.PHONY: demo
demo:
	@mkdir -p $(BIN)
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o $(BIN)/ ./cmd/refine
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(REFINE) init
	$(REFINE) import --sample
	@echo
	$(REFINE) search "Is Eli allergic to penicillin?" --limit 3
	@echo
	$(REFINE) search "Which foods must Nora not eat?" --budget 120
	@echo
	$(REFINE) explain "After whom is Priya's daughter named, and why?" --limit 5 --plot $(DEMO)/settling.svg
	@$(REFINE) explain "After whom is Priya's daughter named, and why?" --plot $(DEMO)/settling.png >/dev/null
	@echo
	$(REFINE) eval sample
	@echo
	$(REFINE) consolidate plan --show 2
	@echo
	$(REFINE) check --full
	@echo
	@echo "Where to look next:"
	@echo "  $(DEMO)/settling.svg       the ranking as it settles"
	@echo "  $(REFINE) search \"...\"   ask something else"
	@echo "  $(BIN)/refine --help             all commands; docs/cli.md has them on one page"
	@echo "  go doc ./refine                  the recursion over memories, and its certificate"
	@echo "  integration/example_test.go      the same from Go, in thirty lines"
