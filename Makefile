# The tasks of the project. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3.11
# More arguments for pip where it fetches torch: a folder of wheels, or an index of CPU builds.
TORCH_PIP_ARGS ?=
# `make demo ARGS="--speed 2000"`
ARGS ?=
# `make lock LOCK_ARGS=--upgrade` moves every pin to the newest release.
LOCK_ARGS ?=

UV_VERSION := 0.13.9
CYCLONEDX_VERSION := 7.5.0
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
PACKAGES := pipeline models alerts db
INPUTS := pyproject.toml requirements/torch.txt

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# `make faults RUNS=600 JOBS=2`; trials add up in runs/faults.jsonl.
RUNS ?= 60
JOBS ?= 1

# `make fuzz SECONDS=120`, for each target; inputs and findings are in runs/fuzz.
SECONDS ?= 60

.PHONY: help setup setup-demo demo test faults fuzz lint format unit audit sbom wheel wheel-test lock clean

help:  ## List the tasks
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.installed-dev  ## Create .venv with everything that tests and training need

setup-demo: $(VENV)/.installed-demo  ## Create .venv with what the demo and the services need

demo: $(VENV)/.installed-demo  ## Start everything, play the demo stream, print alerts (Ctrl-C stops it)
	@$(BIN)/tapewatch demo $(ARGS)

test: $(VENV)/.installed-dev  ## Lint, run every test, build the wheel and try it
	$(MAKE) --no-print-directory lint
	$(BIN)/pytest -n 2 --dist loadfile
	$(MAKE) --no-print-directory wheel-test

faults: $(VENV)/.installed-dev  ## Break the chain RUNS times and write the table of docs/reliability.md
	$(BIN)/python -m tests.faults --runs $(RUNS) --jobs $(JOBS)

fuzz: $(VENV)/.installed-fuzz  ## Feed every parser mutations for SECONDS, led by coverage, and print a table
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

lint: $(VENV)/.installed-dev  ## Check style, types, imports and docstrings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/check_docstrings.py $(PACKAGES)

format: $(VENV)/.installed-dev  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

unit: $(VENV)/.installed-dev  ## Run the unit tests alone
	$(BIN)/pytest tests/unit

audit: $(UV)  ## Look for known holes in what the services install (says so where it is offline)
	bash tests/audit.sh $(UV) requirements/serve.lock requirements/torch.txt

sbom: $(UV)  ## Write what the services install as CycloneDX, dist/sbom.cdx.json
	@mkdir -p dist
	cat requirements/serve.lock requirements/torch.txt \
		| $(UV) tool run --from "cyclonedx-bom==$(CYCLONEDX_VERSION)" cyclonedx-py requirements - \
		--pyproject pyproject.toml --output-reproducible --of JSON -o dist/sbom.cdx.json

wheel: $(VENV)/.installed-dev  ## Build the wheel into dist/
	rm -rf dist
	$(BIN)/python -m hatchling build -t wheel -d dist

wheel-test: $(VENV)/.installed-dev  ## Install the wheel into a bare environment and run it from /
	bash tests/smoke_wheel.sh

lock: $(UV)  ## Pin the dependencies anew (LOCK_ARGS=--upgrade for the newest)
	echo "uv==$(UV_VERSION)" | $(COMPILE) - -o requirements/uv.lock
	$(COMPILE) $(LOCK_ARGS) $(PROJECT) -o requirements/serve.lock
	$(COMPILE) $(LOCK_ARGS) $(PROJECT) --extra demo -c requirements/serve.lock -o requirements/demo.lock
	$(COMPILE) $(LOCK_ARGS) $(PROJECT) --extra demo --extra train --extra plot --group dev -c requirements/demo.lock -o requirements/dev.lock
	$(COMPILE) $(LOCK_ARGS) --group pyproject.toml:fuzz -c requirements/dev.lock -o requirements/fuzz.lock

clean:  ## Remove the environment and what was built
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command "make lock"
PROJECT = pyproject.toml --no-emit-package torch --excludes requirements/excludes.txt

$(UV): requirements/uv.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.lock
	touch $(UV)

# torch first and by pip; the lock names all the rest, so nothing is resolved here (--no-deps).
define install
	$(BIN)/python -m pip install --quiet $(TORCH_PIP_ARGS) -r requirements/torch.txt
	$(UV) pip install --quiet --python $(VENV) --require-hashes --no-deps -r $(1)
	$(UV) pip install --quiet --python $(VENV) --no-deps --build-constraints requirements/dev.lock --editable .
	$(UV) pip check --quiet --python $(VENV)
endef

$(VENV)/.installed-demo: $(UV) $(INPUTS) requirements/demo.lock
	@echo "Installing 1.6 GB (the first time takes a minute, or several) ..."
	$(call install,requirements/demo.lock)
	touch $@

$(VENV)/.installed-dev: $(UV) $(INPUTS) requirements/demo.lock requirements/dev.lock
	@echo "Installing 1.6 GB (the first time takes a minute, or several) ..."
	$(call install,requirements/dev.lock)
	touch $(VENV)/.installed-demo $@

$(VENV)/.installed-fuzz: $(VENV)/.installed-dev requirements/fuzz.lock
	$(UV) pip install --quiet --python $(VENV) --require-hashes --no-deps -r requirements/fuzz.lock
	touch $@
