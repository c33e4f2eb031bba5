# Everything a developer or CI runs. `make help` lists it; CI (.ci/run) calls these same targets and nothing else.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO    ?= go
# How much data the demo generates: 1 is a laptop-sized customer.
SCALE ?= 1
# How long one package's tests may take before they are stopped with a goroutine dump.
TEST_TIMEOUT ?= 10m

# The local warehouse reads DuckDB through Arrow: without the tag half of it does not compile, and it needs cgo.
TAGS := duckdb_arrow
export CGO_ENABLED := 1

BIN      := $(CURDIR)/.bin
SERVICES := config planner extractor delivery slamonitor
MODULES  := proto pkg $(addprefix services/,$(SERVICES)) deploy/local deploy/local/warehouse deploy/local/objectstore
COMMANDS := $(foreach s,$(SERVICES),./services/$(s)/cmd/$(s)d) ./deploy/local/cmd/exports-local
TOOLS    := buf protoc gofumpt golangci-lint grpcurl gojq

# Modules whose tests run under the race detector. The others link DuckDB or move whole drops through the S3 server:
# under the detector that costs more time than a check before every merge may take.
RACE_MODULES  := pkg services/config services/planner services/slamonitor
PLAIN_MODULES := $(filter-out $(RACE_MODULES),$(MODULES))

dirs = $(patsubst %,./%/...,$(1))

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  SCALE=$(SCALE)      how much data demo and up generate, as in: make demo SCALE=10"

##@ Run

.PHONY: demo
demo: doctor ## run the whole system in one process: onboard a customer, export, deliver, verify
	$(GO) build -tags $(TAGS) -o $(BIN)/ ./deploy/local/cmd/exports-local
	$(BIN)/exports-local demo --scale $(SCALE)

.PHONY: up
up: doctor ## start the local stack and keep it running, for grpcurl and the board
	$(GO) build -tags $(TAGS) -o $(BIN)/ ./deploy/local/cmd/exports-local
	$(BIN)/exports-local up --scale $(SCALE)

##@ Build and test

.PHONY: build
build: doctor ## build the five services and exports-local into .bin
	$(GO) build -tags $(TAGS) -o $(BIN)/ $(COMMANDS)

# The simulator of the planner: one goroutine a world, so that the race detector would only slow it down.
SIM := ./services/planner/internal/sim
# The first seed of a soak; a failure names its own.
FROM ?= 100000

.PHONY: soak
soak: ## simulate the planner's world until a seed fails or an hour has passed: make soak FROM=7
	$(GO) test -timeout 2h $(SIM) -run Seeds -from $(FROM) -seeds 1000000000 -for 1h -v

FILES ?= 1000000
.PHONY: fuzz
fuzz: readers ## write random Parquet files and have three engines read them: make fuzz FROM=7 FILES=1000
	$(GO) test -tags $(TAGS) -timeout 12h ./services/delivery/internal/encode -run Fuzz -from $(FROM) -files $(FILES) -v

# The third reader of the encoder's acceptance suite: a JavaScript library, pinned with its checksums.
READERS := services/delivery/internal/encode/encodetest/wasm
.PHONY: readers
readers: $(READERS)/node_modules ## install the Parquet reader for JavaScript that the delivery tests compare with
$(READERS)/node_modules: $(READERS)/package.json $(READERS)/package-lock.json
	@command -v npm >/dev/null || { echo 'npm is missing: install Node.js 18 or newer (apt-get install nodejs npm)'; exit 1; }
	npm ci --prefix $(READERS) --no-audit --no-fund --loglevel=error
	@touch $@

# Four passes, all always run, so that one failure does not hide another.
.PHONY: test
test: build readers $(BIN)/grpcurl $(BIN)/gojq ## run all tests, in random order; the end-to-end tests use the binaries of .bin
	@export EXPORTS_BIN=$(BIN); failed=0; \
	$(GO) test -race -tags $(TAGS) -shuffle=on -timeout $(TEST_TIMEOUT) $(call dirs,$(RACE_MODULES)) || failed=1; \
	$(GO) test -tags $(TAGS) -shuffle=on -timeout $(TEST_TIMEOUT) $(call dirs,$(PLAIN_MODULES)) || failed=1; \
	$(GO) test -timeout $(TEST_TIMEOUT) $(SIM) -seeds 10000 || failed=1; \
	$(GO) test -timeout $(TEST_TIMEOUT) ./services/planner/app -run Together -customers 1000 || failed=1; \
	exit $$failed

# How many transactions the encoders write; below a million the figures get rough.
ENCODE_ROWS ?= 1500000
# How many million rows are moved from the source to the bucket; 50 take about half an hour, most of it to fill the source.
PIPELINE_ROWS ?= 10 50

