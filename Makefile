# `make demo` and `make test` are all a newcomer needs; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
VENV := .venv
PYTHON := $(VENV)/bin/python

.PHONY: help demo demo-stop test check bench lock wheel clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/.system: .ci/system.sh
	@bash .ci/system.sh demo
	@mkdir -p $(VENV) && touch $@

$(VENV)/.ops: $(VENV)/.system decodeat_ops/requirements.txt pyproject.toml
	@bash .ci/venv.sh $(VENV) .ci/build.txt decodeat_ops/requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.ops tests/requirements.txt
	@bash .ci/system.sh test
	@bash .ci/venv.sh $(VENV) tests/requirements.txt
	@touch $@

demo: $(VENV)/.ops ## deploy on this machine, prove it, read a label
	@bash .ci/demo.sh $(abspath $(VENV))

demo-stop: ## take the demo away
	@bash .ci/demo.sh $(abspath $(VENV)) stop

# The floor of branch coverage counts this process alone: what runs as a program of its own (the command line under
# faults, the supervisor, the service) is tested but not counted.
test: $(VENV)/.dev ## every test; with CI=true a missing part is a failure, and `make check` runs too
	@if [ "$${CI:-}" = true ]; then $(MAKE) --no-print-directory check; fi
	@DECODEAT_RECORD_RESULTS=1 $(PYTHON) -m pytest -n 2 --no-loadscope-reorder --cov --cov-report=term:skip-covered --cov-fail-under=65

check: $(VENV)/.dev ## format, lint, types, layering (branch coverage has its floor in `make test`)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(VENV)/.dev ## every speed ratio, each measured in one run
	$(PYTHON) -m bench

lock: $(VENV)/.dev ## write the hashed lock files anew
	bash .ci/lock.sh $(VENV)

wheel: $(VENV)/.dev ## build the wheel
	$(PYTHON) -m build --wheel --no-isolation

clean: ## remove what the tools wrote (not deployments)
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
