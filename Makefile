# What CI runs is `make`, which is `make test`. `go build ./...` needs Go alone; everything here needs Go and make, and
# the race detector a C compiler.

# A pipe fails with its first failing part.
SHELL       = /bin/bash
.SHELLFLAGS = -o pipefail -c

GO        ?= go
TESTFLAGS ?=
BUILDDIR  ?= bin
COUNT     ?= 6
BENCH     ?= .
FUZZTIME  ?= 30s
STUDYFLAGS ?=
DISTDIR   ?= dist
VULNDB    ?= https://vuln.go.dev

# Versions of the programs that are run from their modules, never added to go.mod.
GOLANGCI_LINT = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
BENCHSTAT     = golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

# What runs under the race detector: packages with goroutines of their own, and of the slow packages that promise to be
# safe for many goroutines the tests of that promise. TestReferenceRun does the same with the whole program.
CONCURRENT = ./engine ./engine/internal/parallel ./engine/loss ./engine/metrics ./quantum/simulator ./internal/outbound \
	$(addprefix ./cmd/qrsd/internal/,daemon egressfile notify quantumjob webhook)
QUEUE      = -run 'Queue|Feed|Cores|Meter' ./cmd/qrsd/internal/runner
SHARED     = -run 'Concurrent|Goroutine|Conflict|Swept|GroupCommit|Journal' ./engine/hazard ./engine/vulnerability ./store ./store/internal/... ./store/ledger

.PHONY: all
all: test

# Where SoftHSM2 keeps its library; the tests of the PKCS#11 adapter run against it.
SOFTHSM ?= $(firstword $(wildcard /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/local/lib/softhsm/libsofthsm2.so))

# Everything a change must pass, in some eleven minutes on two cores (the goal is ten): the build, vet, gofmt, the race detector,
# and last, so that it is what one sees, every test. Seeds of fuzz targets run as tests.
.PHONY: test
test: build-all vet format race pkcs11 ui-test
	$(GO) test -timeout 20m $(TESTFLAGS) $(LONGEST) ./...

# Packages whose tests take longest begin first, so that at the end no core waits for one of them.
LONGEST    = ./web ./cmd/qrsd ./store ./cmd/qrsd/internal/runner

# Tests of the pages drive Chromium, and say so where it is missing; CHROMIUM=required (as in CI) makes that an error.
export CHROMIUM

.PHONY: build-all
build-all:
	$(GO) build ./...

.PHONY: vet
vet:
	$(GO) vet ./...

# -s is part of the layout.
.PHONY: format
format:
	@files=$$(find . -name '*.go' -not -path './.git/*' -not -path '*/node_modules/*' | xargs gofmt -s -l); \
	if [ -n "$$files" ]; then echo "gofmt -s -w is wanted by:"; echo "$$files"; exit 1; fi

# The PKCS#11 adapter is behind a build tag, since it needs a C compiler; its tests want a token. Without either that is
# said, and PKCS11=required (as in CI) makes it an error.
.PHONY: pkcs11
pkcs11:
	@if [ -n "$(SOFTHSM)" ] && command -v "$$($(GO) env CC | cut -d' ' -f1)" >/dev/null 2>&1; then \
		echo "$(GO) test -tags pkcs11 $(TESTFLAGS) ./store/pkcs11" && \
		CGO_ENABLED=1 $(GO) vet -tags pkcs11 ./store/pkcs11 ./cmd/qrsd && \
		CGO_ENABLED=1 $(GO) test -tags pkcs11 $(TESTFLAGS) ./store/pkcs11; \
	elif [ "$(PKCS11)" = required ]; then \
		echo "PKCS#11: no C compiler or no SoftHSM2 found; install gcc and softhsm2" >&2; exit 1; \
	else \
		echo "PKCS#11: left out, no C compiler or no SoftHSM2 found"; \
	fi

