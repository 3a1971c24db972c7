# make demo: train and compare three methods, draw a table and a plot     make test: the test suite
# make study: a small study of several minutes, and its report
# make check: everything CI runs                                          make clean: remove what was made
# make docs: the documentation site, in site/
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo study test lint check docs clean

demo: $(VENV)/.experiments
	$(BIN)/batchsift compare digits --model mlp --methods random,uncertainty,d2ace \
	    --folds 5 --epochs 20 --learning-rate 1e-3 --out results/demo

study: $(VENV)/.experiments
	$(BIN)/batchsift study run examples/study.toml --out results/study
	$(BIN)/batchsift report results/study

test: $(VENV)/.dev
	$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test demo study

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.experiments: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable ".[experiments]"
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable ".[dev]"
	@touch $@ $(VENV)/.experiments

$(VENV)/.docs: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable ".[docs]"
	@touch $@

clean:
	rm -rf $(VENV) results build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
