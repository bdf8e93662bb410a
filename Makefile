# Framebus. `make demo` and `make test` install what is missing into this clone; nothing is installed elsewhere without being said.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
UV := .tools/uv/bin/uv
RUN := .venv/bin/python
CODE := schemas streaming encoders originals services framebus training bench tests
SEED ?= 1
KILLS ?= 60
MINUTES ?= 60

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: demo
demo: install ## start everything, add sample clips, search them; ONCE=1 stops after the searches
	@$(RUN) -m framebus.demo $(if $(ONCE),--once)

.PHONY: test
test: develop browser check ## lint, types, unit, contract and end-to-end tests on the real broker, Milvus and browser
	@$(RUN) -m pytest --numprocesses 2 --dist loadgroup

.PHONY: check
check: develop page ## lint, format, types, import rules, dead code, duplicates, scripts; under a minute
	@.venv/bin/ruff check $(CODE)
	@.venv/bin/ruff format --check $(CODE)
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/vulture
	@.venv/bin/pylint --disable=all --enable=duplicate-code --min-similarity-lines=12 --ignore-imports=y --ignore-signatures=y $(filter-out tests bench,$(CODE))
	@.venv/bin/shellcheck .ci/run deploy/local/*.sh

.PHONY: page
page: ## type-check the page, where npm is there to install the compiler
	@if command -v npm >/dev/null; then \
	  test -x web/node_modules/.bin/tsc || npm ci --prefix web --no-audit --no-fund --silent; \
	  web/node_modules/.bin/tsc -p web/jsconfig.json; \
	else echo "the page is not type-checked: npm is missing" >&2; test -z "$$CI"; fi

.PHONY: up
up: install ## start the local stack in the foreground
	@.venv/bin/framebus up

.PHONY: bench
bench: develop ## measure speed and memory on this machine, as a table
	@$(RUN) -m bench

.PHONY: chaos
chaos: develop ## kill, freeze and slow everything (SEED=1 KILLS=60), compare every row with an uninterrupted run
	@$(RUN) -m pytest -q tests/chaos/scenarios.py
	@$(RUN) -m tests.chaos.retention
	@$(RUN) -m tests.broken --seed $(SEED) --minutes 5
	@$(RUN) -m tests.chaos --seed $(SEED) --kills $(KILLS)

.PHONY: soak
soak: develop ## load for MINUTES=60: memory, file handles, lag and freshness over time, told in docs/soak.md
	@$(RUN) -m bench.soak --minutes $(MINUTES)

.PHONY: schemas
schemas: develop ## publish the JSON Schemas and the table of topics
	@$(RUN) -m schemas.publish

.PHONY: train
train: develop ## train pico-1 again (MINUTES=6 on a GPU) from FRAMEBUS_SHARED or ../shared
	@$(RUN) -m training.pico --minutes $(MINUTES) --out encoders/models/pico-1

.PHONY: lock
lock: $(UV) ## pin every dependency again, with hashes and without registry addresses
	@for extra in local dev decoder embedder indexer query; do \
	  $(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	    --extra $$extra pyproject.toml -o requirements/$$extra.txt || exit 1; done

.PHONY: install
install: .venv/.installed .tools/kafka-4.3.1/.complete

.PHONY: develop
develop: .venv/.developed .tools/kafka-4.3.1/.complete

.PHONY: browser
browser: ## Chromium and kcat, for the tests of the page and of producers
	@missing=$$(for program in chromium kcat; do command -v $$program >/dev/null || echo $$program; done); \
	  test -z "$$missing" || deploy/local/system_packages.sh $$missing

.PHONY: clean
clean: ## remove what was installed into this clone (homes and models stay)
	@rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(UV):
	@$(PYTHON) -m venv .tools/uv
	@.tools/uv/bin/pip install -q uv==0.13.8

.venv/.installed: requirements/local.txt pyproject.toml | $(UV)
	@echo "installing Python packages into .venv ..."
	@$(call sync,requirements/local.txt)
	@touch $@

# After what runs the product, a tenth of this: an install of that alone takes the rest away again.
.venv/.developed: requirements/dev.txt .venv/.installed | $(UV)
	@echo "installing Python packages into .venv, with those of development (torch: some GB) ..."
	@$(call sync,requirements/dev.txt)
	@touch $@

define sync
test -x .venv/bin/python || $(UV) venv -q --python $(PYTHON) .venv; \
$(UV) pip sync -q -p .venv --require-hashes $(1) && $(UV) pip install -q -p .venv --no-deps -e .
endef

.tools/kafka-4.3.1/.complete: deploy/local/kafka/pom.xml | .venv/.installed
	@$(RUN) -m framebus.local.jars
	@touch $@
