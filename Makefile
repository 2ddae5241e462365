# From a clean checkout on Debian 12 with Python 3.11, Node.js 20, git, gcc, make and apt: `make run`.
# What was made stays until its sources change, so that a second run is quick. Data (`var/`) is never touched.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
OWN_UV := .cache/uv/bin/uv
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo $(OWN_UV))
export UV_PYTHON_DOWNLOADS := never
BIN := .venv/bin
STATIC := src/ringtrail/dashboard/static
SDK := tests/dialects/callr
say = @printf '== %s\n'

.PHONY: help run demo test check lint e2e bench docs assets dev-environment browser clean

help: ## show this list
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

run: .venv/.runtime assets ## set everything up and serve until Ctrl-C
	@exec $(BIN)/ringtrail up

demo: .venv/.dev ## make calls through a running ringtrail and show the records
	@exec $(BIN)/python -m demo

test: .venv/.dev assets sdk browser ## every test, with real PostgreSQL, Asterisk, phones and browser
	$(BIN)/python -m pytest -n auto --dist loadfile --ignore=tests/engines --ignore=tests/e2e
	$(BIN)/python -m pytest tests/engines tests/e2e

check: lint ## the quick checks: lint, types, layers, unit, scenarios, dialects
	$(BIN)/python -m pytest -q -n auto tests/unit tests/scenarios tests/dialects tests/architecture

lint: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports >.cache/layers.txt || { cat .cache/layers.txt; exit 1; }

e2e: .venv/.dev assets browser ## only the end-to-end tests: real calls, real browser
	$(BIN)/python -m pytest tests/e2e

bench: .venv/.dev assets ## benchmarks; they print ratios and need a quiet machine
	$(BIN)/python -m bench

docs: .venv/.dev ## print the generated reference pages
	mkdir -p docs/reference
	$(BIN)/ringtrail config --markdown >docs/reference/configuration.md
	$(BIN)/python -m docs.printed

clean: ## remove what can be made again (the fetched Asterisk in .cache and the data in var stay)
	rm -rf .venv $(STATIC) web/node_modules $(SDK)/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find src tests bench demo -name __pycache__ -prune -exec rm -rf {} +

# --- Python -------------------------------------------------------------------------------------------------------------

# uv lives outside .venv: `uv sync` makes .venv hold what uv.lock names and nothing else.
$(OWN_UV):
	$(say) 'Fetching uv'
	@$(PYTHON) -m venv .cache/uv || { echo "$(PYTHON) cannot make a virtual environment: apt-get install python3-venv" >&2; exit 1; }
	@.cache/uv/bin/pip install -q uv

.venv/.runtime: pyproject.toml uv.lock | $(filter $(OWN_UV),$(UV))
	$(say) 'Python packages from uv.lock'
	@$(UV) sync --frozen --compile-bytecode --no-dev --inexact
	@touch $@

.venv/.dev: pyproject.toml uv.lock | $(filter $(OWN_UV),$(UV))
	$(say) 'Python packages from uv.lock, with those for development'
	@$(UV) sync --frozen --compile-bytecode
	@mkdir -p .cache
	@touch .venv/.runtime $@

dev-environment: .venv/.dev

# --- what npm makes -----------------------------------------------------------------------------------------------------

assets: $(if $(wildcard web/package.json),$(STATIC)/dashboard.js)

$(STATIC)/dashboard.js: web/node_modules/.installed web/build.mjs web/tsconfig.json $(shell find web/src -type f 2>/dev/null)
	$(say) 'Browser assets'
	@npm --prefix web run --silent build
	@touch $@

.PHONY: sdk
sdk: $(if $(wildcard $(SDK)/package.json),$(SDK)/node_modules/.installed)

%/node_modules/.installed: %/package.json %/package-lock.json
	$(say) 'npm packages of $*'
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 (apt-get install nodejs npm)" >&2; exit 1; }
	@npm --prefix $* ci --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

# --- what only tests need of the system ---------------------------------------------------------------------------------

browser:
	@if ! command -v chromium >/dev/null; then \
	  if [ "$$(id -u)" = 0 ]; then apt-get -qq update && apt-get -qq -y install --no-install-recommends chromium; \
	  else echo "No chromium: the browser tests will be skipped. As root: apt-get install chromium"; fi; fi
