# Every target works from a fresh clone: the environment in .venv/ is made first, once.
# ARGS is passed on:  make lab ARGS=--no-browser    make test ARGS="-k java"
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin

.PHONY: lab test demo cluster release lint clean

lab: .venv/.ready  ## open the labs in JupyterLab
	$(BIN)/sparklimits lab $(ARGS)

test: .venv/.ready  ## run the tests
	$(BIN)/pytest $(ARGS)

demo: .venv/.ready  ## measure every lab, print the table, leave build/demo/
	$(BIN)/sparklimits demo $(ARGS)

cluster: .venv/.ready  ## start the Docker cluster and its JupyterLab
	$(BIN)/sparklimits cluster up $(ARGS)

release: .venv/.ready  ## write the bundle for students
	$(BIN)/sparklimits release $(ARGS)

lint: .venv/.ready  ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

clean:  ## undo set-up, remove what was built; work/ holds students' notebooks and stays
	@if docker info >/dev/null 2>&1 && [ -x $(BIN)/sparklimits ]; then $(BIN)/sparklimits cluster down; fi
	rm -rf .venv build dist .sparklimits .pytest_cache .ruff_cache .mypy_cache src/*.egg-info
	find . \( -name .git -o -name work \) -prune -o -name __pycache__ -prune -exec rm -rf {} +
	@echo "Removed the environment and everything built. work/ is kept: it holds your notebooks."

.venv/.ready: pyproject.toml constraints.txt tools/prepare.py
	@command -v "$(PYTHON)" >/dev/null || \
		{ echo "Python 3.11 or newer is needed and '$(PYTHON)' was not found; install it, or name yours: make PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" tools/prepare.py
