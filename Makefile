# `make` lists the targets. Everything happens in .venv; nothing else on the machine changes.

PYTHON ?= python3
PORT ?= 8448
FUZZ ?= 120
SOAK ?= 30
EVERY ?= 30
BUSY ?= 0
BIN := .venv/bin
STAMP := .venv/.installed
DEMO_STAMP := .venv/.installed-demo
BENCH_STAMP := .venv/.installed-bench
FUZZ_STAMP := .venv/.installed-fuzz
DOCS := .venv/.docs
RELEASE_STAMP := .venv/.installed-release
LOWEST := .venv/lowest
PRODUCTION := .venv/production
CODE := gateway gateway_cli gateway_client cuectl cuebot_simulator tests benchmarks docs release
JAVASCRIPT := .venv/javascript

.DEFAULT_GOAL := help

.PHONY: help
help:  ## List these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

.PHONY: install
install: $(STAMP)  ## Create .venv with the gateway, the demo extra and the tools

$(STAMP): $(DEMO_STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m release.install 'Installing the tools (a minute or two the first time)' --group dev --group clients
	@touch $(STAMP)

$(DEMO_STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "make: $(PYTHON) is not Python 3.11 or newer; try: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "make: this Python has no venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m release.install 'Installing the gateway and the simulated Cuebot into .venv' \
	  --editable '.[demo]'
	@touch $(DEMO_STAMP)

.PHONY: demo
demo: $(DEMO_STAMP)  ## Start a simulated Cuebot and the gateway in front of it (PORT=8448, TLS=1)
	@$(BIN)/cuebot-gateway demo --port $(PORT) $(if $(TLS),--tls)

.PHONY: docs
docs: $(DOCS)  ## Build the documentation site, site/index.html, and check its links
	@$(BIN)/python -m sphinx --builder html --conf-dir docs --doctree-dir .venv/doctrees \
	  --fresh-env --quiet --fail-on-warning --keep-going . site
	@cp site/README.html site/index.html
	@echo "site/index.html is up to date"

$(DOCS): $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group docs
	@touch $(DOCS)

.PHONY: map
map: $(STAMP)  ## Make what docs show of the code: the picture of packages, tables of features and rights, sentences
	@$(BIN)/python -m docs.packages
	@$(BIN)/python -m docs.rooms
	@$(BIN)/python -m docs.rights
	@$(BIN)/python -m docs.sentences

.PHONY: pictures
pictures: $(STAMP)  ## Make the README's picture of the page from the demo (with Chromium)
	@$(BIN)/python -m docs.pictures

.PHONY: recording
recording: $(STAMP)  ## Make the recording of cuectl follow from the demo (ten minutes)
	@$(BIN)/python -m docs.recording

.PHONY: javascript
javascript: $(STAMP)  ## Install what tests of pages, JavaScript and TypeScript need (with npm)
	@npm install --prefix $(JAVASCRIPT) --silent --no-audit --no-fund --ignore-scripts \
	  axe-core@4 jsonwebtoken@9 openapi-fetch@0.17 openapi-typescript@7 typescript@5 @types/node@20 \
	  @bufbuild/buf@1 @bufbuild/protobuf@2 @bufbuild/protoc-gen-es@2 \
	  @connectrpc/connect@2 @connectrpc/connect-web@2 grpc-web@2

.PHONY: kubernetes
kubernetes: $(STAMP)  ## Install the schemas that config/deploy/kubernetes is tested against
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group kubernetes

# Tests wait about as often as they compute.
export PYTEST_XDIST_AUTO_NUM_WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) * 2)))

# Or pytest rewrites the asserts of all files in each process of each run, for 8 s of the processor.
test test-fast lowest: export PYTHONDONTWRITEBYTECODE :=

.PHONY: test
test: $(STAMP)  ## Run the whole test suite
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

.PHONY: test-fast
test-fast: $(STAMP)  ## Run the tests of the inner loop (a minute on two cores)
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m 'not (slow or thorough)' \
	  --hypothesis-profile fast \
	  --ignore tests/simulator --ignore tests/contract

.PHONY: lint
lint: $(STAMP)  ## Check style and format
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

.PHONY: types
types: $(STAMP)  ## Check types
	$(BIN)/mypy

.PHONY: without
without: $(STAMP)  ## Take a feature out (FEATURE=watch) and check what remains; without FEATURE, one in turn
	@$(BIN)/python -m release.without $(QUICK) $(FEATURE)

.PHONY: gate
gate: $(STAMP)  ## Check the cost of a request against benchmarks/figures.json
	$(BIN)/python -m benchmarks.gate

