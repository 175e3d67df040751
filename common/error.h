/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one error value: what a plugin reports on stdout when a verb fails. */
#ifndef HAWSER_ERROR_H
#define HAWSER_ERROR_H

/*
 * Error codes of the CNI specification 1.1.0, section "Error". Codes up to 99 are reserved by it;
 * CNI_E_FAILED is what the reference plugins print for every failure that has no code of its own,
 * and what clients know.
 */
enum cni_code {
	CNI_E_VERSION = 1, /* incompatible CNI version */
	CNI_E_FIELD = 2,   /* unsupported field in the network configuration */
	CNI_E_UNKNOWN = 3, /* container unknown or does not exist */
	CNI_E_ENV = 4,	   /* a CNI_ environment variable is missing or invalid */
	CNI_E_IO = 5,	   /* reading stdin or a file failed */
	CNI_E_DECODE = 6,  /* stdin is not the JSON it should be */
	CNI_E_CONF = 7,	   /* the network configuration is invalid */
	CNI_E_NETNS = 8,   /* the network namespace is the plugin's own (code of the reference) */
	CNI_E_TRY_LATER = 11,	/* transient: the runtime should retry */
	CNI_E_UNAVAILABLE = 50, /* STATUS: the plugin cannot serve ADD */
	CNI_E_LIMITED = 51,	/* STATUS: ADD would give limited connectivity */
	CNI_E_FAILED = 999,	/* an operation failed */
};

/* An error is a value, filled at most once per call. code 0 means no error. */
struct cni_err {
	int code;	    /* enum cni_code, or the code another plugin gave */
	int errnum;	    /* positive errno behind it, 0 if none */
	char msg[1536];	    /* one sentence naming what was tried, on which object */
	char details[1024]; /* the kernel's or another plugin's own words, or "" */
};

/**
 * cni_fail() - fill @err and give back a negative errno to return
 * @err: filled unless it holds an error already (the first error is kept)
 * @code: enum cni_code
 * @errnum: errno, either sign, appended to the text as ": <strerror>"; 0 appends nothing
 * @fmt: sentence; bytes that are not printable UTF-8 are replaced in the stored text
 *
 * Return: -errnum, or -EINVAL when @errnum is 0. Never 0 or positive.
 */
int cni_fail(struct cni_err *err, int code, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
#ifdef __clang_analyzer__
/* It sees one file at a time, and must be told what cni_fail() cannot give back. */
static inline int cni_failed(int r)
{
	return r < 0 ? r : -1;
}
#define cni_fail(...) cni_failed((cni_fail)(__VA_ARGS__))
#endif

/**
 * cni_err_details() - set the details of an error already filled
 * @err: the error
 * @fmt: text, sanitised like cni_fail()'s
 */
void cni_err_details(struct cni_err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * cni_err_merge() - keep the first error of several steps that all must run
 * @err: accumulated error, unchanged when it holds one already
 * @step: error of the latest step; merged if it holds one
 */
void cni_err_merge(struct cni_err *err, const struct cni_err *step);

/**
 * text_sanitize() - make a string safe to print and to put into JSON
 * @s: changed in place: control bytes and bytes that are not valid UTF-8 become '?'
 */
void text_sanitize(char *s);

#endif
