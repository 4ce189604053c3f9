# Every target makes what it needs; on a machine with Python 3.11 or newer, with venv, and make,
# `make run` and `make test` are the only two commands.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEV := $(VENV)/.installed-dev

.PHONY: run test check accuracy bench soak clean

# Starts the daemon in the foreground: on config.toml, or on one folder with `make run LIBRARY=/some/path`.
run: $(INSTALLED)
	$(BIN)/reeld --config config.toml run $(if $(LIBRARY),--library "$(LIBRARY)")

# The whole test suite; `make test ARGS="-k settle"` runs a part of it. Three processes even on two cores: the tests of
# the real daemon mostly wait. A file's tests stay together, since they share a daemon.
test: $(DEV)
	$(BIN)/pytest -n 3 --dist loadfile $(ARGS)

# Format, lint, types, and the direction of the imports.
check: $(DEV)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pytest tests/test_architecture.py

# Measures, and prints ratios to yardsticks of the same run.
bench: $(DEV)
	$(BIN)/python daemon/bench/run.py $(ARGS)

# How many names are accepted and read right, on the project's own corpus, beside the goals.
accuracy: $(DEV)
	$(BIN)/python -m tests.identify.accuracy $(ARGS)

# Looks for whatever is not true after hours of everything at once; `make soak ARGS="--minutes 60 --seed 7"`.
soak: $(DEV)
	$(BIN)/python -m tests.model.soak $(ARGS)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .bench

$(INSTALLED): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "reeld needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(DEV): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@
