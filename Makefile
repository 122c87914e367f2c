# Every target works from a fresh clone: the environment in .venv/ is made first, once.
# ARGS is passed on:  make lab ARGS=--no-browser    make test ARGS="-k java"
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
# The tiers of tests, tests/README.md says what each shows. Two at a time: a session of Spark often waits.
PYTEST := $(BIN)/python -m pytest -n 2

.PHONY: lab test test-all test-nightly demo bench cluster release lint clean

lab: .venv/.ready  ## open the labs in JupyterLab
	$(BIN)/python -m sparklimits lab $(ARGS)

test: .venv/.ready  ## show that every part works; minutes
	$(PYTEST) tests/unit tests/spark tests/whole $(ARGS)

# Interrupts, which are about seconds, and the cluster of containers, whose links and half cores would be somebody
# else's too, come last and alone.
test-all: .venv/.ready  ## and containers, faults, the bundle, a new lab: what CI runs
	$(PYTEST) tests/unit tests/spark tests/whole tests/full $(ARGS)
	$(BIN)/python -m pytest tests/alone tests/containers $(ARGS)

test-nightly: .venv/.ready  ## clocks, full size, full disks: nothing else may run on the machine
	$(BIN)/python -m pytest tests/nightly $(ARGS)

demo: .venv/.ready  ## measure every lab, print the table, leave build/demo/
	$(BIN)/python -m sparklimits demo $(ARGS)

bench: .venv/.ready  ## measure what the pages quote, one command a figure
	$(BIN)/python benchmarks/run.py $(ARGS)

cluster: .venv/.ready  ## start the Docker cluster and its JupyterLab
	$(BIN)/python -m sparklimits cluster up $(ARGS)

release: .venv/.ready  ## write the bundle for students
	$(BIN)/python -m sparklimits release $(ARGS)

lint: .venv/.ready  ## style, types, and every lab
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m mypy
	$(BIN)/python -m sparklimits lint

clean:  ## undo set-up, remove what was built; work/ holds students' notebooks and stays
	@if docker info >/dev/null 2>&1 && [ -x $(BIN)/sparklimits ]; then $(BIN)/python -m sparklimits cluster down; fi
	rm -rf .venv build dist .sparklimits .pytest_cache .ruff_cache .mypy_cache src/*.egg-info
	find . \( -name .git -o -name work \) -prune -o -name __pycache__ -prune -exec rm -rf {} +
	@echo "Removed the environment and everything built. work/ is kept: it holds your notebooks."

.venv/.ready: pyproject.toml constraints.txt tools/prepare.py
	@command -v "$(PYTHON)" >/dev/null || \
		{ echo "Python 3.11 or newer is needed and '$(PYTHON)' was not found; install it, or name yours: make PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" tools/prepare.py
