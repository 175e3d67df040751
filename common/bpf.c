/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs for the kernel's BPF machine: writing them by hand, and bpf(2). */
#include "bpf.h"

#include "fault.h"
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- writing ---- */

static void put(struct bpf_code *c, int code, int dst, int src, int off, int32_t imm)
{
	if (c->n == BPF_INSNS_MAX || off < SHRT_MIN || off > SHRT_MAX)
		abort();
	c->insn[c->n++] = (struct bpf_insn){ .code = (uint8_t)code,
					     .dst_reg = (uint8_t)dst,
					     .src_reg = (uint8_t)src,
					     .off = (int16_t)off,
					     .imm = imm };
}

int bpf_new_label(struct bpf_code *c)
{
	if (c->n_labels == BPF_LABELS_MAX)
		abort();
	c->label[c->n_labels] = -1;
	return c->n_labels++;
}

void bpf_here(struct bpf_code *c, int label)
{
	assert(c->label[label] < 0);
	c->label[label] = c->n;
}

void bpf_move(struct bpf_code *c, int dst, int src)
{
	put(c, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

void bpf_set(struct bpf_code *c, int dst, int32_t value)
{
	put(c, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value);
}

void bpf_alu(struct bpf_code *c, int op, int dst, int32_t value)
{
	put(c, BPF_ALU64 | BPF_K | op, dst, 0, 0, value);
}

void bpf_alu32(struct bpf_code *c, int op, int dst, uint32_t value)
{
	put(c, BPF_ALU | BPF_K | op, dst, 0, 0, (int32_t)value);
}

void bpf_add(struct bpf_code *c, int dst, int src)
{
	put(c, BPF_ALU64 | BPF_ADD | BPF_X, dst, src, 0, 0);
}

void bpf_load(struct bpf_code *c, int size, int dst, int src, int off)
{
	put(c, BPF_LDX | BPF_MEM | size, dst, src, off, 0);
}

void bpf_store(struct bpf_code *c, int size, int dst, int off, int src)
{
	put(c, BPF_STX | BPF_MEM | size, dst, src, off, 0);
}

void bpf_store_value(struct bpf_code *c, int size, int dst, int off, int32_t value)
{
	put(c, BPF_ST | BPF_MEM | size, dst, 0, off, value);
}

static void jump(struct bpf_code *c, int code, int dst, int src, int32_t value, int label)
{
	put(c, code, dst, src, 0, value);
	c->to[c->n - 1] = label + 1;
}

void bpf_jump(struct bpf_code *c, int op, int dst, int32_t value, int label)
{
	jump(c, BPF_JMP | op | BPF_K, dst, 0, value, label);
}

void bpf_jump32(struct bpf_code *c, int op, int dst, uint32_t value, int label)
{
	jump(c, BPF_JMP32 | op | BPF_K, dst, 0, (int32_t)value, label);
}

void bpf_jump_reg(struct bpf_code *c, int op, int dst, int src, int label)
{
	jump(c, BPF_JMP | op | BPF_X, dst, src, 0, label);
}

void bpf_goto(struct bpf_code *c, int label)
{
	jump(c, BPF_JMP | BPF_JA, 0, 0, 0, label);
}

void bpf_set_map(struct bpf_code *c, int dst, int fd)
{
	put(c, BPF_LD | BPF_DW | BPF_IMM, dst, BPF_PSEUDO_MAP_FD, 0, fd);
	put(c, 0, 0, 0, 0, 0);
}

void bpf_call(struct bpf_code *c, int helper)
{
	put(c, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

void bpf_exit(struct bpf_code *c)
{
	put(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void resolve(struct bpf_code *c)
{
	for (int i = 0; i < c->n; i++)
		if (c->to[i]) {
			int target = c->label[c->to[i] - 1];

			assert(target > i);
			c->insn[i].off = (int16_t)(target - i - 1);
		}
}

/* ---- bpf(2) ---- */

static int sys_bpf(int command, union bpf_attr *attr, const char *what)
{
	int r = fault_step(what);

	if (r < 0)
		return r;
	r = (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
	r = r < 0 ? -errno : r;
	log_trace("bpf: %s: %s", what, r < 0 ? strerror(-r) : "done");
	return r;
}

/* Before 5.11 maps and programs count as locked memory, of which even root has little by default.
 */
static int make(int command, union bpf_attr *attr, const char *what)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int r = sys_bpf(command, attr, what);

	if (r == -EPERM && setrlimit(RLIMIT_MEMLOCK, &all) == 0)
		r = sys_bpf(command, attr, what);
	return r;
}

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* The verifier's last sentence, before its statistics. */
static void last_line(char *text, char log[256])
{
	char *stats = strstr(text, "\nprocessed "), *line;

	if (stats)
		*stats = '\0';
	for (size_t n = strlen(text); n && text[n - 1] == '\n';)
		text[--n] = '\0';
	line = strrchr(text, '\n');
	snprintf(log, 256, "%.255s", line ? line + 1 : text);
}

int bpf_prog_load(struct bpf_code *c, const char *name, char log[256])
{
	static char text[BPF_LOG_MAX];
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SCHED_CLS };
	int r;

	resolve(c);
	attr.insns = pointer(c->insn);
	attr.insn_cnt = (uint32_t)c->n;
	attr.license = pointer("GPL");
	snprintf(attr.prog_name, sizeof(attr.prog_name), "%s", name);
	log[0] = '\0';
	r = make(BPF_PROG_LOAD, &attr, "load the program");
	if (r != -EINVAL && r != -EACCES)
		return r;
	/* once more, to hear why; a log that is too long is cut: ENOSPC */
	attr.log_buf = pointer(text);
	attr.log_size = sizeof(text);
	attr.log_level = 1;
	text[0] = '\0';
	if (sys_bpf(BPF_PROG_LOAD, &attr, "ask why") < 0)
		last_line(text, log);
	return r;
}

int bpf_prog_open(uint32_t id)
{
	union bpf_attr attr = { .prog_id = id };

	return sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr, "open the program");
}

int bpf_prog_about(int prog, char name[BPF_OBJ_NAME_LEN], uint32_t *map)
{
	struct bpf_prog_info info = { .map_ids = pointer(map), .nr_map_ids = 1 };
	union bpf_attr attr = { .info = { .bpf_fd = (uint32_t)prog,
					  .info_len = sizeof(info),
					  .info = pointer(&info) } };
	int r;

	*map = 0;
	r = sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, "look at the program");
	if (r < 0)
		return r;
	snprintf(name, BPF_OBJ_NAME_LEN, "%.*s", BPF_OBJ_NAME_LEN - 1, info.name);
	return 0;
}

int bpf_map_create(const char *name, uint32_t key, uint32_t value, uint32_t max)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_HASH,
				.key_size = key,
				.value_size = value,
				.max_entries = max,
				.map_flags = BPF_F_NO_PREALLOC };

	snprintf(attr.map_name, sizeof(attr.map_name), "%s", name);
	return make(BPF_MAP_CREATE, &attr, "create the map");
}

int bpf_map_open(uint32_t id)
{
	union bpf_attr attr = { .map_id = id };

	return sys_bpf(BPF_MAP_GET_FD_BY_ID, &attr, "open the map");
}

static int map_entry(int command, const char *what, int map, const void *key, const void *value)
{
	union bpf_attr attr = { .map_fd = (uint32_t)map,
				.key = pointer(key),
				.value = pointer(value) };

	return sys_bpf(command, &attr, what);
}

int bpf_map_put(int map, const void *key, const void *value)
{
	return map_entry(BPF_MAP_UPDATE_ELEM, "put an entry", map, key, value);
}

int bpf_map_get(int map, const void *key, void *value)
{
	return map_entry(BPF_MAP_LOOKUP_ELEM, "look up an entry", map, key, value);
}

int bpf_map_del(int map, const void *key)
{
	int r = map_entry(BPF_MAP_DELETE_ELEM, "remove an entry", map, key, NULL);

	return r == -ENOENT ? 0 : r;
}
