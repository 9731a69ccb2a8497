# make demo       assess a simulated scan and say where the report is
# make test       run all tests but the slow ones, in some eight minutes on two cores
# make test-all   run all tests
# They set themselves up first, in the active virtual environment or else in .venv; once that is done they start at once.
# PYTHON=python3.12 and VENV=path choose others.

PYTHON ?= python3
VENV ?= $(or $(VIRTUAL_ENV),.venv)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check
# Every package in the one version that was tested, by its hash, and then lgeqa as it stands here, built with what the lock holds.
LOCKED := $(PIP) --no-deps --require-hashes -r
LGEQA := $(PIP) --no-deps --no-build-isolation -e .
# PyTorch stands in no lock: which of its builds fits is the machine's matter (a processor, a graphics card).
TORCH := $(PIP) -c constraints.txt torch
# Three processes for two cores, since many tests wait for a process that they have started.
PROCESSES ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) * 3 // 2)')
# A file at a time in each process, so that what its tests share is made once; in the order of tests/conftest.py.
TEST := $(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

# What checks scripts and styles, from package-lock.json. Only `make lint` and `make api-types` need Node.js.
NODE := node_modules/.bin
STYLED := "src/lgeqa/**/*.{css,js}" "types/**/*.d.ts" eslint.config.js tsconfig.json package.json
API_TYPES = $(NODE)/openapi-typescript build/openapi.json -o types/api.d.ts --root-types --root-types-no-schema-prefix

.PHONY: help demo test test-all coverage lint types api-types docs docs-check site wheel locks clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# //p;/^$$/q' Makefile

demo: $(VENV)/.lgeqa-plain
	@$(BIN)/lgeqa demo -o demo

test: $(VENV)/.lgeqa-test
	$(TEST) -m "not slow" $(ARGS)

test-all: $(VENV)/.lgeqa-test
	$(TEST) $(ARGS)

# Measures which branches of lgeqa the tests run through, with the limit of pyproject.toml.
coverage: $(VENV)/.lgeqa-dev
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --cov --cov-report=term $(ARGS)

lint: $(VENV)/.lgeqa-dev node_modules/.lgeqa build/openapi.json
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/repo-review .
	$(NODE)/eslint .
	$(NODE)/prettier --check $(STYLED)
	$(API_TYPES) --check
	$(NODE)/tsc

# Writes the types of the HTTP interface for the scripts of the pages.
api-types: $(VENV)/.lgeqa-dev node_modules/.lgeqa build/openapi.json
	$(API_TYPES)

.PHONY: build/openapi.json
build/openapi.json: $(VENV)/.lgeqa-dev
	@mkdir -p build
	@$(BIN)/python docs/write_openapi.py > $@

node_modules/.lgeqa: package.json package-lock.json
	@command -v npm > /dev/null || { echo "Node.js 20.19 or later, with npm, is needed to check scripts and styles: install it from nodejs.org or as the packages nodejs and npm" >&2; exit 1; }
	@npm ci --silent --no-audit --no-fund
	@touch $@

types: $(VENV)/.lgeqa-dev
	$(BIN)/mypy

# Resolves constraints.txt anew to locks/, every package with its hashes: one lock for each extra, and those of the two lines below.
EXTRAS := agreement archive cluster dicom listen postgres sweep track train web all
LOCK = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-package torch --no-annotate \
  --custom-compile-command "make locks" -c constraints.txt pyproject.toml locks/build.in
locks: $(VENV)/.lgeqa-dev
	$(LOCK) -o locks/plain.txt
	$(foreach extra,$(EXTRAS),$(LOCK) --extra $(extra) -o locks/$(extra).txt &&) true
	$(LOCK) --extra all --extra test -o locks/test.txt
	$(LOCK) --extra all --extra test --extra dev -o locks/dev.txt

# Writes the generated parts of the reference pages and the pictures anew.
docs: $(VENV)/.lgeqa-dev
	$(BIN)/python docs/generate_cli.py
	$(BIN)/python docs/generate_reference.py
	$(BIN)/python docs/make_figures.py

docs-check: $(VENV)/.lgeqa-test
	$(BIN)/python -m pytest -q tests/docs

# Builds the documentation site into site, with both notebooks run, and checks it. Nothing is loaded from a network. With
# --quiet MkDocs would not count its warnings, so that --strict had no effect.
site: $(VENV)/.lgeqa-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	$(BIN)/python docs/check_site.py site

# Builds the wheel and the source archive into dist, and tries the wheel in a virtual environment of its own.
wheel: $(VENV)/.lgeqa-dev
	.ci/try_wheel.sh $(BIN)

clean:
	rm -rf .venv node_modules demo site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find src tests docs -name __pycache__ -type d -exec rm -rf {} +

$(BIN)/python:
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(f"lgeqa needs Python 3.11 or later, but $(PYTHON) is {v}: run make again with PYTHON=..." if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.lgeqa-plain: pyproject.toml locks/plain.txt | $(BIN)/python
	@echo "Installing lgeqa (a minute or two)"
	@$(LOCKED) locks/plain.txt
	@$(LGEQA)
	@touch $@

$(VENV)/.lgeqa-test: pyproject.toml locks/test.txt | $(BIN)/python
	@echo "Installing lgeqa with all extras and the test tools, PyTorch among them (some minutes)"
	@$(LOCKED) locks/test.txt
	@$(TORCH)
	@$(LGEQA)
	@tests/browser/get_chromium.sh $(BIN)/python
	@touch $@ $(VENV)/.lgeqa-plain

$(VENV)/.lgeqa-dev: pyproject.toml locks/dev.txt | $(BIN)/python
	@echo "Installing lgeqa with all extras, the test tools and the developers' tools (some minutes)"
	@$(LOCKED) locks/dev.txt
	@$(TORCH)
	@$(LGEQA)
	@tests/browser/get_chromium.sh $(BIN)/python
	@touch $@ $(VENV)/.lgeqa-plain $(VENV)/.lgeqa-test
