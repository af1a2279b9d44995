/* cast.h: who takes part in a test of TLS: an authority, a server and a client it vouches for, and a stranger. */
#pragma once

#include "dtls/stream.h"
#include "tests/unit/io/pki.h"

/* The server's name is mf1.example, the client's as1.example, the stranger's stranger.example. */
extern struct pki_cert cast_ca, cast_server, cast_client, cast_stranger;

void cast_make(void);
void cast_free(void);
/* For one end that shows `c`, trusts the authority and, as a client, wants mf1.example. NULL: out of memory. */
struct filter_factory *cast_factory(enum tls_side side, const struct pki_cert *c);
