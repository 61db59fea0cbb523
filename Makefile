# Each target installs what it lacks (.ci/prepare) or says what to install. What is built is kept under
# ~/.cache/agentsigna; CARGO_TARGET_DIR and XDG_CACHE_HOME move it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
FUZZ_SECONDS ?= 10
export FUZZ_SECONDS
programs := --workspace --bin agentsigna --bin agentsigna-verify

.PHONY: help demo test check bench fuzz screenshots wasm clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.* ## \(.*\)/make \1	\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

# The programs are built by name and in one call: a missing one is an error here, never a stale one from another clone.
demo: ## the whole loop, from an agent's request to a proof checked offline
	@.ci/prepare build
	@.ci/rocksdb
	@.ci/with cargo build --locked $(programs) --bin demo
	@.ci/with bash -c 'exec "$$CARGO_TARGET_DIR/debug/demo"'

test: ## everything that continuous integration runs
	@.ci/test

check: ## house rules, format, lints, documentation, dependencies; no tests
	@.ci/test check

bench: ## measurements, in a release build
	@.ci/prepare build
	@.ci/rocksdb
	@.ci/with cargo build --locked --release $(programs) --bin bench
	@.ci/with bash -c 'exec "$$CARGO_TARGET_DIR/release/bench"'

fuzz: ## every fuzz target for FUZZ_SECONDS (10) each
	@.ci/prepare build
	@.ci/fuzz $(FUZZ_SECONDS)

screenshots: ## a picture of every page of the portal, in $CARGO_TARGET_DIR/screenshots
	@.ci/prepare test
	@.ci/rocksdb
	@.ci/with bash -c 'export PICTURES=$$CARGO_TARGET_DIR/screenshots && rm -rf "$$PICTURES" && \
		cargo test --locked -p agentsigna-tests --test promises -- every_page_is_readable_by_everybody && \
		echo "pictures are in $$PICTURES"'

wasm: ## the verifier for WebAssembly
	@.ci/prepare build
	@.ci/wasm

clean: ## remove what cargo built; RocksDB, the Python packages and the tools stay in the cache
	@.ci/with cargo clean
	@rm -rf fuzz/corpus fuzz/artifacts demo-out
