/* stream_alpn.c: which protocol is spoken inside TLS (RFC 7301): one, and both ends must mean it. */
#include "dtls/stream_parts.h"

#define NAME_MAX_BYTES 255

/* The list of a client's names, each behind its length. OpenSSL has checked that it is whole. */
static bool lists(const unsigned char *names, unsigned len, struct span name)
{
	struct rd r = RD(SPAN(names, len));

	while (!r.failed && r.rest.len > 0) {
		if (span_eq(rd_span(&r, rd_u8(&r)), name))
			return true;
	}
	return false;
}

/* A client that names protocols must name ours; one that names none is taken to know. */
static int choose(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *names, unsigned len, void *protocol)
{
	struct span name = SPAN_STR(protocol);

	if (!lists(names, len, name))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = name.p;
	*out_len = (unsigned char)name.len;
	return SSL_TLSEXT_ERR_OK;
}

bool tls_use_protocol(SSL_CTX *ssl, enum tls_side side, const char *protocol)
{
	struct span name = SPAN_STR(protocol);
	uint8_t list[1 + NAME_MAX_BYTES];
	struct wr w = WR(list, sizeof(list));

	if (side == TLS_SERVER) {
		SSL_CTX_set_alpn_select_cb(ssl, choose, (void *)(uintptr_t)protocol);
		return true;
	}
	wr_u8(&w, (uint8_t)name.len);
	wr_span(&w, name);
	return !w.failed && SSL_CTX_set_alpn_protos(ssl, list, (unsigned)w.len) == 0;
}
