# Everything a developer needs; `make help` lists it. Only Python 3.11+ and make must be there.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint bench replay simulate screenshots format openapi messages lock clean

PYTHON ?=
PORT ?= 8000
DEBUG ?= 0
DATA ?= bluebirds
ONLY ?=
ARGS ?=
# Files and output are UTF-8 whatever the terminal's locale says.
PYTHONUTF8 := 1
export PYTHON PORT DEBUG PYTHONUTF8

VENV := .venv/bin
INSTALLED := .venv/installed

# Static checks read the settings and open no connection. Safe for production, so that
# `check --deploy` speaks of the settings and not of these.
OFFLINE := env -u DATABASE_ROLE DEBUG=0 SANDBOX=0 HTTPS=1 \
	SECRET_KEY=only-for-static-checks-which-sign-nothing-0123456789-abcdefghij \
	DATABASE_URL=postgresql://nobody@127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0 \
	BASE_URL=https://fairclick.example ALLOWED_HOSTS=fairclick.example

help: ## What there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(INSTALLED): requirements/base.txt requirements/dev.txt dev/venv.sh
	@./dev/venv.sh
	@touch $@

run: $(INSTALLED) ## The site with a demonstration in it (PORT=8000, DEBUG=1 reloads code)
	@$(VENV)/python -m dev.run

test: $(INSTALLED) ## All tests, with servers of their own (ARGS="-k claim -x")
	$(VENV)/python -m dev.with_services -- $(VENV)/python -m pytest $(ARGS)

lint: $(INSTALLED) ## Format, style, types, import contracts, templates, migrations, deployment checks
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(OFFLINE) $(VENV)/mypy .
	$(VENV)/lint-imports
	find templates -name '*.html' -exec $(VENV)/djade --check {} +
	$(OFFLINE) $(VENV)/python -W "ignore:Got an error checking:RuntimeWarning" \
		manage.py makemigrations --check --dry-run
	$(OFFLINE) $(VENV)/python manage.py check --deploy --fail-level WARNING

bench: $(INSTALLED) ## Benchmarks (ONLY=name)
	$(VENV)/python -m dev.with_services -- $(VENV)/python -m bench $(ONLY)

replay: $(INSTALLED) ## A real crowd's work through the API, on the running site or one of its own (DATA=bluebirds)
	$(VENV)/python -m dev.with_site -- $(VENV)/python manage.py replay $(DATA)

simulate: $(INSTALLED) ## Clients that steal, against the real services, with a clock that moves (ARGS="--seed 2")
	$(VENV)/python -m dev.with_services -- $(VENV)/python manage.py simulate theft $(ARGS)

screenshots: $(INSTALLED) ## Pictures of the pages, into docs/screenshots
	$(VENV)/python -m dev.with_site -- $(VENV)/python -m dev.screenshots docs/screenshots

format: $(INSTALLED) ## Write the code and templates in the house's format
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .
	find templates -name '*.html' -exec $(VENV)/djade {} +

openapi: $(INSTALLED) ## Write docs/openapi.yaml anew
	$(OFFLINE) $(VENV)/python manage.py spectacular --file docs/openapi.yaml

messages: $(INSTALLED) ## Gather the texts to translate, and compile the translations (needs gettext)
	$(OFFLINE) $(VENV)/python manage.py makemessages --all --no-obsolete --add-location=file \
		--ignore tests --ignore dev --ignore bench --ignore var --ignore .venv
	$(OFFLINE) $(VENV)/python manage.py compilemessages --ignore .venv

lock: ## Pin the requirements again (needs uv)
	cd requirements && for name in base embedded dev; do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-header --no-annotate \
			--output-file $$name.txt $$name.in || exit 1; \
	done

clean: ## Remove the demonstration's data, .venv and caches
	@if [ -x $(VENV)/python ]; then $(VENV)/python -m dev.clean; fi
	rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis \
		.coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
