## demo: build, import the bundled conversation into a fresh store, search it, and see a ranking settle
.PHONY: demo
demo:
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/refine ./cmd/refine
	@rm -rf .cache/demo && mkdir -p .cache/demo
	@echo
	bin/refine init --store .cache/demo/store.db
	bin/refine import --sample --store .cache/demo/store.db
