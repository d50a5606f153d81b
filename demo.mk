DEMO   := $(CACHE)/demo
REFINE := $(BIN)/refine --store $(DEMO)/store.db --user nora

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
	$(REFINE) check --full
	@echo
	@echo "Where to look next:"
	@echo "  $(DEMO)/settling.svg       the ranking as it settles"
	@echo "  $(REFINE) search \"...\"   ask something else"
	@echo "  $(BIN)/refine --help             all commands; docs/cli.md has them on one page"
	@echo "  go doc ./refine                  the recursion over memories, and its certificate"
	@echo "  integration/example_test.go      the same from Go, in thirty lines"
