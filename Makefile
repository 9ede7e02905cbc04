# `make demo` runs the main job on this machine, `make test` all tests; both set up what they need.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
UV = $(shell sandbox/setup --print-uv)

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
setup: ## install what a fresh Debian 12 lacks, and the locked Python packages
	@sandbox/setup
demo: setup ## train, register, package and deploy the animals on this machine
	@$(UV) run --frozen python -m sandbox demo
down: ## end all that the demo started
	@$(UV) run --frozen python -m sandbox down

.PHONY: help setup demo down
