# Everything a person or a pipeline types. `make` alone lists the targets.
#
# The first target that needs it makes `.venv` from constraints.txt; PYTHON=... chooses the interpreter, and makes a
# `.venv` of another one anew.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
# What was installed, and for which PYTHON it was asked.
ASKED := $(subst /,_,$(PYTHON))
READY := .venv/.ready$(ASKED)
SHOWN := .venv/.shown$(ASKED)
SERVED := .venv/.served$(ASKED)
RESULTS := build/benchmarks
BENCHMARKS := corpus generate connect twin fly_faults fly_overhead audit
# A file's tests share their IOC, so a file stays on one worker. Files are begun in the order of collection, which is for
# tests/conftest.py to say.
WORKERS := --dist loadfile --no-loadscope-reorder -n
STATIC := ruff-check ruff-format mypy basedpyright lint-imports

# Tests of Channel Access that run both ways (BEAMWRIGHT_PLAIN_CA, docs/connecting.md).
PLAIN_CA := tests/live/runtime/channels/test_ca_channels.py tests/live/runtime/channels/test_requests.py \
            tests/live/runtime/signals/test_refused.py tests/unit/runtime/channels/test_ca_thread_states.py

.PHONY: help demo test unit soak bench docs format lint clean constraints environment pytest pytest-plain-ca $(STATIC)

help: ## list the targets
	@sed -nE 's/^([a-z]+):.* ## (.*)/  make \1|\2/p' Makefile | column -t -s '|'

demo: $(SHOWN) ## generate the example beamline, run its twin, connect, scan, fly, pause and plot
	@$(BIN)/python -m scripts.demo

test: $(READY) ## every check: style, types, import directions, tests
	@failed=""
	for check in $(STATIC) pytest pytest-plain-ca; do $(MAKE) $$check || failed+=" $$check"; done
	if [ -n "$$failed" ]; then echo "make test: failed:$$failed" >&2; exit 1; fi

unit: $(READY) ## the tests that start no server and do not take long
	@$(BIN)/python -m pytest -q $(WORKERS) 2 -m "not live and not long and not soak"

soak: $(READY) ## the long runs that `make test` leaves out
	@$(BIN)/python -m pytest -m soak --timeout=3600 || { status=$$?; [ $$status -eq 5 ] && echo "there are no soak tests"; }

bench: $(READY) ## every benchmark, figures into build/benchmarks/*.json
	@mkdir -p $(RESULTS)
	for benchmark in $(BENCHMARKS); do
	    echo "== $$benchmark"
	    $(BIN)/python -m benchmarks.$$benchmark --json $(RESULTS)/$$benchmark.json
	done

docs: $(READY) ## the documentation as a site, into build/docs
	@$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs build/docs
	echo "build/docs/index.html"

format: $(READY) ## let ruff repair style and layout
	@$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

lint: $(READY) ## the static checks alone
	@failed=""
	for check in $(STATIC); do $(MAKE) $$check || failed+=" $$check"; done
	if [ -n "$$failed" ]; then echo "make lint: failed:$$failed" >&2; exit 1; fi

clean: ## remove what the tools leave behind; .venv stays
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

constraints: $(READY) ## find today's newest versions anew and write constraints.txt
	@scripts/refresh_constraints.sh

environment: $(READY) ## make .venv, or bring it up to date

$(READY): pyproject.toml constraints.txt
	@scripts/environment.sh
	touch $@ $(SHOWN)

# The demo starts sooner where it does not wait for what only checks and tests need.
$(SHOWN): pyproject.toml constraints.txt
	@scripts/environment.sh demo
	touch $@

# The tests load beamlines into blueapi, whose many packages nothing else needs.
$(SERVED): $(READY)
	@scripts/environment.sh dev,blueapi
	touch $@

# The single checks: `make mypy` and so on, for one at a time.

# With these settings everywhere, for the generated package has settings that keep a site's ruff off it.
ruff-check: $(READY)
	@echo "== ruff check"
	$(BIN)/ruff check --config pyproject.toml .

ruff-format: $(READY)
	@echo "== ruff format --check"
	$(BIN)/ruff format --check --config pyproject.toml .

mypy: $(READY)
	@echo "== mypy"
	$(BIN)/mypy

basedpyright: $(READY)
	@echo "== basedpyright"
	$(BIN)/basedpyright

lint-imports: $(READY)
	@echo "== lint-imports"
	$(BIN)/lint-imports --no-cache --no-logo

# Three workers on two cores, because many tests wait for what moves.
pytest: $(SERVED)
	@echo "== pytest"
	$(BIN)/python -m pytest $(WORKERS) 3

pytest-plain-ca: $(SERVED)
	@echo "== pytest, with libca called the plain way"
	BEAMWRIGHT_PLAIN_CA=1 $(BIN)/python -m pytest $(PLAIN_CA)

.ONESHELL:
