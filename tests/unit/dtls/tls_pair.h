/*
 * tls_pair.h: two TLS filters that talk in memory, and certificates for them.
 *
 *     fixtures: make_authorities, free_authorities once; pair_setup, pair_teardown for each test
 *     use_version(TLS1_2_VERSION); client_shows(&stranger);     what shall be different
 *     connect_ends(); carry_all();
 */
#pragma once

#include "dtls/stream.h"
#include "dtls/stream_parts.h"
#include "tests/unit/io/pki.h"

enum { SERVER, CLIENT };

/* The first authority signed all but the stranger's. */
extern struct pki_cert ca, other_ca, server_cert, client_cert, stranger, expired;
extern struct filter_factory *factory[2];
extern struct filter *tls_end[2];
extern size_t carry_step;    /* bytes that travel at once; 0: as many as there are */
extern size_t carry_largest; /* ever pending at one end */
extern const int versions[2];

void make_authorities(void);
void free_authorities(void);
void pair_setup(void);    /* a factory at each side, no ends yet */
void pair_teardown(void); /* nothing of ours may be left */

struct tls_config config_of(enum tls_side side, const struct pki_cert *c);
struct filter_factory *make_factory(const struct tls_config *config);
/* The client's factory anew, with another certificate. */
void client_shows(const struct pki_cert *c);
void use_version(int version); /* of the client, before connect_ends() */
SSL_CTX *rules_of(int side);

void connect_ends(void);
SSL *ssl_of(int side);
enum filter_state state_of(int side);
bool carry(int from); /* one step; false: nothing was pending */
void carry_all(void); /* until nothing is under way any more */

void say(int side, const char *text);
size_t read_all(int side, uint8_t *buf, size_t cap);
void expect_text(int side, const char *text); /* is all that has come */
void expect_talk(void);                       /* both are open, and text passes both ways */
