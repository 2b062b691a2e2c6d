.DEFAULT_GOAL := help
PYTHON ?= python3
# ci draws the same examples every time, dev new ones
HYPOTHESIS_PROFILE ?= ci
export HYPOTHESIS_PROFILE
# many small products: threads would only wait for each other
export OPENBLAS_NUM_THREADS := 1
BIN := .venv/bin

.PHONY: help demo install format check test bench bench-match chaos clean

help:  ## what you can do here
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

demo: .venv/installed  ## two systems brought in step before your eyes, in .demo/
	@$(BIN)/python examples/demo/demo.py .demo

install: .venv/tools  ## everything for working on crmsync, into .venv

format: .venv/tools  ## put the code into the house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: .venv/tools  ## style, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check  ## style, types, layers and every test
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal

bench: .venv/tools  ## records per second, CPU seconds and memory, against a floor
	$(BIN)/python -m benchmarks

bench-match: .venv/tools .venv-bench/installed  ## matching beside the neighbours': make bench-match BENCH='--data DIR'
	$(BIN)/python -m benchmarks.match $(BENCH)

chaos: .venv/installed  ## every promise under faults drawn at random: make chaos CHAOS='--seed 7 --rounds 20'
	$(BIN)/python -m crmsync.chaos $(CHAOS)

clean:  ## forget the environment and the demo
	rm -rf .venv .venv-bench .demo

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/tools: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[table,postgresql,mariadb,otel]' --group test --group lint
	@touch $@

.venv-bench/installed: benchmarks/match/requirements.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
