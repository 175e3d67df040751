/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a fuzz target where there is no libFuzzer: mutates the inputs of a folder in the same way
 * each time, and keeps what the target took as good to mutate it further.
 *
 * usage: test_fuzz_store [FOLDER [DICTIONARY]]
 * FUZZ_SEED (1) and FUZZ_ROUNDS say where to begin and how many; FUZZ_SECONDS (40) is the most it
 * takes. What crashes, hangs or does not hold is printed as a C string.
 */
#include "tests/fuzz/fuzz.h"

#include "cleanup.h"
#include "file.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define INPUT_MAX 2048 /* bytes of an input that was made */
#define KINDS_MAX 16   /* an input's first byte is its kind */
#define POOL_MAX  128  /* inputs of one kind */
#define WORDS_MAX 256  /* of the dictionary */
#define HANG	  20   /* seconds in one input */

struct input {
	uint8_t *data; /* owned */
	size_t size;
};

/* Apart from each other, so that a kind that is taken easily does not crowd out the others. */
struct pool {
	uint8_t kind;
	struct input in[POOL_MAX];
	size_t n, n_seeds, next;
};

static struct pool pools[KINDS_MAX];
static struct input words[WORDS_MAX];
static size_t n_pools, n_seeds, n_words;
static uint64_t state;

/* the input that the target has */
static uint8_t now[INPUT_MAX];
static size_t now_size;
static volatile unsigned long now_round;

/* ---- when it goes wrong ---- */

/* As a C string, by write() only: it may be called from a signal. */
static void print_input(void)
{
	static char text[5 * INPUT_MAX + 64];
	size_t n = 0;

	for (size_t i = 0; i < now_size; i++) {
		uint8_t c = now[i];

		if (c == '"' || c == '\\')
			text[n++] = '\\';
		if (c >= ' ' && c < 0x7f) {
			text[n++] = (char)c;
			continue;
		}
		text[n++] = '\\';
		text[n++] = (char)('0' + (c >> 6));
		text[n++] = (char)('0' + (c >> 3 & 7));
		text[n++] = (char)('0' + (c & 7));
	}
	text[n++] = '"';
	text[n++] = '\n';
	if (write(STDOUT_FILENO, "not ok - the input is \"", 23) < 0 ||
	    write(STDOUT_FILENO, text, n) < 0)
		_exit(1);
}

void fuzz_failed(const char *function, int line, const char *what)
{
	printf("%s() line %d, round %lu: does not hold: %s\n", function, line, now_round, what);
	fflush(stdout);
	print_input();
	_exit(1);
}

static void on_signal(int number)
{
	static const char text[] = "the target got a signal\n";

	(void)number;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) >= 0)
		print_input();
	_exit(1);
}

static void on_alarm(int number)
{
	static const char text[] = "the target hangs\n";
	static unsigned long before = -1UL;

	(void)number;
	if (before == now_round && write(STDOUT_FILENO, text, sizeof(text) - 1) >= 0) {
		print_input();
		_exit(1);
	}
	before = now_round;
	alarm(HANG);
}

/* of the sanitizers, where there are some */
void __sanitizer_set_death_callback(void (*fn)(void)) __attribute__((weak));

static void watch(void)
{
	if (__sanitizer_set_death_callback) {
		__sanitizer_set_death_callback(print_input);
	} else {
		signal(SIGSEGV, on_signal);
		signal(SIGBUS, on_signal);
		signal(SIGFPE, on_signal);
		signal(SIGILL, on_signal);
	}
	signal(SIGABRT, on_signal);
	signal(SIGALRM, on_alarm);
	alarm(HANG);
}

/* ---- what it begins with ---- */

static struct pool *pool_of(uint8_t kind)
{
	for (size_t i = 0; i < n_pools; i++)
		if (pools[i].kind == kind)
			return &pools[i];
	if (n_pools == KINDS_MAX)
		abort();
	pools[n_pools].kind = kind;
	return &pools[n_pools++];
}

