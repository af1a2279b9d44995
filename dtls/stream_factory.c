/* stream_factory.c: what TLS connections of one certificate share: the rules of the handshake. */
#include "dcmf/base/alloc.h"
#include "dcmf/base/err.h"
#include "dtls/cert_openssl.h"
#include "dtls/pem.h"
#include "dtls/rules.h"
#include "dtls/stream_parts.h"

#define SUITES_1_3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define OPTIONS                                                               \
	(SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | \
		SSL_OP_CIPHER_SERVER_PREFERENCE)
/*
 * Idle connections hold no record buffers; the chain is what stands in the
 * certificate's file, not what `ca` could add.
 */
#define MODES (SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN)

static bool is_pinned(const struct tls_factory *f, const X509 *x509)
{
	for (unsigned i = 0; i < f->pin_count; i++) {
		struct fingerprint shown;

		if (hash_is_strong((enum hash)f->pin[i].hash) &&
			x509_fingerprint(x509, (enum hash)f->pin[i].hash, &shown) == ERR_OK &&
			fingerprint_eq(&shown, &f->pin[i]))
			return true;
	}
	return false;
}

/* Called by OpenSSL with the certificates that the peer has shown. */
static int verify_peer(X509_STORE_CTX *store, void *unused)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const struct tls *t = SSL_get_app_data(ssl);

	(void)unused;
	if (t->factory->pin_count == 0)
		return X509_verify_cert(store);
	if (is_pinned(t->factory, X509_STORE_CTX_get0_cert(store))) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	/* bad_certificate (RFC 8122 6.2) */
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

static bool set_rules(SSL_CTX *ssl)
{
	SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
	SSL_CTX_set_options(ssl, OPTIONS);
	SSL_CTX_set_mode(ssl, MODES);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ssl, 0);
	SSL_CTX_set_max_cert_list(ssl, CERTIFICATE_CHAIN_MAX);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ssl, verify_peer, NULL);
	/* An authority need not be a root: what the operator names is trusted. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
	return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(ssl, SUITES) == 1 &&
	       SSL_CTX_set_ciphersuites(ssl, SUITES_1_3) == 1 &&
	       SSL_CTX_set1_groups_list(ssl, GROUPS) == 1;
}

/* ---- the three parts; each gives NULL or what is wrong ---- */

static const char *use_chain(SSL_CTX *ssl, STACK_OF(X509) * chain)
{
	X509 *own = sk_X509_value(chain, 0);

	if (SSL_CTX_use_certificate(ssl, own) != 1)
		return "the certificate is too weak: 112 bits of security are needed";
	for (int i = 1; i < sk_X509_num(chain); i++) {
		if (SSL_CTX_add1_chain_cert(ssl, sk_X509_value(chain, i)) != 1)
			return "a certificate of the chain is too weak: 112 bits of security are "
			       "needed";
	}
	return NULL;
}

static const char *use_certificate(SSL_CTX *ssl, struct span pem)
{
	const char *why = NULL;
	STACK_OF(X509) *chain = pem_certificates(pem, &why);

	if (chain != NULL)
		why = use_chain(ssl, chain);
	sk_X509_pop_free(chain, X509_free);
	return why;
}

static const char *use_key(SSL_CTX *ssl, struct span pem)
{
	const char *why = NULL;
	EVP_PKEY *key = pem_key(pem, &why);

	if (key == NULL)
		return why;
	if (X509_check_private_key(SSL_CTX_get0_certificate(ssl), key) != 1)
		why = "the key does not belong to the certificate";
	else if (SSL_CTX_use_PrivateKey(ssl, key) != 1)
		why = "the key cannot be used";
	EVP_PKEY_free(key);
	return why;
}

/*
 * Clients are told the names of our authorities, so that those with
 * several certificates find the right one.
 */
