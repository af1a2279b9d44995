/*
 * floor_handshake.c: a bare mutual DTLS handshake, the server's processor time, with OpenSSL as it is and without the
 * decoders that no certificate here needs (dtls/lean.h); and the bare operations in it.
 *
 * `operations` is what no implementation can do without: one ECDSA signature, one verification, one X25519 key pair
 * and one shared secret.
 */
#include <stdio.h>

#include "dtls/lean.h"
#include "tests/bench/figure.h"
#include "tests/bench/ssl_pair.h"

#define SHAKES 200

static struct ssl_pair pair;

static int64_t shake_server(struct ssl_side *side)
{
	bool done = false;
	int64_t ns = 0;

	ssl_pair_init(&pair, side);
	for (int i = 0; i < 20 && !done; i++) {
		int64_t begin;

		ssl_pair_step(&pair, SSL_SIDE_CLIENT);
		begin = cpu_begin();
		done = ssl_pair_step(&pair, SSL_SIDE_SERVER);
		ns += cpu_end(begin);
	}
	ssl_pair_finish(&pair);
	return ns;
}

static int64_t shakes(struct ssl_side *side, unsigned n)
{
	int64_t ns = 0;

	for (unsigned i = 0; i < n; i++)
		ns += shake_server(side);
	return ns;
}

static int64_t operations(unsigned n)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *theirs = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	uint8_t digest[32] = { 1 }, signature[80], secret[32];
	EVP_PKEY_CTX *sign = EVP_PKEY_CTX_new(key, NULL), *verify = EVP_PKEY_CTX_new(key, NULL);
	int64_t begin;

	EVP_PKEY_sign_init(sign);
	EVP_PKEY_verify_init(verify);
	begin = cpu_begin();
	for (unsigned i = 0; i < n; i++) {
		size_t len = sizeof(signature), secret_len = sizeof(secret);
		EVP_PKEY *ours = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
		EVP_PKEY_CTX *derive = EVP_PKEY_CTX_new(ours, NULL);

		EVP_PKEY_sign(sign, signature, &len, digest, sizeof(digest));
		EVP_PKEY_verify(verify, signature, len, digest, sizeof(digest));
		EVP_PKEY_derive_init(derive);
		EVP_PKEY_derive_set_peer(derive, theirs);
		EVP_PKEY_derive(derive, secret, &secret_len);
		EVP_PKEY_CTX_free(derive);
		EVP_PKEY_free(ours);
	}
	begin = cpu_end(begin);
	EVP_PKEY_CTX_free(sign);
	EVP_PKEY_CTX_free(verify);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(key);
	return begin;
}

int main(int argc, char **argv)
{
	struct ssl_side stock, lean;
	struct figures f;

	figure_init(&f, &argc, argv);
	cpu_pin(1);
	ssl_side_init(&stock, NULL);
	ssl_side_init(&lean, lean_libctx());
	shakes(&stock, 20);
	shakes(&lean, 20);
	operations(20);
	while (figure_round(&f)) {
		figure_add(&f, "handshake", shakes(&stock, SHAKES), SHAKES);
		figure_add(&f, "handshake-lean", shakes(&lean, SHAKES), SHAKES);
		figure_add(&f, "handshake-operations", operations(SHAKES), SHAKES);
	}
	figure_print(&f);
	ssl_side_finish(&stock);
	ssl_side_finish(&lean);
	return 0;
}
