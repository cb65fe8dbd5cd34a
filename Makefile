# lapstream: every recipe sets up what it needs. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
DOCS := $(VENV)/.set-up-docs
SCREEN := services/screen/index.html
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
LOCK := build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --group build
PYTEST := -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal
FULL := -m "slow or hypothesis" --hypothesis-profile full

# Where the environment forbids bytecode, each worker and each program that a test starts would
# compile everything anew: a tenth of the time of the tests.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup screen demo test test-slow search faults coverage check audit bench docs types schema wheel dist lock clean
.DEFAULT_GOAL := help

help: ## List the recipes
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) $(SCREEN) ## Create .venv with everything that lapstream and its tests need

# An interrupted setup leaves no stamp, and the next one begins anew (--clear).
$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lapstream needs Python 3.11 or newer, and $(PYTHON) is %d.%d: name another with make PYTHON=python3.12" % sys.version_info[:2])'
	@echo 'Setting up $(VENV): about half a minute'
	@$(PYTHON) -m venv $(if $(wildcard $(STAMP)),,--clear) $(VENV)
	@rm -f $@
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

screen: $(SCREEN) ## Build the timing screen, with Node from the machine or else from PyPI

# Where it cannot be built, that is said in a line, and all else is set up nevertheless.
$(SCREEN): $(STAMP) $(wildcard projections/*.json projections/*/*.json) $(shell find web -name node_modules -prune -o -name test -prune -o -type f -print)
	@echo 'Building the timing screen'
	@$(BIN)/python web/build.py

demo: setup ## Run the 2007 Petit Le Mans through the log into a live tower
	@$(BIN)/lapstream demo

# The pages' tests run beside the others, which often wait; their output comes after.
test: setup ## Run the tests (data tests read ../shared/data and skip where it is absent)
	@mkdir -p build; $(BIN)/python web/build.py test >build/web-tests.txt 2>&1 & pages=$$!; \
	$(BIN)/python $(PYTEST); tests=$$?; \
	wait $$pages; pages=$$?; cat build/web-tests.txt; \
	exit $$((tests | pages))

test-slow: setup ## Run what takes minutes: soaks, whole seasons, properties with all their examples
	$(BIN)/python $(PYTEST) $(FULL)

search: setup ## Try every property with new random examples; a failure prints how to repeat it
	$(BIN)/python $(PYTEST) -m hypothesis --hypothesis-profile search

faults: setup ## Kill, flood and starve a service, and count; KILLS=1000 takes an hour or more
	@$(BIN)/python -m tests.faults $(PART) $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

coverage: setup ## Run the tests and report which lines and branches they reach
	$(BIN)/coverage erase
	$(BIN)/coverage run $(PYTEST)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

check: setup ## Lint, types, import rules, workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python web/build.py check
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms \
		$(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/zizmor --offline --quiet .github

audit: ## Look for known vulnerabilities in the lock files, where a database answers
	@$(PYTHON) -m venv $(if $(wildcard build/audit/bin/pip-audit),,--clear) build/audit
	@build/audit/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.10,<3'
	@build/audit/bin/python .ci/audit.py

bench: setup ## Run the benchmarks; each prints one JSON line
	@$(BIN)/python -m bench

docs: $(DOCS) ## Build the documentation site into build/site, with links and anchors checked
	@$(BIN)/python -m docs.build

$(DOCS): $(STAMP) requirements.docs.lock
	@$(PIP) install --require-hashes --requirement requirements.docs.lock
	@touch $@

types: setup ## Generate the TypeScript types of rows from their models
	$(BIN)/python web/build.py types

schema: setup ## Write docs/events.schema.json anew from the event models
	$(BIN)/python -c 'import json, events; print(json.dumps(events.json_schema(), indent=2))' \
		> docs/events.schema.json

wheel: $(STAMP) ## Build the wheel, the timing screen in it, into dist/
	@$(BIN)/python web/build.py --must
	$(BIN)/python -m hatchling build --target wheel

dist: $(STAMP) ## Build what is published into dist/: the wheel and the sdist
	@$(BIN)/python web/build.py --must
	$(BIN)/python -m hatchling build

lock: ## Write the lock files anew from pyproject.toml, at the newest versions it allows
	$(PYTHON) -m venv --clear build/lock
	build/lock/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	$(LOCK) --upgrade --group dev --output-file requirements.lock pyproject.toml
	$(LOCK) --upgrade --constraint requirements.lock --output-file requirements.image.lock pyproject.toml
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --group node --upgrade --output-file requirements.node.lock
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --group docs --upgrade --constraint requirements.lock \
		--output-file requirements.docs.lock

clean: ## Remove what the recipes made
	rm -rf $(VENV) dist build web/node_modules services/screen .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