# Without a C compiler there is no race detector: that is said, and RACE=required (as in CI) makes it an error. The three parts run
# beside each other, since none of them keeps two cores busy alone.
.PHONY: race
race:
	@if command -v "$$($(GO) env CC | cut -d' ' -f1)" >/dev/null 2>&1; then \
		$(MAKE) --no-print-directory -j 2 race-concurrent race-queue race-shared; \
	elif [ "$(RACE)" = required ]; then \
		echo "race detector: no C compiler found; install gcc or clang" >&2; exit 1; \
	else \
		echo "race detector: left out, no C compiler found"; \
	fi

RACETEST = CGO_ENABLED=1 $(GO) test -race -timeout 20m $(TESTFLAGS)

.PHONY: race-concurrent race-queue race-shared
race-concurrent:
	$(RACETEST) -short $(CONCURRENT)
race-queue:
	$(RACETEST) -short $(QUEUE)
race-shared:
	$(RACETEST) $(SHARED)

# A program with its commit inside and no path of the machine that built it. The flags stand here in full: they
# hold whatever GOFLAGS says, and without them a seal could not name the build. Without cgo both programs are static.
.PHONY: build
build:
	CGO_ENABLED=0 $(GO) build -buildvcs=true -trimpath -o $(BUILDDIR)/ ./cmd/...

# The terminal: types, scales, formats and parsing, and a modeler's first run in Chromium against this program; JOURNEYS=all is every way
# of people through it, some minutes. Where Node.js or its packages are missing that is said, and UI=required (as in CI) makes it an error.
JOURNEYS  ?= j2-first-run
UIPROGRAM = $(BUILDDIR)/ui-test/qrsd
.PHONY: ui-test
ui-test:
	@if [ ! -d web/ui/node_modules ] && [ "$(UI)" = required ] && command -v npm >/dev/null 2>&1; then (cd web/ui && npm ci --ignore-scripts --no-audit --no-fund); fi; \
	if ! command -v node >/dev/null 2>&1 || [ ! -d web/ui/node_modules ]; then \
		if [ "$(UI)" = required ]; then echo "terminal: install Node.js 20.19 or later with npm, then run npm ci --ignore-scripts in web/ui" >&2; exit 1; fi; \
		echo "terminal: left out; install Node.js 20.19 or later with npm, then run npm ci --ignore-scripts in web/ui"; \
	else \
		(cd web/ui && npm run -s check && npm test --silent) && $(GO) build -o $(UIPROGRAM) ./cmd/qrsd || exit 1; \
		(cd web/ui && QRSD=$(abspath $(UIPROGRAM)) node journeys/all.mjs $(filter-out all,$(JOURNEYS))); \
		case $$? in 0) ;; 2) if [ "$(CHROMIUM)" = required ]; then exit 1; fi; echo "terminal: journeys left out" ;; *) exit 1 ;; esac; \
	fi

# The terminal's files are committed as built: the same source gives the same bytes. `make ui-verify` says where they do not.
.PHONY: ui
ui:
	cd web/ui && npm ci --ignore-scripts --no-audit --no-fund && npm run types && npm run check && npm run build

.PHONY: ui-verify
ui-verify: ui
	@git diff --exit-code --stat -- web/ui/dist && test -z "$$(git status --porcelain -- web/ui/dist)" || \
		{ echo "web/ui/dist is not what its source gives: commit what make ui wrote" >&2; exit 1; }

.PHONY: lint
lint:
	$(GO) run $(GOLANGCI_LINT) run ./...

# Results land in bench/ by commit, in benchstat's format. `make bench BENCH=Apply COUNT=10` narrows it.
.PHONY: bench
bench:
	@mkdir -p bench
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) -timeout 0 ./... | tee bench/$$(git rev-parse --short HEAD).txt

# make bench-compare BASE=bench/1234abc.txt NEW=bench/5678def.txt
.PHONY: bench-compare
bench-compare:
	$(GO) run $(BENCHSTAT) $(BASE) $(NEW)