.PHONY: bench
bench: $(BENCH_STAMP)  ## Measure the gateway against Envoy (BENCH="--only jobs100" for parts)
	$(BIN)/python -m benchmarks.run $(BENCH)

$(BENCH_STAMP): $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group bench
	@touch $(BENCH_STAMP)

# Extensions of proto2, and editions, need a newer protobuf or protoc than the gateway does. Older
# versions of grpcio end a call with trailers that make no sense as "Stream removed", whatever its
# status.
NOT_LOWEST := not (trial.two.Extendable or trial.two.Scope or visibility_and_features \
  or a_server_cannot_have_a_call_made_again or a_message_and_details_may_be_of_any_kind)

.PHONY: lowest
lowest: $(STAMP)  ## Run the fast tests with the lowest versions that pyproject.toml allows
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(LOWEST)
	@$(BIN)/uv pip compile --quiet --resolution lowest-direct --python $(LOWEST) --extra demo --extra mcp \
	  --extra otel --extra redis \
	  --output-file $(LOWEST)/requirements.txt pyproject.toml
	@$(BIN)/uv pip install --quiet --python $(LOWEST) --constraint $(LOWEST)/requirements.txt \
	  --requirement $(LOWEST)/requirements.txt --group dev
	@$(BIN)/uv pip install --quiet --python $(LOWEST) --no-deps --editable .
	$(LOWEST)/bin/python -m pytest --numprocesses auto --dist worksteal -m 'not slow' -k '$(NOT_LOWEST)' \
	  --hypothesis-profile fast --override-ini filterwarnings=default \
	  --ignore tests/simulator --ignore tests/contract --ignore tests/release --ignore tests/clients

$(RELEASE_STAMP): $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group release
	@touch $(RELEASE_STAMP)

.PHONY: production
production: $(RELEASE_STAMP)
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PRODUCTION)
	@$(BIN)/uv pip install --quiet --python $(PRODUCTION) .

.PHONY: audit
audit: production  ## Look for known vulnerabilities in what a gateway needs
	@$(BIN)/uv pip freeze --quiet --python $(PRODUCTION) --exclude-editable | grep -v '^cuebot-gateway' \
	  > $(PRODUCTION)/requirements.txt
	@$(BIN)/python -m release.audit $(if $(CI),--may-be-unreachable) $(PRODUCTION)/requirements.txt

.PHONY: sbom
sbom: production  ## Write dist/sbom.cdx.json (CycloneDX): what a gateway needs, with licences
	@mkdir -p dist
	@$(BIN)/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
	  --output-file dist/sbom.cdx.json $(PRODUCTION)/bin/python
	@echo "dist/sbom.cdx.json is up to date"

IMAGE_EXTRAS := opencue protoc redis otel

.PHONY: lock
lock: $(STAMP)  ## Renew config/deploy/requirements.txt: what the image is made of, with hashes
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.13 \
	  $(addprefix --extra ,$(IMAGE_EXTRAS)) --group image --generate-hashes \
	  --custom-compile-command 'make lock' --output-file config/deploy/requirements.txt pyproject.toml

.PHONY: dist
dist: $(STAMP)  ## Build the wheel and the sdist into dist/, the same bytes each time
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build --no-isolation

.PHONY: fuzz
fuzz: $(if $(filter cost,$(TARGET)),$(STAMP),$(FUZZ_STAMP))  ## Feed every reader bad bytes (FUZZ=120 seconds each, TARGET=cost for one)
	@$(BIN)/python -m tests.fuzz --seconds $(FUZZ) $(TARGET)

$(FUZZ_STAMP): $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group fuzz
	@touch $(FUZZ_STAMP)

.PHONY: conformance
conformance: $(STAMP)  ## Run connectrpc's suite of tests for Connect and gRPC-Web (with Go)
	@$(BIN)/python -m tests.conformance

.PHONY: chaos
chaos: $(STAMP)  ## Break the way to Cuebot under load, kill it, ask for costly views (CHAOS="cut sort" for parts)
	@$(BIN)/python -m tests.chaos $(CHAOS)

.PHONY: soak
soak: $(STAMP)  ## Mixed load and faults, for SOAK=30 minutes (EVERY=30 s, beside BUSY=0 busy loops)
	@$(BIN)/python -m tests.chaos.soak --minutes $(SOAK) --every $(EVERY) --busy $(BUSY) \
	  $(if $(CSV),--csv $(CSV))

.PHONY: check
check: lint types test gate  ## Run all checks, as CI does

.PHONY: format
format: $(STAMP)  ## Rewrite the code in the project's format
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

.PHONY: clean
clean:  ## Remove .venv and caches
	rm -rf .venv site .fuzz .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
