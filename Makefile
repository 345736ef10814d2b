# Postern. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# The node that runs is the node whose headers we build against (scripts in test/ and image/ use the same one).
export PATH := $(CURDIR)/.toolchain/bin:$(PATH)
NODE ?= node

.PHONY: help
help: ## This list
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
