# `make demo` and `make test` are all a newcomer needs; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
VENV := .venv
PYTHON := $(VENV)/bin/python
# The tests start thousands of programs, and without cache files each of them compiles all that it imports once more.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo demo-stop test proof check bench lock wheel clean

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

test: $(VENV)/.dev ## the tests, a share of full matrices and costly ones, short forms of long ones; with CI=true `make check` too
	@if [ "$${CI:-}" = true ]; then $(MAKE) --no-print-directory check; fi
	@$(PYTHON) -m tests.whole test

proof: $(VENV)/.dev check ## every test in its long form, the whole fault matrix, other Pythons, the soak (several hours)
	@$(PYTHON) -m tests.whole proof
	@$(VENV)/bin/coverage report --skip-covered --fail-under=94  # of branches; programs that tests start count
	@$(PYTHON) -m tests.pythons
	$(PYTHON) -m bench.soak

check: $(VENV)/.dev ## format, lint, types, layering (branch coverage has its floor in `make proof`)
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
