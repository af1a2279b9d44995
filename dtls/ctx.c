/* ctx.c: what connections of one certificate share: the rules of the handshake. */
#include "dtls/ctx.h"

#include "dcmf/base/alloc.h"
#include "dtls/lean.h"
#include "dtls/openssl.h"
#include "dtls/rules.h"

#define VERSION       DTLS1_2_VERSION
#define SRTP_PROFILES "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"

#define OPTIONS                                                               \
	(SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | \
		SSL_OP_NO_QUERY_MTU | SSL_OP_CIPHER_SERVER_PREFERENCE)

/*
 * The cookie was proved by hello_screen() before this connection existed; what
 * OpenSSL makes itself is thrown away.
 */
static int make_cookie(SSL *ssl, unsigned char *cookie, unsigned *len)
{
	cookie[0] = 0;
	*len = 1;
	return 1;
}

static int accept_cookie(SSL *ssl, const unsigned char *cookie, unsigned len)
{
	return 1;
}

static bool set_rules(SSL_CTX *ssl, const struct cert *cert)
{
	SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
	SSL_CTX_set_options(ssl, OPTIONS);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(ssl, CERTIFICATE_CHAIN_MAX);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ssl, dtls_verify_peer, NULL);
	SSL_CTX_set_cookie_generate_cb(ssl, make_cookie);
	SSL_CTX_set_cookie_verify_cb(ssl, accept_cookie);
	return SSL_CTX_set_min_proto_version(ssl, VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ssl, VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(ssl, SUITES) == 1 &&
	       SSL_CTX_set1_groups_list(ssl, GROUPS) == 1 &&
	       SSL_CTX_use_certificate(ssl, cert->x509) == 1 &&
	       SSL_CTX_use_PrivateKey(ssl, cert->key) == 1;
}

struct dtls_ctx *dtls_ctx_create(struct cert *cert)
{
	struct dtls_ctx *ctx = mem_zalloc(sizeof(*ctx));

	if (ctx == NULL)
		return NULL;
	ctx->refs = 1;
	ctx->cert = cert_ref(cert);
	if ((ctx->wire = wire_method_create()) == NULL || !algorithms_init(&ctx->algorithms) ||
		(ctx->ssl = SSL_CTX_new_ex(lean_libctx(), NULL, DTLS_method())) == NULL ||
		!set_rules(ctx->ssl, cert)) {
		ERR_clear_error();
		dtls_ctx_unref(ctx);
		return NULL;
	}
	return ctx;
}

struct dtls_ctx *dtls_ctx_ref(struct dtls_ctx *ctx)
{
	ctx->refs++;
	return ctx;
}

void dtls_ctx_unref(struct dtls_ctx *ctx)
{
	if (ctx == NULL || --ctx->refs > 0)
		return;
	SSL_CTX_free(ctx->ssl);
	BIO_meth_free(ctx->wire);
	algorithms_finish(&ctx->algorithms);
	cert_unref(ctx->cert);
	mem_free(ctx);
}

const struct cert *dtls_ctx_cert(const struct dtls_ctx *ctx)
{
	return ctx->cert;
}

bool dtls_ctx_offer_srtp(struct dtls_ctx *ctx)
{
	/* 0 is success here */
	return SSL_CTX_set_tlsext_use_srtp(ctx->ssl, SRTP_PROFILES) == 0;
}
