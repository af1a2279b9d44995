/* stream_parts.h: what the stream*.c files share. */
#pragma once

#include "dcmf/base/bytes.h"
#include "dtls/fingerprint.h"
#include "dtls/openssl.h"
#include "dtls/stream.h"

struct tls_factory {
	struct filter_factory filter; /* first: a filter_factory is one of these */
	SSL_CTX *ssl;
	BIO_METHOD *wire;
	enum tls_side side;
	char *server_name; /* NULL: none */
	unsigned refs;     /* one of its owner, one of each connection */
	/* Whose `ssl` and `wire` these are; NULL: its own. */
	struct tls_factory *base;
	unsigned pin_count; /* 0: an authority vouches for the server */
	struct fingerprint pin[];
};

void tls_factory_unref(struct tls_factory *f);

/* stream_alpn.c: `protocol` is kept as it is. False: out of memory. */
bool tls_use_protocol(SSL_CTX *ssl, enum tls_side side, const char *protocol);

struct tls {
	struct filter filter; /* first */
	struct tls_factory *factory;
	SSL *ssl;
	struct bytes in;  /* from the wire, not seen by OpenSSL yet */
	struct bytes out; /* for the wire */
	enum filter_state state;
	bool is_closed; /* we have said that we send no more */
	char peer[FILTER_TEXT_MAX];
	char failure[FILTER_TEXT_MAX];
};

extern const struct filter_ops tls_ops; /* stream.c */

/* stream_bio.c: how OpenSSL reads `in` and writes `out` of a struct tls. */
BIO_METHOD *tls_wire_method(void); /* NULL: out of memory */
BIO *tls_wire_create(const BIO_METHOD *method, struct tls *t);

/* stream_words.c */
/*
 * Subject and alternative names: "CN=as1 DNS:as1.example
 * URI:urn:uuid:.."; what does not fit is left out.
 */
void tls_name_peer(const SSL *ssl, char text[FILTER_TEXT_MAX]);
/* Why OpenSSL gave up: looks at the last error of this thread's queue and empties the queue. */
void tls_name_failure(const SSL *ssl, char text[FILTER_TEXT_MAX]);