static void keep(const uint8_t *data, size_t size)
{
	struct pool *pool = pool_of(data[0]);
	struct input *in = pool->n < POOL_MAX ? &pool->in[pool->n++] : NULL;

	if (!in) /* the seeds stay */
		in = &pool->in[pool->n_seeds + pool->next++ % (POOL_MAX - pool->n_seeds)];
	free(in->data);
	in->data = malloc(size);
	if (!in->data)
		abort();
	memcpy(in->data, data, size);
	in->size = size;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_seeds(const char *folder)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, NULL, by_name);

	for (int i = 0; i < n; i++) {
		autofree char *data = NULL;
		char path[512];
		size_t size;

		snprintf(path, sizeof(path), "%s/%s", folder, list[i]->d_name);
		if (list[i]->d_name[0] != '.' &&
		    file_read(AT_FDCWD, path, INPUT_MAX, &data, &size) == 0 && size > 0) {
			keep((uint8_t *)data, size);
			n_seeds++;
		}
		free(list[i]);
	}
	free(list);
	for (size_t i = 0; i < n_pools; i++)
		pools[i].n_seeds = pools[i].n;
}

/* One line of libFuzzer's dictionaries: "word", with \\, \" and \xAB. */
static void read_word(const char *line)
{
	struct input *word = &words[n_words];
	const char *at = strchr(line, '"');

	if (*line == '#' || !at || n_words == WORDS_MAX)
		return;
	free(word->data); /* of an empty one */
	word->data = malloc(strlen(at));
	if (!word->data)
		abort();
	for (at++; *at && *at != '"'; at++) {
		char hex[3] = { 0 };

		if (*at == '\\' && at[1] == 'x' && isxdigit(at[2]) && isxdigit(at[3])) {
			memcpy(hex, at + 2, 2);
			word->data[word->size++] = (uint8_t)strtoul(hex, NULL, 16);
			at += 3;
			continue;
		}
		at += *at == '\\' && at[1];
		word->data[word->size++] = (uint8_t)*at;
	}
	n_words += word->size > 0;
}

