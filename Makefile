# `make run` and `make test` do all of the set-up: they make .venv and install what constraints.txt pins.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
ARGS   ?=

# Compiled once and kept, also where the environment says not to: tests start the program many times.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run serve test test-cluster endure fuzz check format clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Artalike needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

run: $(STAMP)  ## install, then serve the demo collection on http://127.0.0.1:8080
	$(BIN)/python -m artalike demo $(ARGS)

serve: $(STAMP)  ## install, then serve the collection in data/
	$(BIN)/python -m artalike $(ARGS)

test: $(STAMP)  ## install, then pass the whole suite
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not endurance and not cluster" $(ARGS)

endure: $(STAMP)  ## what the suite tests in short, in length: many kills, a whole demo, the real compiler
	$(BIN)/python -m pytest -m endurance $(ARGS)

$(VENV)/.cluster: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,cluster,engines]'
	touch $@

test-cluster: $(VENV)/.cluster  ## install the engines of a cluster, and pass the tests against them
	$(BIN)/python -m pytest -m cluster $(ARGS)

fuzz: $(STAMP)  ## damage documents of all kinds for FUZZ_SECONDS (3600) and feed them to the parsers
	FUZZ_SECONDS=$${FUZZ_SECONDS:-3600} $(BIN)/python -m tests.fuzz $(ARGS)

check: $(STAMP)  ## style, types and import direction
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_imports.py

format: $(STAMP)  ## put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove what make made; the data folder stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache dist build
