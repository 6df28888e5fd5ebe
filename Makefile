# stability: the things one does here. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
GO ?= go
MODULES := . telemetry telemetry/otlp auto defense/hotconfig adapter/stabilitygrpc lab examples/payment examples/routers bench operator
export GOFLAGS ?= -buildvcs=false

.PHONY: help demo stack test e2e gates check everywhere bench fuzz gen install

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The example does without a C compiler, and builds sooner for it.
demo: export CGO_ENABLED = 0
demo: ## prove the payment example's contracts: builds it, breaks it, writes falsify-report/
	@# Both at once, the payment service first: its SQL engine compiles on one core, and the other need not wait.
	$(GO) build -tags nosource -o bin/demo/ ./examples/payment ./lab/cmd/stability
	bin/demo/stability falsify -quick -no-proof -out falsify-report ./examples/payment

stack: ## see it all at work: service, load, Prometheus, Alertmanager and a chat; something breaks, is seen and is mended
	@# 77 means that one of them is neither here nor to be had; it has said NOT RUN.
	@mkdir -p bin
	cd lab && { ./e2e/run.sh $(GO) run ./e2e/stack -stay 30s -picture ../bin/console.png || [ $$? = 77 ]; }

# A process with the race detector in it waits before it ends, by default for a second, so that others can report their
# races. The tests start hundreds.
test: export GORACE ?= atexit_sleep_ms=100
test: ## run every test of every module with the race detector, in random order
	@set -e; for m in $(MODULES); do echo "== $$m"; (cd $$m && $(GO) test -race -shuffle=on -timeout 12m ./...); done
	@echo "== at the lowest versions that telemetry, auto and stabilitygrpc ask for"; set -e; for m in telemetry auto adapter/stabilitygrpc; do (cd $$m && GOWORK=off $(GO) test ./...); done
	@echo "== stability test, on itself"; cd lab && $(GO) run ./cmd/stability test -q -C .. -runs 3 -timeout 30s $(OWN) -- -test.short
	@$(VET)

# Our packages that start goroutines, but for those whose own tests leak some on purpose: nothing may be proven of them.
OWN = . ./defense/... ./health ./response/...

# stability vet finds nothing in our own code that is not there on purpose. It has not been run on operator, whose dependencies are all of
# client-go: it did not end within 100 s on a busy machine.
VET = set -e; tool=$$(mktemp -d)/stability; (cd lab && $(GO) build -o $$tool ./cmd/stability); \
  for m in $(filter-out operator,$(MODULES)); do echo "== stability vet, in $$m"; (cd $$m && $$tool vet ./...); done; rm -r $$(dirname $$tool)

# What is tried on real dependencies. It ends by itself, and what it started with it.
e2e: ## try it on a real PostgreSQL, Redis, etcd, Prometheus, Alertmanager and browser, which it installs and starts, and on other people's bugs
	@# 77 means that one of them is neither here nor to be had; it has said NOT RUN.
	cd lab && { ./e2e/run.sh $(GO) test -race -count=1 -tags e2e -timeout 20m ./e2e/... || [ $$? = 77 ]; }
	@echo "== the Grafana dashboard, on a real Prometheus"; cd telemetry && $(GO) test -count=1 -v -tags e2e ./dashboard
	@echo "== traces, logs and metrics through a real OpenTelemetry Collector into a real store of logs: two minutes to build them, once"
	cd telemetry/otlp && $(GO) test -count=1 -tags e2e -run TestThroughARealCollector -v .
	@echo "== the experiment of every cause, every key of stability-contract, harmful configuration, a slow disk and swapped files"
	cd lab && $(GO) test -count=1 -tags e2e -timeout 40m -run 'TestExperimentsOfTheCatalogue|TestGeneratedKeysAreProven|TestHarmGoesBackInTime|TestSlowDiskIsNoticed|TestSwapsAreChangesAndNoTears' ./falsify
	@echo "== keepalive in real time: a minute"; cd adapter/stabilitygrpc && $(GO) test -race -count=1 -tags e2e -run TestKeepaliveIsPunished .
	@echo "== the operator on a real Kubernetes control plane, where make e2e-operator has built one: a minute"
	cd operator && { ./hack/e2e.sh -built $(GO) test -count=1 -tags e2e -timeout 10m -run 'TestThirdStrikeQuarantines|TestEvidenceIsKeptBeforeTheAction' ./test/e2e || [ $$? = 77 ]; }

