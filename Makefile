# Everything a person or CI runs, by name. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Three on two cores: half of the time of most tests is waiting for processes and streams.
PYTEST_ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: $(VENV)/.runtime ## Make .venv with all that the daemon and the trainer need

.PHONY: demo
demo: $(VENV)/.runtime ## Run the real daemon on the footage that ships with the project (KEEP=1: until Ctrl-C; LISTEN=HOST:PORT)
	@$(BIN)/emberwatch demo $(if $(KEEP),--keep) $(if $(LISTEN),--listen $(LISTEN))

.PHONY: test
test: $(VENV)/.dev debian lint ## Check style and types, then run every test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

.PHONY: debian
debian: ## Say which Debian packages the tests lack
	@scripts/check-debian

.PHONY: lint
lint: $(VENV)/.dev ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: bench
bench: $(VENV)/.runtime ## Measure what this machine carries, against its own limits (QUICK=1: a glance)
	$(BIN)/emberwatch bench $(if $(QUICK),--quick)

.PHONY: bench-full
bench-full: $(VENV)/.runtime debian ## The same, held for five minutes, and 100 cameras over RTSP for two
	$(BIN)/emberwatch bench --full

.PHONY: soak
soak: $(VENV)/.dev debian ## Real cameras under faults at random (MINUTES=30 CAMERAS=20 [SEED=])
	$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),30) --cameras $(or $(CAMERAS),20) \
		$(if $(SEED),--seed $(SEED))

.PHONY: wheel
wheel: $(VENV)/.dev ## Build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation --outdir dist

.PHONY: lock
lock: ## Pin the dependencies of pyproject.toml anew, with their hashes (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-header --no-annotate --quiet pyproject.toml -o requirements.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --quiet pyproject.toml --group dev -c requirements.txt \
		-o requirements-dev.txt

.PHONY: clean
clean: ## Remove what was built, .venv too
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

# The virtual environment, in two steps: running needs less than testing.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Emberwatch needs Python 3.11 or newer; name one with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(VENV)/bin/python requirements.txt pyproject.toml hatch_build.py
	$(BIN)/pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --no-deps -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@
