# Each target sets up what it needs on a machine with Python 3.11 or newer, make and a Debian base.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INTEROP := .venv-interop
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
APT_INSTALL := apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y
# Each run is a process of its own: one that may not keep compiled code compiles the whole package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(BIN)/.runtime ## Summarise the bundled sample with the embedded provider, in demo/
	@$(BIN)/summarizer demo

run: $(BIN)/.runtime ## Summarise your own table (ARGS="--limit 50")
	@$(BIN)/summarizer run $(ARGS)

ui: $(BIN)/.runtime ## Open Dagster's UI on http://127.0.0.1:3000 (PORT=3100 for another port)
	@$(BIN)/summarizer ui --port $(or $(PORT),3000)

rehearse: $(BIN)/.runtime ## Run the job on a few authors against a provider that fails on purpose (ARGS="--help")
	@$(BIN)/summarizer rehearse $(ARGS)

cluster: $(BIN)/.cluster cluster-packages ## Start Dagster over two Celery workers, RabbitMQ and Postgres on this machine (ARGS="--help")
	@$(BIN)/python -m deploy.celery start $(ARGS)

cluster-stop: $(BIN)/.cluster ## End the cluster; its tables and its history stay
	@$(BIN)/python -m deploy.celery stop

test: $(BIN)/.dev chromium cluster-packages ## Run lint, types and all tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder # they wait more than they compute: three keep two cores busy

interop: $(BIN)/.dev $(INTEROP)/.engines $(INTEROP)/.arrow14 java ## Let Spark and six other engines read the tables, and read what Spark writes
	@$(BIN)/python -m interop --environments $(INTEROP)

bench: $(BIN)/.dev ## Print the figures of the benchmarks
	@$(BIN)/python -m benchmarks

# The virtual environment, from versions that were tested together.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; give one as in: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Installing python3-venv"; $(APT_INSTALL) python3-venv >/dev/null; }
	@$(PYTHON) -m venv $(VENV)

$(BIN)/.runtime: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing into $(VENV): a few minutes the first time"
	@$(PIP_INSTALL) -e . dagster-dg-cli # Dagster's command line, `dg`
	@touch $@

$(BIN)/.dev: $(BIN)/.runtime
	@echo "Installing the tools of the tests into $(VENV)"
	@$(PIP_INSTALL) -e '.[dev]'
	@touch $@

$(BIN)/.cluster: $(BIN)/.runtime
	@echo "Installing what the cluster needs into $(VENV)"
	@$(PIP_INSTALL) -e '.[celery,cluster]'
	@touch $@

# Engines whose versions contradict ours, or each other: an environment for each list in interop/requirements.
$(INTEROP)/.%: $(BIN)/python interop/requirements/%.txt
	@echo "Installing the engines of interop/requirements/$*.txt into $(INTEROP)/$*"
	@$(PYTHON) -m venv $(INTEROP)/$*
	@$(INTEROP)/$*/bin/python -m pip install --quiet --disable-pip-version-check -r interop/requirements/$*.txt
	@touch $@

java: # Spark needs 17 or newer
	@command -v java >/dev/null || { echo "Installing Java"; $(APT_INSTALL) default-jre-headless >/dev/null; }

chromium: # the browser tests drive the system's own
	@test -x /usr/bin/chromium || { echo "Installing Chromium"; $(APT_INSTALL) chromium >/dev/null; }

# Debian would start servers of its own for some of them; the cluster's are its own.
CLUSTER_PACKAGES := rabbitmq-server postgresql nginx-light openssl iproute2 socat
cluster-packages:
	@test -x /usr/sbin/rabbitmq-server -a -x /usr/sbin/nginx -a -x /usr/bin/socat -a -x /usr/bin/openssl && which ip >/dev/null \
	  && ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 \
	  || { echo "Installing $(CLUSTER_PACKAGES)"; $(APT_INSTALL) $(CLUSTER_PACKAGES) >/dev/null; }

.PHONY: cluster cluster-stop cluster-packages help demo run ui rehearse test interop bench chromium java
