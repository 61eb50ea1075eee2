# getscu: `make` builds build/getscu, and core.so and imaging_core.so in build/lua/getscu; README.md
# has the other targets.
#
#   make [SANITIZE=address,undefined] [DEBUG=1]
#   make demo | test | test-long | torture | fuzz [SECONDS=n | RUNS=n] [TARGET=x] | coverage | analyze
#   make peers | lint | format | docs | bench | install | clean

PREFIX ?= /usr/local
DESTDIR ?=
LUA_LIBDIR ?= $(PREFIX)/lib/lua/5.4
LUA_SHAREDIR ?= $(PREFIX)/share/lua/5.4
SANITIZE ?=
# Set by `make fuzz` and `make coverage`.
FUZZ ?=
COVERAGE ?=
BUILD := build$(if $(FUZZ),/fuzz,$(if $(COVERAGE),/coverage,$(if $(SANITIZE),/sanitize)))
VERSION := 0.1.0

comma := ,
CFLAGS ?= $(if $(COVERAGE),-O0,-O2) -g
CXXFLAGS ?= $(if $(COVERAGE),-O0,-O2) -g
warnings := $(if $(COVERAGE),,-Wall -Wextra -Wshadow) $(if $(CI),-Werror)
sanitizers := $(if $(FUZZ),fuzzer-no-link$(comma)address$(comma)undefined,$(SANITIZE))
instrument := $(if $(sanitizers),-fsanitize=$(sanitizers) -fno-sanitize-recover=all \
    -fno-omit-frame-pointer) $(if $(COVERAGE),--coverage -fprofile-update=atomic -DGETSCU_COVERAGE)
lua_cflags := -I/usr/include/lua5.4
# Sanitizers check more than _FORTIFY_SOURCE does, and want to do it themselves.
harden := -fstack-protector-strong \
    $(if $(sanitizers)$(COVERAGE),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
harden_link := -Wl,-z,relro,-z,now
common := -Isrc -fPIC $(harden) -MMD -MP -D_GNU_SOURCE -DGETSCU_VERSION='"$(VERSION)"' $(instrument)
all_cflags = -std=c11 $(warnings) -Wstrict-prototypes -Wmissing-prototypes $(common) $(lua_cflags) $(CFLAGS)
all_cxxflags = -std=c++17 $(warnings) $(common) $(CXXFLAGS)
dcmtk_libs := -ldcmdata -loflog -lofstd
core_libs := $(dcmtk_libs) -lssl -lcrypto -lz -lstdc++ -lm -lpthread
# Codecs and imaging, which only imaging_core.so is linked with: the program starts without them.
imaging_libs := -ldcmimage -ldcmimgle -ldcmjpeg -ldcmjpls $(dcmtk_libs) -lz -lstdc++ -lm

rooms := protocol net storage text dcmtk session lua
core_sources := src/error.c $(wildcard src/dcmtk/*.cc) \
    $(filter-out src/lua/library.c src/lua/imaging.c,$(wildcard $(rooms:%=src/%/*.c)))
# What of the core the imaging is made of, and what it has of its own.
imaging_shared := src/error.c src/lua/binding.c $(wildcard src/text/*.c src/dcmtk/*.cc)
imaging_sources := src/lua/imaging.c $(wildcard src/dcmtk/imaging/*.cc)
object = $(patsubst src/%,$(BUILD)/obj/%.o,$(1))
core_objects := $(call object,$(core_sources))
imaging_objects := $(call object,$(imaging_sources))
# What the C units are linked with: everything that knows no Lua.
plain_objects := $(filter-out $(BUILD)/obj/lua/%,$(core_objects))
library := $(wildcard lua/*.lua lua/stdlib/getscu/*.lua lua/stdlib/getscu/*/*.lua)
unit_tests := $(patsubst tests/c/%.c,$(BUILD)/tests/%,$(wildcard tests/c/test_*.c))
fuzz_targets := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz_programs := $(fuzz_targets:%=$(BUILD)/tests/fuzz_%)
test_tools := $(addprefix $(BUILD)/,tests/tap tests/gateway tests/actor tests/faults.so \
    tests/surroundings.so bench/server bench/objects bench/timer)
benches := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c)) \
    $(BUILD)/bench/getscu_tls

manuals := $(BUILD)/man/getscu.1 $(BUILD)/man/ja/getscu.1
completions := $(BUILD)/completions/getscu.bash $(BUILD)/completions/getscu.zsh \
    $(BUILD)/completions/getscu.fish

