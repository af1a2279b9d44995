/* ssl_pair.c: two ends of DTLS 1.2 as bare OpenSSL has them, joined in memory. */
#include "tests/bench/ssl_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dtls/rules.h"

#define MTU 1200

static void must(bool is_so, const char *what)
{
	if (is_so)
		return;
	fprintf(stderr, "OpenSSL fails: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* An end of the wire: reads from one, writes to the other. */
struct wire_end {
	struct ssl_wire *in, *out;
};

static int end_read(BIO *bio, char *buf, int size)
{
	struct ssl_wire *w = ((struct wire_end *)BIO_get_data(bio))->in;
	size_t len;

	BIO_clear_retry_flags(bio);
	if (w->first == w->count) {
		w->first = w->count = 0;
		w->used = 0;
		BIO_set_retry_read(bio);
		return -1;
	}
	len = w->len[w->first] < (size_t)size ? w->len[w->first] : (size_t)size;
	memcpy(buf, w->bytes + w->at[w->first++], len);
	return (int)len;
}

static int end_write(BIO *bio, const char *buf, int len)
{
	struct ssl_wire *w = ((struct wire_end *)BIO_get_data(bio))->out;

	must(w->count < WIRE_DGRAMS && w->used + (size_t)len <= WIRE_BYTES, "too much at once");
	memcpy(w->bytes + w->used, buf, (size_t)len);
	w->at[w->count] = w->used;
	w->len[w->count++] = (size_t)len;
	w->used += (size_t)len;
	return len;
}

static long end_ctrl(BIO *bio, int cmd, long number, void *pointer)
{
	(void)bio;
	(void)pointer;
	switch (cmd) {
	case BIO_CTRL_FLUSH: return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU: return MTU;
	case BIO_CTRL_DGRAM_SET_MTU: return number;
	default: return 0;
	}
}

static int end_destroy(BIO *bio)
{
	free(BIO_get_data(bio));
	return 1;
}

static int accept_peer(X509_STORE_CTX *store, void *unused)
{
	(void)unused;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static void give_certificate(SSL_CTX *ctx)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x509 = X509_new();

	must(key != NULL && x509 != NULL && X509_set_version(x509, X509_VERSION_3) == 1 &&
			ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) == 1 &&
			X509_gmtime_adj(X509_getm_notBefore(x509), 0) != NULL &&
			X509_gmtime_adj(X509_getm_notAfter(x509), 86400) != NULL &&
			X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
				(const unsigned char *)"0123456789abcdef", -1, -1, 0) == 1 &&
			X509_set_issuer_name(x509, X509_get_subject_name(x509)) == 1 &&
			X509_set_pubkey(x509, key) == 1 && X509_sign(x509, key, EVP_sha256()) > 0,
		"certificate");
	must(SSL_CTX_use_certificate(ctx, x509) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1,
		"certificate");
	X509_free(x509);
	EVP_PKEY_free(key);
}

void ssl_side_init(struct ssl_side *s, OSSL_LIB_CTX *libctx)
{
	must((s->ctx = SSL_CTX_new_ex(libctx, NULL, DTLS_method())) != NULL, "SSL_CTX");
	SSL_CTX_set_security_level(s->ctx, SECURITY_LEVEL);
	SSL_CTX_set_options(s->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
					    SSL_OP_NO_COMPRESSION | SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(s->ctx, accept_peer, NULL);
	must(SSL_CTX_set_min_proto_version(s->ctx, DTLS1_2_VERSION) == 1 &&
			SSL_CTX_set_cipher_list(s->ctx, SUITES) == 1 &&
			SSL_CTX_set1_groups_list(s->ctx, GROUPS) == 1,
		"rules");
	give_certificate(s->ctx);
	must((s->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "wire")) != NULL, "BIO");
	BIO_meth_set_read(s->method, end_read);
	BIO_meth_set_write(s->method, end_write);
	BIO_meth_set_ctrl(s->method, end_ctrl);
	BIO_meth_set_destroy(s->method, end_destroy);
}

void ssl_side_finish(struct ssl_side *s)
{
	SSL_CTX_free(s->ctx);
	BIO_meth_free(s->method);
}

static SSL *make_end(const struct ssl_side *s, struct ssl_wire *in, struct ssl_wire *out)
{
	SSL *ssl = SSL_new(s->ctx);
	BIO *bio = BIO_new(s->method);
	struct wire_end *end = malloc(sizeof(*end));

	must(ssl != NULL && bio != NULL && end != NULL, "SSL");
	*end = (struct wire_end){ in, out };
	BIO_set_data(bio, end);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_mtu(ssl, MTU);
	return ssl;
}

void ssl_pair_init(struct ssl_pair *p, struct ssl_side *s)
{
	for (int i = 0; i < 2; i++) {
		p->to[i].first = p->to[i].count = 0;
		p->to[i].used = 0;
		p->ssl[i] = make_end(s, &p->to[i], &p->to[!i]);
	}
	SSL_set_connect_state(p->ssl[SSL_SIDE_CLIENT]);
	SSL_set_accept_state(p->ssl[SSL_SIDE_SERVER]);
}

void ssl_pair_finish(struct ssl_pair *p)
{
	for (int i = 0; i < 2; i++)
		SSL_free(p->ssl[i]);
}

bool ssl_pair_step(struct ssl_pair *p, int side)
{
	return SSL_do_handshake(p->ssl[side]) == 1;
}

void ssl_pair_shake(struct ssl_pair *p)
{
	bool client = false, server = false;

	for (int i = 0; i < 20 && !(client && server); i++) {
		client = ssl_pair_step(p, SSL_SIDE_CLIENT);
		server = ssl_pair_step(p, SSL_SIDE_SERVER);
	}
	must(client && server, "handshake");
}
