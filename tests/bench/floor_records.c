/*
 * floor_records.c: the DTLS records that one relayed message needs, and nothing else: AES-128-GCM through EVP on keyed
 * contexts, and through SSL_write() and SSL_read().
 *
 * A message that is ended and sent on: each of its packets is one record read and one written, and for every second packet a
 * SACK is written to the sender and one read from the receiver. A packet of 1200 bytes of datagram holds at most 1132 bytes of
 * message; the floor of 64 bytes is that of a message alone in its packet.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/figure.h"
#include "tests/bench/ssl_pair.h"

enum {
	PACKET_HEAD = 12 + 16, /* SCTP common header, DATA chunk */
	PIECE = 1132,          /* of a message, in one packet */
	SACK = 28,
	BATCH = 128, /* records made, then read */
	TIMES = 40,  /* batches a round */
};

static const struct {
	size_t bytes;
	const char *evp, *ssl;
} sizes[] = {
	{ 64, "records-evp-64", "records-ssl-64" },
	{ 1024, "records-evp-1024", "records-ssl-1024" },
	{ 16384, "records-evp-16384", "records-ssl-16384" },
};

/* ---- through EVP ---- */

struct gcm {
	EVP_CIPHER_CTX *seal, *open;
};

static void gcm_init(struct gcm *g)
{
	static const uint8_t key[16] = { 1 };

	g->seal = EVP_CIPHER_CTX_new();
	g->open = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex(g->seal, EVP_aes_128_gcm(), NULL, key, NULL);
	EVP_DecryptInit_ex(g->open, EVP_aes_128_gcm(), NULL, key, NULL);
}

static void gcm_seal(struct gcm *g, uint8_t *to, const uint8_t *from, size_t len, uint8_t tag[16])
{
	uint8_t nonce[12] = { 0 }, header[13] = { 0 };
	int n;

	EVP_EncryptInit_ex(g->seal, NULL, NULL, NULL, nonce);
	EVP_EncryptUpdate(g->seal, NULL, &n, header, sizeof(header));
	EVP_EncryptUpdate(g->seal, to, &n, from, (int)len);
	EVP_EncryptFinal_ex(g->seal, to + n, &n);
	EVP_CIPHER_CTX_ctrl(g->seal, EVP_CTRL_AEAD_GET_TAG, 16, tag);
}

static void gcm_open(struct gcm *g, uint8_t *to, const uint8_t *from, size_t len, uint8_t tag[16])
{
	uint8_t nonce[12] = { 0 }, header[13] = { 0 };
	int n;

	EVP_DecryptInit_ex(g->open, NULL, NULL, NULL, nonce);
	EVP_DecryptUpdate(g->open, NULL, &n, header, sizeof(header));
	EVP_DecryptUpdate(g->open, to, &n, from, (int)len);
	EVP_CIPHER_CTX_ctrl(g->open, EVP_CTRL_AEAD_SET_TAG, 16, tag);
	if (EVP_DecryptFinal_ex(g->open, to + n, &n) != 1)
		abort();
}

/* One record of `len` bytes each way. */
static int64_t evp_both_ways(struct gcm *g, size_t len, unsigned times)
{
	static uint8_t plain[2048], sealed[2048];
	uint8_t tag[16];
	int64_t begin = cpu_begin();

	for (unsigned i = 0; i < times; i++) {
		gcm_seal(g, sealed, plain, len, tag);
		gcm_open(g, plain, sealed, len, tag);
	}
	return cpu_end(begin);
}

/* ---- through SSL ---- */

static struct ssl_pair pair;

static int64_t ssl_both_ways(size_t len, unsigned times)
{
	static uint8_t plain[2048];
	int64_t ns = 0;

	for (unsigned done = 0; done < times; done += BATCH) {
		int64_t begin = cpu_begin();

		for (unsigned i = 0; i < BATCH; i++)
			if (SSL_write(pair.ssl[SSL_SIDE_SERVER], plain, (int)len) <= 0)
				abort();
		for (unsigned i = 0; i < BATCH; i++)
			if (SSL_read(pair.ssl[SSL_SIDE_CLIENT], plain, sizeof(plain)) <= 0)
				abort();
		ns += cpu_end(begin);
		SSL_read(pair.ssl[SSL_SIDE_CLIENT], plain, sizeof(plain)); /* empties the wire */
	}
	return ns;
}

/* ---- messages of records ---- */

static int64_t of_message(
	size_t bytes, int64_t (*both_ways)(size_t len, unsigned times), unsigned times)
{
	int64_t ns = 0, sacks = both_ways(SACK, times);

	for (size_t left = bytes; left > 0;) {
		size_t piece = left < PIECE ? left : PIECE;

		ns += both_ways(PACKET_HEAD + piece, times) + sacks / 2;
		left -= piece;
	}
	return ns;
}

static struct gcm gcm;

static int64_t by_evp(size_t len, unsigned times)
{
	return evp_both_ways(&gcm, len, times);
}

int main(int argc, char **argv)
{
	struct ssl_side side;
	struct figures f;

	figure_init(&f, &argc, argv);
	cpu_pin(1);
	gcm_init(&gcm);
	ssl_side_init(&side, NULL);
	ssl_pair_init(&pair, &side);
	ssl_pair_shake(&pair);
	while (figure_round(&f)) {
		for (unsigned i = 0; i < 3; i++) {
			unsigned times = BATCH * (sizes[i].bytes > 2000 ? TIMES / 4 : TIMES);

			figure_add(
				&f, sizes[i].evp, of_message(sizes[i].bytes, by_evp, times), times);
			figure_add(&f, sizes[i].ssl,
				of_message(sizes[i].bytes, ssl_both_ways, times), times);
		}
	}
	figure_print(&f);
	ssl_pair_finish(&pair);
	ssl_side_finish(&side);
	EVP_CIPHER_CTX_free(gcm.seal);
	EVP_CIPHER_CTX_free(gcm.open);
	return 0;
}