.PHONY: all module docs demo test run-tests test-long torture fuzz run-fuzz coverage run-coverage \
    analyze peers lint format bench run-bench install install-module clean
all: $(BUILD)/getscu module $(manuals) $(completions)
module: $(BUILD)/lua/getscu/core.so $(BUILD)/lua/getscu/imaging_core.so

program_objects := $(BUILD)/obj/main.c.o $(BUILD)/obj/lua/library.c.o $(BUILD)/obj/library.c.o
$(BUILD)/getscu: $(core_objects) $(program_objects)
	$(CC) -pie $(harden_link) $(instrument) $(LDFLAGS) -o $@ $^ -llua5.4 $(core_libs)

# Not linked with Lua: the interpreter that loads it has it.
$(BUILD)/lua/getscu/core.so: $(core_objects)
	@mkdir -p $(@D)
	$(CC) -shared $(harden_link) $(instrument) $(LDFLAGS) -o $@ $^ $(core_libs)

$(BUILD)/lua/getscu/imaging_core.so: $(call object,$(imaging_shared)) $(imaging_objects)
	@mkdir -p $(@D)
	$(CC) -shared $(harden_link) $(instrument) $(LDFLAGS) -o $@ $^ $(imaging_libs)

# The Lua library, compiled in.
$(BUILD)/library.c: src/lua/embed.lua $(library)
	@mkdir -p $(@D)
	lua5.4 src/lua/embed.lua $@ $(library)

$(BUILD)/obj/library.c.o: $(BUILD)/library.c
	@mkdir -p $(@D)
	$(CC) $(all_cflags) -c -o $@ $<

$(BUILD)/obj/%.c.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(all_cflags) -c -o $@ $<

$(BUILD)/obj/%.cc.o: src/%.cc
	@mkdir -p $(@D)
	$(CXX) $(all_cxxflags) -c -o $@ $<

$(BUILD)/tests/%: tests/c/%.c $(plain_objects)
	@mkdir -p $(@D)
	$(CC) $(all_cflags) $(LDFLAGS) -o $@ $< $(plain_objects) -lcmocka $(core_libs)

# Its allocators fail where it wants them to.
$(BUILD)/tests/test_memory: LDFLAGS += -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc

# A fuzz target: with libFuzzer in it, or with a main() that runs files through it.
fuzz_main := $(if $(FUZZ),-fsanitize=fuzzer -fsanitize-link-c++-runtime,tests/fuzz/replay.c)
$(BUILD)/tests/fuzz_%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c $(plain_objects)
	@mkdir -p $(@D)
	$(CC) $(all_cflags) $(LDFLAGS) -o $@ $< $(fuzz_main) $(plain_objects) $(core_libs)

