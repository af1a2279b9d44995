/*
 * test_lean.c: handshakes with OpenSSL's algorithms sifted (lean.h), and without: certificates of every kind of key that may come, in either
 * role, are read the same, and what a handshake refuses stays refused.
 */
#include "dtls/lean.h"

#include "dcmf/base/alloc.h"
#include "dtls/cert_openssl.h"
#include "dtls/dtls.h"
#include "tests/unit/main.h"

/* ---- two ends, each with its own context ---- */

enum { CLIENT, SERVER, WAITING_MAX = 32 };

struct end {
	struct dtls *dtls;
	struct {
		uint8_t bytes[2048];
		size_t len;
	} waiting[WAITING_MAX]; /* from the other end, not read yet */
	unsigned waits;
	struct end *other;
};

static struct end ends[2];
static const tick_t now = { TICK_S(1) };

static void output(void *arg, struct span dgram)
{
	struct end *to = ((struct end *)arg)->other;

	ck_assert_uint_lt(to->waits, WAITING_MAX);
	ck_assert_uint_le(dgram.len, sizeof(to->waiting[0].bytes));
	memcpy(to->waiting[to->waits].bytes, dgram.p, dgram.len);
	to->waiting[to->waits++].len = dgram.len;
}

static bool step(struct end *e)
{
	unsigned n = e->waits;

	for (unsigned i = 0; i < n; i++)
		dtls_input(e->dtls, now, SPAN(e->waiting[i].bytes, e->waiting[i].len));
	memmove(e->waiting, e->waiting + n, (e->waits - n) * sizeof(e->waiting[0]));
	e->waits -= n;
	return n > 0;
}

