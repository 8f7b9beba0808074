# make run: everything from a bare machine to the running product.  make test: everything that CI checks.
PYTHON ?= python3.11
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8000
DATA_DIR ?= $(CURDIR)/var
export HOST PORT
export PIP_DISABLE_PIP_VERSION_CHECK = 1
STAMPS := $(VENV)/.stamps
FRONTEND_SOURCES := $(shell find frontend/src -type f 2>/dev/null) $(wildcard frontend/*.json frontend/*.ts frontend/*.js)

TOTALSEGMENTATOR ?= $(CURDIR)/$(VENV)/totalsegmentator

.PHONY: run test install totalsegmentator build demo lint types frontend-check python-test e2e-test packages validate benchmarks

run: build demo
	@exec $(BIN)/python manage.py serve

install: $(STAMPS)/install
$(STAMPS)/venv:
	$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@
$(STAMPS)/install: requirements.txt | $(STAMPS)/venv
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@
$(STAMPS)/dev: requirements-dev.txt $(STAMPS)/install
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $@
# An optional engine, in a folder of its own and without dependencies: pip would bring a second torch of gigabytes.
totalsegmentator: $(STAMPS)/totalsegmentator
$(STAMPS)/totalsegmentator: requirements-totalsegmentator.txt $(STAMPS)/install
	@rm -rf $(TOTALSEGMENTATOR)
	$(BIN)/python -m pip install --quiet --no-deps --target $(TOTALSEGMENTATOR) -r requirements-totalsegmentator.txt
	@touch $@
$(STAMPS)/node: | $(STAMPS)/venv
	@bash .ci/node.sh $(BIN)
	@touch $@
$(STAMPS)/npm: frontend/package-lock.json $(STAMPS)/node
	cd frontend && PATH="$(BIN):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
build: $(STAMPS)/build
$(STAMPS)/build: $(STAMPS)/npm $(STAMPS)/install $(FRONTEND_SOURCES)
	cd frontend && PATH="$(BIN):$$PATH" npm run --silent build
	@touch $@

# The stamp lies in the data folder: another or an emptied folder gets its own demo.
demo: $(DATA_DIR)/.demo
$(DATA_DIR)/.demo: $(STAMPS)/build $(shell find planning/migrations planning/management -name '*.py' 2>/dev/null) frontend/static/css
	$(BIN)/python manage.py migrate --verbosity 0
	$(BIN)/python manage.py collectstatic --noinput --verbosity 0
	$(BIN)/python manage.py demo_data
	@touch $@

packages:
	@bash .ci/packages.sh

test: packages $(STAMPS)/dev $(STAMPS)/totalsegmentator build lint types frontend-check python-test

lint: $(STAMPS)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
types: $(STAMPS)/dev
	$(BIN)/mypy
frontend-check: $(STAMPS)/npm
	cd frontend && PATH="$(BIN):$$PATH" npm run --silent check
python-test: $(STAMPS)/dev $(STAMPS)/totalsegmentator build
	bash .ci/python_tests.sh $(BIN)

validate: $(STAMPS)/dev
	$(BIN)/python -m pytest tests/reference tests/dosimetry -q
benchmarks: $(STAMPS)/dev
	@for program in benchmarks/*.py; do $(BIN)/python $$program; done
