.DEFAULT_GOAL := help
PYTHON ?= python3
BASE := .run/base
DEV := .venv
export OPENBLAS_NUM_THREADS ?= 1
# Tests start hundreds of processes: where each compiled what it imports anew, that would be minutes.
export PYTHONDONTWRITEBYTECODE =
# One more than there are cores, for many tests wait for brokers and timeouts.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(BASE)/ready ## a simulated home live on real HTTP plugs: faults found, armed plugs switched off, two minutes
	$(BASE)/bin/kilowatch demo

setup: $(DEV)/ready ## everything for developing and testing, in .venv

test: $(DEV)/ready ## the whole test suite
	$(DEV)/bin/python -m pytest -m "not soak and not cluster and not container" -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-cluster: $(DEV)/ready ## the images by themselves, and the chart on a real Kubernetes of one node
	scripts/cluster/build.sh
	$(DEV)/bin/python scripts/image.py build kilowatch kafka postgres prometheus alertmanager
	$(DEV)/bin/python -m pytest -m "cluster or container" tests/cluster tests/deploy -s

soak: $(DEV)/ready ## long runs: big files, full fuzz
	$(DEV)/bin/python -m pytest -m soak

lint: $(DEV)/ready ## style, types and import rules
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/ruff check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports
	$(DEV)/bin/bandit -q -r src -ll
	$(DEV)/bin/python scripts/make_contracts.py --check
	$(DEV)/bin/python scripts/make_config_docs.py --check
	$(DEV)/bin/python scripts/make_metrics_docs.py --check
	$(DEV)/bin/python scripts/make_dashboards.py --check
	$(DEV)/bin/python scripts/make_cli_docs.py --check
	$(DEV)/bin/python scripts/make_chart_docs.py --check
	$(DEV)/bin/python scripts/make_api_docs.py --check
	$(DEV)/bin/python scripts/make_speed_docs.py --check

audit: $(DEV)/ready ## known weaknesses in code and dependencies; needs the network
	$(DEV)/bin/python scripts/audit.py

docs: $(DEV)/ready ## the documentation as a site, in .run/site
	$(DEV)/bin/python scripts/make_cli_docs.py
	$(DEV)/bin/mkdocs build --strict --quiet --site-dir .run/site

contracts: $(DEV)/ready ## write docs/contracts.md from the code
	$(DEV)/bin/python scripts/make_contracts.py

size: $(DEV)/ready ## print file, function and comment sizes against the budget
	$(DEV)/bin/python scripts/size.py

clean: ## remove environments and caches
	rm -rf $(DEV) .run .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BASE)/ready: pyproject.toml
	@echo "Setting up kilowatch in $(BASE) (once, one to two minutes) ..."
	@$(PYTHON) -m venv $(BASE)
	@$(BASE)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[web]'
	@touch $@

$(DEV)/ready: pyproject.toml
	@echo "Setting up the developer's environment in $(DEV) (once) ..."
	@$(PYTHON) -m venv $(DEV)
	@$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps 'TSB-AD==1.5'
	@touch $@

.PHONY: audit help demo setup test test-cluster soak lint docs contracts size clean
