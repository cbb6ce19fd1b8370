# loadrig's everyday commands. `make demo` and `make test` are the two that the README
# promises: each installs what it lacks, and is quick when all is there.
#
# One target directory outside the checkout and one profile serve everyday work, CI and
# these commands: the AWS SDK crates are compiled once.
SHELL := /bin/bash
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/loadrig
export CARGO_TARGET_DIR ?= $(CACHE)/target
BIN := $(CARGO_TARGET_DIR)/debug/loadrig

.PHONY: bench study demo generate kill-sweep wire-sweep fault-sweep refusal-sweep second-emulator test truth build where check lint setup clean-cache help
.DEFAULT_GOAL := help

help: ## What each command does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: setup ## Stand a 1k rig up on this machine, drive it, take it down
	@scripts/build.sh image
	$(BIN) demo --yes

test: ## Every test, end to end on the local cloud included
	scripts/test.sh

build: ## Build the program and the stand-in server
	@scripts/build.sh

where: ## Path of the built program
	@echo $(BIN)

setup: ## Install the Debian packages that the local cloud needs
	@scripts/setup.sh

lint: ## Formatting and lints, as CI has them
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	scripts/deny.sh
	cargo xtask check

generate: ## Write anew what follows from the program: tables in docs/, schema/
	cargo xtask generate

bench: setup build ## Measure against the peers, side by side; writes docs/performance.md
	benches/run.sh $(BIN)

study: ## Hold the forecast of login storms and the login gate to measurements; a quarter of an hour; writes docs/login-storm-study.md
	scripts/study.sh

kill-sweep: setup build ## Kill the engine at every API call; ten minutes for each account PROFILE (all: every one)
	scripts/sweep.sh crash::kill_sweep

wire-sweep: setup build ## The same with the program itself, over sockets; about an hour
	scripts/sweep.sh wire::kill::kill_sweep

fault-sweep: export SEEDS ?= 200
fault-sweep: setup build ## Failures drawn from SEEDS seeds; with PROFILE in accounts of that profile
	scripts/sweep.sh $(if $(PROFILE),crash::profiles::fault_sweep,wire::faults::fault_sweep)

refusal-sweep: setup build ## Meet every refusal that AWS is known to answer with; about ten minutes
	scripts/sweep.sh crash::refused::refusal_sweep

second-emulator: setup ## The tests of resources before ministack, an emulator of other authors
	scripts/second-emulator.sh

truth: ## Compare the strict cloud with recorded facts in ORACLE; WRITE=1 writes docs/truth.md
	@if [ -z "$$ORACLE" ]; then echo "not run: set ORACLE"; else \
	  cargo build --quiet --workspace --bin truth && $(CARGO_TARGET_DIR)/debug/truth "$$(ls -d $(CACHE)/venv-*/bin/moto_server | tail -1)" $(if $(WRITE),--write); fi

check: lint test ## What CI runs

clean-cache: ## Remove what setup and build cached
	rm -rf $(CACHE)
