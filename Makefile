# make demo       everything from packages to three nodes, the walkthrough through docker and apus; leaves the cluster up
# make demo-down  takes it down again
# make test       all tests, and the walkthrough on a cluster of their own
# make check      format and tidy
# make fuzz       an hour of made-up inputs for the parsers, FUZZ_SECONDS=N for another time; fuzz-quick is a minute
# make bench      a release build beside Debian's Docker engine and beside plain networks, one line a figure
# make api-docs   writes docs/api.md anew from the routes

APUS := .build/debug/apus
REGISTRY := 127.0.0.1:5000
PREFIX ?= /usr/local

.PHONY: demo demo-down test check fuzz fuzz-quick api-docs bench install packages build tests images

packages:
	Scripts/packages

build: packages
	swift build --product apusd
	swift build --product apus

# Only this product: `--build-tests` would build the programs of the packages too, a compiler for protocol buffers among them.
tests: packages
	swift build --product apusPackageTests

images: packages
	Demo/registry start
	Demo/images/build --push $(REGISTRY)

demo: build images
	$(APUS) lab down --name demo
	$(APUS) lab up --name demo --nodes 3 --managers 1 --registry $(REGISTRY)
	@Acceptance/walkthrough --lab demo --apus $(APUS); status=$$?; echo; echo "The same through apus:"; \
	Acceptance/walkthrough --lab demo --apus $(APUS) --cli apus || status=1; echo; \
	echo "The cluster stays up. Talk to it with the docker CLI:"; \
	echo "  export DOCKER_HOST=unix:///run/apus-lab/demo/node-1/docker.sock"; \
	echo "Look at it: $(APUS) lab status demo"; \
	echo "Take it down: make demo-down"; \
	exit $$status

demo-down:
	if [ -x $(APUS) ]; then $(APUS) lab down --name demo; fi
	Demo/registry stop
	Acceptance/leftovers --lab demo

test: build tests
	swift test --skip-build --no-parallel
	Acceptance/run

check: tests
	swift format lint --strict --recursive --parallel --configuration .swift-format Sources Tests
	swift test --skip-build --filter TidyTests

# What reads others' bytes and texts, fed with inputs that are made to reach as much of it as can be: for CI a minute, by hand as long as is asked.
FUZZ_SECONDS ?= 3600

fuzz: build
	Fuzz/build --optimised
	Fuzz/run --seconds $(FUZZ_SECONDS)

fuzz-quick: build
	Fuzz/build
	Fuzz/run --seconds 60

api-docs: tests
	APUS_WRITE_DOCS=1 swift test --skip-build --filter APIDocumentTests

bench:
	Scripts/packages bench
	swift build -c release --product apusd
	swift build -c release --product apus
	Benchmarks/run --apus .build/release/apus

install:
	swift build -c release --product apusd
	swift build -c release --product apus
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 .build/release/apusd .build/release/apus $(DESTDIR)$(PREFIX)/bin/
