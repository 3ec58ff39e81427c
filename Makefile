# make demo    set everything up and run the whole imitation loop on Atari Pong
# make test    set everything up and run the tests, including those on a real X server (under 8 minutes)
# make test-all  also the long ones: every Atari game, benchmarks, large terminals, many faults
# make run     the app          make check   lint, types, import rules
# make bench   the benchmarks      make screenshots   the pictures of the README
# make pages   the tables and charts of docs/, from stored benchmark results
# make test-games    the tests with a game from Debian, which it installs
# make faults, fuzz, soak    fault injection in larger numbers; see docs/reliability.md

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Four more than there are cores: tests often wait for a terminal, a process or time to pass.
JOBS ?= $(shell echo $$(($$(nproc 2>/dev/null || echo 2) + 4)))
READY := $(VENV)/.ready
USUAL := not debian_game and not soak and not root
# Idle processes take over tests of others; the short unit tests come last, so that all end together.
BALANCED := --dist worksteal
FAULT_TESTS := tests/process/faults tests/screen/faults tests/timed/faults tests/timed/play/test_takeover.py \
	tests/nightly/faults

# Duration of a soak test, and the file with the counts of faults.
MINUTES ?= 30
FAULTS := $(CURDIR)/docs/data/faults.jsonl

# Hundreds of processes import torch and textual: each would compile them again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup demo run test test-all test-games faults fuzz soak mutations check bench screenshots pages clean display-tools

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "agp-tui needs Python 3.11 or newer, found %d.%d. Try: make PYTHON=python3.11" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[train,dev]'
	touch $@

demo: $(READY)
	$(BIN)/agp demo

run: $(READY)
	$(BIN)/agp

test: $(READY) display-tools
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n $(JOBS) $(BALANCED) tests/app tests/process tests/unit $(PYTEST)
	$(BIN)/pytest -q -n 3 $(BALANCED) tests/screen $(PYTEST)
	$(BIN)/pytest -q tests/timed $(PYTEST)

test-all: test
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n $(JOBS) $(BALANCED) -m "nightly and $(USUAL)" --ignore tests/timed tests $(PYTEST)
	$(BIN)/pytest -q -m nightly tests/timed $(PYTEST)
	AGP_FUZZ_CASES=2000 $(BIN)/pytest -q -n $(JOBS) tests/process/faults/test_fuzz.py $(PYTEST)
	AGP_FAULTS=many $(BIN)/pytest -q -m "$(USUAL)" $(FAULT_TESTS) --deselect tests/process/faults/test_fuzz.py $(PYTEST)

test-games: $(READY)
	@sh tests/support/display-tools.sh lbreakout2
	@sh benchmarks/imitation_suite/games.sh >/dev/null
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,dev,bench]'
	AGP_REQUIRE_GAMES=1 $(BIN)/pytest -q -m debian_game tests/nightly $(PYTEST)

faults: $(READY) display-tools
	AGP_FAULTS=many AGP_FAULTS_KEPT=$(FAULTS) $(BIN)/pytest -q -rs -m 'not soak' $(FAULT_TESTS) --deselect tests/process/faults/test_fuzz.py $(PYTEST)

fuzz: $(READY)
	AGP_FUZZ_CASES=2000 AGP_FAULTS_KEPT=$(FAULTS) $(BIN)/pytest -q -n $(JOBS) tests/process/faults/test_fuzz.py $(PYTEST)

soak: $(READY) display-tools
	AGP_SOAK_MINUTES=$(MINUTES) AGP_FAULTS_KEPT=$(FAULTS) $(BIN)/pytest -q -n 2 -m soak tests/nightly $(PYTEST)

mutations: $(READY) display-tools
	$(BIN)/python tests/mutations.py

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/agp bench all

screenshots: $(READY)
	$(BIN)/python docs/screenshots.py

pages: $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,dev,bench]'
	$(BIN)/python docs/pages.py

display-tools:
	@sh tests/support/display-tools.sh

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
