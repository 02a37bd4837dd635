GO ?= go
SEEDS ?= 1000
SEED ?= 0
NODES ?= 5

TIME ?= 1m

.PHONY: build demo test race sim fuzz e2e webui bench lint

# everything goes to bin/, as static binaries
build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./supvisors ./supervisorctl ./examples/shop ./examples/plant ./examples/quickstart/demo

# three nodes in the foreground
demo: build
	bin/demo

test: build
	$(GO) test ./...

race:
	$(GO) test -race ./...

# make sim SEEDS=100000, or make sim SEED=42 NODES=5 to replay one story with its transcript
sim:
	$(GO) test ./internal/cluster/clustertest -count=1 -timeout 0 -run 'TestSimulation|TestReplay' -seeds $(SEEDS) -seed $(SEED) -nodes $(NODES) -v

# make fuzz TIME=10m: each fuzz target in turn
fuzz:
	@for file in $$(grep -rl '^func Fuzz' --include=*_test.go .); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' $$file); do \
			echo "== $$(dirname $$file) $$name"; \
			$(GO) test $$(dirname $$file) -run '^$$' -fuzz "^$$name$$" -fuzztime $(TIME) -fuzzminimizetime 5x || exit 1; \
		done; \
	done

# real daemons on loopback, and what happens to real hosts: kills, freezes, cut networks, full disks. Some of it is for root only
e2e: build
	$(GO) test -count=1 -v ./examples/...
	E2E=1 $(GO) test -count=1 -timeout 60m -parallel 2 -v ./internal/faults

# the dashboard in a real browser. Its tests are a module of their own, which lint does not reach
webui: build
	cd test/webui && { npm ci --ignore-scripts --no-audit --no-fund || echo 'npm ci did not succeed: axe-core is left out'; }
	@test -z "$$(gofmt -l test/webui)" || { echo 'gofmt -w is needed for:'; gofmt -l test/webui; exit 1; }
	$(GO) build -modfile=tools/go.mod -o bin/ honnef.co/go/tools/cmd/staticcheck
	cd test/webui && $(GO) vet ./... && ../../bin/staticcheck ./...
	cd test/webui && $(GO) test -count=1 -timeout 30m -parallel 1 ./...

# a line for each benchmark that lives beside the code, in one to two minutes
bench:
	@$(GO) test -run '^$$' -bench . -benchmem -benchtime 200ms \
		$$(grep -rl '^func Benchmark' --include=*_test.go --exclude-dir=bench --exclude-dir=test . | xargs dirname | sort -u) | awk -f tools/bench.awk

lint:
	@test -z "$$(gofmt -l .)" || { echo 'gofmt -w is needed for:'; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
