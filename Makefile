# make demo    set everything up and run the whole imitation loop on Atari Pong
# make test    set everything up and run the tests, those on a real X server included
# make run     the app          make check   lint, types, import rules
# make bench   the product's own benchmarks      make screenshots   the pictures of the README
# make pages   the tables and charts of docs/, from the results that long benchmarks kept
# make test-games    the tests with a game from Debian, which it installs
# make faults, fuzz, soak    faults made on purpose, far more than the tests make; docs/reliability.md tells of them

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two more than there are cores: a test often waits, for a terminal, a process or a second to pass.
JOBS ?= $(shell echo $$(($$(nproc 2>/dev/null || echo 2) + 2)))
READY := $(VENV)/.ready
USUAL := not debian_game and not soak and not root

# Of a soak; and where faults are counted.
MINUTES ?= 30
FAULTS := $(CURDIR)/docs/data/faults.jsonl

.PHONY: setup demo run test test-games faults fuzz soak mutations check bench screenshots pages clean display-tools

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
	$(BIN)/pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder -m 'not alone and not real_time and $(USUAL)' $(PYTEST)
	$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m 'real_time and $(USUAL)' $(PYTEST)
	$(BIN)/pytest -q -m 'alone and $(USUAL)' $(PYTEST)

test-games: $(READY)
	@sh tests/support/display-tools.sh lbreakout2
	AGP_REQUIRE_GAMES=1 $(BIN)/pytest -q -m debian_game $(PYTEST)

faults: $(READY) display-tools
	AGP_FAULTS=many AGP_FAULTS_KEPT=$(FAULTS) $(BIN)/pytest -q -rs -m 'not soak' tests/faults --deselect tests/faults/test_fuzz.py $(PYTEST)

fuzz: $(READY)
	AGP_FUZZ_CASES=2000 AGP_FAULTS_KEPT=$(FAULTS) $(BIN)/pytest -q -n $(JOBS) tests/faults/test_fuzz.py $(PYTEST)

soak: $(READY) display-tools
	AGP_SOAK_MINUTES=$(MINUTES) AGP_FAULTS_KEPT=$(FAULTS) $(BIN)/pytest -q -n 2 -m soak tests/faults $(PYTEST)

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
