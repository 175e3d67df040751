# SPDX-License-Identifier: GPL-2.0-or-later
# Hawser: CNI plugins in C. `make help` lists the targets.

PREFIX    ?= /usr/local
CNIBINDIR ?= /opt/cni/bin
UNITDIR   ?= $(PREFIX)/lib/systemd/system
DESTDIR   ?=
CC        ?= gcc
STATIC    ?= 1
# The release is one executable under the names of all plugins; 0: one for each.
MULTI     ?= 1

PLUGINS := bandwidth bridge dummy firewall host-device ipvlan loopback macvlan portmap ptp sbr tap tuning vlan vrf vxlan
IPAMS   := host-local static
TOOLS   := cnitool
SBIN    := hawser
AGENT   := hawser-overlayd
LIBEXEC := hawser-conditions

# One tree of objects per flavour: release, test (HAWSER_FAULT works) and san (ASan and UBSan, too).
FLAVOUR ?= release
OUT     := $(if $(filter release,$(FLAVOUR)),bin,build/$(FLAVOUR)/bin)
OBJ     := build/$(FLAVOUR)/obj

CPPFLAGS += -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -I. -Icommon -isystem /usr/include/libnl3
CFLAGS   += -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	    -Wformat=2 -Wno-missing-field-initializers -fstack-protector-strong \
	    -ffunction-sections -fdata-sections
LDFLAGS  += -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack
LDLIBS   := -ljansson -lnl-3 -lnftnl
# The node agent is dynamic in every flavour: it talks TLS, through libcurl.
AGENT_CPPFLAGS := $(CPPFLAGS)
AGENT_CFLAGS   := $(CFLAGS)
AGENT_LDFLAGS  := $(LDFLAGS)
AGENT_LDLIBS   := $(LDLIBS) -lmnl -lcurl -lpthread

DYNAMIC_CC := $(CC)
ifeq ($(FLAVOUR),release)
ifeq ($(STATIC),1)
# Start-up is half of the cost of a call. HACKING.md has the measured differences: static beats
# dynamic, and musl, which asks the processor nothing at start, beats the GNU C library.
LIBC     ?= $(if $(shell command -v musl-gcc),musl,glibc)
LDFLAGS  += -static
CPPFLAGS += -DHAWSER_STATIC
ifeq ($(LIBC),musl)
CC       := musl-gcc
MUSL_INC := $(OBJ)/include
CPPFLAGS := $(filter-out -D_FORTIFY_SOURCE=2 -isystem /usr/include/libnl3,$(CPPFLAGS)) -isystem $(MUSL_INC)
CFLAGS   += -fno-asynchronous-unwind-tables
LDFLAGS  += -Wl,-T,tools/static.ld
STATIC_ONLY := $(OBJ)/common/checked.o $(OBJ)/common/arena.o
else
LDLIBS   += -lpthread -lm
endif
# Two segments less to map, and pages that are not half empty.
LDFLAGS  += -Wl,-z,noseparate-code,--build-id
STATIC_ONLY += $(OBJ)/common/nolookup.o
# Debian 12 ships no libmnl.a: common/mnl.c has the part of it that is needed.
ifeq ($(wildcard $(shell gcc -print-file-name=libmnl.a)),)
STATIC_ONLY += $(OBJ)/common/mnl.o
else
LDLIBS   += -lmnl
endif
endif
endif
ifeq ($(STATIC_ONLY),)
LDLIBS   += -lmnl
endif
# Tests start thousands of processes once: quick to compile and to load.
ifeq ($(FLAVOUR),test)
CPPFLAGS += -DHAWSER_TEST
CFLAGS   := $(patsubst -g,-g1,$(patsubst -O2,-O1,$(CFLAGS)))
endif
ifeq ($(FLAVOUR),san)
CPPFLAGS := $(filter-out -D_FORTIFY_SOURCE=2,$(CPPFLAGS)) -DHAWSER_TEST
CFLAGS   := $(patsubst -g,-g1,$(patsubst -O2,-O1,$(CFLAGS))) -fno-omit-frame-pointer \
	    -fsanitize=address,undefined -fno-sanitize-recover=undefined
LDFLAGS  += -static-libasan -static-libubsan
endif

