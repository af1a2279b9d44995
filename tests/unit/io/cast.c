/* cast.c: who takes part in a test of TLS: an authority, a server and a client it vouches for, and a stranger. */
#include "tests/unit/io/cast.h"

struct pki_cert cast_ca, cast_server, cast_client, cast_stranger;

void cast_make(void)
{
	struct pki_cert other;

	pki_make(&cast_ca, "authority", NULL);
	pki_make(&other, "another authority", NULL);
	pki_make(&cast_server, "mf1.example", &cast_ca);
	pki_make(&cast_client, "as1.example", &cast_ca);
	pki_make(&cast_stranger, "stranger.example", &other);
	pki_free(&other);
}

void cast_free(void)
{
	pki_free(&cast_ca);
	pki_free(&cast_server);
	pki_free(&cast_client);
	pki_free(&cast_stranger);
}

struct filter_factory *cast_factory(enum tls_side side, const struct pki_cert *c)
{
	const struct tls_config tls = {
		.side = side,
		.certificate = SPAN_STR(c->pem),
		.key = SPAN_STR(c->key_pem),
		.ca = SPAN_STR(cast_ca.pem),
		.server_name = "mf1.example",
	};
	struct tls_fault fault;

	return tls_factory_create(&tls, &fault);
}
