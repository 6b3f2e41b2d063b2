# Everything a developer or a user types. Nothing is needed before it but Python 3.11 to 3.13, make and a network.

# The first interpreter that TensorFlow and the other dependencies have wheels for.
PYTHON ?= $(firstword $(foreach p,python3 python3.11 python3.12 python3.13,$(shell $(p) -c \
	'import sys; print("$(p)" if (3, 11) <= sys.version_info < (3, 14) else "")' 2>/dev/null)))
BIN = .venv/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r
LOCK = uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet \
	--custom-compile-command 'make lock' pyproject.toml

# Whole files to a process each: what a file's tests share, such as a running service, is made once.
PARALLEL ?= -n auto --maxprocesses 4 --dist loadfile

# Four fifths of the time are those tests' that train, start the service again and again, or a browser, or build images.
QUICK ?= -m "not reliability and not thorough"

RECIPE ?= mnist
RUNS ?= 100000
TARGETS ?= $(patsubst tests/fuzzing/fuzz_%.py,%,$(wildcard tests/fuzzing/fuzz_*.py))
DOCKER ?= docker
IMAGE ?= squint
TARGET ?= litert

.PHONY: help serve train test reliability fuzz check fix bench image blackbox sbom arm64 lock clean

help: ## Show this list
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

serve: .venv/.service ## Serve the shipped models; HOST= and PORT= override 127.0.0.1 and 8000
	@$(if $(HOST),SQUINT_HOST=$(HOST)) $(if $(PORT),SQUINT_PORT=$(PORT)) exec $(BIN)/python -m service serve

train: .venv/.training ## Train RECIPE=mnist; ARGS="--publish" and others are handed on
	$(BIN)/python -m training train $(RECIPE) $(ARGS)

test: .venv/.dev ## Run the tests, or those that ARGS="tests/service -k decode" names
	$(BIN)/pytest $(if $(ARGS),$(ARGS),$(PARALLEL))

reliability: .venv/.dev ## Kill, flood, starve and soak the service for an hour; SQUINT_RELIABILITY=short for ten minutes
	$(BIN)/pytest -m reliability tests/reliability $(ARGS)

fuzz: .venv/.dev .venv/.fuzzing ## Fuzz what parses the bytes of strangers; RUNS=100000 of each target, TARGETS="decode app"
	@for target in $(TARGETS); do $(BIN)/python -W ignore -m tests.fuzzing $$target $(RUNS) || exit 1; done

check: .venv/.dev ## Check format, lint, types and import directions, and run the quick tests; QUICK= for all
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest $(PARALLEL) $(QUICK) $(ARGS)

fix: .venv/.dev ## Format, and mend what the linter can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/.dev ## Compare with other servers and write docs/benchmarks.md; ROUNDS=5 SECONDS=5 BEFORE=another/checkout
	@$(MAKE) .venv/.bench || echo "goes on without what is in requirements/bench.txt"
	$(BIN)/python -m benchmarks $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(BEFORE),--before $(BEFORE))

image: ## Build the container image; TARGET=tensorflow for the second engine
	$(DOCKER) build --target $(TARGET) --tag $(IMAGE) .

blackbox: export SQUINT_CONTAINER ?= tests/integration/docker.sh
blackbox: .venv/.dev ## Build both targets, run them, test them over HTTP; SQUINT_CONTAINER= names another script than Docker's
	$(BIN)/pytest tests/integration/test_service.py -k container $(ARGS)

sbom: .venv/.sbom ## List the packages locked for the image as CycloneDX JSON; TARGET=tensorflow for the second engine
	$(BIN)/python -W ignore -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible \
		--output-file sbom-$(TARGET).json requirements/$(TARGET:litert=service).txt

arm64: .venv/.dev ## Ask the package index whether all that is locked for the images has wheels for 64-bit ARM
	$(BIN)/python -m deploy.wheels requirements/service.txt requirements/tensorflow.txt

lock: ## Lock the dependencies of pyproject.toml anew; needs uv
	$(LOCK) --upgrade --group dev -o requirements/dev.txt
	$(LOCK) -c requirements/dev.txt -o requirements/service.txt
	$(LOCK) --group tensorflow -c requirements/dev.txt -o requirements/tensorflow.txt
	$(LOCK) --group training -c requirements/dev.txt -o requirements/training.txt
	for apart in clients bench; do $(subst pyproject.toml,,$(LOCK)) --upgrade --group $$apart -o requirements/$$apart.txt; done
	for extra in jax tensorboard ray opentelemetry sbom fuzzing; do $(LOCK) --group $$extra -c requirements/dev.txt -o requirements/$$extra.txt; done

clean: ## Remove what was installed and cached; runs/ and models/ stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .fuzzing

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed and was not found; PYTHON=... names one"; exit 1; }
	$(PYTHON) -m venv .venv

# What does not go with the rest: the protocols' stock clients, and the servers that benchmarks/ compares with.
.venv/.clients .venv/.bench: .venv/.%: requirements/%.txt | .venv/bin/python
	$(PYTHON) -m venv .venv/$*
	.venv/$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# One stamp a group of dependencies: installed again when its lock changes.
.venv/.%: requirements/%.txt | .venv/bin/python
	$(INSTALL) $<
	@touch $@
