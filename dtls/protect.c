/* protect.c: the record protection of one open connection (RFC 6347 4.1, RFC 5288, RFC 7905). */
#include "dtls/protect.h"

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dtls/lean.h"

#define TAG       16
#define NONCE     12
#define KEY_MAX   32
#define PLAIN_MAX 16384
/*
 * What is authenticated beside the content: epoch, number, type, version, length (RFC 5246
 * 6.2.3.3).
 */
#define AAD 13

static const struct facts {
	const char *cipher; /* as EVP_CIPHER_fetch() knows it */
	int nid;
	uint8_t key;
	/* Bytes of the nonce: out of the key block, in each record (RFC 5288 3, RFC 7905 2). */
	uint8_t fixed, in_record;
} facts[AEADS] = {
	[AEAD_AES_128_GCM] = { "AES-128-GCM", NID_aes_128_gcm, 16, 4, 8 },
	[AEAD_AES_256_GCM] = { "AES-256-GCM", NID_aes_256_gcm, 32, 4, 8 },
	[AEAD_CHACHA20_POLY1305] = { "ChaCha20-Poly1305", NID_chacha20_poly1305, 32, 12, 0 },
};

/* ---- algorithms ---- */

bool algorithms_init(struct algorithms *a)
{
	OSSL_LIB_CTX *lib = lean_libctx();

	*a = (struct algorithms){ .prf = EVP_KDF_fetch(lib, "TLS1-PRF", NULL) };
	for (int i = 0; i < AEADS; i++) {
		a->cipher[i] = EVP_CIPHER_fetch(lib, facts[i].cipher, NULL);
		if (a->cipher[i] == NULL)
			return false;
	}
	return a->prf != NULL;
}

void algorithms_finish(struct algorithms *a)
{
	for (int i = 0; i < AEADS; i++)
		EVP_CIPHER_free(a->cipher[i]);
	EVP_KDF_free(a->prf);
	*a = (struct algorithms){ 0 };
}

enum aead aead_of_nid(int nid)
{
	int i = 0;

	while (i < AEADS && facts[i].nid != nid)
		i++;
	return (enum aead)i;
}

/* ---- keys ---- */

/* What the key block is cut into (RFC 5246 6.3; an AEAD has no MAC keys). */
struct key_block {
	uint8_t bytes[2 * KEY_MAX + 2 * NONCE];
	const uint8_t *key[2], *fixed[2]; /* of the client, of the server */
};

static bool expand(const struct protect_config *c, uint8_t *out, size_t len)
{
	static const char label[] = "key expansion";
	uint8_t seed[sizeof(label) - 1 + 2 * TLS_RANDOM];
	struct wr w = WR(seed, sizeof(seed));
	EVP_KDF_CTX *kdf = EVP_KDF_CTX_new(c->algorithms->prf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
			OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)c->hash, 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SECRET, c->secrets->master, MASTER_SECRET),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof(seed)),
		OSSL_PARAM_construct_end(),
	};
	bool ok;

	wr_span(&w, SPAN(label, sizeof(label) - 1));
	wr_span(&w, SPAN_OF(c->secrets->server_random));
	wr_span(&w, SPAN_OF(c->secrets->client_random));
	ok = !w.failed && kdf != NULL && EVP_KDF_derive(kdf, out, len, params) == 1;
	EVP_KDF_CTX_free(kdf);
	return ok;
}

static bool make_keys(struct key_block *k, const struct protect_config *c)
{
	const struct facts *f = &facts[c->aead];
	const uint8_t *at = k->bytes;

	for (int side = 0; side < 2; side++, at += f->key)
		k->key[side] = at;
	for (int side = 0; side < 2; side++, at += f->fixed)
		k->fixed[side] = at;
	return expand(c, k->bytes, (size_t)(at - k->bytes));
}

/*
 * One direction. Who seals with GCM gives OpenSSL the whole nonce, which is counted up from there
 * (a length of -1 means that; with the fixed part alone it would begin at random, and might meet a
 * nonce of the handshake).
 */