COMMON_SRC := $(filter-out common/nolookup.c common/checked.c common/mnl.c common/arena.c,$(wildcard common/*.c))
IPAM_SRC   := $(filter-out ipam/host-local.c ipam/static.c,$(wildcard ipam/*.c))
PROGRAMS   := $(addprefix $(OUT)/,$(PLUGINS) $(IPAMS) $(TOOLS) $(SBIN) $(LIBEXEC) $(AGENT))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(OUT)/%,$(wildcard tests/unit/test_*.c))

.PHONY: FORCE all help deps demo demo-overlay test test-vm check unit fuzz bench install install-doc uninstall print-plugins deb dist-static format lint clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAMS) ## build every executable into bin/

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 16

# musl's compiler does not look into /usr/include: the headers of the kernel and of our libraries.
ifneq ($(MUSL_INC),)
LDLIBS := $(foreach l,$(filter-out -lpthread -lm,$(LDLIBS)),$(shell gcc -print-file-name=lib$(l:-l%=%).a))
$(MUSL_INC):
	@mkdir -p $@
	@ln -sfn /usr/include/linux /usr/include/asm-generic /usr/include/libmnl /usr/include/libnftnl \
		/usr/include/libnl3/netlink /usr/include/jansson.h $@/
	@ln -sfn /usr/include/$(shell gcc -print-multiarch)/asm $@/asm
	@ln -sfn $(firstword $(wildcard /usr/include/jansson_config.h \
		/usr/include/$(shell gcc -print-multiarch)/jansson_config.h)) $@/jansson_config.h
endif

# gcc would make a calloc() out of calloc()'s own body.
$(OBJ)/common/arena.o: CFLAGS += -fno-builtin

# Where the plugins look for it: compiled in, and compiled again when PREFIX changes.
$(OBJ)/prefix: FORCE
	@mkdir -p $(@D)
	@echo '$(PREFIX)' | cmp -s - $@ || echo '$(PREFIX)' >$@
$(OBJ)/common/conditions.o: $(OBJ)/prefix
$(OBJ)/common/conditions.o: CPPFLAGS += -DHAWSER_LIBEXECDIR='"$(PREFIX)/libexec/hawser"'

$(OBJ)/%.o: %.c | $(MUSL_INC)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

COMMON_LIB := $(OBJ)/libhawser.a
$(COMMON_LIB): $(COMMON_SRC:%.c=$(OBJ)/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

# The IPAM plugins without their main(): linked into themselves and into every interface plugin.
IPAM_LIB := $(OBJ)/libipam.a
$(IPAM_LIB): $(IPAM_SRC:%.c=$(OBJ)/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

define program
$(OUT)/$(notdir $(basename $(1))): $(OBJ)/$(1:.c=.o) $(STATIC_ONLY) $$(IPAM_LIB) $$(COMMON_LIB)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(LDLIBS)
endef
# What a plugin is made of beside its own file. usage: $(call rooms,PLUGIN...,ROOM...)
rooms = $(foreach p,$(1),$(eval $(OUT)/$(p) $(OBJ)/parts/$(p).o: $(patsubst %,$(OBJ)/plugins/%.o,$(2))))
$(call rooms,bandwidth,bandwidth_conf bandwidth_record)
$(call rooms,bridge,bridge_conf bridge_dev filter iface pair)
$(call rooms,firewall,firewall_record)
$(call rooms,host-device,hostdev_find hostdev_record iface)
$(call rooms,dummy ipvlan macvlan vlan,child child_record iface)
$(call rooms,portmap,portmap_conf portmap_record)
$(call rooms,ptp,filter iface pair routed)
$(call rooms,sbr,sbr_inside)
$(call rooms,tap,tap_device tap_record iface)
$(call rooms,tuning,tuning_conf tuning_record)
$(call rooms,vxlan,filter iface pair routed vxlan_conf vxlan_fast vxlan_l2 vxlan_lease vxlan_network vxlan_store)

PROGRAM_SRC := $(PLUGINS:%=plugins/%.c) $(IPAMS:%=ipam/%.c)
ifeq ($(FLAVOUR)$(MULTI),release1)
# Each plugin is linked into one object that shows nothing but its main(), under a name of its own.
define part
$(OBJ)/parts/$(notdir $(basename $(1))).o: $(OBJ)/$(1:.c=.o)
	@mkdir -p $$(@D)
	$$(LD) -r -o $$@.tmp $$^
	objcopy --redefine-sym main=main_$(subst -,_,$(notdir $(basename $(1)))) \
		--keep-global-symbol=main_$(subst -,_,$(notdir $(basename $(1)))) $$@.tmp $$@
endef
$(foreach p,$(PROGRAM_SRC),$(eval $(call part,$(p))))

$(OBJ)/multicall.inc: FORCE
	@mkdir -p $(@D)
	@printf 'PLUGIN(%s)\n' $(foreach p,$(PLUGINS) $(IPAMS),'$(subst -,_,$(p)), "$(p)"') | \
		cmp -s - $@ || printf 'PLUGIN(%s)\n' $(foreach p,$(PLUGINS) $(IPAMS),'$(subst -,_,$(p)), "$(p)"') >$@
$(OBJ)/plugins/multicall.o: $(OBJ)/multicall.inc
$(OBJ)/plugins/multicall.o: CPPFLAGS += -I$(OBJ)

$(OBJ)/hawser-plugins: $(OBJ)/plugins/multicall.o $(STATIC_ONLY) $(patsubst %,$(OBJ)/parts/%.o,$(PLUGINS) $(IPAMS)) $(IPAM_LIB) $(COMMON_LIB)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS)
$(addprefix $(OUT)/,$(PLUGINS) $(IPAMS)): $(OBJ)/hawser-plugins
	@mkdir -p $(@D)
	ln -f $< $@
else
$(foreach p,$(PROGRAM_SRC),$(eval $(call program,$(p))))
endif
$(foreach p,$(TOOLS) $(SBIN),$(eval $(call program,tools/$(p).c)))
$(OUT)/cnitool: $(addprefix $(OBJ)/tools/,netlist.o cache.o runplugin.o)
$(OUT)/hawser: $(addprefix $(OBJ)/tools/,hawser_list.o hawser_overlay.o overlay_agent.o overlay_blocks.o overlay_dot.o \
		 overlay_report.o overlay_svg.o table.o)
$(OUT)/hawser: $(addprefix $(OBJ)/,tools/hawser_cleanup.o tools/cache.o plugins/filter.o plugins/iface.o \
		 plugins/bandwidth_record.o plugins/child_record.o plugins/firewall_record.o plugins/hostdev_find.o \
		 plugins/hostdev_record.o plugins/portmap_record.o plugins/tap_record.o plugins/tuning_record.o)

# Objects of its own where the plugins are linked with another C library.
AGENT_SRC := $(wildcard tools/overlayd/*.c) tools/netlist.c
ifeq ($(STATIC_ONLY),)
$(OUT)/$(AGENT): $(AGENT_SRC:%.c=$(OBJ)/%.o) $(COMMON_LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(AGENT_LDLIBS)
else
AGENT_COMMON := $(wildcard common/flannel*.c common/overlay*.c) $(patsubst %,common/%.c,addr args bpf conf detach error fault file hash ip ipv6 link link_wait lock log netns nft \
		nl result route rule state sysctl tc version veth)
$(OBJ)/agent/%.o: %.c
	@mkdir -p $(@D)
	$(DYNAMIC_CC) $(AGENT_CPPFLAGS) $(AGENT_CFLAGS) -MMD -MP -c -o $@ $<
$(OUT)/$(AGENT): $(patsubst %.c,$(OBJ)/agent/%.o,$(AGENT_SRC) $(AGENT_COMMON))
	@mkdir -p $(@D)
	$(DYNAMIC_CC) $(AGENT_CFLAGS) $(AGENT_LDFLAGS) -o $@ $^ $(AGENT_LDLIBS)
endif

# It loads the extensions of xtables: dynamic, and with the C library that they are linked with.
$(OUT)/hawser-conditions: tools/hawser-conditions.c
	@mkdir -p $(@D)
	$(DYNAMIC_CC) -D_GNU_SOURCE $(if $(filter san,$(FLAVOUR)),,-D_FORTIFY_SOURCE=2) $(filter-out -fsanitize% -fno-sanitize%,$(CFLAGS)) \
		$(filter-out -static -Wl%static.ld,$(LDFLAGS)) -o $@ $< -lxtables -lmnl

$(OUT)/test_%: $(OBJ)/tests/unit/test_%.o $(IPAM_LIB) $(COMMON_LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(filter-out -static,$(LDFLAGS)) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lcmocka $(LDLIBS)

# A fuzz target with a driver of ours; "make fuzz" gives it to libFuzzer.
unit-programs: $(OUT)/test_fuzz_store
$(OUT)/test_fuzz_store: $(addprefix $(OBJ)/,tests/fuzz/store.o tests/fuzz/driver.o tools/overlayd/etcd_json.o) $(COMMON_LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(filter-out -static,$(LDFLAGS)) -o $@ $(filter %.o,$^) $(COMMON_LIB) $(LDLIBS)

build/fuzz/store: tests/fuzz/store.c tests/fuzz/libfuzzer.c tools/overlayd/etcd_json.c tests/fuzz/fuzz.h $(COMMON_SRC) $(IPAM_SRC) $(wildcard common/*.h)
	@mkdir -p $(@D)
	clang $(LINT_FLAGS) -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-o $@ $(filter %.c,$^) -ljansson -lnl-3 -lnftnl -lmnl

FUZZ_SECONDS ?= 60
fuzz: build/fuzz/store ## fuzz what stores say, with clang's libFuzzer, for FUZZ_SECONDS (60)
	@mkdir -p build/fuzz/corpus
	cd build/fuzz && ./store -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -dict=../../tests/fuzz/store.dict \
		-print_final_stats=1 corpus ../../tests/fuzz/corpus

$(OUT)/kill_at: tests/faults/kill_at.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -fsanitize%,$(CPPFLAGS) $(CFLAGS)) -o $@ $<

# What scripts start thousands of times, instead of ip and jq.
$(OUT)/snapshot $(OUT)/slate $(OUT)/talk $(OUT)/mesh: $(OUT)/%: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -fsanitize% -fno-sanitize%,$(CPPFLAGS) $(CFLAGS)) -o $@ $< -lmnl

$(OUT)/query: $(wildcard tests/query/*.c) tests/query/query.h
	@mkdir -p $(@D)
	$(CC) $(filter-out -fsanitize% -fno-sanitize%,$(CPPFLAGS) $(CFLAGS)) -o $@ $(filter %.c,$^) -ljansson

# Programs that call a module of common/ from a test script.
$(OUT)/%_driver: $(OBJ)/tests/netns/%_driver.o $(COMMON_LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(filter-out -static,$(LDFLAGS)) -o $@ $(filter %.o,$^) $(COMMON_LIB) $(LDLIBS)

ETCD_OBJ := $(patsubst %.c,$(OBJ)/%.o,$(wildcard tools/overlayd/etcd*.c tools/overlayd/store*.c))
$(OUT)/test_etcd_json: $(OBJ)/tools/overlayd/etcd_json.o
$(OUT)/test_overlayd: $(patsubst %,$(OBJ)/tools/overlayd/%.o,hold probe server snapshot status store)
$(OUT)/etcd_driver $(OUT)/store_driver: $(ETCD_OBJ)
$(OUT)/etcd_driver $(OUT)/store_driver: LDLIBS += -lcurl -lpthread

# The helpers of scripts are the same whatever is tested: one flavour has them.
HELPERS := $(if $(filter test,$(FLAVOUR)),kill_at snapshot slate talk mesh query)
unit-programs: $(UNIT_TESTS) $(addprefix $(OUT)/,$(HELPERS) xt_driver firewalld_driver etcd_driver store_driver)

deps: ## install what building and testing need (Debian packages, as root)
	tools/deps

demo: ## two containers on a bridge, shown step by step, nothing left behind
	@tools/deps --quiet build demo
	@$(MAKE) --no-print-directory -s all
	@netns-fixtures/demo

demo-overlay: ## containers on three hosts in one network, without a daemon; one host cut off and back
	@tools/deps --quiet build demo
	@$(MAKE) --no-print-directory -s all
	@netns-fixtures/demo-overlay

test: ## install what is missing and run every test
	@tools/deps --quiet build demo test clients vm package
	@tests/run

test-vm: ## only the tests that need Debian's kernel, under qemu
	@tools/deps --quiet build demo test vm
	@tests/run --vm

check: ## the tests that need neither root nor installing anything
	@tests/run --no-root

bench: ## measure against the reference plugins and the kernel's floor
	@tools/deps --quiet build demo test clients bench
	@$(MAKE) --no-print-directory -s all
	@tests/bench/run

install: all install-doc ## install to DESTDIR, PREFIX, CNIBINDIR, UNITDIR; executables are replaced by rename
	@tools/install-files $(OUT) "$(DESTDIR)$(CNIBINDIR)" $(PLUGINS) $(IPAMS)
	@tools/install-files $(OUT) "$(DESTDIR)$(PREFIX)/bin" $(TOOLS)
	@tools/install-files $(OUT) "$(DESTDIR)$(PREFIX)/sbin" $(SBIN) $(AGENT)
	@tools/install-files $(OUT) "$(DESTDIR)$(PREFIX)/libexec/hawser" $(LIBEXEC)
	@mkdir -p "$(DESTDIR)$(UNITDIR)"
	@sed 's,@SBINDIR@,$(PREFIX)/sbin,' tools/$(AGENT).service.in >"$(DESTDIR)$(UNITDIR)/$(AGENT).service"
	@echo "installed $(DESTDIR)$(UNITDIR)/$(AGENT).service"

SHARE = $(DESTDIR)$(PREFIX)/share

install-doc: all ## install manual pages, guides, examples and completions of bash
	@tools/man-page $(OUT) "$(SHARE)/man" $(PLUGINS) $(IPAMS)
	@mkdir -p "$(SHARE)/doc/hawser/examples" "$(SHARE)/bash-completion/completions"
	@install -m 0644 README.md docs/*.md "$(SHARE)/doc/hawser"
	@install -m 0644 docs/examples/* "$(SHARE)/doc/hawser/examples"
	@install -m 0644 tools/completions/* "$(SHARE)/bash-completion/completions"
	@echo "installed documents below $(SHARE)"

uninstall: ## remove what install put there
	cd "$(DESTDIR)$(CNIBINDIR)" && rm -f $(PLUGINS) $(IPAMS)
	cd "$(DESTDIR)$(PREFIX)/bin" && rm -f $(TOOLS)
	cd "$(DESTDIR)$(PREFIX)/sbin" && rm -f $(SBIN) $(AGENT)
	rm -f "$(DESTDIR)$(UNITDIR)/$(AGENT).service"
	rm -rf "$(DESTDIR)$(PREFIX)/libexec/hawser" "$(SHARE)/doc/hawser"
	cd "$(SHARE)/bash-completion/completions" && rm -f $(notdir $(wildcard tools/completions/*))
	cd "$(SHARE)/man" && rm -f $(PLUGINS:%=man8/hawser-%.8) $(IPAMS:%=man8/hawser-%.8) \
		$(foreach p,$(notdir $(wildcard docs/man/*.[578])),man$(subst .,,$(suffix $(p)))/$(p))

# For scripts.
print-plugins:
	@echo $(PLUGINS) $(IPAMS)

deb: ## build a Debian package, build/deb/hawser_VERSION_ARCH.deb
	@tools/deps --quiet build package
	@tools/make-deb build/deb

DIST ?= build/dist
dist-static: all ## make tar files of the static executables, for hosts with none of our libraries
	@tools/make-static $(OUT) $(DIST) "$(PLUGINS) $(IPAMS)" "$(TOOLS) $(SBIN)"

format: ## reformat the sources
	clang-format -i $$(git ls-files '*.c' '*.h')

# clang-tidy needs seconds for a file: what has not changed since it was found clean is not looked at again.
LINTED     := $(COMMON_SRC) $(filter-out plugins/multicall.c,$(wildcard ipam/*.c plugins/*.c tools/*.c))
LINT_FLAGS := -std=gnu11 -Wno-gnu -D_GNU_SOURCE -I. -Icommon -isystem /usr/include/libnl3 -DHAWSER_LIBEXECDIR='"/"'
build/lint/%.ok: %.c .clang-tidy
	@mkdir -p $(@D)
	clang-tidy --quiet $< -- $(LINT_FLAGS) 2>$@.err || { cat $@.err; exit 1; }
	@$(CC) $(LINT_FLAGS) -MM -MP -MT $@ -MF $(@:.ok=.d) $< && touch $@

lint: ## check formatting and run clang-tidy on what has changed
	clang-format --dry-run --Werror $$(git ls-files '*.c' '*.h')
	@$(MAKE) --no-print-directory -sk -j$$(nproc) $(LINTED:%.c=build/lint/%.ok)

clean: ## remove what was built
	rm -rf bin build

-include $(shell find build -name '*.d' 2>/dev/null)
