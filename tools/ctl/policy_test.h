/*
 * policy_test.h: what the security policy of a configuration says of a document. No gateway is
 * asked: the functions that decide are the gateway's own.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#define POLICY_RESOLVE_MAX 16

/* Texts and values are borrowed. control_init() has been called. */
struct policy_test {
	const char *config;     /* its file; NULL: the embedded defaults */
	const char *text;       /* a MediaContext document, or an offer */
	const char *name;       /* of the file it stands in, for messages */
	bool is_sdp;            /* an offer: what sdp.terminate would make of it is decided */
	const json_t *dc_media; /* of an offer: what the controller adds */
	const char *resolve[POLICY_RESOLVE_MAX]; /* "name=address", before the resolver is asked */
	unsigned resolve_count;
	bool raw; /* JSON on standard output, no table */
};

/* The exit status: 0 the policy allows all, 1 it refuses something, 2 nothing to decide. */
int policy_test(const struct policy_test *t);
