/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * malloc() of the release build with musl. A plugin lives for milliseconds and allocates a thousand
 * small objects (JSON, netlink messages). musl's own allocator guards against heap corruption and
 * maps and unmaps groups of slots all the time, which is a quarter of an ADD's time; this one takes
 * blocks from one piece of the program's zeroed data and never asks the kernel before that is used
 * up.
 *
 * Blocks of a size class (16 bytes apart up to 512, powers of two above) that were freed are kept
 * in a list and given out again; nothing is returned to the kernel. No locks: our programs have one
 * thread. A program that runs for long is linked without this file.
 *
 * musl takes the functions of a static program instead of its own since version 1.2.1.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/mman.h>

#define FIRST	 (2u << 20)
#define CHUNK	 ((size_t)4 << 20)
#define STEP_MAX (128u << 10) /* pages that nobody writes to are paid for, too */
#define ALIGN	 16u
#define SMALL	 512u

/* In front of each block. A free one has the next of its class behind the header. */
struct block {
	size_t size; /* without the header; that of its class */
	unsigned int class;
} __attribute__((aligned(ALIGN)));

static char first[FIRST] __attribute__((aligned(ALIGN)));
static char *at = first, *end = first + FIRST;

/* Up to here the kernel was asked for pages ahead: a call for many costs less than a fault for
 * each. */
static char *ahead = first;
static size_t step = 32u << 10;
static void *unused[SMALL / ALIGN + 1 + sizeof(size_t) * 8];

static unsigned int class_of(size_t n, size_t *size)
{
	unsigned int bits;

	if (n <= SMALL) {
		*size = n ? (n + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
		return (unsigned int)(*size / ALIGN);
	}
	bits = (unsigned int)(sizeof(unsigned long) * 8) - (unsigned int)__builtin_clzl(n - 1);
	*size = (size_t)1 << bits;
	return SMALL / ALIGN + 1 + bits;
}

static struct block *header_of(void *p)
{
	return (struct block *)((char *)p - sizeof(struct block));
}

static void prefault(size_t need)
{
	char *from = (char *)((uintptr_t)ahead & ~(uintptr_t)4095);

	ahead = at;
	if (need > step)
		return; /* a large buffer is seldom filled */
	ahead = (size_t)(end - from) > step ? from + step : end;
	madvise(from, (size_t)(ahead - from), MADV_POPULATE_WRITE);
	if (step < STEP_MAX)
		step *= 2;
}

/* Fresh memory, zeroed by the kernel. Return: it, or NULL with errno. */
static void *fresh(size_t size)
{
	size_t need = sizeof(struct block) + size;
	char *p = at;

	if ((size_t)(end - at) < need) {
		size_t chunk = need > CHUNK ? need : CHUNK;

		p = mmap(NULL, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED) {
			errno = ENOMEM;
			return NULL;
		}
		end = p + chunk;
		ahead = p;
	}
	at = p + need;
	if (at > ahead)
		prefault(need);
	return p + sizeof(struct block);
}

static void *allocate(size_t n, int *zeroed)
{
	unsigned int class;
	size_t size;
	void *p;

	if (n > PTRDIFF_MAX / 2) {
		errno = ENOMEM;
		return NULL;
	}
	class = class_of(n, &size);
	p = unused[class];
	*zeroed = !p;
	if (p) {
		unused[class] = *(void **)p;
		return p;
	}
	p = fresh(size);
	if (p)
		*header_of(p) = (struct block){ .size = size, .class = class };
	return p;
}

void *malloc(size_t n)
{
	int zeroed;

	return allocate(n, &zeroed);
}

void free(void *p)
{
	if (!p)
		return;
	*(void **)p = unused[header_of(p)->class];
	unused[header_of(p)->class] = p;
}

void *calloc(size_t n, size_t each)
{
	int zeroed;
	size_t size;
	void *p;

	if (__builtin_mul_overflow(n, each, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	p = allocate(size, &zeroed);
	if (p && !zeroed)
		memset(p, 0, size);
	return p;
}

void *realloc(void *old, size_t n)
{
	void *p;

	if (!old)
		return malloc(n);
	if (n <= header_of(old)->size)
		return old;
	p = malloc(n);
	if (p) {
		memcpy(p, old, header_of(old)->size);
		free(old);
	}
	return p;
}

/* Only as far as every block is aligned anyway: nobody here asks for more. */
void *aligned_alloc(size_t align, size_t n)
{
	if (align > ALIGN) {
		errno = ENOMEM;
		return NULL;
	}
	return malloc(n);
}