# Every fuzz target for FUZZTIME each. What one finds is written below testdata/fuzz: commit it with the mending.
.PHONY: fuzz
fuzz:
	@grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n 1 dirname | sort -u | while read -r dir; do \
		sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$$dir"/*_test.go | while read -r target; do \
			echo "== $$dir $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$dir" </dev/null || exit 1; \
		done || exit 1; \
	done

# The committed sample portfolio is what its program makes.
.PHONY: examples
examples:
	$(GO) run ./examples/florida/generate
	$(GO) run ./examples/florida/generate -faulty >/dev/null
	git diff --exit-code --stat -- examples

# How often intervals of amplitude estimates hold the truth, and at what cost: some minutes on two cores.
.PHONY: qae-study
qae-study:
	$(GO) run ./quantum/estimate/study $(STUDYFLAGS)

# The faults that the store must survive, longer than in make test: 200 kills, a thousand flipped bytes of each file, random
# operations beside a model. Some minutes; all on this host's disk and memory, and it stops by itself.
.PHONY: torture
torture:
	QRSD_TORTURE_ROUNDS=200 QRSD_TORTURE_FLIPS=300 QRSD_TORTURE_CHECKS=100 KV_KILL_ROUNDS=200 KV_FLIPS=20000 KVFAULTS_SUBSETS=12 \
		$(GO) test -count 1 -p 1 -timeout 60m -v -run 'Killed|Flipped|Readable|Model|Campaign|Damage|Disk|EveryStep|Crash' \
		./store ./store/internal/kv ./store/internal/keyring ./store/internal/blob ./store/workspace | grep -vE '^(=== |ack )'
	QRSD_TORTURE_ATTEMPTS=10000 $(GO) test -count 1 -timeout 20m -v -run 'SignInFlood' ./web | grep -vE '^=== '

# Programs of packaging/tools/go.mod, where they are pinned with their sums: nfpm and govulncheck.
.PHONY: tools
tools:
	$(GO) -C packaging/tools build -mod=readonly -o $(abspath $(BUILDDIR))/tools/ tool

# The files that a customer gets, in DISTDIR: deb, rpm, container image, bill of materials, checksums, and with QRSD_RELEASE_KEY their signature.
# Wants a clean checkout; packaging/README.md is what the customer does with them. `make package GOARCH=arm64` is for another architecture.
.PHONY: package
package: tools
	GOARCH= $(GO) run ./packaging/release -out $(DISTDIR) $(if $(GOARCH),-arch $(GOARCH)) -nfpm $(BUILDDIR)/tools/nfpm \
		-roots "$$($(GO) -C packaging/tools list -m -f '{{.Dir}}' golang.org/x/crypto/x509roots/fallback)" $(PACKAGEFLAGS)

# Packages of the last commit, installed, run, upgraded, and removed as packaging/README.md says, with a real systemd in namespaces of its own. Wants
# root on Linux, and says so elsewhere. Some minutes.
.PHONY: package-test
package-test: tools
	QRSD_PACKAGE_TEST=$(abspath $(BUILDDIR))/tools $(GO) test -count 1 -timeout 30m -v ./packaging/...

# The last commit, built twice: in two folders, at two times, the second without anything compiled before. Every byte must be the same.
.PHONY: reproducible
reproducible:
	@packaging/reproducible

# Weaknesses that are known of what we depend on. A database that cannot be reached is said in capitals and is no error, unless AUDIT=required;
# VULNDB names another one, also file:///..., and npm's own settings another registry.
.PHONY: weaknesses
weaknesses:
	@packaging/audit "$(VULNDB)" "$(AUDIT)"

# All that looks at the sources and at what we depend on without running the product: licenses too. The race detector is in make test.
.PHONY: audit
audit: format vet lint weaknesses
	$(GO) test -count 1 ./packaging/licenses

.PHONY: clean
clean:
	rm -rf bin out bench dist
