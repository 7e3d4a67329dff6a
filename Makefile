# Everything a change must pass, and the longer runs. `make test` is what every
# change passes; `make check` is what a release passes.

GO        ?= go
TOOL       = $(GO) tool -modfile=tools/go.mod
PACKAGES  ?= ./...

# How long or how hard; set on the command line: make fuzz FUZZTIME=5m.
FUZZTIME  ?= 20s
KILLS     ?= 60
HISTORIES ?= 2
OUTAGES   ?= 1500
HISTORY   ?= 4000
SOAK      ?= 10m
ATTACKS   ?= 100000
HOSTILE   ?= 30s
BENCH     ?=

# Where pictures of the pages go.
SCREENSHOTS ?= $(CURDIR)/screenshots

# A folder of vulnerability records (OSV, as golang/vulndb has them), where there is one.
VULNDB    ?= ../shared/vulndb

# Programs of other people's, unmodified, against a sandbox: a module of its own.
CLIENTS    = cd test/clients &&
CLIENTTOOL = $(GO) tool -modfile=../../tools/go.mod

# Zones come from everybody: their lexer is fuzzed with every change.
ZONEFUZZ   = $(GO) test -run='^$$' -fuzz='^FuzzParse$$' ./internal/zone -fuzztime

.PHONY: build test clients race lint fuzz bench soak screenshots crash newer check docs deps format vet staticcheck vulnerabilities deadcode

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/latchkey ./cmd/latchkey

# The summary comes last: packages, what failed, what was skipped, DONE.
test: deps format vet staticcheck clients
	$(ZONEFUZZ)=20s
	$(TOOL) gotestsum --format pkgname --format-hide-empty-pkg -- -count=1 $(PACKAGES)

clients: deps
	$(CLIENTS) $(CLIENTTOOL) gotestsum --format pkgname -- -count=1 ./...

# Needs a C compiler.
race: deps
	$(TOOL) gotestsum --format pkgname --format-hide-empty-pkg -- -race -count=1 -timeout=30m $(PACKAGES)

# The first golangci-lint takes some ten minutes: it is built from source.
lint: vet staticcheck vulnerabilities deadcode
	$(GO) tool -modfile=tools/lint/go.mod golangci-lint run $(PACKAGES)

fuzz:
	GO="$(GO)" FUZZTIME=$(FUZZTIME) scripts/fuzz $(PACKAGES)

# make bench BENCH='-rounds 20' passes flags on; the micro-benchmarks are
# go test -run='^$$' -bench=. -count=10 PACKAGE, read with benchstat.
bench: deps
	$(GO) run ./test/load $(BENCH)

# Pictures of every page, light and dark, wide and narrow, in both languages, to be looked at.
screenshots: deps
	$(GO) test -count=1 -timeout=20m -run=Screens ./test/pages -args -screenshots=$(SCREENSHOTS)

crash:
	$(GO) test -count=1 -timeout=60m -v ./test/crash -args -kills=$(KILLS) -histories=$(HISTORIES) -operations=$(HISTORY) -outages=$(OUTAGES) -mailchanges=60

# The programs behind the server as the next Debian has them: Dovecot 2.4, Postfix 3.10,
# BIND 9.20, NSD 4.12, nginx 1.26. Needs root and debootstrap.
NEWER = bind9,bind9-dnsutils,curl,dovecot-imapd,dovecot-lmtpd,dovecot-pop3d,dovecot-sieve,dovecot-sqlite,nginx-light,nsd,openssl,postfix,postfix-sqlite
newer:
	scripts/in-debian trixie $(NEWER) $(GO) test -count=1 -timeout=30m ./test/dovecot ./test/dns ./internal/driver/... ./internal/zone ./internal/cli

# The same server under load for long, then spoken to by people who mean no good,
# with a token that is rotated under it, then asked what the time of a refusal
# tells, then killed and started many times.
soak:
	$(GO) run ./test/load -soak $(SOAK)
	$(ZONEFUZZ)=10m
	$(GO) test -count=1 -timeout=60m -v ./test/hostile -args -requests=$(ATTACKS)
	$(GO) run ./test/load -hostile $(HOSTILE)
	$(GO) run ./test/load -rotation 60s
	$(GO) run ./test/load -timing 20000
	$(GO) test -count=1 -timeout=60m -v -run=OwnerIsLetIn ./test/matrix -args -signins=10000
	$(GO) test -count=1 -timeout=60m -v ./test/trail -args -tampers=1000 -secrets=10000
	$(MAKE) crash KILLS=600 HISTORIES=20 OUTAGES=10000

# What is generated from the program's own text must be current.
docs: build
	bin/latchkey openapi --output docs/openapi.json
	bin/latchkey openapi --docs docs/functions
	@[ -z "$$(git status --porcelain docs/openapi.json docs/functions)" ] || { echo "docs/openapi.json or docs/functions was not current: commit it"; exit 1; }

check: test race lint fuzz crash newer docs

deps:
	@scripts/test-deps

format:
	@found=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go' | while read -r f; do [ -f "$$f" ] && echo "$$f"; done)); \
	if [ -n "$$found" ]; then echo "not as gofmt writes it (run gofmt -w):"; echo "$$found"; exit 1; fi

vet:
	$(GO) vet $(PACKAGES)
	$(CLIENTS) $(GO) vet ./...

staticcheck:
	$(TOOL) staticcheck $(PACKAGES)
	$(CLIENTS) $(CLIENTTOOL) staticcheck ./...

vulnerabilities:
	@if [ -d "$(VULNDB)" ]; then \
		$(TOOL) govulncheck -db "file://$(abspath $(VULNDB))" $(PACKAGES); \
	else \
		echo "govulncheck: SKIPPED, no records at $(VULNDB) (set VULNDB=FOLDER)"; \
	fi

deadcode:
	@found=$$($(TOOL) deadcode -test $(PACKAGES)) || exit 1; \
	if [ -n "$$found" ]; then echo "nobody calls:"; echo "$$found"; exit 1; fi
