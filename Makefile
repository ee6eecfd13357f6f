# rx: build, try, test. `make setup` installs what is missing; the other targets do it first.

PREFIX ?= /usr/local
SWIFT ?= swift
# Of make torture.
ROUNDS ?= 10000
SEED ?= 1
RELEASE = --configuration release --static-swift-stdlib
BINARY = .build/release/rx

LIBRARIES = libarchive-dev libmicrohttpd-dev libcurl4-openssl-dev libssl-dev libsqlite3-dev zlib1g-dev libzstd-dev
TOOLS = curl tar libarchive-tools sqlite3 python3
# Programs that the tests let loose on the registry.
CLIENTS = skopeo umoci buildah docker-registry python3-venv nginx-light openssl
PYTHON_CLIENTS = 'oras>=0.2.43' 'python-dxf>=12.1.1'
CLIENT_FOLDER = $(abspath .build/clients)
PEERS = nginx-light docker-registry restic casync borgbackup git openssl wrk hyperfine time

# Asks for what is missing of $(1), and for nothing when all is there.
install_missing = missing=$$(for package in $(1); do \
	dpkg-query --show --showformat='$${db:Status-Status}' $$package 2>/dev/null | grep -qx installed || echo $$package; done); \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then run=; else run=sudo; fi; \
	  $$run apt-get update -q && $$run env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; fi

# The parsers with libFuzzer and the address sanitizer, apart from other builds; gold cannot link it.
FUZZ_BUILD = $(abspath .build-fuzz)
FUZZER = $(FUZZ_BUILD)/release/rx-fuzz
RUNS ?= 10000000
TARGET ?=
SANITIZERS ?= thread address
# The suites that run under a sanitizer; EndToEndTests, CommandTests and DistributionTests test another program, the release binary.
SANITIZED = RxModelTests|RxPosixTests|RxArchiveTests|RxChunksTests|RxStoreTests|RxSourceTests|RxServerTests|RxClientTests|FuzzTests

.PHONY: setup setup-test setup-bench build faults run test torture check format install bench bench-programs bench-transfer bench-loading bench-scale large fuzzer fuzz fuzz-short fuzz-merge \
	sanitize clean help

help:
	@echo 'make run      build, and see the main job done in a temporary home'
	@echo 'make test     every test          make check   format lint, architecture tests and a short fuzzing'
	@echo 'make install  PREFIX=$(PREFIX)    make bench   measure against other programs'
	@echo 'make fuzz     RUNS=$(RUNS) TARGET=one parser, or all    make sanitize   the tests under SANITIZERS="$(SANITIZERS)"'
	@echo 'make bench-scale  how cost grows to a million blobs'
	@echo 'make torture  ROUNDS=$(ROUNDS) SEED=$(SEED): kill, fill, break and cut off stores, and see that nothing is lost'
	@echo 'make large    a 3 GiB archive in bounded memory            make bench-transfer, bench-loading  push and pull, rx run alone'

setup:
	@$(call install_missing,$(LIBRARIES) $(TOOLS))

setup-test: setup
	@$(call install_missing,$(CLIENTS))
	@test -e $(CLIENT_FOLDER)/ready || { python3 -m venv $(CLIENT_FOLDER) && \
	  $(CLIENT_FOLDER)/bin/pip install --quiet --disable-pip-version-check $(PYTHON_CLIENTS) && touch $(CLIENT_FOLDER)/ready; }

setup-bench: setup
	@$(call install_missing,$(PEERS))

build: setup
	$(SWIFT) build $(RELEASE) --product rx

# What rx torture loads in front of the C library; nothing of it is installed.
faults: build
	$(SWIFT) build $(RELEASE) --product RxFaults

run: build
	@Registry/demo.sh $(BINARY)

# The tests drive the release binary, the one that people use; the fault points are in the debug build of the libraries.
test: build faults setup-test
	RX_BINARY=$(abspath $(BINARY)) RX_CLIENTS=$(CLIENT_FOLDER)/bin $(SWIFT) test

torture: faults
	$(BINARY) torture --rounds $(ROUNDS) --seed $(SEED) $(shell test $(ROUNDS) -lt 2000 || echo --points)

check: setup
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests
	$(SWIFT) build --explicit-target-dependency-import-check error
	$(SWIFT) test --skip-build --filter ArchitectureTests
	$(MAKE) fuzz-short

format:
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests

large: build
	RX_BINARY=$(abspath $(BINARY)) RX_LARGE=1 $(SWIFT) test --filter LargeArchive

build_fuzzer = RX_FUZZ=1 $(SWIFT) build --configuration release --product rx-fuzz --scratch-path $(1) --sanitize=address \
	  -Xswiftc -sanitize=fuzzer -Xswiftc -enable-testing -Xswiftc -use-ld=lld -Xcc -fsanitize=fuzzer-no-link

fuzzer: setup
	$(call build_fuzzer,$(FUZZ_BUILD))

# Goes on where it was stopped.
fuzz: fuzzer
	python3 Tests/Fuzz/fuzz.py $(FUZZER) --work $(FUZZ_BUILD)/work --runs $(RUNS) $(addprefix --target ,$(TARGET))

# The same few inputs every time. A build without optimisation takes a quarter of the time, which is more than what it costs here.
fuzz-short: setup
	$(call build_fuzzer,$(FUZZ_BUILD)/short) -Xswiftc -Onone -Xswiftc -gnone
	python3 Tests/Fuzz/fuzz.py $(FUZZ_BUILD)/short/release/rx-fuzz --work $(FUZZ_BUILD)/short/work --runs 5000 --seed 1

# Makes Tests/Fuzz/corpus anew from what the runs have found.
fuzz-merge: fuzzer
	python3 Tests/Fuzz/fuzz.py $(FUZZER) --work $(FUZZ_BUILD)/work --merge $(addprefix --target ,$(TARGET))

# Each sanitizer has a build of its own. Tests/Sanitizers says what is left out, and why; some tests speak with the release binary.
sanitize: build setup-test
	for sanitizer in $(SANITIZERS); do \
	  echo "== $$sanitizer sanitizer" && RX_BINARY=$(abspath $(BINARY)) RX_CLIENTS=$(CLIENT_FOLDER)/bin SWIFT_BACKTRACE=enable=no \
	  LSAN_OPTIONS="suppressions=$(abspath Tests/Sanitizers/leak.txt) print_suppressions=0" \
	  $(SWIFT) test --sanitize=$$sanitizer --scratch-path .build-$$sanitizer -Xswiftc -use-ld=lld \
	    --filter '^($(SANITIZED))\.' --skip 'Packed resources|ten thousand files are walked' || exit 1; \
	done

install: build
	install -D -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/rx

bench-programs:
	$(SWIFT) build $(RELEASE) --product rx-bench

bench: build bench-programs setup-bench
	python3 Tests/Benchmarks/bench.py $(BINARY)

bench-transfer: build setup-bench
	python3 Tests/Benchmarks/bench.py $(BINARY) --transfer

bench-loading: build bench-programs setup-bench
	python3 Tests/Benchmarks/bench.py $(BINARY) --loading

# Stores of up to a million blobs: several minutes and 6 GiB of disk. `make bench-scale SCALE=--quick` ends at 100,000.
bench-scale: build setup-bench
	python3 Tests/Benchmarks/scale.py $(BINARY) $(SCALE)

clean:
	$(SWIFT) package clean
