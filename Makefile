# Quittance: `make help` says what there is. Each target is plain cargo and two scripts; they work by hand as well.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

KAFKA := deploy/kafka/kafka.sh
# A port of its own, so that the demo and `kafka.sh start` (9092) never meet.
DEMO_PORT ?= 19092

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

.PHONY: install
install: ## what a Debian needs to build: packages, the prebuilt RocksDB, .cargo/config.toml (idempotent)
	@deploy/dev/install.sh

.PHONY: check
check: install ## before a commit: format, advisories, clippy without a warning, the fast tests (no Kafka)
	cargo fmt --all --check
	@deploy/dev/advisories.sh
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --workspace --locked

.PHONY: test
test: install ## everything, also against a real Kafka broker (what CI runs)
	@$(KAFKA) install
	QUITTANCE_SYSTEM=1 cargo test --workspace --locked
	@deploy/dev/console.sh test

# Built first, with cargo's progress: `cargo run -q` alone would be silent for minutes the first time.
.PHONY: build
build: install ## the one binary, target/debug/quittance (optimized; there is one profile)
	@cargo build --locked -p cli

.PHONY: demo
demo: build ## a business day without a broker
	@cargo run -q --locked -p cli -- demo

.PHONY: demo-kafka
demo-kafka: build ## through a real Kafka broker, started empty and stopped again: the week, then stories of a bank and its agent
	@export KAFKA_PORT=$(DEMO_PORT); $(KAFKA) stop; $(KAFKA) wipe; trap '$(KAFKA) stop' EXIT; \
	$(KAFKA) start; cargo run -q --locked -p cli -- demo --kafka 127.0.0.1:$(DEMO_PORT); \
	cargo run -q --locked -p cli -- stories --kafka 127.0.0.1:$(DEMO_PORT)

.PHONY: console
console: ## the console's pages anew, after a change in crates/server/console or proto/ (needs npm; cargo does not)
	@deploy/dev/console.sh build

.PHONY: screenshots
screenshots: build ## docs/console anew: the console over the demonstration's week, in Chromium
	@deploy/dev/console.sh screenshots

.PHONY: bench
bench: build ## measure: throughput, latency, recovery
	@cargo run -q --locked -p cli -- bench all

# Engines that are killed; brokers and connections are a quarter of it.
CHAOS ?= 200

.PHONY: chaos
chaos: install ## 200 engines and 50 brokers or connections killed under load, then the topic is checked (a quarter of an hour on a quiet machine)
	@$(KAFKA) install
	QUITTANCE_SYSTEM=1 QUITTANCE_CHAOS=$(CHAOS) cargo test --locked -p quittance-tests --test system -- chaos

# Power cuts, and bits turned over.
CYCLES ?= 50
FLIPS ?= 200

.PHONY: faults
faults: install ## the disk: power cuts (CYCLES; need root), flipped bits (FLIPS), errors, slow, hanging, full
	CYCLES=$(CYCLES) FLIPS=$(FLIPS) cargo test --locked -p quittance-tests --test faults

# Inputs of each kind, chosen by chance and not by coverage; callers that mean harm.
HOSTILE ?= 1000000
CONNECTIONS ?= 2000

.PHONY: hostile
hostile: install ## callers that mean harm (CONNECTIONS, 2,000), then bent bytes against the auditor's readers (HOSTILE, a million of each kind)
	CONNECTIONS=$(CONNECTIONS) cargo test --locked -p quittance-tests --test faults -- hostile_clients
	HOSTILE=$(HOSTILE) cargo test --locked -p auditor --test hostile -- --nocapture

# Executions of each fuzz target, and which (all).
RUNS ?= 1000000
TARGET ?=

.PHONY: fuzz
fuzz: ## libFuzzer with coverage against every way in from outside (RUNS, a million each; TARGET to choose)
	@RUNS=$(RUNS) deploy/dev/fuzz.sh $(TARGET)

.PHONY: iso-oracle
iso-oracle: install ## our ISO 20022 XML judged by Prowide's library (fetched by Maven the first time), and Prowide's read by us
	@deploy/dev/iso-oracle.sh

SEED ?= 1
STEPS ?= 2000
MINUTES ?= 10

.PHONY: sim
sim: install ## one run of the simulator (SEED, STEPS): the house against a bookkeeper of its own, with faults
	cargo run -q --locked -p simulator -- --seed $(SEED) --steps $(STEPS)

.PHONY: sim-many
sim-many: install ## fresh seeds for a time (MINUTES, STEPS): seeds, records, faults by kind, speed
	cargo run -q --locked -p simulator -- --seconds $$(($(MINUTES) * 60)) --steps $(STEPS)

.PHONY: sim-mutants
sim-mutants: install ## twelve bugs planted one at a time: the simulator must find each
	@deploy/dev/sim-mutants.sh

.PHONY: fmt
fmt: ## format the code
	@cargo fmt --all

.PHONY: kafka
kafka: install ## start a broker on 127.0.0.1:9092 (KAFKA_PORT) in the background
	@$(KAFKA) start

.PHONY: kafka-stop
kafka-stop: ## stop it, its data stays
	@$(KAFKA) stop

.PHONY: clean-kafka
clean-kafka: ## stop every broker of the cache folder and delete its data
	@for data in "$${QUITTANCE_CACHE:-$$HOME/.cache/quittance}"/kafka-data/*/; do \
	  [ -d "$$data" ] || continue; export KAFKA_PORT=$$(basename "$$data"); $(KAFKA) stop; $(KAFKA) wipe; done
