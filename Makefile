# Every target works on a machine that has Python 3.11 or later, git and make, and nothing else:
# .ci/install brings the rest into .venv, once.

# What `make run` reads: a repository, how far back the newest window reaches, and at which moment (now unless given; a
# past one only looks, and shows the same on every day).
REPO ?= .
WINDOW ?= 48h
AS_OF ?=

# What `make test` runs, on how many processes, and further options of pytest: make test TESTS=tests/unit OPTIONS=-vv
TESTS ?= tests
JOBS ?= 2
OPTIONS ?=

# With what chance begins in the storms of `make soak`.
SEEDS ?= 1 2 3

# Where those tests keep rows that name no database themselves: sqlite, mariadb or mysql.
STORE ?= sqlite

# The tests that `make test-stores` runs; `make test STORE=mysql` runs all others on MySQL, too.
KEEPING = tests/integration/cli tests/integration/dora tests/integration/engine tests/integration/pdca \
	tests/crash/test_every_boundary.py

# Which servers `make services` and `make services-down` mean: all of them unless given.
SERVICES ?=

PYTEST = .venv/bin/python -m pytest --numprocesses=$(JOBS) --dist=loadfile
PYTHON_FILES = runtime services tests benchmarks
COMPILE = .venv/bin/uv pip compile --quiet --universal --python-version=3.11 --fork-strategy=fewest \
	--generate-hashes --no-header

.DEFAULT_GOAL := help
.PHONY: help run test test-stores test-quick services services-down lint format bench soak lock install-run install-dev

help: ## say what there is to run
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: install-run ## measure REPO (this one unless given) and propose an improvement
	@.venv/bin/iact run pdca --window "$(WINDOW)" --repo "$(REPO)" --demo-when-thin$(if $(AS_OF), --as-of "$(AS_OF)")

test: install-dev ## run every test, or those of TESTS
	@STORE=$(STORE) $(PYTEST) $(OPTIONS) $(TESTS)

test-stores: install-dev ## run on MariaDB and on MySQL the tests that keep rows and name no database
	@for store in mariadb mysql; do STORE=$$store $(PYTEST) $(OPTIONS) $(KEEPING) || exit 1; done

test-quick: install-dev ## run the tests that start no other program, and stop at the first failure
	@$(PYTEST) --exitfirst $(OPTIONS) tests/unit tests/property

services: install-dev ## start Cassandra, MariaDB and MySQL (or those of SERVICES) and say how to connect
	@.venv/bin/python -m services up $(SERVICES)

services-down: install-dev ## stop what `make services` started, and nothing else
	@.venv/bin/python -m services down $(SERVICES)

lint: install-dev ## check style, types, import directions and the shipped rules
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache
	@.venv/bin/iact validate

format: install-dev ## write the code the way `make lint` wants it
	@.venv/bin/ruff check --fix-only .
	@.venv/bin/ruff format .

bench: ## measure every figure the project promises
	@.ci/install bench
	@missed=0; for benchmark in benchmarks/bench_*.py; do .venv/bin/python "$$benchmark" || missed=1; done; exit $$missed

soak: install-dev ## play the engine 10,000 times, stop it at every boundary, and break servers in a storm for each of SEEDS
	@.venv/bin/python -m tests.support.simulation.play --first 1 --count 10000 --out benchmarks/simulation.json
	@for store in sqlite mariadb mysql; do \
		BOUNDARIES=all STORE=$$store $(PYTEST) tests/crash/test_every_boundary.py || exit 1; done
	@.venv/bin/python -m tests.support.storm --seeds $(SEEDS) --out benchmarks/soak.json

lock: install-run ## pin the newest versions of what pyproject.toml asks for
	@.venv/bin/python -m pip install --disable-pip-version-check --quiet 'uv>=0.8'
	@$(COMPILE) --upgrade --extra=cel --group=run --output-file=requirements/run.txt pyproject.toml
	@$(COMPILE) --upgrade --extra=calendar --extra=cel --extra=mysql --extra=pull --group=dev \
		--constraint=requirements/run.txt --output-file=requirements/dev.txt pyproject.toml
	@$(COMPILE) --upgrade --extra=calendar --extra=cel --extra=mysql --extra=pull --group=bench \
		--constraint=requirements/dev.txt --output-file=requirements/bench.txt pyproject.toml

install-run:
	@.ci/install run

install-dev:
	@.ci/install dev