static void read_words(const char *name)
{
	autofile FILE *f = fopen(name, "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		read_word(line);
}

/* ---- mutations ---- */

static uint32_t any(uint32_t below)
{
	/* xorshift64*: the same on every machine */
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return below ? (uint32_t)((state * 0x2545f4914f6cdd1dULL) >> 33) % below : 0;
}

/* Put bytes in the place of others; what does not fit is cut off. */
static void replace(size_t at, size_t gone, const uint8_t *data, size_t size)
{
	uint8_t tail[INPUT_MAX];
	size_t left = now_size - at - gone;

	memcpy(tail, now + at + gone, left);
	if (size > INPUT_MAX - at)
		size = INPUT_MAX - at;
	memmove(now + at, data, size);
	if (left > INPUT_MAX - at - size)
		left = INPUT_MAX - at - size;
	memcpy(now + at + size, tail, left);
	now_size = at + size + left;
}

/* A place in the input that is not its first byte, which says what it is. */
static size_t some_place(void)
{
	return now_size > 1 ? 1 + any((uint32_t)now_size - 1) : now_size;
}

static size_t some_length(size_t at, uint32_t most)
{
	size_t left = now_size - at, n = 1 + any(most);

	return n < left ? n : left;
}

/* A number becomes another one. */
static void change_number(void)
{
	static const char *const numbers[] = { "0",	     "1",
					       "-1",	     "24",
					       "31",	     "32",
					       "33",	     "64",
					       "127",	     "128",
					       "129",	     "255",
					       "256",	     "65535",
					       "65536",	     "16777215",
					       "1e3",	     "16777216",
					       "4294967295", "4294967296",
					       "01",	     "9223372036854775807",
					       "1.5",	     "99999999999999999999" };
	size_t at = some_place(), end;
	const char *number = numbers[any(ARRAY_SIZE(numbers))];

	while (at < now_size && !isdigit(now[at]))
		at++;
	for (end = at; end < now_size && isdigit(now[end]);)
		end++;
	if (at > 0 && at < now_size)
		replace(at, end - at, (const uint8_t *)number, strlen(number));
}

/* The end of another input of the same kind takes the place of this one's. */
static void join_another(void)
{
	struct pool *pool = pool_of(now[0]);
	const struct input *other = &pool->in[any((uint32_t)pool->n)];
	size_t at = some_place(), from;

	if (other->size < 2)
		return;
	from = 1 + any((uint32_t)other->size - 1);
	replace(at, now_size - at, other->data + from, other->size - from);
}

static void repeat(void)
{
	uint8_t part[64];
	size_t at = some_place(), n = some_length(at, sizeof(part));

	memcpy(part, now + at, n);
	replace(some_place(), 0, part, n);
}

static void mutate(void)
{
	size_t at = some_place();
	uint8_t byte = (uint8_t)any(256);
	const struct input *word = n_words ? &words[any((uint32_t)n_words)] : NULL;

	switch (any(9)) {
	case 0:
		if (at < now_size)
			now[at] ^= (uint8_t)(1 << any(8));
		break;
	case 1:
		if (at < now_size)
			now[at] = byte;
		break;
	case 2:
		replace(at, 0, &byte, 1);
		break;
	case 3:
		replace(at, some_length(at, 16), &byte, 0);
		break;
	case 4:
		if (any(4) == 0)
			replace(at, now_size - at, &byte, 0);
		break;
	case 5:
		change_number();
		break;
	case 6:
		join_another();
		break;
	case 7:
		repeat();
		break;
	case 8:
		if (word)
			replace(at, any(2) ? some_length(at, 2 * word->size) : 0, word->data,
				word->size);
		break;
	}
}

/* Return: whether the target took it. */
static bool run(void)
{
	unsigned long before = fuzz_accepted;

	LLVMFuzzerTestOneInput(now, now_size);
	return fuzz_accepted != before;
}

static void take(const struct input *in)
{
	memcpy(now, in->data, in->size);
	now_size = in->size;
}

/* Of any kind; half of the time one of those that it began with. */
static void take_any(void)
{
	struct pool *pool = &pools[any((uint32_t)n_pools)];

	take(&pool->in[any((uint32_t)(any(2) ? pool->n : pool->n_seeds))]);
}

static unsigned long number_of(const char *variable, unsigned long otherwise)
{
	const char *text = getenv(variable);

	return text && *text ? strtoul(text, NULL, 0) : otherwise;
}

static void run_rounds(unsigned long seed, unsigned long rounds)
{
	time_t end = time(NULL) + (time_t)number_of("FUZZ_SECONDS", 40);
	unsigned long taken = 0;

	state = seed * 0x9e3779b97f4a7c15ULL + 1;
	for (now_round = 1; now_round <= rounds; now_round++) {
		take_any();
		for (uint32_t i = 1 + any(4); i > 0; i--)
			mutate();
		if (run()) {
			taken++;
			keep(now, now_size);
		}
		if (now_round % 1024 == 0 && time(NULL) > end)
			break;
	}
	printf("%lu rounds of %lu from seed %lu, %zu inputs to begin with, %lu taken, 0 crashes\n",
	       now_round - (now_round > rounds), rounds, seed, n_seeds, taken);
	/* else it would have tested nothing */
	printf("%sok - some of the inputs are good, some are not\n",
	       taken > now_round / 100 && taken < now_round ? "" : "not ");
	printf("ok - what is taken is right and comes back the same, what is refused changes "
	       "nothing\n");
}

int main(int argc, char **argv)
{
	size_t good = 0;

	read_seeds(argc > 1 ? argv[1] : "tests/fuzz/corpus");
	read_words(argc > 2 ? argv[2] : "tests/fuzz/store.dict");
	if (!n_seeds || !n_words) {
		printf("not ok - there are inputs and words to begin with\n");
		return 1;
	}
	watch();
	for (size_t k = 0; k < n_pools; k++)
		for (size_t i = 0; i < pools[k].n_seeds; i++) {
			take(&pools[k].in[i]);
			good += run();
		}
	printf("%sok - the %zu inputs to begin with are taken: %zu\n",
	       good == n_seeds ? "" : "not ", n_seeds, good);
	run_rounds(number_of("FUZZ_SEED", 1), number_of("FUZZ_ROUNDS", 200000));
	for (size_t k = 0; k < n_pools; k++)
		for (size_t i = 0; i < pools[k].n; i++)
			free(pools[k].in[i].data);
	for (size_t i = 0; i < n_words; i++)
		free(words[i].data);
	return 0;
}
