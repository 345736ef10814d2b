# Postern. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# scripts/install.sh puts a node here when the machine has none that is new enough.
export PATH := $(CURDIR)/.toolchain/bin:$(PATH)
# The headers we compile against are those of the node that will run the result.
NODE_PREFIX = $(shell node -p 'require("path").resolve(process.execPath, "../..")' 2>/dev/null)
export npm_config_nodedir = $(NODE_PREFIX)

SOURCES = $(shell find core plugins native -name '*.ts' -not -path '*/build*' 2>/dev/null)
NATIVE_SOURCES = $(wildcard native/src/*.cc native/src/*.h native/src/*.inl) native/binding.gyp
ADDON = native/build/Release/postern.node

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- build ------------------------------------------------------------------------------------------------------

.PHONY: install
install: ## what building needs: compiler, node, packages
	@scripts/install.sh

node_modules/.installed: package.json package-lock.json
	@$(MAKE) --no-print-directory install
	npm ci --no-fund --no-audit --ignore-scripts
	@touch $@

# Of its own, so that SQLite, a minute of one core, is compiled beside the addon.
node_modules/.compiled: node_modules/.installed
	CXXFLAGS="-include $(CURDIR)/scripts/object-wrap.h" npm_config_nodedir="$$(node -p 'require("path").resolve(process.execPath, "../..")')" npm rebuild
	@touch $@

# `configure` each time: the list of sources is a glob that gyp reads only then.
$(ADDON): $(NATIVE_SOURCES) | node_modules/.installed
	node node_modules/node-gyp/bin/node-gyp.js configure build -C native --nodedir=$(NODE_PREFIX) --jobs=max --silent
	@touch $@

dist/main.js: $(SOURCES) rollup.config.mjs package.json tsconfig.json | node_modules/.installed
	node node_modules/rollup/dist/bin/rollup -c --silent
	@touch $@

dist/postern: scripts/launcher.sh dist/main.js
	@install -m 755 scripts/launcher.sh $@
	@node -p process.execPath > dist/node-path

.PHONY: build
build: node_modules/.compiled $(ADDON) dist/postern ## dist/postern and the data plane

# --- use --------------------------------------------------------------------------------------------------------

.PHONY: run
run: ## a gateway in the foreground, with the client command to copy (PORT=443)
	@$(MAKE) --no-print-directory -j2 build
	@scripts/run.sh

# --- prove ------------------------------------------------------------------------------------------------------

.PHONY: check
check: node_modules/.installed ## types, lint, rules, and the requirements without a test
	node node_modules/typescript/bin/tsc --noEmit -p .
	node node_modules/eslint/bin/eslint.js --cache --cache-location node_modules/.cache/eslint --max-warnings 0 core plugins native test
	node test/run.mjs test/rules
	@node --import tsx test/rules/requirements.ts

.PHONY: peers
peers:
	@scripts/install-peers.sh

.PHONY: test
test: ## everything that CI runs; installs the peers it needs
	@$(MAKE) --no-print-directory install
	@$(MAKE) --no-print-directory -j3 peers build
	@node test/all.mjs

.PHONY: fuzz
fuzz: build ## every fuzz target (SECONDS=60)
	$(MAKE) -C native fuzz SECONDS=$(or $(SECONDS),60)
	node --import tsx test/fuzz/run.ts --seconds $(or $(SECONDS),60)

.PHONY: bench
bench: build peers ## against ocserv in the same run (ONLY=tls|login|storm|fair|radius)
	node --import tsx test/bench/main.ts $(ONLY)

.PHONY: test-fresh
test-fresh: ## make run inside bare Debian 13 and Debian 12 roots
	scripts/test-fresh.sh

.PHONY: clean
clean: ## what was built; state under run/ stays
	rm -rf dist native/build native/build-* bench/results.json
