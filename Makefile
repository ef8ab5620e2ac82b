# Sojourn: every command a contributor needs. Bare `make` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# grpcnotrace: without it a package that is never used keeps every method of every type in the binary.
BUILDFLAGS = -trimpath -tags grpcnotrace -ldflags '-s -w -X main.version=$(VERSION)'

BIN   := bin
TOOLS := $(BIN)/tools
# One JSON line per test event of each stage; .ci/run adds them up.
REPORTS := $(BIN)/reports

GOLANGCI  := $(TOOLS)/golangci-lint
GOTESTSUM := $(TOOLS)/gotestsum
GOTEST     = $(GOTESTSUM) --format pkgname --format-hide-empty-pkg --jsonfile $(REPORTS)/$(1).json --

# What each stage may take before it is stopped with every goroutine's stack.
TEST_TIMEOUT ?= 8m
WIDE_TIMEOUT ?= 30m
# How long each fuzz target looks for new inputs after its seeds.
FUZZTIME ?= 10s
WIDE_FUZZTIME ?= 4s

# Programs that load the machine or kill processes run after the other tests, alone.
HEAVY := ./bench/... ./torture/...
# Packages whose promises are about goroutines meeting: the race detector pays for itself there on every change.
RACE := internal/engine server internal/store/sqlite sdk/go

# The SDK in TypeScript, with packages of its own.
TYPESCRIPT := sdk/typescript

# The front end of the dashboard, with packages of its own. The binary holds what vite makes of it.
DASHBOARD := dashboard
DASHBOARD_SOURCES = $(shell find $(DASHBOARD)/src $(DASHBOARD)/scripts -type f ! -name '*.test.*') \
	$(DASHBOARD)/index.html $(DASHBOARD)/vite.config.ts $(DASHBOARD)/package-lock.json
# Without Node the server is built all the same, and says so at /.
DASHBOARD_BUILT = $(if $(shell command -v npm),$(DASHBOARD)/dist/index.html,dashboard-left-out)

exists = $(strip $(foreach p,$(1),$(if $(wildcard $(p:./%/...=%)),$(p))))
LIST_LIGHT     = go list ./... | grep -Ev '^github.com/sojournhq/sojourn/(bench|torture)(/|$$)'
LIGHT_PACKAGES = $$($(LIST_LIGHT))
HEAVY_PACKAGES = $(call exists,$(HEAVY))
RACE_PACKAGES  = $(call exists,$(RACE:%=./%/...))
# Those that test-race leaves out.
OTHER_PACKAGES = $$(comm -23 <($(LIST_LIGHT) | sort) <(go list $(RACE_PACKAGES) | sort))

# Those that have tests of the wide form.
WIDE_PACKAGES = $$(grep -rl --include='*_test.go' SOJOURN_TEST_WIDE cmd internal sdk server spec | xargs -n1 dirname | sort -u | sed 's,^,./,')

# The suites that judge every database, beside the conformance suite that each of them passes.
SUITES := ./internal/engine ./internal/api ./internal/webhook

PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## build, start a server, run two workflows on real documents, stop
	@./scripts/demo.sh

.PHONY: dev
dev: build ## build and run a local server with the demo worker (ARGS="--listen ...")
	$(BIN)/sojourn dev $(ARGS)

.PHONY: build
build: $(DASHBOARD_BUILT) ## build bin/sojourn, with the dashboard in it where there is npm
	CGO_ENABLED=0 go build $(BUILDFLAGS) -o $(BIN)/sojourn ./cmd/sojourn

.PHONY: test
test: lint verify unit typescript test-dashboard test-browser test-python test-race ## what every change must pass: lint, generated files, all tests, races where they matter

.PHONY: unit
unit: $(GOTESTSUM) $(TYPESCRIPT)/node_modules | $(REPORTS) ## all tests once, without lint or race detector
	./scripts/python-venv.sh
	./scripts/install-postgres.sh
	$(call GOTEST,unit) -timeout $(TEST_TIMEOUT) $(LIGHT_PACKAGES)
	$(if $(HEAVY_PACKAGES),$(call GOTEST,unit-heavy) -timeout $(TEST_TIMEOUT) -p 1 $(HEAVY_PACKAGES))

.PHONY: test-stores
test-stores: $(GOTESTSUM) $(TYPESCRIPT)/node_modules | $(REPORTS) ## the suites and the SDK scenarios on every PostgreSQL, and on one that lacks what distributed databases do
	./scripts/install-postgres.sh
	./scripts/python-venv.sh
	$(foreach s,postgres15 postgres18 postgres-distributed,SOJOURN_TEST_STORE=$(s) $(call GOTEST,wide-$(s)) -timeout $(WIDE_TIMEOUT) $(SUITES) ./spec/scenarios;)

.PHONY: typescript
typescript: build $(TYPESCRIPT)/node_modules | $(REPORTS) ## the tests of the TypeScript SDK against the built server
	./scripts/test-typescript.sh typescript

.PHONY: test-dashboard
test-dashboard: $(DASHBOARD)/node_modules | $(REPORTS) ## the unit tests of the dashboard's front end
	./scripts/test-dashboard.sh dashboard

.PHONY: test-browser
test-browser: build $(DASHBOARD)/node_modules $(TYPESCRIPT)/node_modules | $(REPORTS) ## the dashboard in a real browser against the built server
	./scripts/install-test-deps.sh
	./scripts/python-venv.sh
	./scripts/test-dashboard.sh browser --config vitest.browser.config.ts

.PHONY: test-race
test-race: $(GOTESTSUM) | $(REPORTS) ## the concurrent packages under the race detector
	$(if $(RACE_PACKAGES),CGO_ENABLED=1 $(call GOTEST,race) -race -timeout $(TEST_TIMEOUT) $(RACE_PACKAGES))

