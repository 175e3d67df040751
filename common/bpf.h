/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs for the kernel's BPF machine: writing them by hand, and bpf(2). */
#ifndef HAWSER_BPF_H
#define HAWSER_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPF_INSNS_MAX  512
#define BPF_LABELS_MAX 32
#define BPF_LOG_MAX    16384

/*
 * A program being written. Operations go to its end; a jump leads to a label, which is put behind
 * it. Registers are BPF_REG_0 to BPF_REG_10, sizes BPF_B, BPF_H, BPF_W and BPF_DW. Writing more
 * than it holds aborts: programs do not depend on input.
 */
struct bpf_code {
	struct bpf_insn insn[BPF_INSNS_MAX];
	int n;
	int to[BPF_INSNS_MAX]; /* of jumps: label + 1 */
	int label[BPF_LABELS_MAX];
	int n_labels;
};

/** bpf_new_label() - Return: a label that is nowhere yet. */
int bpf_new_label(struct bpf_code *c);

/** bpf_here() - put a label behind what was written last. */
void bpf_here(struct bpf_code *c, int label);

/** bpf_move() - @dst = @src, 64 bits. */
void bpf_move(struct bpf_code *c, int dst, int src);

/** bpf_set() - @dst = @value, with its sign. */
void bpf_set(struct bpf_code *c, int dst, int32_t value);

/** bpf_alu() - @dst = @dst @op @value (BPF_ADD, BPF_AND, ...), 64 bits. */
void bpf_alu(struct bpf_code *c, int op, int dst, int32_t value);

/** bpf_alu32() - the same with 32 bits. */
void bpf_alu32(struct bpf_code *c, int op, int dst, uint32_t value);

/** bpf_add() - @dst += @src. */
void bpf_add(struct bpf_code *c, int dst, int src);

/** bpf_load() - @dst = what is at @src + @off. */
void bpf_load(struct bpf_code *c, int size, int dst, int src, int off);

/** bpf_store() - put @src to @dst + @off. */
void bpf_store(struct bpf_code *c, int size, int dst, int off, int src);

/** bpf_store_value() - put a constant to @dst + @off. */
void bpf_store_value(struct bpf_code *c, int size, int dst, int off, int32_t value);

/** bpf_jump() - go to @label if @dst @op @value (BPF_JEQ, BPF_JGT, ...). */
void bpf_jump(struct bpf_code *c, int op, int dst, int32_t value, int label);

/** bpf_jump32() - the same with the lower 32 bits, and without sign extension of @value. */
void bpf_jump32(struct bpf_code *c, int op, int dst, uint32_t value, int label);

/** bpf_jump_reg() - bpf_jump() between two registers. */
void bpf_jump_reg(struct bpf_code *c, int op, int dst, int src, int label);

/** bpf_goto() - go to @label. */
void bpf_goto(struct bpf_code *c, int label);

/** bpf_set_map() - @dst = a map, for helpers. */
void bpf_set_map(struct bpf_code *c, int dst, int fd);

/** bpf_call() - call a helper, BPF_FUNC_*; registers 1 to 5 are lost. */
void bpf_call(struct bpf_code *c, int helper);

/** bpf_exit() - end with what register 0 holds. */
void bpf_exit(struct bpf_code *c);

/* ---- bpf(2). Descriptors are the caller's, close-on-exec. ---- */

/**
 * bpf_prog_load() - have the kernel take a program of type BPF_PROG_TYPE_SCHED_CLS
 * @c: the program; jumps get their distances
 * @name: at most 15 characters
 * @log: receives the last line of the verifier's refusal, "" if there is none
 *
 * Return: a descriptor; -EPERM, -ENOSYS (no CONFIG_BPF_SYSCALL), -EINVAL, -EACCES (refused), or
 * another negative errno.
 */
int bpf_prog_load(struct bpf_code *c, const char *name, char log[256]);

/** bpf_prog_open() - Return: a descriptor of the program with an id; -ENOENT; or -errno. */
int bpf_prog_open(uint32_t id);

/**
 * bpf_prog_about() - what a program is called, and which map it uses
 * @prog: descriptor
 * @name: receives the name
 * @map: receives the id of its first map, 0: none
 *
 * Return: 0, or a negative errno.
 */
int bpf_prog_about(int prog, char name[BPF_OBJ_NAME_LEN], uint32_t *map);

/**
 * bpf_map_create() - make a hash table that takes memory as it fills
 * @name: at most 15 characters
 * @key: bytes of a key
 * @value: bytes of a value
 * @max: entries
 *
 * Return: a descriptor, or a negative errno.
 */
int bpf_map_create(const char *name, uint32_t key, uint32_t value, uint32_t max);

/** bpf_map_open() - Return: a descriptor of the map with an id, or a negative errno. */
int bpf_map_open(uint32_t id);

/** bpf_map_put() - set an entry. Return: 0; -E2BIG: the map is full; or a negative errno. */
int bpf_map_put(int map, const void *key, const void *value);

/** bpf_map_get() - read an entry. Return: 0; -ENOENT: there is none; or a negative errno. */
int bpf_map_get(int map, const void *key, void *value);

/** bpf_map_del() - remove an entry. Return: 0 (also when there was none), or a negative errno. */
int bpf_map_del(int map, const void *key);

#endif
