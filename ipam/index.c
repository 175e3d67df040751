/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index of one host-local directory: a cache in /run that makes every look-up cost the same.
 *
 * Layout of the file: a header, an open-addressed table of reservations by key (linear probing,
 * at most half full, deletion closes the gap), and an open-addressed table of blocks, each a
 * bitmap of 4096 consecutive addresses. Blocks exist only where something is reserved, so that the
 * same structure serves a /24 of IPv4 and a /24 of IPv6, and it does not depend on the ranges of
 * the configuration, which may differ from call to call.
 */
#include "index.h"

#include "cleanup.h"
#include "file.h"
#include "log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define INDEX_ROOT  "/run/hawser/ipam"
#define INDEX_MAGIC 0x3178646964727748ULL /* "Hwrdidx1" */
#define BLOCK_BITS  12
#define BLOCK_SIZE  (1u << BLOCK_BITS)
#define FIRST_CAP   1024 /* entries of a new index */
#define FIRST_BLKS  16

enum { INDEX_STALE = 0, INDEX_CLEAN = 1 };

struct index_header {
	uint64_t magic;
	uint32_t state; /* INDEX_CLEAN only while it matches the directory */
	uint32_t pad;
	char boot_id[40];
	uint64_t dev, ino;
	int64_t mtime_s, mtime_ns; /* given to the directory by the last writer of the index */
	int64_t boot_time;
	int64_t filled_at;		  /* CLOCK_BOOTTIME, seconds */
	uint64_t cap_entries, cap_blocks; /* powers of two */
	uint64_t n_entries, n_blocks;
	uint8_t unused[4096 - 136];
};

struct index_entry {
	uint64_t key;
	uint32_t mtime;
	uint8_t family; /* 0: empty slot */
	uint8_t ip[16];
	uint8_t unused[3];
};

struct index_block {
	struct ip_addr base; /* family 0: empty slot */
	uint8_t unused[3];
	uint32_t used;
	uint64_t bits[BLOCK_SIZE / 64];
};

_Static_assert(sizeof(struct index_header) == 4096, "the header is a page");
_Static_assert(sizeof(struct index_entry) == 32, "entries do not straddle cache lines");
_Static_assert(sizeof(struct index_block) == 536, "no holes in a block");

static size_t size_for(uint64_t entries, uint64_t blocks)
{
	return sizeof(struct index_header) + entries * sizeof(struct index_entry) +
	       blocks * sizeof(struct index_block);
}

static void set_tables(struct index *ix, uint64_t cap_entries)
{
	ix->h = ix->map;
	ix->entries = (void *)((char *)ix->map + sizeof(struct index_header));
	ix->blocks = (void *)(ix->entries + cap_entries);
}

/* The kernel's own name for this boot; "" when /proc is not there, which no index matches. */
static void read_boot_id(char buf[40])
{
	autoclose int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, 36);

	buf[n > 0 ? n : 0] = '\0';
}

static int64_t boottime_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec;
}

/* Replace the map by one for the given capacities, all zero but the header's constants. */
static int map_new(struct index *ix, uint64_t cap_entries, uint64_t cap_blocks)
{
	struct index_header old = ix->map ? *ix->h : (struct index_header){ 0 };
	size_t size = size_for(cap_entries, cap_blocks);
	void *map = MAP_FAILED;

	if (ix->map)
		munmap(ix->map, ix->size);
	ix->map = NULL;
	/* the blocks are allocated now: a full /run must be an error here, not SIGBUS later */
	if (ix->fd >= 0 && ftruncate(ix->fd, 0) == 0 && fallocate(ix->fd, 0, 0, size) == 0)
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ix->fd, 0);
	if (map == MAP_FAILED) {
		if (ix->fd >= 0) {
			log_trace("ipam: no room for an index in " INDEX_ROOT);
			if (ftruncate(ix->fd, 0) < 0)
				log_trace("ipam: cannot empty the index");
			close(take_fd(&ix->fd));
		}
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	if (map == MAP_FAILED)
		return -ENOMEM;
	ix->map = map;
	ix->size = size;
	set_tables(ix, cap_entries);
	*ix->h = (struct index_header){
		.magic = INDEX_MAGIC,
		.boot_time = old.boot_time,
		.filled_at = old.filled_at,
		.cap_entries = cap_entries,
		.cap_blocks = cap_blocks,
	};
	memcpy(ix->h->boot_id, old.boot_id, sizeof(old.boot_id));
	return 0;
}

