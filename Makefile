# Each target sets up what it needs on a machine with Python 3.11 or newer, make and a Debian base.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export DAGSTER_HOME := $(CURDIR)/.dagster

.DEFAULT_GOAL := help

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(BIN)/.runtime $(DAGSTER_HOME)/dagster.yaml ## Summarise the bundled sample with the embedded provider, then report
	$(BIN)/python -m summarizer_assets.demo

ui: $(BIN)/.runtime $(DAGSTER_HOME)/dagster.yaml ## Open Dagster's UI on http://127.0.0.1:3000 (PORT=… for another port)
	$(BIN)/dagster dev -h 127.0.0.1 -p $(or $(PORT),3000)

test: $(BIN)/.dev chromium ## Run all checks and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadgroup

bench: $(BIN)/.dev ## Print the figures of the benchmarks
	$(BIN)/python -m benchmarks

# The virtual environment, from versions that were tested together.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; give one as in: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Installing python3-venv"; \
	  apt-get update -q && apt-get install -qy python3-venv; }
	$(PYTHON) -m venv $(VENV)

$(BIN)/.runtime: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(BIN)/.dev: $(BIN)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(DAGSTER_HOME)/dagster.yaml: dagster.yaml
	@mkdir -p $(DAGSTER_HOME)
	@cp dagster.yaml $@

chromium: # the browser tests drive the system's own
	@command -v chromium >/dev/null || { echo "Installing Chromium"; \
	  apt-get update -q && apt-get install -qy chromium >/dev/null; }

.PHONY: help demo ui test bench chromium
