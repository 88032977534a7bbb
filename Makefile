# The order of the stages stands here and nowhere else.
#   make train export                                   the main job, on the digits inside scikit-learn
#   make train export RECIPE=recipes/flowers.toml       another recipe
#   make test                                           tests, types, lint, import rules

RECIPE  ?= recipes/digits.toml
PYTHON  ?= python3
TARGETS ?=
SET     ?=
PORT    ?= 3000
WORKERS ?= 1

BIN      := .venv/bin
EDGEWISE := $(BIN)/edgewise
SETTINGS := $(foreach setting,$(SET),--set $(setting))

.PHONY: help setup setup-fpga train quantize export report evaluate preview serve package test test-fpga test-fuzz lint \
        format bench bench-serving bench-device bench-fleet schema lock clean

help:  ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: .venv/.complete  ## the virtual environment, from the hashed lock file

.venv/.complete: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 13) else "Python 3.11 or 3.12 is needed; this is %d.%d: make PYTHON=python3.11 ..." % sys.version_info[:2])'
	@rm -rf .venv
	@if command -v uv >/dev/null; then \
	    uv venv --quiet --python "$$(command -v $(PYTHON))" .venv && \
	    uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
	    uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . ; \
	else \
	    $(PYTHON) -m venv .venv && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . ; \
	fi
	@touch $@

setup-fpga: .venv/.fpga  ## the open FPGA tools besides

.venv/.fpga: .venv/.complete requirements-fpga.lock
	@if command -v uv >/dev/null; then \
	    uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-fpga.lock ; \
	else \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fpga.lock ; \
	fi
	@touch $@

train: setup  ## data and float training of RECIPE
	@$(EDGEWISE) train $(RECIPE) $(SETTINGS)

quantize: train  ## int8 forms of the trained model
	@$(EDGEWISE) quantize $(RECIPE) $(SETTINGS)

export: quantize  ## artefacts for TARGETS (or the recipe's), proven on the blind test
	@$(EDGEWISE) export $(RECIPE) $(SETTINGS) $(if $(TARGETS),--targets "$(TARGETS)")

report: export  ## what to trust and what not: runs/<recipe>/report/index.html
	@$(EDGEWISE) report $(RECIPE) $(SETTINGS)

evaluate: setup  ## prove the artefacts again on this machine
	@$(EDGEWISE) evaluate $(RECIPE) $(SETTINGS)

preview: setup  ## a sheet of augmented training pictures
	@$(EDGEWISE) preview $(RECIPE) $(SETTINGS)

serve: setup  ## the exported model of RECIPE over REST, on PORT, with WORKERS processes
	@$(EDGEWISE) serve $(RECIPE) --port $(PORT) --workers $(WORKERS)

package: setup  ## what it takes to serve RECIPE elsewhere: Bento, images, systemd unit, Kubernetes
	@$(EDGEWISE) package $(RECIPE)

test: setup lint  ## tests, types, lint, import rules
	@$(BIN)/pytest

test-fpga: setup-fpga  ## the way from weights to a bitstream; minutes of synthesis and place-and-route
	@$(BIN)/pytest -m fpga

test-fuzz: setup  ## tens of thousands of damaged requests to a real server; minutes
	@$(BIN)/pytest tests/serving/test_fuzz.py --hypothesis-profile thorough --timeout 3600

lint: setup
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup  ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup  ## speed, and accuracy and size beside other ways to int8; half an hour the first time
	@$(BIN)/python -m pipeline.bench

LOCK = uv pip compile pyproject.toml --universal --generate-hashes --no-annotate --no-emit-index-url \
    --no-emit-find-links --quiet --custom-compile-command "make lock"
LOCKED = $(LOCK) --extra train --extra export --extra report --extra serve --extra ship --extra search --extra track --extra dev

bench-serving: setup  ## the service against calls in process, bare Starlette and other servers; a quarter of an hour
	@$(BIN)/python -m pipeline.bench.serving

bench-device: setup  ## the runner on this machine, with the cpu artefact of RECIPE: start, memory, requests, switches
	@$(BIN)/python -m pipeline.bench.device $(basename $(RECIPE:recipes/%=runs/%))/export/cpu

bench-fleet: setup  ## ten thousand devices that poll one update repository, on paper and on loopback; five minutes
	@$(BIN)/python -m pipeline.bench.fleet

schema: setup  ## docs/results.schema.json, from the code
	@$(BIN)/python -m pipeline.report.schema

lock:  ## resolve pyproject.toml anew into the lock files; needs uv
	$(LOCKED) --output-file requirements.lock
	$(LOCKED) --extra fpga --constraint requirements.lock --output-file requirements-fpga.lock
	$(LOCK) --extra serve --constraint requirements.lock --output-file requirements-serve.lock

clean:  ## forget the environment and all runs
	rm -rf .venv runs