/* Map the file as it is. Return: false when it is not a whole index of this boot. */
static bool map_existing(struct index *ix)
{
	struct index_header *h;
	char boot_id[40];
	struct stat sb;
	bool ok;

	if (fstat(ix->fd, &sb) < 0 || (size_t)sb.st_size < size_for(FIRST_CAP, FIRST_BLKS))
		return false;
	ix->map = mmap(NULL, sb.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, ix->fd, 0);
	if (ix->map == MAP_FAILED) {
		ix->map = NULL;
		return false;
	}
	ix->size = sb.st_size;
	h = ix->map;
	read_boot_id(boot_id);
	ok = h->magic == INDEX_MAGIC && boot_id[0] && memcmp(h->boot_id, boot_id, 37) == 0 &&
	     h->cap_entries <= SIZE_MAX / 64 && h->cap_blocks <= SIZE_MAX / 1024 &&
	     __builtin_popcountll(h->cap_entries) == 1 &&
	     __builtin_popcountll(h->cap_blocks) == 1 &&
	     size_for(h->cap_entries, h->cap_blocks) == ix->size &&
	     2 * h->n_entries <= h->cap_entries && 2 * h->n_blocks <= h->cap_blocks;
	if (ok) {
		set_tables(ix, h->cap_entries);
		return true;
	}
	munmap(ix->map, ix->size);
	ix->map = NULL;
	return false;
}

