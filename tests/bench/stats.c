// SPDX-License-Identifier: GPL-2.0-or-later
/* Medians, quantiles and ratios of paired samples. */
#include "bench.h"

#include <stdlib.h>

#define RESAMPLES 1000

double pick_wall(const struct sample *sample)
{
	return sample->wall;
}

double pick_cpu(const struct sample *sample)
{
	return sample->cpu;
}

double pick_gone(const struct sample *sample)
{
	return sample->gone;
}

double pick_settled(const struct sample *sample)
{
	return sample->settled;
}

void series_add(struct series *s, const struct sample *sample)
{
	if ((s->n & (s->n - 1)) == 0) {
		s->v = realloc(s->v, (s->n ? 2 * s->n : 1) * sizeof(*s->v));
		if (!s->v)
			die("out of memory");
	}
	s->v[s->n++] = *sample;
}

void series_free(struct series *s)
{
	free(s->v);
	*s = (struct series){ 0 };
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts v. */
static double quantile(double *v, size_t n, double q)
{
	double at = q * (n - 1);
	size_t i = at;

	qsort(v, n, sizeof(*v), compare);
	return i + 1 < n ? v[i] + (at - i) * (v[i + 1] - v[i]) : v[n - 1];
}

static double *numbers(size_t n)
{
	double *v = n ? malloc(n * sizeof(*v)) : NULL;

	if (!v)
		die("no samples, or no memory for them");
	return v;
}

double series_quantile(const struct series *s, pick_fn pick, double q)
{
	double *v = numbers(s->n), r;

	for (size_t i = 0; i < s->n; i++)
		v[i] = pick(&s->v[i]);
	r = quantile(v, s->n, q);
	free(v);
	return r;
}

/* a/b pair by pair; where one series is shorter, its length counts. */
struct ratio series_ratio(const struct series *a, pick_fn pick_a, const struct series *b,
			  pick_fn pick_b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	double *all = numbers(n), *some = numbers(n), *medians = numbers(RESAMPLES);
	struct ratio r;

	for (size_t i = 0; i < n; i++)
		all[i] = pick_a(&a->v[i]) / pick_b(&b->v[i]);
	srandom(1); /* the same samples give the same interval */
	for (size_t k = 0; k < RESAMPLES; k++) {
		for (size_t i = 0; i < n; i++)
			some[i] = all[random() % n];
		medians[k] = quantile(some, n, 0.5);
	}
	r.median = quantile(all, n, 0.5);
	r.low = quantile(medians, RESAMPLES, 0.025);
	r.high = quantile(medians, RESAMPLES, 0.975);
	free(all);
	free(some);
	free(medians);
	return r;
}
