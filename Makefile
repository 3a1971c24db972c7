# make demo: train and compare methods, draw a table and a plot             make test: the test suite
# make study: a small study of several minutes, and its report            make quick: the core's tests alone
# make check: everything CI runs                                          make clean: remove what was made
# make wheel-check: the wheel with core dependencies alone                make lowest: quick with lowest versions
# make docs: the documentation site, in site/                             make audit: known weaknesses of code and versions
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
PIP := $(BIN)/python $(PIP_INSTALL) --constraint constraints.txt
# As many processes as there are cores, each with one thread so that they do not fight for the cores.
PYTEST := -m pytest -n auto --dist worksteal
test quick lowest: export OMP_NUM_THREADS = 1
# Compiled files are kept, whatever the environment says: else each process compiles all tests and rewrites their assertions.
test quick lowest: export PYTHONDONTWRITEBYTECODE =
# The formulas, trackers, methods and the selector, without tests that start processes.
QUICK := tests/functional tests/methods tests/selection tests/checks tests/test_labels.py tests/test_loading.py \
    tests/test_collecting.py src/batchsift/functional src/batchsift/methods src/batchsift/selection \
    src/batchsift/trackers.py src/batchsift/labels.py src/batchsift/loading.py -m "not processes"
# The lowest versions that pyproject.toml allows; the other packages' are in constraints-lowest.txt.
LOWEST := .venv-lowest
LOWEST_TORCH ?= 2.6.0

# What looks for weaknesses: bandit in the source, pip-audit among the versions tested with (it asks pypi.org).
AUDIT := .venv-audit
AUDIT_TOOLS := "bandit==1.9.4" "pip-audit==2.10.1"

.PHONY: demo study test quick lint check docs lowest wheel-check audit clean

demo: $(VENV)/.experiments
	$(BIN)/batchsift compare digits --methods random,uncertainty,d2ace --out results/demo

study: $(VENV)/.experiments
	$(BIN)/batchsift study run examples/study.toml --out results/study
	$(BIN)/batchsift report results/study

test: $(VENV)/.dev
	$(BIN)/python $(PYTEST)

quick: $(VENV)/.dev
	$(BIN)/python $(PYTEST) $(QUICK)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/structure.py

check: lint test demo study wheel-check

lowest: $(LOWEST)/.installed
	$(LOWEST)/bin/python $(PYTEST) $(QUICK)

wheel-check:
	.ci/wheel-check $(PYTHON)

audit: $(AUDIT)/.installed
	$(AUDIT)/bin/bandit --quiet --configfile pyproject.toml --recursive src
	$(AUDIT)/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

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

$(AUDIT)/.installed: Makefile
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python $(PIP_INSTALL) $(AUDIT_TOOLS)
	@touch $@

$(LOWEST)/.installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python $(PIP_INSTALL) --constraint constraints-lowest.txt --editable . \
	    "torch==$(LOWEST_TORCH)" pytest pytest-xdist hypothesis
	@touch $@

clean:
	rm -rf $(VENV) $(LOWEST) $(AUDIT) results build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