static int open_file(const char *data_dir, const char *network)
{
	char path[512];
	char *slash;
	int fd;

	snprintf(path, sizeof(path), INDEX_ROOT "/%016" PRIx64 "/%s/idx",
		 index_key(data_dir, strlen(data_dir)), network);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	slash = strrchr(path, '/');
	*slash = '\0';
	if (file_mkdirs(path, 0755) < 0)
		return -1;
	*slash = '/';
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int index_open(struct index *ix, const char *data_dir, const char *network)
{
	int r;

	*ix = (struct index){ .fd = open_file(data_dir, network) };
	if (ix->fd >= 0 && map_existing(ix))
		return 0;
	r = map_new(ix, FIRST_CAP, FIRST_BLKS);
	if (r < 0) {
		index_close(ix);
		return r;
	}
	read_boot_id(ix->h->boot_id);
	return 0;
}

void index_close(struct index *ix)
{
	if (ix->map)
		munmap(ix->map, ix->size);
	if (ix->fd >= 0)
		close(ix->fd);
	*ix = (struct index){ .fd = -1 };
}

bool index_fresh(const struct index *ix, const struct stat *dir)
{
	const struct index_header *h = ix->h;

	return __atomic_load_n(&h->state, __ATOMIC_ACQUIRE) == INDEX_CLEAN &&
	       h->dev == dir->st_dev && h->ino == dir->st_ino &&
	       h->mtime_s == dir->st_mtim.tv_sec && h->mtime_ns == dir->st_mtim.tv_nsec;
}

void index_begin(struct index *ix)
{
	__atomic_store_n(&ix->h->state, INDEX_STALE, __ATOMIC_SEQ_CST);
}

int index_reset(struct index *ix, int64_t boot_time)
{
	int r;

	index_begin(ix);
	r = map_new(ix, FIRST_CAP, FIRST_BLKS);
	if (r < 0)
		return r;
	/* a clock set forward moves the computed boot time too: the earliest one is the safe one */
	if (!ix->h->boot_time || boot_time < ix->h->boot_time)
		ix->h->boot_time = boot_time;
	ix->h->filled_at = boottime_now();
	return 0;
}

void index_commit(struct index *ix, const struct stat *dir, const struct timespec *mtime)
{
	ix->h->dev = dir->st_dev;
	ix->h->ino = dir->st_ino;
	ix->h->mtime_s = mtime->tv_sec;
	ix->h->mtime_ns = mtime->tv_nsec;
	__atomic_store_n(&ix->h->state, INDEX_CLEAN, __ATOMIC_SEQ_CST);
}

int64_t index_boot_time(const struct index *ix)
{
	return ix->h->boot_time;
}

int64_t index_age(const struct index *ix)
{
	return boottime_now() - ix->h->filled_at;
}

/* The finalizer of MurmurHash3: every input bit reaches every output bit. */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

uint64_t index_key(const void *content, size_t len)
{
	const uint8_t *p = content;
	uint64_t h = 0xcbf29ce484222325ULL; /* FNV-1a */

	while (len--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return mix(h);
}

static struct ip_addr block_base(const struct ip_addr *ip)
{
	struct ip_addr base = *ip;
	int n = ip_bytes(ip);

	base.b[n - 1] = 0;
	base.b[n - 2] &= 0xf0;
	return base;
}

static unsigned int block_bit(const struct ip_addr *ip)
{
	int n = ip_bytes(ip);

	return (ip->b[n - 2] & 0x0fu) << 8 | ip->b[n - 1];
}

/* The block that holds @base, or the empty slot where it belongs. */
static struct index_block *block_slot(const struct index *ix, const struct ip_addr *base)
{
	uint64_t mask = ix->h->cap_blocks - 1;
	uint64_t i = index_key(base->b, ip_bytes(base));

	while (ix->blocks[i & mask].base.family && !ip_equal(&ix->blocks[i & mask].base, base))
		i++;
	return &ix->blocks[i & mask];
}

static void entry_place(struct index *ix, const struct index_entry *e)
{
	uint64_t mask = ix->h->cap_entries - 1, i = e->key;
	struct ip_addr ip = { .family = e->family };
	struct ip_addr base;
	struct index_block *b;
	unsigned int bit;

	while (ix->entries[i & mask].family)
		i++;
	ix->entries[i & mask] = *e;
	ix->h->n_entries++;
	memcpy(ip.b, e->ip, sizeof(ip.b));
	base = block_base(&ip);
	bit = block_bit(&ip);
	b = block_slot(ix, &base);
	if (!b->base.family) {
		b->base = base;
		ix->h->n_blocks++;
	}
	if (!(b->bits[bit / 64] >> bit % 64 & 1))
		b->used++;
	b->bits[bit / 64] |= 1ULL << bit % 64;
}

/* Make room for one entry and one block more, by a copy of twice the size when it is tight. */
static int grow(struct index *ix)
{
	uint64_t cap = ix->h->cap_entries, blocks = ix->h->cap_blocks;
	autofree struct index_entry *copy = NULL;
	int r;

	if (2 * (ix->h->n_entries + 1) <= cap && 2 * (ix->h->n_blocks + 1) <= blocks)
		return 0;
	copy = malloc(cap * sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, ix->entries, cap * sizeof(*copy));
	r = map_new(ix, 2 * (ix->h->n_entries + 1) > cap ? 2 * cap : cap,
		    2 * (ix->h->n_blocks + 1) > blocks ? 2 * blocks : blocks);
	if (r < 0)
		return r;
	for (uint64_t i = 0; i < cap; i++)
		if (copy[i].family)
			entry_place(ix, &copy[i]);
	return 0;
}

int index_insert(struct index *ix, uint64_t key, const struct ip_addr *ip, int64_t mtime)
{
	struct index_entry e = { .key = key, .mtime = (uint32_t)mtime, .family = ip->family };
	int r = grow(ix);

	if (r < 0)
		return r;
	memcpy(e.ip, ip->b, ip_bytes(ip));
	entry_place(ix, &e);
	return 0;
}

static struct ip_addr entry_ip(const struct index_entry *e)
{
	struct ip_addr ip = { .family = e->family };

	memcpy(ip.b, e->ip, sizeof(ip.b));
	return ip;
}

/* Empty slot @i and move later entries of its run up, so that no probe ends too early. */
static void entry_erase(struct index *ix, uint64_t i)
{
	uint64_t mask = ix->h->cap_entries - 1;

	for (uint64_t j = (i + 1) & mask; ix->entries[j].family; j = (j + 1) & mask) {
		uint64_t home = ix->entries[j].key & mask;

		if (((j - home) & mask) < ((j - i) & mask))
			continue;
		ix->entries[i] = ix->entries[j];
		i = j;
	}
	ix->entries[i] = (struct index_entry){ 0 };
	ix->h->n_entries--;
}

void index_remove(struct index *ix, uint64_t key, const struct ip_addr *ip)
{
	uint64_t mask = ix->h->cap_entries - 1;

	for (uint64_t i = key & mask; ix->entries[i].family; i = (i + 1) & mask) {
		struct ip_addr have = entry_ip(&ix->entries[i]);
		struct ip_addr base = block_base(ip);
		struct index_block *b;
		unsigned int bit = block_bit(ip);

		if (ix->entries[i].key != key || !ip_equal(&have, ip))
			continue;
		entry_erase(ix, i);
		b = block_slot(ix, &base);
		if (b->base.family && b->bits[bit / 64] >> bit % 64 & 1) {
			b->bits[bit / 64] &= ~(1ULL << bit % 64);
			b->used--;
		}
		return;
	}
}

bool index_find(const struct index *ix, uint64_t key, size_t *pos, struct ip_addr *ip)
{
	uint64_t mask = ix->h->cap_entries - 1;

	for (;;) {
		const struct index_entry *e = &ix->entries[(key + *pos) & mask];

		if (!e->family)
			return false;
		(*pos)++;
		if (e->key == key) {
			*ip = entry_ip(e);
			return true;
		}
	}
}

/* Return: the first clear bit of @b from @bit on, or BLOCK_SIZE. */
static unsigned int block_next(const struct index_block *b, unsigned int bit)
{
	uint64_t word;

	if (b->used == BLOCK_SIZE)
		return BLOCK_SIZE;
	word = ~b->bits[bit / 64] & ~0ULL << bit % 64;
	for (unsigned int w = bit / 64;; word = ~b->bits[w]) {
		if (word)
			return 64 * w + __builtin_ctzll(word);
		if (++w == BLOCK_SIZE / 64)
			return BLOCK_SIZE;
	}
}

bool index_free_between(const struct index *ix, const struct ip_addr *from,
			const struct ip_addr *to, struct ip_addr *out)
{
	struct ip_addr at = *from;

	while (ip_cmp(&at, to) <= 0) {
		struct ip_addr base = block_base(&at), next;
		const struct index_block *b = block_slot(ix, &base);
		unsigned int bit = b->base.family ? block_next(b, block_bit(&at)) : block_bit(&at);

		next = ip_add(&base, bit);
		if (bit < BLOCK_SIZE) {
			if (ip_cmp(&next, to) > 0)
				return false;
			*out = next;
			return true;
		}
		if (ip_cmp(&next, &at) < 0) /* the end of the address space */
			return false;
		at = next;
	}
	return false;
}

int64_t index_oldest(const struct index *ix, const struct ip_addr *from, const struct ip_addr *to,
		     int64_t before, uint64_t *key, struct ip_addr *ip)
{
	int64_t best = -1;

	for (uint64_t i = 0; i < ix->h->cap_entries; i++) {
		const struct index_entry *e = &ix->entries[i];
		struct ip_addr at = entry_ip(e);

		if (e->family != from->family || e->mtime >= before ||
		    (best >= 0 && e->mtime > best) || ip_cmp(&at, from) < 0 || ip_cmp(&at, to) > 0)
			continue;
		if (best == (int64_t)e->mtime && ip_cmp(&at, ip) > 0)
			continue;
		best = e->mtime;
		*key = e->key;
		*ip = at;
	}
	return best;
}