static const char *use_authorities(SSL_CTX *ssl, struct span pem, enum tls_side side)
{
	const char *why = NULL;
	STACK_OF(X509) *list = pem_certificates(pem, &why);

	for (int i = 0; i < sk_X509_num(list) && why == NULL; i++) {
		X509 *x509 = sk_X509_value(list, i);

		if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl), x509) != 1 ||
			(side == TLS_SERVER && SSL_CTX_add_client_CA(ssl, x509) != 1))
			why = err_text(ERR_NO_MEMORY);
	}
	sk_X509_pop_free(list, X509_free);
	return why;
}

static bool use_parts(struct tls_factory *f, const struct tls_config *c, struct tls_fault *fault)
{
	bool is_anonymous = c->side == TLS_CLIENT && c->certificate.len == 0 && c->key.len == 0;
	bool trusts_pins_only = c->side == TLS_CLIENT && c->ca.len == 0;

	fault->part = TLS_CERTIFICATE;
	if (!is_anonymous && (fault->why = use_certificate(f->ssl, c->certificate)) != NULL)
		return false;
	fault->part = TLS_KEY;
	if (!is_anonymous && (fault->why = use_key(f->ssl, c->key)) != NULL)
		return false;
	fault->part = TLS_CA;
	return trusts_pins_only || (fault->why = use_authorities(f->ssl, c->ca, c->side)) == NULL;
}

/* ---- life ---- */

static bool fill(struct tls_factory *f, const struct tls_config *c)
{
	const SSL_METHOD *method =
		c->side == TLS_SERVER ? TLS_server_method() : TLS_client_method();

	if (c->server_name != NULL && (f->server_name = mem_strdup(c->server_name)) == NULL)
		return false;
	return (f->wire = tls_wire_method()) != NULL && (f->ssl = SSL_CTX_new(method)) != NULL &&
	       set_rules(f->ssl) &&
	       (c->protocol == NULL || tls_use_protocol(f->ssl, c->side, c->protocol));
}

struct filter_factory *tls_factory_create(const struct tls_config *config, struct tls_fault *fault)
{
	struct tls_factory *f = mem_zalloc(sizeof(*f));

	*fault = (struct tls_fault){ TLS_CERTIFICATE, err_text(ERR_NO_MEMORY) };
	if (f == NULL)
		return NULL;
	f->filter.ops = &tls_ops;
	f->side = config->side;
	f->refs = 1;
	if (fill(f, config) && use_parts(f, config, fault)) {
		ERR_clear_error();
		return &f->filter;
	}
	ERR_clear_error();
	tls_factory_unref(f);
	return NULL;
}

struct filter_factory *tls_factory_toward(
	struct filter_factory *client, const struct tls_server *server)
{
	struct tls_factory *base = (struct tls_factory *)client;
	size_t pins = server->fingerprint_count * sizeof(struct fingerprint);
	struct tls_factory *f = mem_zalloc(sizeof(*f) + pins);

	if (f == NULL || (f->server_name = mem_strdup(server->name)) == NULL) {
		mem_free(f);
		return NULL;
	}
	f->filter.ops = &tls_ops;
	f->side = TLS_CLIENT;
	f->refs = 1;
	f->base = base;
	base->refs++;
	f->ssl = base->ssl;
	f->wire = base->wire;
	f->pin_count = server->fingerprint_count;
	if (pins > 0)
		memcpy(f->pin, server->fingerprints, pins);
	return &f->filter;
}

void tls_factory_unref(struct tls_factory *f)
{
	if (f == NULL || --f->refs > 0)
		return;
	if (f->base == NULL) {
		SSL_CTX_free(f->ssl);
		BIO_meth_free(f->wire);
	}
	tls_factory_unref(f->base);
	mem_free(f->server_name);
	mem_free(f);
}

void tls_factory_destroy(struct filter_factory *factory)
{
	tls_factory_unref((struct tls_factory *)factory);
}

const char *tls_factory_doubt(const struct filter_factory *factory)
{
	const struct tls_factory *f = (const struct tls_factory *)factory;
	const X509 *own = SSL_CTX_get0_certificate(f->ssl);

	if (own == NULL)
		return NULL;
	if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0)
		return "the certificate has expired";
	if (X509_cmp_current_time(X509_get0_notBefore(own)) > 0)
		return "the certificate is not valid yet";
	return NULL;
}
