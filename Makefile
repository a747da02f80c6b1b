# Every target sets up what it needs: Python 3.11, make and a package registry are enough.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
DOCS_VENV := .venv-docs
DEMO := demo
SOURCES := bertsent tests scripts

.PHONY: help install demo check quick test coverage lint fmt docs wheel smoke clean
.DEFAULT_GOAL := help

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(BIN)/.installed ## Create .venv with bertsent, training and the development tools

$(BIN)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: install ## Show the whole loop on embedded reviews: score, label, drift, retrain, roll back (under 4 minutes)
	PATH=$(CURDIR)/$(BIN):$$PATH scripts/demo.sh $(DEMO)

SUITE = $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

check: install ## Format, lint, types, and the tests that need no training (about two minutes)
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint quick

quick: install
	$(SUITE) --numprocesses 2 -m 'not slow' $(PYTEST_ARGS)

test: lint ## Format, lint, types, and the whole suite (about 9 minutes on two cores)
	$(SUITE) --numprocesses 3 $(PYTEST_ARGS)

coverage: install ## The whole suite with coverage, which takes half as long again
	$(SUITE) --numprocesses 3 --cov --cov-report=term:skip-covered --cov-fail-under=90 $(PYTEST_ARGS)

lint: install
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy

fmt: install ## Format the code and renew the generated pages of docs/
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/python scripts/docs_generate.py

# The site has an environment of its own without TensorFlow: a minute or two from an empty clone.
docs: $(DOCS_VENV)/.installed ## Build the documentation as a site: site/index.html
	@NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --quiet --strict --clean
	@echo "Built site/index.html; to read it in a browser: $(DOCS_VENV)/bin/mkdocs serve"

$(DOCS_VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable '.[docs]'
	@touch $@

wheel: install ## Build the wheel, with model/1 and the bundled encoder in it
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

smoke: wheel ## Install the wheel alone, without training, and score a text from an empty folder
	rm -rf dist/smoke && $(PYTHON) -m venv dist/smoke
	dist/smoke/bin/python -m pip install --quiet --constraint constraints.txt dist/bertsent-*.whl
	cd dist/smoke && bin/bertsent --version && bin/bertsent predict "great film"

clean: ## Remove what was built, the virtual environment too
	rm -rf $(VENV) $(DOCS_VENV) $(DEMO) site dist .pytest_cache .mypy_cache .ruff_cache .coverage
