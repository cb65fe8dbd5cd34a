# lapstream: every recipe sets up what it needs. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up

.PHONY: help setup demo test check bench lock clean
.DEFAULT_GOAL := help

help: ## List the recipes
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(STAMP) ## Create .venv with everything that lapstream and its tests need

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lapstream needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## Run the 2007 Petit Le Mans through the log into a live tower
	@$(BIN)/lapstream demo

test: setup ## Run the tests (data tests read ../shared/data and skip where it is absent)
	$(BIN)/python -m pytest -n 2

check: setup ## Lint, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## Run the benchmarks; each prints one JSON line
	$(BIN)/python -m bench

lock: ## Write requirements.lock anew from pyproject.toml
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --no-header --group dev --group build --output-file requirements.lock pyproject.toml

clean: ## Remove what the recipes made
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .hypothesis