static EVP_PKEY *make_key(const char *kind)
{
	if (strcmp(kind, "RSA") == 0)
		return EVP_RSA_gen(2048);
	if (kind[0] == 'P')
		return EVP_EC_gen(kind);
	return EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

static struct cert *make_cert(const char *kind)
{
	struct cert *c = mem_zalloc(sizeof(*c));
	bool is_edwards = kind[0] == 'E';

	c->refs = 1;
	c->key = make_key(kind);
	c->x509 = X509_new();
	X509_gmtime_adj(X509_getm_notBefore(c->x509), -10);
	X509_gmtime_adj(X509_getm_notAfter(c->x509), 1000);
	ck_assert_int_eq(X509_set_pubkey(c->x509, c->key), 1);
	ck_assert_int_gt(X509_sign(c->x509, c->key, is_edwards ? NULL : EVP_sha256()), 0);
	return c;
}

static void begin(struct end *e, struct cert *own, struct cert *theirs, enum dtls_role role)
{
	struct dtls_ctx *ctx = dtls_ctx_create(own);
	struct fingerprint peer;

	ck_assert_int_eq(cert_fingerprint(theirs, HASH_SHA256, &peer), ERR_OK);
	*e = (struct end){ .other = &ends[e == &ends[CLIENT] ? SERVER : CLIENT] };
	e->dtls = dtls_create(&(struct dtls_config){ .ctx = ctx,
		.role = role,
		.mtu = 1200,
		.peer = &peer,
		.peer_count = 1,
		.output = output,
		.arg = e });
	ck_assert_ptr_nonnull(e->dtls);
	dtls_ctx_unref(ctx);
}

/* The server's end is made with OpenSSL sifted or not, as it is set at that moment. */
static void shake(struct cert *client, struct cert *server, struct cert *client_is_taken_for)
{
	begin(&ends[CLIENT], client, server, DTLS_CLIENT);
	begin(&ends[SERVER], server, client_is_taken_for, DTLS_SERVER);
	dtls_start(ends[CLIENT].dtls, now);
	while (step(&ends[SERVER]) || step(&ends[CLIENT]))
		;
}

static void one_message_passes(void)
{
	uint8_t buf[2048];
	size_t len = 0;

	ck_assert_int_eq(dtls_send(ends[CLIENT].dtls, SPAN_LIT("hello")), ERR_OK);
	step(&ends[SERVER]);
	ck_assert(dtls_read(ends[SERVER].dtls, buf, sizeof(buf), &len));
	ck_assert(span_eq(SPAN(buf, len), SPAN_LIT("hello")));
}

static void end_both(void)
{
	dtls_destroy(ends[CLIENT].dtls);
	dtls_destroy(ends[SERVER].dtls);
}

static void restore(void)
{
	lean_allow(true);
}

/* ---- tests ---- */

START_TEST(the_sifted_context_is_made_and_can_do_without)
{
	OSSL_LIB_CTX *ctx = lean_libctx();
	EVP_KEYMGMT *dh;

	ck_assert_ptr_nonnull(ctx);
	ck_assert_ptr_eq(lean_libctx(), ctx);
	dh = EVP_KEYMGMT_fetch(ctx, "DH", NULL);
	ck_assert_ptr_null(dh);
	ERR_clear_error();
	dh = EVP_KEYMGMT_fetch(NULL, "DH", NULL);
	ck_assert_ptr_nonnull(dh); /* OpenSSL's own context is as it was */
	EVP_KEYMGMT_free(dh);
	lean_allow(false);
	ck_assert_ptr_null(lean_libctx());
}
END_TEST

/* The last one a client may have; a server's OpenSSL offers no suite for it. */
static const char *const kinds[] = { "P-256", "P-384", "RSA", "ED25519" };

/* _i: bit 0 sifted or not, then the kind of the client's key. */
START_TEST(a_client_with_any_kind_of_key_is_known_by_its_certificate)
{
	struct cert *client = make_cert(kinds[_i / 2]), *server = make_cert("P-256");

	lean_allow(_i % 2);
	shake(client, server, client);
	ck_assert_int_eq(dtls_state(ends[SERVER].dtls), DTLS_OPEN);
	ck_assert_int_eq(dtls_state(ends[CLIENT].dtls), DTLS_OPEN);
	one_message_passes();
	end_both();
	cert_unref(client);
	cert_unref(server);
}
END_TEST

START_TEST(a_server_with_any_kind_of_key_is_known_by_its_certificate)
{
	struct cert *client = make_cert("P-256"), *server = make_cert(kinds[_i / 2]);

	lean_allow(_i % 2);
	shake(client, server, client);
	ck_assert_int_eq(dtls_state(ends[SERVER].dtls), DTLS_OPEN);
	one_message_passes();
	end_both();
	cert_unref(client);
	cert_unref(server);
}
END_TEST

START_TEST(a_certificate_of_somebody_else_is_refused_with_any_kind_of_key)
{
	struct cert *client = make_cert(kinds[_i / 2]), *server = make_cert("P-256");
	struct cert *other = make_cert(kinds[_i / 2]);

	lean_allow(_i % 2);
	shake(client, server, other);
	ck_assert_int_eq(dtls_state(ends[SERVER].dtls), DTLS_CLOSED);
	ck_assert_int_eq(dtls_close_reason(ends[SERVER].dtls), CLOSE_DTLS_FINGERPRINT);
	end_both();
	cert_unref(client);
	cert_unref(server);
	cert_unref(other);
}
END_TEST

/* Its certificate is right, its key is of a kind that nobody here reads: DSA, which no suite has. */
START_TEST(a_key_of_a_kind_that_is_sifted_out_ends_its_own_handshake_alone)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
	struct cert *good = make_cert("P-256"), *odd = make_cert("P-256");
	EVP_PKEY *params = NULL, *dsa = NULL;

	ck_assert_int_eq(EVP_PKEY_paramgen_init(ctx), 1);
	EVP_PKEY_CTX_ctrl_str(ctx, "dsa_paramgen_bits", "2048");
	ck_assert_int_eq(EVP_PKEY_paramgen(ctx, &params), 1);
	EVP_PKEY_CTX_free(ctx);
	ctx = EVP_PKEY_CTX_new(params, NULL);
	EVP_PKEY_keygen_init(ctx);
	ck_assert_int_eq(EVP_PKEY_keygen(ctx, &dsa), 1);

	/* a certificate with that key, read through the sifted context as a peer's would be */
	{
		X509 *x509 = X509_new(), *read = X509_new_ex(lean_libctx(), NULL);
		uint8_t *whole = NULL;
		const uint8_t *at;
		int len;

		X509_set_pubkey(x509, dsa);
		X509_gmtime_adj(X509_getm_notBefore(x509), 0);
		X509_gmtime_adj(X509_getm_notAfter(x509), 1000);
		ck_assert_int_gt(X509_sign(x509, good->key, EVP_sha256()), 0);
		len = i2d_X509(x509, &whole);
		at = whole;
		ck_assert_ptr_nonnull(d2i_X509(&read, &at, len));
		ck_assert_ptr_null(X509_get0_pubkey(read));
		ERR_clear_error();
		X509_free(read);
		X509_free(x509);
		OPENSSL_free(whole);
	}
	shake(odd, good, odd);
	ck_assert_int_eq(dtls_state(ends[SERVER].dtls), DTLS_OPEN);
	end_both();
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(params);
	EVP_PKEY_free(dsa);
	cert_unref(good);
	cert_unref(odd);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("dtls/lean");
	TCase *t = tcase_create("lean");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, NULL, restore);
	tcase_add_test(t, the_sifted_context_is_made_and_can_do_without);
	tcase_add_loop_test(t, a_client_with_any_kind_of_key_is_known_by_its_certificate, 0, 8);
	tcase_add_loop_test(t, a_server_with_any_kind_of_key_is_known_by_its_certificate, 0, 6);
	tcase_add_loop_test(
		t, a_certificate_of_somebody_else_is_refused_with_any_kind_of_key, 0, 8);
	tcase_add_test(t, a_key_of_a_kind_that_is_sifted_out_ends_its_own_handshake_alone);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