.PHONY: test-python
test-python: build | $(REPORTS) ## the Python SDK against the real server
	./scripts/test-python.sh

.PHONY: test-python-wheel
test-python-wheel: build | $(REPORTS) ## the Python SDK as it is packed, in an empty environment
	WHEEL=1 ./scripts/test-python.sh

.PHONY: test-wide
test-wide: $(GOTESTSUM) $(TYPESCRIPT)/node_modules | $(REPORTS) ## the long tests too (SOJOURN_TEST_WIDE=1): races in all other packages, power cuts, fuzzing
	./scripts/install-test-deps.sh
	./scripts/python-venv.sh
	CGO_ENABLED=1 $(call GOTEST,wide-race) -race -timeout $(WIDE_TIMEOUT) $(OTHER_PACKAGES)
	SOJOURN_TEST_WIDE=1 $(call GOTEST,wide) -timeout $(WIDE_TIMEOUT) $(WIDE_PACKAGES)
	$(if $(HEAVY_PACKAGES),SOJOURN_TEST_WIDE=1 $(call GOTEST,wide-heavy) -timeout $(WIDE_TIMEOUT) -p 1 $(HEAVY_PACKAGES))
	$(MAKE) test-stores
	$(MAKE) typescript-wide test-python-wheel test-browser-wide
	$(MAKE) fuzz FUZZTIME=$(WIDE_FUZZTIME)

.PHONY: typescript-wide
typescript-wide: build $(TYPESCRIPT)/node_modules | $(REPORTS) ## the TypeScript SDK as it is packed, in empty projects
	SOJOURN_TEST_WIDE=1 ./scripts/test-typescript.sh typescript-wide

# The stores that torture is about.
STORES ?= sqlite postgres

.PHONY: test-browser-wide
test-browser-wide: build $(DASHBOARD)/node_modules | $(REPORTS) ## the dashboard over a million executions, and pictures of its pages in bin/screenshots
	./scripts/install-test-deps.sh
	SOJOURN_TEST_WIDE=1 ./scripts/test-dashboard.sh browser-wide --config vitest.browser.config.ts

.PHONY: torture
torture: ## kill, freeze, cut power, connections and primaries under load until satisfied (STORES="sqlite postgres" ARGS="...")
	./scripts/install-test-deps.sh
	for store in $(STORES); do go run ./torture -store $$store $(ARGS); done

.PHONY: bench
bench: ## measure speed and memory against the limit server (ARGS="-quick -o json")
	./scripts/python-venv.sh
	go run ./bench $(ARGS)

.PHONY: fuzz
fuzz: ## look for new inputs, FUZZTIME=10s per fuzz target
	./scripts/fuzz.sh $(FUZZTIME)

.PHONY: lint
lint: $(GOLANGCI) $(TYPESCRIPT)/node_modules $(DASHBOARD)/node_modules ## golangci-lint, Biome, tsc, ruff and pyright, formatting included; changes nothing
	$(GOLANGCI) run ./...
	npm --prefix $(TYPESCRIPT) run --silent lint
	npm --prefix $(DASHBOARD) run --silent lint
	./scripts/verify-python.sh

.PHONY: fmt
fmt: $(GOLANGCI) $(TYPESCRIPT)/node_modules $(DASHBOARD)/node_modules ## format and apply the fixes the linters know
	$(GOLANGCI) fmt ./...
	$(GOLANGCI) run --fix ./...
	npm --prefix $(TYPESCRIPT) run --silent format
	npm --prefix $(DASHBOARD) run --silent format

.PHONY: generate
generate: $(TYPESCRIPT)/node_modules $(DASHBOARD)/node_modules ## write generated files again
	go generate ./...

.PHONY: verify
verify: $(TYPESCRIPT)/node_modules $(DASHBOARD)/node_modules ## fail when a generated file is out of date
	./scripts/verify-generated.sh

.PHONY: check
check: test test-wide ## all that CI does, in its order

.PHONY: dist
dist: $(DASHBOARD_BUILT) ## static binaries for six platforms in dist/
	@for platform in $(PLATFORMS); do \
		os=$${platform%/*}; arch=$${platform#*/}; \
		out=dist/sojourn_$${os}_$${arch}/sojourn; \
		if [ $$os = windows ]; then out=$$out.exe; fi; \
		echo "$$out"; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch go build $(BUILDFLAGS) -o $$out ./cmd/sojourn; \
	done

.PHONY: tools
tools: $(GOLANGCI) $(GOTESTSUM) ## build the tools that tools/go.mod pins into bin/tools

$(GOLANGCI): tools/go.mod tools/go.sum
	go -C tools build -trimpath -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

$(GOTESTSUM): tools/go.mod tools/go.sum
	go -C tools build -trimpath -o ../$@ gotest.tools/gotestsum
	@touch $@

$(TYPESCRIPT)/node_modules: $(TYPESCRIPT)/package-lock.json
	npm --prefix $(TYPESCRIPT) ci
	@touch $@

$(DASHBOARD)/node_modules: $(DASHBOARD)/package-lock.json
	npm --prefix $(DASHBOARD) ci
	@touch $@

$(DASHBOARD)/dist/index.html: $(DASHBOARD_SOURCES) | $(DASHBOARD)/node_modules
	npm --prefix $(DASHBOARD) run --silent build

.PHONY: dashboard-left-out
dashboard-left-out:
	@echo 'npm was not found: bin/sojourn has no dashboard in it' >&2

$(REPORTS):
	@mkdir -p $@

.PHONY: clean
clean: ## remove bin/ and dist/
	rm -rf $(BIN) dist $(TYPESCRIPT)/dist $(DASHBOARD)/dist/assets $(DASHBOARD)/dist/index.html
