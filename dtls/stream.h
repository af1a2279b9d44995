/*
 * stream.h: TLS on byte streams, as a filter (dcmf/base/stream_filter.h),
 * with certificates on both sides.
 *
 * TLS 1.2 and 1.3, ECDHE and AEAD only. The peer must show a certificate of one of our authorities;
 * a client checks the name too, or where it was told fingerprints, those instead of both. No
 * renegotiation, no tickets, no resumption, no early data. The state ends as FILTER_FAILED when the
 * peer does otherwise.
 */
#pragma once

#include "dcmf/base/span.h"
#include "dcmf/base/stream_filter.h"

struct fingerprint; /* dtls/fingerprint.h */

enum tls_side { TLS_SERVER, TLS_CLIENT };

struct tls_config {
	enum tls_side side;
	/*
	 * PEM. The certificate may be followed by the chain up to its authority; any of `ca` is
	 * trusted. A client may do without certificate and key, then it shows none, and without
	 * `ca`, then only fingerprints make it trust anybody.
	 */
	struct span certificate, key, ca;
	/*
	 * Client: the host name or address the server's certificate must be for. NULL: nobody is
	 * called by this factory itself, only by those that tls_factory_toward() makes of it.
	 */
	const char *server_name;
	/*
	 * What is spoken inside (RFC 7301), a static text: "h2". A server refuses clients that
	 * name other protocols only. NULL: nothing is said of it.
	 */
	const char *protocol;
};

/* Whom a client calls. */
struct tls_server {
	const char *name; /* host name or address: SNI, and what the certificate must be for */
	/* The certificate is one of these, then it need not be for the name, nor of an authority. */
	const struct fingerprint *fingerprints;
	unsigned fingerprint_count; /* 0: an authority vouches for it */
};

enum tls_part { TLS_CERTIFICATE, TLS_KEY, TLS_CA };

/* What is wrong with a configuration: which part, and a static sentence fit for an operator. */
struct tls_fault {
	enum tls_part part;
	const char *why;
};

/*
 * All bytes are copied. NULL: `*fault` says what is wrong. New certificates: a new
 * factory, for the connections to come.
 */
struct filter_factory *tls_factory_create(const struct tls_config *config, struct tls_fault *fault);
void tls_factory_destroy(struct filter_factory *factory); /* NULL is fine */
/*
 * The same certificates and rules toward a server of one's own choice; all is copied, and `client` may
 * be destroyed before. NULL: out of memory.
 */
struct filter_factory *tls_factory_toward(
	struct filter_factory *client, const struct tls_server *server);
/*
 * What peers will refuse though it could be loaded: "the certificate has
 * expired". NULL: nothing of that kind.
 */
const char *tls_factory_doubt(const struct filter_factory *factory);