# Building the control plane costs more than CI has left: docs/adr/0032.
e2e-operator: ## try the operator on a real etcd, kube-apiserver and kube-controller-manager, which it builds once
	cd operator && { ./hack/e2e.sh $(GO) test -count=1 -tags e2e -timeout 25m ./test/e2e || [ $$? = 77 ]; }

# Pods, contracts, reports a second, seconds.
STABILITY_SCALE ?= 5000,200,1000,60
bench-operator: ## measure the operator in a fleet on a real control plane: CPU, memory, requests, third strike to action
	cd operator && { STABILITY_SCALE=$(STABILITY_SCALE) ./hack/e2e.sh $(GO) test -count=1 -v -tags e2e -timeout 40m -run 'TestScale$$' ./test/e2e || [ $$? = 77 ]; }

# The gate contracts is not among them: it asks for a proof of the tier -pr, which is made on a quiet machine and not in CI.
gates: ## judge this repository by its own gates: modules, toolchain, start, review
	@set -e; tool=$$(mktemp -d)/stability; (cd lab && $(GO) build -o $$tool ./cmd/stability); \
	  $$tool gate modules; $$tool gate toolchain; $$tool gate start examples/payment; $$tool gate review -document stability.md; rm -r $$(dirname $$tool)

check: ## gofmt, go vet, stability vet, and generated files that are stale
	@out=$$(git ls-files -z '*.go' | grep -zv testdata/ | xargs -0 gofmt -l); if [ -n "$$out" ]; then echo "not gofmt-ed:"; echo "$$out"; exit 1; fi
	@set -e; for m in $(MODULES); do (cd $$m && $(GO) vet ./...); done
	@$(VET)
	$(GO) test -count=1 -run 'Generated|Layers' . ./internal/...

# Other systems are type-checked from source, which takes seconds each; a compiler would take minutes.
everywhere: ## type-check for other systems, and run the root module's tests as a 32-bit program
	cd lab && $(GO) test -count=1 -tags everywhere ./everywhere
	@# Without the two that measure this machine's memory and collector, which are the same for any program. A kernel may be built
	@# without what 32-bit programs need; then the tests are built and linked, which finds what does not fit into 32 bits, and not run.
	@set -e; probe=$$(mktemp -d); echo 'package main; func main() {}' >$$probe/main.go; export GOARCH=386 CGO_ENABLED=0; \
	  $(GO) build -o $$probe/main $$probe/main.go; exec=; \
	  $$probe/main 2>/dev/null || { exec='-exec true'; echo "NOT RUN: the root module's tests as a 32-bit program: this kernel runs none; they are built only"; }; \
	  rm -r $$probe; $(GO) test $$exec -short -timeout 12m -skip 'TestARealSpiralIsLifted|TestInARealCgroup' ./...

bench: ## measure every capability beside its peers and print the ratios
	$(GO) run ./bench

# By default go test tries for up to a minute to make each new input smaller before it goes on: more than a target has here.
fuzz: ## fuzz the parsers of every module, FUZZTIME (default 20s) each
	@set -e; n=0; for m in $(MODULES); do cd $$m; \
	  for f in $$($(GO) list -f '{{$$d := .Dir}}{{range .TestGoFiles}}{{$$d}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$$d}}/{{.}}{{"\n"}}{{end}}' ./... | xargs grep -l '^func Fuzz'); do \
	    for t in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$f); do echo "== $${f#$(CURDIR)/}: $$t"; n=$$((n+1)); \
	      (cd $$(dirname $$f) && $(GO) test -run='^$$' -fuzz="^$$t$$" -fuzztime=$${FUZZTIME:-20s} -fuzzminimizetime=$${FUZZMINIMIZE:-10x} .); done; done; \
	  cd $(CURDIR); done; echo "$$n fuzz targets"; [ $$n -gt 0 ]

gen: ## write generated code and reference pages anew
	$(GO) run ./internal/newcause
	$(GO) run ./internal/docgen
	cd telemetry && $(GO) run ./dashboard >../deploy/grafana/stability.json
	cd lab && $(GO) build -o ../bin/ ./cmd/stability-contract
	cd examples/payment && PATH="$(CURDIR)/bin:$$PATH" $(GO) generate ./...

install: ## install the commands stability and stability-contract
	cd lab && $(GO) install ./cmd/...
