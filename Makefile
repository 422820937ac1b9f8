# make demo       everything from packages to three nodes, the walkthrough through docker and apus; leaves the cluster up
# make demo-down  takes it down again
# make test       all tests, and the walkthrough on a cluster of their own; every part runs, the end says which were red
# make check      format and tidy
# make clean-room what README asks of a new user, in a minimal Debian 12 made for it: packages, build, walkthrough
# make fuzz       an hour of made-up inputs for the parsers, FUZZ_SECONDS=N for another time; fuzz-quick is a minute
# make soak       names on five nodes while they are cut off and daemons are killed; SOAK_SECONDS=N for another time than three minutes
# make simulate   long seeded runs of the planning, of what nodes are told and make of it: 10,000 nodes, a million changes
# make bench      a release build beside Debian's Docker engine, plain networks and wireguard-go, one line a figure
# make benchmarks   only builds what bench and bench-scale have of their own, as CI does
# make bench-scale  how the cost of one more task and container grows with those there are; bench-scale-full with a swarm of 1,000 nodes and 30,000 tasks
# make api-docs   writes docs/api.md and docs/options.md anew from the routes and tables
# make install    release builds of the three programs into PREFIX, /usr/local unless it says otherwise

APUS := .build/debug/apus
PREFIX ?= /usr/local
# For debug builds: a module at a time is half the work of its files in batches, when all of them are built. Who changes code and builds often sets
# nothing instead (`SWIFT_BUILD_OPTIONS=`), and has what has changed built alone. CI, which nobody debugs, goes without debug information and index, too.
MODULES := -Xswiftc -wmo -Xswiftc -num-threads -Xswiftc $(shell nproc) -Xswiftc -no-emit-module-separately-wmo -Xswiftc -disable-batch-mode
SWIFT_BUILD_OPTIONS ?= $(MODULES)
# What Scripts/packages puts there serves where this machine has none of its own.
export PATH := $(PATH):$(CURDIR)/.build/tools
# Reads the headers of the packages' C++ once.
export CC := $(CURDIR)/Scripts/clang

.PHONY: demo demo-down test check clean-room fuzz fuzz-quick simulate soak api-docs bench bench-scale bench-scale-full install packages build tests benchmarks images options

demo test: PREFLIGHT := --root
packages:
	@Scripts/preflight $(PREFLIGHT)
	@Scripts/packages
	@[ -x $(APUS) ] || Scripts/preflight --built

build: packages
	swift build $(SWIFT_BUILD_OPTIONS) --product apusd
	swift build $(SWIFT_BUILD_OPTIONS) --product apus
	swift build $(SWIFT_BUILD_OPTIONS) --product apus-esp

# Only this product: `--build-tests` would build the programs of the packages too, a compiler for protocol buffers among them.
tests: packages
	swift build $(SWIFT_BUILD_OPTIONS) --product apusPackageTests

# What CI only builds: it would go on to name what is gone.
benchmarks: packages
	swift build $(SWIFT_BUILD_OPTIONS) --product swarm-benchmark
	swift build $(SWIFT_BUILD_OPTIONS) --product history-benchmark

# What CI adds its own to.
options:
	@echo '$(MODULES)'

images: packages
	Demo/registry start
	Demo/images/build --push "$$(Demo/registry address)"

demo: build images
	Demo/run

demo-down:
	if [ -x $(APUS) ]; then $(APUS) lab down --name demo; fi
	Demo/registry stop
	Acceptance/leftovers --lab demo

# Without a browser, or without others' receivers of logs, what needs them is red, and the rest goes on.
test: build tests
	-Scripts/packages browser receivers
	APUS_COMPLETE=1 Scripts/test

check: tests
	Scripts/test format tidy

clean-room:
	Scripts/packages clean-room
	Acceptance/clean-room --build

# What reads others' bytes and texts, fed with inputs that are made to reach as much of it as can be: for CI a minute, by hand as long as is asked.
FUZZ_SECONDS ?= 3600

# The same tests that `make test` takes small: what is found has its seed in the message, and `SEED=` takes that alone. Each has fixed seeds and the day's;
# of whole swarms the first run alone has all the nodes. What nodes make of it takes as many seeds, and no more changes for each.
CHANGES ?= 1000000
SEEDS ?= 500
RUNS ?= 1
simulate: tests
	APUS_SIMULATION_NODES=10000 APUS_SIMULATION_SECONDS=300 APUS_SIMULATION_CHANGES=$(CHANGES) APUS_SIMULATION_EVERY=1 \
	  APUS_SIMULATION_SEEDS=$(SEEDS) APUS_SIMULATION_RUNS=$(RUNS) APUS_SIMULATION_SEED=$(SEED) \
	  .build/debug/apusPackageTests.xctest --testing-library swift-testing --no-parallel \
	  --filter 'SwarmSimulationTests|IncrementalPlanTests|NetworkIndexTests|NetworkCompositionTests|FinePlanTests|SandboxPlanTests'

# Names while nodes are cut off and daemons killed, on five nodes of its own, for three minutes or as long as is asked.
SOAK_SECONDS ?= 180
soak: build images
	$(APUS) lab up --name soak --nodes 5 --managers 3 --registry "$$(Demo/registry address)"
	Acceptance/soak --lab soak --apus $(APUS) --seconds $(SOAK_SECONDS); status=$$?; $(APUS) lab down --name soak; exit $$status

fuzz: build
	Fuzz/build --optimised
	Fuzz/run --seconds $(FUZZ_SECONDS)

fuzz-quick: build
	Fuzz/build
	Fuzz/run --seconds 60

api-docs: tests
	APUS_WRITE_DOCS=1 swift test --skip-build --filter 'APIDocumentTests|RequestFieldTests'

bench:
	Scripts/packages bench
	swift build -c release --product apusd
	swift build -c release --product apus
	swift build -c release --product apus-esp
	swift build -c release --product history-benchmark
	Benchmarks/run --apus .build/release/apus

# How large the swarm of nodes without a kernel is: usually what fits in half an hour; 1,000 nodes for bench-scale-full; or as said (`make bench-scale SWARM="--quick"`).
SWARM := --agents 200 --services 200 --networks 20 --replicas 30
bench-scale-full: SWARM := --full
bench-scale bench-scale-full:
	Scripts/packages bench
	swift build -c release --product apusd
	swift build -c release --product apus
	swift build -c release --product apus-esp
	swift build -c release --product swarm-benchmark
	Benchmarks/run --apus .build/release/apus --only growth,change
	.build/release/swarm-benchmark --directory .build/bench/swarm $(SWARM)
	.build/release/swarm-benchmark --directory .build/bench/swarm --kills-manager

install:
	swift build -c release --product apusd
	swift build -c release --product apus
	swift build -c release --product apus-esp
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 .build/release/apusd .build/release/apus .build/release/apus-esp $(DESTDIR)$(PREFIX)/bin/
