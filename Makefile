# `make demo` and `make test` install what they need into .venv first; nothing has to be run before them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo demo-brats demo-hippocampus test lint clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## create .venv with the pinned versions of constraints.txt

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "cladeseg needs Python 3.10 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
	       "Name another one: make install PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c constraints.txt -e ".[dev]"
	@touch $@

demo: install  ## phantoms, training with few fine labels, evaluation, table (at most 15 min on 2 cores)
	$(BIN)/cladeseg demo --output demo

demo-brats: install  ## the same with brains and tumours, four modalities
	$(BIN)/cladeseg demo --output demo-brats --bundle bundles/brats_subclass_segmentation

demo-hippocampus: install  ## the same with hippocampi
	$(BIN)/cladeseg demo --output demo-hippocampus --bundle bundles/hippocampus_subclass_segmentation

test: install  ## the test suite
	$(BIN)/python -m pytest

lint: install  ## formatting, lint rules and types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

clean:  ## remove .venv, caches and the demo's output
	rm -rf $(VENV) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .coverage demo demo-brats demo-hippocampus
	find src tests -type d -name __pycache__ -exec rm -rf {} +