# Their seeds, and what they found before.
seeds := $(BUILD)/seeds/made
$(seeds): tests/fuzz/seeds.lua tests/fuzz/encode.lua $(wildcard tests/fuzz/findings/*/*)
	rm -rf $(@D)
	lua5.4 $< $(@D)
	touch $@

# What lets calls of a program fail, and what gives it odd surroundings; they are preloaded, and are
# built as they stand.
$(BUILD)/tests/%.so: tests/torture/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(warnings) -D_GNU_SOURCE -O2 -g -shared -fPIC -o $@ $<

$(BUILD)/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(CC) $(all_cflags) $(LDFLAGS) -o $@ $< $(bench_libs)
$(BUILD)/bench/server: bench_libs := -lssl -lcrypto

$(BUILD)/bench/%: tests/bench/%.cc
	@mkdir -p $(@D)
	$(CXX) $(all_cxxflags) $(LDFLAGS) -o $@ $< -ldcmtls -ldcmnet $(dcmtk_libs)

# Made of the manual and the table of options: pages, completions, and chapters of the documents.
generator := docs/generate.lua $(wildcard docs/generate/*.lua) $(library)
$(BUILD)/man/getscu.1: docs/manual.md $(generator)
	@mkdir -p $(@D)
	lua5.4 docs/generate.lua man $< en >$@.new && mv $@.new $@

$(BUILD)/man/ja/getscu.1: docs/ja/manual.md $(generator)
	@mkdir -p $(@D)
	lua5.4 docs/generate.lua man $< ja >$@.new && mv $@.new $@

$(BUILD)/completions/getscu.%: $(generator)
	@mkdir -p $(@D)
	lua5.4 docs/generate.lua $* >$@.new && mv $@.new $@

docs: all
	$(BUILD)/getscu --run docs/generate.lua chapters docs/manual.md en
	$(BUILD)/getscu --run docs/generate.lua chapters docs/ja/manual.md ja
	$(BUILD)/getscu --run docs/generate.lua chapters docs/conformance.md en
	$(BUILD)/getscu --run docs/generate.lua chapters docs/errors.md en

demo:
	.ci/install build
	$(MAKE) all
	$(BUILD)/getscu --run scripts/demo/demo.lua

test:
	.ci/install build test
	$(MAKE) run-tests

# TESTS: files in place of all of them. LONG=1: whole what is else done by a sample.
TESTS ?=
LONG ?=
run-tests: all $(unit_tests) $(fuzz_programs) $(seeds) $(test_tools)
	BUILD=$(BUILD) LONG=$(LONG) tests/run $(TESTS)

# Each target, or TARGET alone, runs for so many seconds, or RUNS times.
SECONDS ?= 60
RUNS ?=
TARGET ?=
fuzz:
	.ci/install build fuzz
	$(MAKE) FUZZ=1 CC=clang CXX=clang++ run-fuzz

run-fuzz: $(if $(TARGET),$(BUILD)/tests/fuzz_$(TARGET),$(fuzz_programs)) $(seeds)
	BUILD=$(BUILD) RUNS=$(RUNS) tests/fuzz/run $(SECONDS) $(if $(TARGET),$(TARGET),$(fuzz_targets))

# What `make test` does by a sample, whole: each fault, 200 kills, and what takes long.
torture:
	.ci/install build test
	$(MAKE) run-tests TESTS=tests/lua/torture_spec.lua LONG=1

test-long:
	.ci/install build test
	$(MAKE) run-tests LONG=1 \
	    TESTS="tests/lua/torture_spec.lua tests/lua/kill_spec.lua tests/lua/long_spec.lua"

# Which lines of the rooms that face the peer the tests reach.
coverage:
	.ci/install build test
	$(MAKE) COVERAGE=1 run-coverage

run-coverage: all $(unit_tests) $(fuzz_programs) $(seeds) $(test_tools)
	find $(BUILD) -name '*.gcda' -delete
	BUILD=$(BUILD) tests/run; passed=$$?; \
	    BUILD=$(BUILD) tests/coverage protocol storage net && exit $$passed

# What static analyzers say.
analyze:
	.ci/install build analyze
	.ci/analyze

peers:
	.ci/install peers

lint:
	.ci/install build test
	.ci/lint

format:
	clang-format -i $(wildcard src/*.[ch] src/*/*.[ch] src/*/*/*.[ch] src/dcmtk/*.cc \
	    src/dcmtk/*/*.cc tests/c/*.[ch] tests/bench/*.[ch] tests/bench/*.cc tests/fuzz/*.[ch])

bench:
	.ci/install build test
	$(MAKE) run-bench

run-bench: all $(benches) $(BUILD)/tests/gateway
	BUILD=$(BUILD) tests/bench/run

share := $(DESTDIR)$(PREFIX)/share
install: all install-module
	install -D -m 755 $(BUILD)/getscu $(DESTDIR)$(PREFIX)/bin/getscu
	install -D -m 644 $(BUILD)/man/getscu.1 $(share)/man/man1/getscu.1
	install -D -m 644 $(BUILD)/man/ja/getscu.1 $(share)/man/ja/man1/getscu.1
	install -D -m 644 $(BUILD)/completions/getscu.bash $(share)/bash-completion/completions/getscu
	install -D -m 644 $(BUILD)/completions/getscu.zsh $(share)/zsh/site-functions/_getscu
	install -D -m 644 $(BUILD)/completions/getscu.fish \
	    $(share)/fish/vendor_completions.d/getscu.fish
	for file in docs/examples/*; do \
	    install -D -m 644 $$file $(share)/getscu/$$(basename $$file) || exit 1; \
	done

# The core, the imaging and the library for a stock lua5.4; getscu itself takes the imaging there.
install-module: module
	for name in core imaging_core; do \
	    install -D -m 755 $(BUILD)/lua/getscu/$$name.so \
	        $(DESTDIR)$(LUA_LIBDIR)/getscu/$$name.so || exit 1; \
	done
	for file in $(library:lua/stdlib/%=%); do \
	    case $$file in lua/*) continue ;; esac; \
	    install -D -m 644 lua/stdlib/$$file $(DESTDIR)$(LUA_SHAREDIR)/$$file || exit 1; \
	done

clean:
	rm -rf build

-include $(patsubst %.o,%.d,$(core_objects) $(imaging_objects) $(program_objects)) \
    $(unit_tests:=.d) $(benches:=.d) $(fuzz_programs:=.d)
