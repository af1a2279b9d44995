/* test_open_memory.c: how little of OpenSSL's memory an open connection keeps. */
#include <stdlib.h>

#include "dtls/dtls_parts.h"
#include "open_pair.h"
#include "tests/unit/main.h"

/* Bytes that OpenSSL keeps; each block knows its length. */
static long openssl_bytes;

static void *ssl_alloc(size_t n, const char *file, int line)
{
	size_t *p = malloc(n + 16);

	if (p == NULL)
		return NULL;
	*p = n;
	openssl_bytes += (long)n;
	return p + 2;
}

static void ssl_free(void *p, const char *file, int line)
{
	if (p == NULL)
		return;
	openssl_bytes -= (long)((size_t *)p)[-2];
	free((size_t *)p - 2);
}

static void *ssl_realloc(void *old, size_t n, const char *file, int line)
{
	void *p = ssl_alloc(n, file, line);

	if (p != NULL && old != NULL) {
		size_t had = ((size_t *)old)[-2];

		memcpy(p, old, had < n ? had : n);
		ssl_free(old, file, line);
	}
	return p;
}

#define PAIRS 20

START_TEST(an_open_connection_keeps_little)
{
	static struct sim sims[PAIRS];
	long before, shaking, open;

	sim_ctx(CLIENT);
	sim_ctx(SERVER);
	open_pair(); /* what OpenSSL makes once */
	sim_finish(&sim);
	before = openssl_bytes;
	for (int i = 0; i < PAIRS; i++) {
		sim_init(&sims[i]);
		sim_pair(&sims[i], 1200, false);
	}
	shaking = openssl_bytes - before;
	for (int i = 0; i < PAIRS; i++) {
		sim_run(&sims[i], 1);
		ck_assert(sim_both_open(&sims[i]));
		for (int side = 0; side < 2; side++) {
			ck_assert_ptr_null(sims[i].end[side].dtls->ssl);
			ck_assert_ptr_null(sims[i].end[side].dtls->early);
		}
	}
	open = openssl_bytes - before;
	ck_assert_int_gt(shaking / PAIRS / 2, 8000); /* and this is before the first message */
	ck_assert_int_lt(open / PAIRS / 2, 3000);
	ck_assert_uint_lt(sizeof(struct dtls) + sizeof(struct fingerprint), 1024);
	for (int i = 0; i < PAIRS; i++)
		sim_finish(&sims[i]);
}
END_TEST

static Suite *open_memory_suite(void)
{
	Suite *suite = suite_create("dtls/open_memory");
	TCase *c = tcase_create("open memory");

	/* before the first word with OpenSSL */
	if (CRYPTO_set_mem_functions(ssl_alloc, ssl_realloc, ssl_free) != 1)
		abort();
	tcase_set_timeout(c, 60);
	tcase_add_test(c, an_open_connection_keeps_little);
	tcase_add_unchecked_fixture(c, NULL, sim_ctx_free);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(open_memory_suite)
