# make demo   assess a simulated scan and say where the report is
# make test   run all tests
# Both set themselves up first, in the active virtual environment or else in .venv; once that is done they start at once.
# PYTHON=python3.12 and VENV=path choose others.

PYTHON ?= python3
VENV ?= $(or $(VIRTUAL_ENV),.venv)
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt

.PHONY: help demo test lint types docs docs-check clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# //p;/^$$/q' Makefile

demo: $(VENV)/.lgeqa-plain
	@$(BIN)/lgeqa demo -o demo

test: $(VENV)/.lgeqa-test
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.lgeqa-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/repo-review .

types: $(VENV)/.lgeqa-dev
	$(BIN)/mypy

# Writes the generated parts of the reference pages and the pictures anew.
docs: $(VENV)/.lgeqa-dev
	$(BIN)/python docs/generate_cli.py
	$(BIN)/python docs/generate_reference.py
	$(BIN)/python docs/make_figures.py

docs-check: $(VENV)/.lgeqa-test
	$(BIN)/python -m pytest -q tests/docs

clean:
	rm -rf .venv demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find src tests docs -name __pycache__ -type d -exec rm -rf {} +

$(BIN)/python:
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(f"lgeqa needs Python 3.11 or later, but $(PYTHON) is {v}: run make again with PYTHON=..." if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.lgeqa-plain: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing lgeqa (a minute or two)"
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.lgeqa-test: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing lgeqa with all extras and the test tools, PyTorch among them (some minutes)"
	@$(INSTALL) -e ".[all,test]"
	@tests/browser/get_chromium.sh $(BIN)/python
	@touch $@ $(VENV)/.lgeqa-plain

$(VENV)/.lgeqa-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing lgeqa with all extras, the test tools and the developers' tools (some minutes)"
	@$(INSTALL) -e ".[all,test,dev]"
	@tests/browser/get_chromium.sh $(BIN)/python
	@touch $@ $(VENV)/.lgeqa-plain $(VENV)/.lgeqa-test
