# `make demo` runs the main job on this machine, `make test` all tests; both set up what they need.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

UV := $(shell sandbox/setup --print-uv)
# A network may put an authority of its own before the package indexes: the machine knows it, uv's own list does not.
export UV_SYSTEM_CERTS := 1
RUN := $(UV) run --frozen --no-sync

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 8

setup: ## install what a fresh Debian 12 lacks, and the locked Python packages
	@sandbox/setup

demo: setup ## train, register, package and deploy the animals here; DATA=<folder of class folders> for your own photos
	@$(RUN) python -m sandbox demo $(if $(DATA),--data "$(abspath $(DATA))")

up: setup ## start the laptop cloud: emulator, Docker, registry, Kubernetes
	@$(RUN) python -m sandbox up

down: ## end all that demo and up started
	@$(RUN) python -m sandbox down

lint: setup ## every linter
	@$(RUN) python -m sandbox.lint

test: setup ## all linters and all tests
	@$(RUN) python -m sandbox test

bench: setup ## how fast it is: reports/, docs/*-bench.md; TOPIC=emulator, actions, serving, preparation or training for one
	@$(RUN) python -m benchmarks $(TOPIC)

soak: setup ## the long random tests, reports/*.json, docs/*-soak.md; TOPIC=emulator, actions, network or serving for one, KILLS=20 for a short one, SEED= for the same again
	@$(RUN) python -m soak $(TOPIC) $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

clean: setup ## end everything and forget what it holds: images, models, photos, reports
	@$(RUN) python -m sandbox clean
	rm -rf .mypy_cache .pytest_cache .ruff_cache

.PHONY: help setup demo up down lint test bench soak clean
