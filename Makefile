# The entry point for people and pipelines. `make help` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

VENV ?= .venv
BIN := $(VENV)/bin
BAKERY ?= $(BIN)/bakery
# Variables of the pipeline targets: make launch CLUSTER_FILE=prod.yaml ROLE=nomad-client COUNT=3 LOCAL=1
CLUSTER_FILE ?= bakery.yaml
ROLE ?=
COUNT ?=
WAIT ?=
JOIN ?=
OUT ?= rendered
LOCAL ?=
# Quote a value as one word for the shell.
quoted = '$(subst ','\'',$(1))'
FLAGS = --cluster-file $(call quoted,$(CLUSTER_FILE)) $(if $(LOCAL),--local)
ONE_ROLE = $(if $(ROLE),--role $(call quoted,$(ROLE))) $(if $(COUNT),--count $(call quoted,$(COUNT)))

include toolchain.mk

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^## / { gsub(/^## | -+$$/, ""); printf "\n%s:\n", $$0 } /^[a-z][a-z0-9-]*:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: venv
venv: $(VENV)/.ready ## the Python environment
$(VENV)/.ready: pyproject.toml
	@scripts/venv.sh $(VENV)

## The cluster, for your own pipelines -------------------------------------------------

.PHONY: build-image
build-image: venv ## bake the snapshot (not again if nothing has changed)
	$(BAKERY) build-image $(FLAGS) --yes

.PHONY: launch
launch: venv ## launch every role, or ROLE=nomad-client COUNT=3 (WAIT=active: do not wait until it is healthy)
	$(BAKERY) launch $(FLAGS) $(ONE_ROLE) $(if $(WAIT),--wait $(call quoted,$(WAIT))) --yes

.PHONY: status
status: venv ## print whether the cluster is healthy
	$(BAKERY) status $(FLAGS)

.PHONY: render
render: venv ## write user-data for ROLE into OUT (JOIN="10.100.0.2 10.100.0.3" for a cluster made elsewhere)
	$(if $(ROLE),,$(error which role? make render ROLE=nomad-client))
	$(BAKERY) render $(FLAGS) --role $(call quoted,$(ROLE)) $(foreach address,$(JOIN),--join $(call quoted,$(address))) --output $(call quoted,$(OUT))

.PHONY: destroy
destroy: venv ## destroy the cluster, without asking; it needs the .bakery/ of the launch
	$(BAKERY) destroy $(FLAGS) --yes

## Trying it, without an account --------------------------------------------------------

.PHONY: demo
demo: ## a whole cluster on this machine: emulator, bake, 3 + 3 + 3, jobs (root; KEEP=1 leaves it up)
	@demo/run.sh

.PHONY: demo-down
demo-down: ## delete the cluster and emulator of KEEP=1 make demo
	@demo/down.sh

.PHONY: tour
tour: venv ## 30 seconds, no root: the same commands on droplets in memory
	@demo/tour.sh

## Working on bakery --------------------------------------------------------------------

.PHONY: test
test: ## run every suite that this machine can run
	@tests/run.sh

.PHONY: lint
lint: venv ## ruff, and shellcheck where it is installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@if command -v shellcheck >/dev/null; then scripts/shellcheck.sh; else echo "shellcheck is not installed: shell scripts not checked"; fi

.PHONY: types
types: venv ## mypy, strict
	$(BIN)/mypy

.PHONY: unit
unit: venv ## T0: no process, network, root or sleep
	$(BIN)/python -m pytest -q tests/unit

.PHONY: integration
integration: venv toolchain ## T1: real tools, loopback, no root
	$(BIN)/python -m pytest -q -m integration tests/integration

.PHONY: e2e
e2e: ## T2: boots real droplets (root)
	@tests/e2e.sh

.PHONY: sweep
sweep: venv ## T3: the long sweeps, not part of CI; as root also a cluster under faults and sequences of commands. Writes docs/reliability.md
	$(BIN)/python -m pytest -q -m sweep --timeout=0 tests
	@if [ "$$(id -u)" = 0 ]; then BAKERY_FIGURES=1 BAKERY_E2E_MARK=e2e tests/e2e.sh $$(grep -l e2e_sweep tests/e2e/test_*.py) && \
	BAKERY_FIGURES=1 BAKERY_E2E_MARK=sequences tests/e2e.sh tests/e2e/test_sequences.py tests/e2e/test_sequences_change.py; \
	else echo "skipped: the cluster under faults and the sequences of commands (booting droplets needs root)"; fi

.PHONY: bench
bench: ## print the figures and write docs/benchmarks.md (root; ACCEPT=1 also if a ratio has grown by a fifth; HOUR=1, COLD=1 and BEFORE=COMMIT: scripts/bench.py)
	@scripts/bench.sh $(if $(ACCEPT),--accept) $(if $(HOUR),--hour) $(if $(COLD),--cold $(if $(filter only,$(COLD)),only,too)) $(if $(BEFORE),--before $(call quoted,$(BEFORE)))

.PHONY: screenshots
screenshots: venv ## write docs/images from the running demo (KEEP=1 make demo; Debian, root)
	scripts/install.sh chromium-headless-shell fonts-dejavu-core
	$(BIN)/python -m scripts.screenshots

.PHONY: docs
docs: venv ## write docs/configuration.md, and the pictures and steps of docs/architecture.md
	@$(BIN)/python scripts/configuration.py
	@$(BIN)/python -m scripts.architecture

.PHONY: site
site: venv ## build the documents as a site into build/site, without a network
	@$(BIN)/python -m scripts.site

.PHONY: format
format: venv ## format the sources with ruff
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: package
package: venv ## wheel and sdist into dist/
	$(BIN)/python -m build --no-isolation

.PHONY: clean
clean: ## delete what make created in this checkout (not the caches elsewhere)
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