static EVP_CIPHER_CTX *keyed(
	const struct protect_config *c, const struct key_block *k, int side, bool seals)
{
	const struct facts *f = &facts[c->aead];
	bool counts = seals && f->in_record > 0;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[NONCE];
	struct wr w = WR(nonce, sizeof(nonce));
	bool ok;

	wr_span(&w, SPAN(k->fixed[side], f->fixed));
	if (counts) {
		wr_u32(&w, (uint32_t)(c->next_nonce >> 32));
		wr_u32(&w, (uint32_t)c->next_nonce);
	}
	ok = ctx != NULL && !w.failed &&
	     EVP_CipherInit_ex2(
		     ctx, c->algorithms->cipher[c->aead], k->key[side], NULL, seals, NULL) == 1 &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IV_FIXED, counts ? -1 : f->fixed, nonce) ==
		     1;
	mem_wipe(nonce, sizeof(nonce));
	if (ok)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

/* ---- one record ---- */

/* Errors are ours to judge; none may wait in OpenSSL's queue for somebody else of this thread. */
static void forget_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

/*
 * Network order. With lengths that are known it is a few instructions, where a cursor takes calls.
 */
static inline void put(uint8_t *at, uint64_t value, unsigned bytes)
{
	for (; bytes > 0; value >>= 8)
		at[--bytes] = (uint8_t)value;
}

/*
 * `len` is that of the content as OpenSSL wants it: with the nonce in the record and, to open, the
 * tag.
 */
static bool set_aad(EVP_CIPHER_CTX *ctx, const struct record *rec, size_t len)
{
	uint8_t aad[AAD];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, aad, AAD),
		OSSL_PARAM_construct_end(),
	};

	put(aad, (uint64_t)rec->epoch << 48 | rec->seq, 8);
	put(aad + 8, rec->type, 1);
	put(aad + 9, rec->version, 2);
	put(aad + 11, len, 2);
	if (EVP_CIPHER_CTX_set_params(ctx, params) == 1)
		return true;
	forget_errors();
	return false;
}

/*
 * Seals or opens a body where it stands, tag and all. False: OpenSSL refused, or it is not
 * authentic; then OpenSSL has overwritten what came out. The length tells that it was taken for a
 * TLS record: as a piece of a stream, without a tag, it would come out as long as it went in.
 */
static bool turn(EVP_CIPHER_CTX *ctx, uint8_t *body, size_t len, size_t expected)
{
	int n = 0;

	if (EVP_CipherUpdate(ctx, body, &n, body, (int)len) == 1 && (size_t)n == expected)
		return true;
	forget_errors();
	return false;
}

/* The plaintext stands behind the nonce afterwards. */
static bool open_in_place(
	EVP_CIPHER_CTX *ctx, const struct record *rec, uint8_t *body, size_t plain)
{
	return set_aad(ctx, rec, rec->body.len) && turn(ctx, body, rec->body.len, plain);
}

/* Bytes of plaintext in a body; -1: none can be. */
static long plain_len(const struct record *rec, unsigned in_record)
{
	size_t overhead = in_record + TAG;

	if (rec->body.len < overhead || rec->body.len - overhead > PLAIN_MAX)
		return -1;
	return (long)(rec->body.len - overhead);
}

/* ---- a connection ---- */

/* Our own Finished, opened as the peer would: the keys are those of the handshake. */
static bool prove(const struct protect_config *c, const struct key_block *k, uint8_t *out,
	size_t cap, size_t *out_len)
{
	const struct facts *f = &facts[c->aead];
	struct rd r = RD(c->proof);
	uint8_t body[256];
	struct record rec;
	EVP_CIPHER_CTX *ctx;
	long len;
	bool ok;

	if (!record_read(&r, &rec) || rec.body.len > sizeof(body) ||
		(len = plain_len(&rec, f->in_record)) < 0 || (size_t)len > cap ||
		(ctx = keyed(c, k, !c->is_client, false)) == NULL)
		return false;
	memcpy(body, rec.body.p, rec.body.len);
	ok = open_in_place(ctx, &rec, body, (size_t)len);
	EVP_CIPHER_CTX_free(ctx);
	if (!ok)
		return false;
	memcpy(out, body + f->in_record, (size_t)len);
	*out_len = (size_t)len;
	return true;
}

