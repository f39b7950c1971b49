# Everything runs from .venv, which `make` creates from hashed locks: Python 3.11+ and make are enough. Each target
# installs what it needs: running (200 MB), reports with plots (450 MB), or all that checks and tests need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN    := $(VENV)/.installed
REPORT := $(VENV)/.installed-report
DEV    := $(VENV)/.installed-dev
FAST   := not server and not simulator and not sockets and not process and not evm and not sdk and not slow
# Three workers a core: what plays with processes and sockets waits much of its time.
WORKERS ?= $(shell expr 3 '*' $$(getconf _NPROCESSORS_ONLN))
COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header \
  --no-emit-index-url --no-emit-find-links --quiet --extra build --extra simulator --extra live --extra web --extra alerts \
  --extra sweep

# Compile each module once, not once in every process that the tests and the demo start.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install install-report install-dev demo run test test-fast witnesses live-probe check format docs site bench lock sbom clean

help: ## Show these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16; echo

define install_locked
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed: make PYTHON=python3.11"'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r $<
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q backtest benchmarks buyer detector ops redeemer shared simulator
	mkdir -p var/log
endef

$(RUN): requirements.lock pyproject.toml
	$(install_locked)
	touch $@

$(REPORT): requirements-report.lock pyproject.toml
	$(install_locked)
	touch $(RUN) $@

$(DEV): requirements-dev.lock pyproject.toml
	$(install_locked)
	touch $(RUN) $(REPORT) $@

install: $(RUN) ## Create .venv with what running needs: make demo, make run, --live

install-report: $(REPORT) ## Add what plots and Parquet files need (the extra report)

install-dev: $(DEV) ## Add what make check and make test need

demo: install ## The whole pipeline live on screen against the local simulator (SECONDS=60 ends by itself)
	@$(BIN)/hybrid demo $(if $(SECONDS),--seconds $(SECONDS))

run: install ## Follow real traders with paper orders: make run LEADERS=0x...,0x...
	@$(BIN)/hybrid up $(if $(LEADERS),--leaders $(LEADERS))

test: install-dev ## All tests; needs loopback, but no network beyond it
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test-fast: install-dev ## The fast tier: no network (loopback included), no server, no processes, nothing that plays long; few examples
	$(BIN)/python -m pytest -n 2 --dist worksteal --hypothesis-profile=quick -m "$(FAST)"

witnesses: install-dev ## Make the environments of other people's clients (700 MB) and let each judge the simulator
	$(BIN)/python -m benchmarks.rigs.witnesses.environments
	$(BIN)/python -m pytest tests/witnesses

live-probe: install ## Ask each upstream of the real venue once: where is docs/venue.md wrong? TRADE=1 also trades
	$(BIN)/python -m ops.probe $(if $(WALLET),--wallet $(WALLET)) $(if $(TRADE),--trade)

check: install-dev ## Format, lint, types, architecture, the docs site
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(BIN)/pyright

format: install-dev ## Format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: install ## Write the generated docs: configuration, event schema, .env.example
	$(BIN)/python -m ops.docs_generator

site: install-dev ## Write the docs site to build/site: open build/site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: install-dev ## Run the benchmarks
	$(BIN)/python -m benchmarks.gate
	$(BIN)/python -m benchmarks.budget
	$(BIN)/python -m benchmarks.books

lock: install-dev ## Resolve the dependencies again, with hashes and without addresses
	$(COMPILE) --upgrade -o requirements.lock
	$(COMPILE) --upgrade --extra report -c requirements.lock -o requirements-report.lock
	$(COMPILE) --extra report --extra dev -c requirements-report.lock -o requirements-dev.lock

sbom: install-dev ## Write build/sbom-{slim,report}.json: what each image holds, from its lock, with hashes (CycloneDX)
	mkdir -p build
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom-slim.json requirements.lock
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom-report.json requirements-report.lock

.PHONY: image-sizes
image-sizes: install ## Say what each image's stage installs, in megabytes
	$(BIN)/python -m benchmarks.image_sizes

clean: ## Remove the environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache build *.egg-info