# Each benchmark makes many calls within one run, so once is enough.
.PHONY: bench
bench: build peers ## run the benchmarks and print their figures
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 30m ./services/config/app ./services/planner/app
	EXPORTS_ENCODE_ROWS=$(ENCODE_ROWS) $(GO) test -tags $(TAGS) -run '^$$' -bench . -benchtime 1x -timeout 30m ./services/delivery/internal/encode/encodebench
	EXPORTS_BIN=$(BIN) EXPORTS_PIPELINE_ROWS="$(PIPELINE_ROWS)" $(GO) test -tags $(TAGS) -run '^$$' -bench . -benchtime 1x -timeout 90m ./deploy/local/pipelinebench

# Polars takes part in the encoder's benchmark through its binding for JavaScript.
PEERS := services/delivery/internal/encode/encodebench/polars
.PHONY: peers
peers: $(PEERS)/node_modules ## install what the encoder is measured beside
$(PEERS)/node_modules: $(PEERS)/package.json $(PEERS)/package-lock.json
	@command -v npm >/dev/null || { echo 'npm is missing: install Node.js 20 or newer (apt-get install nodejs npm)'; exit 1; }
	npm install --prefix $(PEERS) --no-save --omit=optional --no-audit --no-fund --loglevel=error # ci wants builds for every platform in the lock file
	@touch $@

##@ Code

.PHONY: gen
gen: $(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc ## generate Go code from proto/
	$(BIN)/buf build -o /dev/null
	find proto -name '*.pb.go' -delete
	$(BIN)/buf generate

.PHONY: fmt
fmt: $(BIN)/gofumpt $(BIN)/buf ## format Go and proto files
	$(BIN)/gofumpt -w $(MODULES)
	$(BIN)/buf format -w proto

# Directories are listed: `golangci-lint run work` fails to load the packages and reports no issues.
.PHONY: lint
lint: $(BIN)/golangci-lint $(BIN)/buf ## lint Go and proto files
	$(BIN)/golangci-lint run $(call dirs,$(MODULES))
	$(BIN)/buf lint

.PHONY: breaking
breaking: $(BIN)/buf ## refuse contract changes that break callers built from main
	.ci/breaking $(BIN)/buf

.PHONY: tidy
tidy: ## tidy the go.mod of every module
	@for m in $(MODULES); do echo "tidy $$m"; GOWORK=off $(GO) -C $$m mod tidy; done

##@ Check

.PHONY: check
check: fmt-check lint breaking gen-check tidy-check test ## everything CI checks

.PHONY: fmt-check
fmt-check: $(BIN)/gofumpt $(BIN)/buf ## fail when a file is not formatted
	@unformatted=$$($(BIN)/gofumpt -l $(MODULES)); \
	[ -z "$$unformatted" ] || { printf 'not formatted, run make fmt:\n%s\n' "$$unformatted"; exit 1; }
	$(BIN)/buf format -d --exit-code proto

# Compares with a fresh generation in a temporary folder, so that a check never changes the tree.
.PHONY: gen-check
gen-check: $(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc ## fail when generated code is stale
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; mkdir "$$tmp/have" "$$tmp/want"; \
	find proto -name '*.pb.go' | tar -cf - -T - | tar -xf - -C "$$tmp/have"; \
	$(BIN)/buf generate -o "$$tmp/want"; \
	diff -rq "$$tmp/have" "$$tmp/want" || { echo 'generated code is stale: run make gen and commit'; exit 1; }

.PHONY: tidy-check
tidy-check: ## fail when a go.mod or go.sum is not tidy
	@failed=0; for m in $(MODULES) $(addprefix tools/,$(TOOLS)); do \
	GOWORK=off $(GO) -C $$m mod tidy -diff || { echo "$$m is not tidy: run make tidy"; failed=1; }; done; exit $$failed

##@ Tools

.PHONY: tools
tools: $(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc $(BIN)/gofumpt $(BIN)/golangci-lint $(BIN)/grpcurl $(BIN)/gojq ## build the pinned developer tools into .bin

# One module per tool (tools/<name>/go.mod), outside go.work: their dependencies must not choose ours, nor each other's.
define tool
$(BIN)/$(1): tools/$(2)/go.mod tools/$(2)/go.sum
	GOWORK=off GOBIN=$(BIN) $(GO) -C tools/$(2) install tool
	@touch $$@
endef
$(eval $(call tool,buf,buf))
$(eval $(call tool,protoc-gen-go,protoc))
$(eval $(call tool,protoc-gen-go-grpc,protoc))
$(eval $(call tool,gofumpt,gofumpt))
$(eval $(call tool,golangci-lint,golangci-lint))
$(eval $(call tool,grpcurl,grpcurl))
$(eval $(call tool,gojq,gojq))

.PHONY: doctor
doctor: ## check that this machine can build the project
	@.ci/doctor $(GO)

.PHONY: clean
clean: ## remove what make built and the local stack's data
	rm -rf $(BIN) $(CURDIR)/.local $(READERS)/node_modules