bool protect_init(struct protect *p, const struct protect_config *c, uint8_t *proved, size_t cap,
	size_t *proved_len)
{
	int own = c->is_client ? 0 : 1;
	struct key_block k;
	bool ok;

	*p = (struct protect){ .next_seq = c->next_seq, .next_nonce = c->next_nonce };
	if (c->aead >= AEADS)
		return false;
	p->nonce_explicit = facts[c->aead].in_record;
	ok = make_keys(&k, c) && prove(c, &k, proved, cap, proved_len) &&
	     (p->seal = keyed(c, &k, own, true)) != NULL &&
	     (p->open = keyed(c, &k, !own, false)) != NULL;
	mem_wipe(&k, sizeof(k));
	if (!ok)
		forget_errors();
	return ok;
}

void protect_finish(struct protect *p)
{
	EVP_CIPHER_CTX_free(p->seal); /* OpenSSL wipes its keys */
	EVP_CIPHER_CTX_free(p->open);
	*p = (struct protect){ .next_seq = RECORD_SEQ_MASK + 1 };
}

bool protect_is_spent(const struct protect *p)
{
	return p->next_seq >= RECORD_SEQ_MASK;
}

/* Did OpenSSL write the nonce whose turn it is? */
static bool nonce_is_next(struct protect *p, const uint8_t *body)
{
	struct rd r = RD(SPAN(body, p->nonce_explicit));
	uint64_t high = rd_u32(&r), nonce = high << 32 | rd_u32(&r);

	return p->nonce_explicit == 0 || nonce == p->next_nonce++;
}

size_t protect_seal(struct protect *p, uint8_t type, struct span plain, uint8_t *out)
{
	struct wr w = WR(out, RECORD_MAX);
	struct record rec = {
		.type = type, .version = DTLS_1_2, .epoch = EPOCH_SEALED, .seq = p->next_seq
	};
	uint8_t *body = out + RECORD_HEADER;

	if (plain.len > PLAIN_MAX || p->next_seq > RECORD_SEQ_MASK)
		return 0;
	p->next_seq++; /* used up, whatever becomes of it */
	rec.body.len = p->nonce_explicit + plain.len + TAG;
	record_write_header(&w, &rec);
	if (plain.len > 0)
		memcpy(body + p->nonce_explicit, plain.p, plain.len);
	if (set_aad(p->seal, &rec, p->nonce_explicit + plain.len) &&
		turn(p->seal, body, rec.body.len, rec.body.len) && nonce_is_next(p, body))
		return RECORD_HEADER + rec.body.len;
	p->next_seq = RECORD_SEQ_MASK + 1; /* nobody knows any more which nonce is next */
	return 0;
}

bool protect_open(
	struct protect *p, const struct record *rec, uint8_t *buf, size_t cap, size_t *len)
{
	uint8_t body[8 + PLAIN_MAX + TAG];
	long plain = plain_len(rec, p->nonce_explicit);

	if (rec->epoch != EPOCH_SEALED || rec->version != DTLS_1_2 || plain < 0 ||
		(size_t)plain > cap) {
		count(dtls_malformed_total);
		return false;
	}
	if (!replay_is_fresh(&p->replay, rec->seq)) {
		count(dtls_replayed_total);
		return false;
	}
	memcpy(body, rec->body.p, rec->body.len);
	if (!open_in_place(p->open, rec, body, (size_t)plain)) {
		count(dtls_forged_total);
		return false;
	}
	replay_take(&p->replay, rec->seq);
	memcpy(buf, body + p->nonce_explicit, (size_t)plain);
	*len = (size_t)plain;
	return true;
}

void protect_was_taken(struct protect *p, uint64_t seq)
{
	if (replay_is_fresh(&p->replay, seq))
		replay_take(&p->replay, seq);
}
