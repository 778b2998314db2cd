# The front door. Two commands are all one needs:
#
#   make demo    set up what is missing, build, open the window on a mail provider of its own
#   make test    set up what is missing, run everything that is run on every change
#
# and eight more for those who work on it:
#
#   make check   the quick loop: format, lints, unit tests
#   make lint    lints and documentation alone
#   make torture the program killed a thousand times, by a new seed
#   make fuzz    what servers and people say, at random, to whoever reads it
#   make audit   licences, sources and known holes of what it is built from
#   make deb     a Debian package: target/mailsluice_*.deb
#   make bench   speed beside msmtp, Postfix, mbsync and others: benches/README.md
#   make hot     speed of the inner loops

CARGO ?= cargo

# cargo-nextest keeps slow tests apart and ends stuck ones; without it the tests run all the same.
ifneq ($(shell command -v cargo-nextest),)
run_tests = $(CARGO) nextest run --locked $(if $(CI),--profile ci) $(1)
else
run_tests = $(CARGO) test --locked $(1)
endif

.PHONY: demo test check lint audit torture fuzz bench hot deb setup

demo:
	@scripts/setup demo
	$(CARGO) run --locked -- --demo

# The tests come last, so that their closing line is the last word.
test: setup lint
	@if command -v cargo-deny >/dev/null; then cargo-deny check bans licenses sources; fi
	$(call run_tests)

check:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(call run_tests,--lib --bins)

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --no-default-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

# Known holes come from a database in the network; without one all else is checked, and the end says what was not.
audit:
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is missing: cargo install --locked cargo-deny"; exit 1; }
	cargo-deny --offline check bans licenses sources
	@cargo-deny fetch db >/dev/null 2>&1 || { echo "audit: licences, sources and duplicates are in order. Known holes were NOT looked for:" \
	  "the advisory database could not be fetched. Run it again where there is a network."; exit 69; }
	cargo-deny check advisories

# Half an hour, and the machine to itself. ONLY=receive PEER=mailsluice,mbsync REPS=3 measure a part, and write nothing.
bench:
	@scripts/setup bench
	$(CARGO) bench --locked --bench peers -- $(if $(ONLY),--only $(ONLY)) $(if $(PEER),--peer $(PEER)) $(if $(REPS),--reps $(REPS)) $(ARGS)

# The inner loops alone, by criterion. FILTER=spool measures a part.
hot:
	$(CARGO) bench --locked --bench hot_paths -- $(FILTER)

# What a seed found comes again with TORTURE_SEED=<that seed>.
torture:
	TORTURE_KILLS=1000 TORTURE_SEED=$${TORTURE_SEED:-$$(date +%s)} $(call run_tests,--test torture kills::)

# On the stable compiler, without a sanitizer: safe code needs none. RUNS=10000000 TARGET=imap run one for longer; what
# came of that is in fuzz/README.md.
fuzz:
	@command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz is missing: cargo install --locked cargo-fuzz"; exit 1; }
	for target in $(or $(TARGET),smtp pop3 imap profile message socket); do \
	  mkdir -p fuzz/corpus/$$target && \
	  RUSTC_BOOTSTRAP=1 cargo-fuzz run --sanitizer none $$target fuzz/corpus/$$target $$(ls -d fuzz/seeds/$$target tests/data/$${target}s 2>/dev/null) -- \
	    -runs=$(or $(RUNS),1000000) -max_total_time=3600 -max_len=4096 -rss_limit_mb=1024 -timeout=20 || exit 1; \
	done

# Built on Debian 12 it runs there and on all that came later. lintian has a look at it where it is installed.
deb:
	@scripts/setup demo
	$(CARGO) build --locked --release
	@scripts/deb

setup:
	@scripts/setup test
