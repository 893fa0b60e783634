# Two commands matter: `make run` and `make test`. Both do all set-up by themselves.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
# Lavalink clients that drive the node in tests; one of them has an import name of ours.
CLIENTS := $(VENV)/clients
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo $(VENV)/bin/uv)
PYTEST := $(VENV)/bin/python -m pytest
ARGS ?=
# A network may have a certificate authority of its own, which only the system's store knows.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS ?= true
endif

.PHONY: help run test soak lint format lock bench clean

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

run: $(VENV)/.run ## Start Chorus: music on http://localhost:8080, no credentials needed
	@exec $(VENV)/bin/python -m bot run $(ARGS)

test: $(VENV)/.dev $(CLIENTS)/.done packages ## All tests: rules, stores and pages first, then those that listen in real time
	@$(PYTEST) -n 2 --dist worksteal -m "not heard" $(ARGS)
	@$(PYTEST) -n 3 --dist worksteal -m heard $(ARGS)

soak: $(VENV)/.dev $(CLIENTS)/.done packages ## 50 rooms with random commands for SOAK minutes (60), then the repeated tests with higher counts
	@$(VENV)/bin/python -m bench.soak $(SOAK)
	@SOAK=20 $(PYTEST) -m "soak or heard" $(ARGS)

lint: $(VENV)/.dev ## Style, types and the import rule
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/basedpyright --warnings
	@$(VENV)/bin/lint-imports

format: $(VENV)/.dev ## Format the code
	@$(VENV)/bin/ruff check --fix . && $(VENV)/bin/ruff format .

lock: $(VENV)/.venv ## Write the lock files anew from pyproject.toml
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url pyproject.toml -o requirements.lock
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --group clients -c requirements-dev.lock -o requirements-clients.lock

bench: $(VENV)/.dev ## The figures, as JSON
	@$(VENV)/bin/python -m bench $(ARGS)

clean: ## Remove the environment and caches (not your data)
	@rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit("Chorus needs Python 3.11 or later (PYTHON=python3.x make ...)" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV) || { echo "Install the prerequisite first: apt-get install python3-venv"; exit 1; }
	@command -v uv >/dev/null 2>&1 || $(VENV)/bin/python -m pip install -q --disable-pip-version-check uv
	@touch $@

$(VENV)/.run: $(VENV)/.venv requirements.lock
	@echo "Setting up the environment (once) ..."
	@$(UV) pip install -q --python $(VENV)/bin/python --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: $(VENV)/.venv requirements-dev.lock
	@$(UV) pip install -q --python $(VENV)/bin/python --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/.run

$(CLIENTS)/.done: $(VENV)/.venv requirements-clients.lock
	@$(VENV)/bin/python -m venv --clear --without-pip $(CLIENTS)
	@$(UV) pip install -q --python $(CLIENTS)/bin/python --require-hashes -r requirements-clients.lock
	@touch $@

.PHONY: packages
packages:
	@missing=""; \
	command -v chromium >/dev/null 2>&1 || missing="$$missing chromium"; \
	command -v redis-server >/dev/null 2>&1 || missing="$$missing redis-server"; \
	[ -z "$$missing" ] && exit 0; \
	if [ "$$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2>/dev/null; then sudo="sudo"; \
	else echo "The tests need$$missing: apt-get install$$missing"; exit 1; fi; \
	echo "Installing$$missing ..."; \
	$$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing >/dev/null
