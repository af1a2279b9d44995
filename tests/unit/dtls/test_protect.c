/*
 * test_protect.c: records of open connections beside those that others have sealed, and everything
 * that is no such record.
 */
#include "dtls/protect.h"

#include "dcmf/base/counters.h"
#include "known_keys.h"
#include "tests/unit/main.h"

static struct algorithms algorithms;
static uint8_t record[RECORD_MAX], plain[16384];

/* OpenSSL's allocations, counted, and one of them failing. */
static struct {
	long alive;
	unsigned long fail_at; /* 0: none */
	bool failed;
} heap;

static bool fails_now(void)
{
	if (heap.fail_at == 0 || --heap.fail_at > 0)
		return false;
	heap.failed = true;
	return true;
}

static void *ssl_alloc(size_t n, const char *file, int line)
{
	void *p = fails_now() ? NULL : malloc(n);

	heap.alive += p != NULL;
	return p;
}

static void *ssl_realloc(void *old, size_t n, const char *file, int line)
{
	void *p = fails_now() ? NULL : realloc(old, n);

	heap.alive += old == NULL && p != NULL;
	return p;
}

static void ssl_free(void *p, const char *file, int line)
{
	heap.alive -= p != NULL;
	free(p);
}

static void prepare(void)
{
	ck_assert(algorithms_init(&algorithms));
}

static void clean_up(void)
{
	algorithms_finish(&algorithms);
}

/* One side of a known connection, its proof being that side's known record. */
static bool begin(struct protect *p, int i)
{
	struct secrets secrets;
	struct protect_config config = known_config(&known[i], &algorithms, &secrets);
	size_t len;

	return protect_init(p, &config, plain, sizeof(plain), &len);
}

/* Both sides; the side of known[i] seals. */
static void begin_both(struct protect *sealer, struct protect *opener, int i)
{
	ck_assert(begin(sealer, i));
	ck_assert(begin(opener, i ^ 1));
}

static struct record parse(const uint8_t *bytes, size_t len)
{
	struct rd r = RD(SPAN(bytes, len));
	struct record rec;

	ck_assert(record_read(&r, &rec));
	return rec;
}

static bool opens(struct protect *p, const uint8_t *bytes, size_t len, size_t *plain_len)
{
	struct record rec = parse(bytes, len);

	return protect_open(p, &rec, plain, sizeof(plain), plain_len);
}

/* ---- known answers ---- */

START_TEST(a_record_is_sealed_as_others_seal_it)
{
	struct protect p;
	size_t len;

	ck_assert(begin(&p, _i));
	len = protect_seal(&p, RECORD_DATA, SPAN_LIT(KNOWN_PLAIN), record);
	ck_assert_uint_eq(len, known[_i].record.len);
	ck_assert_mem_eq(record, known[_i].record.p, len);
	protect_finish(&p);
}
END_TEST

START_TEST(a_record_that_others_sealed_is_opened_by_the_other_side_and_not_by_its_own)
{
	struct protect own, other;
	size_t len = 0;

	begin_both(&own, &other, _i);
	ck_assert(opens(&other, known[_i].record.p, known[_i].record.len, &len));
	ck_assert(span_eq(SPAN(plain, len), SPAN_LIT(KNOWN_PLAIN)));
	ck_assert(!opens(&own, known[_i].record.p, known[_i].record.len, &len));
	protect_finish(&own);
	protect_finish(&other);
}
END_TEST

/* ---- the proof ---- */

START_TEST(a_record_of_our_own_proves_the_keys_and_tells_what_was_in_it)
{
	struct secrets secrets;
	struct protect_config config = known_config(&known[_i], &algorithms, &secrets);
	struct protect p;
	size_t len = 0;

	ck_assert(protect_init(&p, &config, plain, sizeof(KNOWN_PLAIN) - 1, &len));
	ck_assert(span_eq(SPAN(plain, len), SPAN_LIT(KNOWN_PLAIN)));
	protect_finish(&p);
	/* where there is no room for it */
	ck_assert(!protect_init(&p, &config, plain, sizeof(KNOWN_PLAIN) - 2, &len));
	protect_finish(&p);
}
END_TEST

static bool begins_with(const struct protect_config *config)
{
	struct protect p;
	size_t len;
	bool ok = protect_init(&p, config, plain, sizeof(plain), &len);

	if (!ok) {
		ck_assert_ptr_null(p.seal);
		ck_assert_ptr_null(p.open);
		ck_assert_uint_eq(ERR_peek_error(), 0);
	}
	protect_finish(&p);
	return ok;
}

START_TEST(a_proof_with_one_wrong_bit_proves_nothing)
{
	struct secrets secrets;
	struct protect_config config = known_config(&known[_i], &algorithms, &secrets);
	uint8_t bytes[64];

	config.proof = SPAN(bytes, known[_i].record.len);
	for (size_t bit = 0; bit < config.proof.len * 8; bit++) {
		memcpy(bytes, known[_i].record.p, known[_i].record.len);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert(!begins_with(&config));
	}
	bytes[config.proof.len - 1] ^= 0x80;
	ck_assert(begins_with(&config));
	for (size_t len = 0; len < known[_i].record.len; len++) {
		config.proof.len = len;
		ck_assert(!begins_with(&config));
	}
}
END_TEST

START_TEST(other_secrets_another_side_hash_or_cipher_do_not_begin)
{
	struct secrets secrets;
	const struct protect_config right = known_config(&known[_i], &algorithms, &secrets);
	struct protect_config wrong = right;

	ck_assert(begins_with(&right));
	wrong.is_client = !right.is_client;
	ck_assert(!begins_with(&wrong));
	wrong = right;
	wrong.proof = known[_i ^ 1].record;
	ck_assert(!begins_with(&wrong));
	wrong = right;
	wrong.hash = strcmp(right.hash, "SHA256") == 0 ? "SHA384" : "SHA256";
	ck_assert(!begins_with(&wrong));
	wrong.hash = "no such hash";
	ck_assert(!begins_with(&wrong));
	for (int a = 0; a <= AEADS; a++) {
		wrong = right;
		wrong.aead = (enum aead)a;
		ck_assert_int_eq(begins_with(&wrong), wrong.aead == right.aead);
	}
	for (size_t i = 0; i < sizeof(secrets); i++) {
		((uint8_t *)&secrets)[i] ^= 1;
		ck_assert(!begins_with(&right));
		((uint8_t *)&secrets)[i] ^= 1;
	}
	ck_assert(begins_with(&right));
}
END_TEST

START_TEST(every_suite_of_ours_has_its_cipher_and_others_have_none)
{
	ck_assert_int_eq(aead_of_nid(NID_aes_128_gcm), AEAD_AES_128_GCM);
	ck_assert_int_eq(aead_of_nid(NID_aes_256_gcm), AEAD_AES_256_GCM);
	ck_assert_int_eq(aead_of_nid(NID_chacha20_poly1305), AEAD_CHACHA20_POLY1305);
	ck_assert_int_eq(aead_of_nid(NID_aes_128_ccm), AEADS);
	ck_assert_int_eq(aead_of_nid(NID_aes_128_cbc), AEADS);
	ck_assert_int_eq(aead_of_nid(NID_undef), AEADS);
}
END_TEST

/* ---- numbers ---- */

static uint64_t nonce_of(const uint8_t *bytes)
{
	struct rd r = RD(SPAN(bytes + RECORD_HEADER, 8));
	uint64_t high = rd_u32(&r);

	return high << 32 | rd_u32(&r);
}

/* The known nonce is two before the end, so it is counted over it. */
START_TEST(numbers_and_nonces_are_counted_up_one_by_one)
{
	struct protect sealer, opener;
	size_t len, plain_len;

	begin_both(&sealer, &opener, _i);
	for (uint64_t n = 0; n < 1000; n++) {
		len = protect_seal(&sealer, RECORD_DATA, SPAN(&n, sizeof(n)), record);
		ck_assert_uint_gt(len, 0);
		ck_assert_uint_eq(parse(record, len).seq, KNOWN_SEQ + n);
		ck_assert_uint_eq(parse(record, len).epoch, 1);
		if (known[_i].aead != AEAD_CHACHA20_POLY1305)
			ck_assert_uint_eq(nonce_of(record), KNOWN_NONCE + n);
		ck_assert(opens(&opener, record, len, &plain_len));
		ck_assert(span_eq(SPAN(plain, plain_len), SPAN(&n, sizeof(n))));
	}
	protect_finish(&sealer);
	protect_finish(&opener);
}
END_TEST

START_TEST(after_the_last_number_nothing_is_sealed_any_more)
{
	struct secrets secrets;
	struct protect_config config = known_config(&known[_i], &algorithms, &secrets);
	struct protect p, opener;
	size_t len;

	ck_assert(begin(&opener, _i ^ 1));
	config.next_seq = RECORD_SEQ_MASK - 1;
	ck_assert(protect_init(&p, &config, plain, sizeof(plain), &len));
	ck_assert(!protect_is_spent(&p));
	ck_assert_uint_gt(protect_seal(&p, RECORD_DATA, SPAN_LIT("last but one"), record), 0);
	ck_assert(protect_is_spent(&p)); /* but for a close_notify */
	len = protect_seal(&p, RECORD_ALERT, SPAN_LIT("bye"), record);
	ck_assert_uint_gt(len, 0);
	ck_assert_uint_eq(parse(record, len).seq, RECORD_SEQ_MASK);
	ck_assert(opens(&opener, record, len, &len));
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(protect_seal(&p, RECORD_ALERT, SPAN_LIT("bye"), record), 0);
		ck_assert(protect_is_spent(&p));
	}
	protect_finish(&p);
	protect_finish(&opener);
}
END_TEST

/* Whatever OpenSSL did instead: its nonce is not the one whose turn it is. */
START_TEST(a_nonce_out_of_turn_ends_it_and_is_not_sent)
{
	struct protect p;

	ck_assert(begin(&p, _i));
	p.next_nonce++;
	if (known[_i].aead == AEAD_CHACHA20_POLY1305) { /* has none of its own */
		ck_assert_uint_gt(protect_seal(&p, RECORD_DATA, SPAN_LIT("x"), record), 0);
	} else {
		ck_assert_uint_eq(protect_seal(&p, RECORD_DATA, SPAN_LIT("x"), record), 0);
		ck_assert(protect_is_spent(&p));
		ck_assert_uint_eq(protect_seal(&p, RECORD_DATA, SPAN_LIT("x"), record), 0);
	}
	protect_finish(&p);
}
END_TEST

START_TEST(who_is_finished_seals_nothing)
{
	struct protect p;

	ck_assert(begin(&p, 0));
	protect_finish(&p);
	protect_finish(&p);
	ck_assert_uint_eq(protect_seal(&p, RECORD_DATA, SPAN_LIT("x"), record), 0);
}
END_TEST

/* ---- lengths ---- */

START_TEST(records_of_every_length_up_to_the_longest_and_no_longer_one)
{
	static const size_t lengths[] = { 0, 1, 15, 16, 17, 1163, 16383, 16384 };
	static uint8_t text[16385], got[16384];
	struct protect sealer, opener;
	struct record rec;
	size_t len;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 13);
	begin_both(&sealer, &opener, _i);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		len = protect_seal(&sealer, RECORD_DATA, SPAN(text, lengths[i]), record);
		ck_assert_uint_gt(len, lengths[i]);
		rec = parse(record, len);
		if (lengths[i] > 0) /* no room for it: dropped, and not taken for having come */
			ck_assert(!protect_open(&opener, &rec, got, lengths[i] - 1, &len));
		ck_assert(protect_open(&opener, &rec, got, lengths[i], &len));
		ck_assert(span_eq(SPAN(got, len), SPAN(text, lengths[i])));
	}
	ck_assert_uint_eq(protect_seal(&sealer, RECORD_DATA, SPAN_OF(text), record), 0);
	ck_assert(!protect_is_spent(&sealer));
	protect_finish(&sealer);
	protect_finish(&opener);
}
END_TEST

/* An authentic record is never so long; it is refused before anybody looks. */
START_TEST(a_body_that_is_too_short_or_too_long_is_malformed)
{
	static uint8_t body[16384 + 25];
	unsigned overhead = known[_i].aead == AEAD_CHACHA20_POLY1305 ? 16 : 24;
	struct record rec = { .type = RECORD_DATA, .version = DTLS_1_2, .epoch = 1, .seq = 9 };
	int64_t forged = counter_value[CNT_dtls_forged_total];
	struct protect p;
	size_t len;

	ck_assert(begin(&p, _i));
	for (size_t n = 0; n <= sizeof(body); n += n < 64 || n >= 16384 ? 1 : 64) {
		int64_t malformed = counter_value[CNT_dtls_malformed_total];
		bool can_be = n >= overhead && n <= 16384 + overhead;

		rec.body = SPAN(body, n);
		ck_assert(!protect_open(&p, &rec, plain, sizeof(plain), &len));
		forged += can_be;
		ck_assert_int_eq(counter_value[CNT_dtls_forged_total], forged);
		ck_assert_int_eq(counter_value[CNT_dtls_malformed_total], malformed + !can_be);
	}
	protect_finish(&p);
}
END_TEST

/* ---- forgeries and replays ---- */

START_TEST(one_wrong_bit_anywhere_and_nothing_comes_out)
{
	uint8_t bytes[64], got[64];
	struct protect p;
	size_t len = 77;

	ck_assert(begin(&p, _i ^ 1));
	memset(got, 0xee, sizeof(got));
	for (size_t bit = 0; bit < known[_i].record.len * 8; bit++) {
		struct rd r = RD(SPAN(bytes, known[_i].record.len));
		struct record rec;

		memcpy(bytes, known[_i].record.p, known[_i].record.len);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (record_read(&r, &rec))
			ck_assert(!protect_open(&p, &rec, got, sizeof(got), &len));
	}
	for (size_t i = 0; i < sizeof(got); i++)
		ck_assert_uint_eq(got[i], 0xee);
	ck_assert_uint_eq(len, 77);
	ck_assert_uint_eq(ERR_peek_error(), 0);
	ck_assert(
		opens(&p, known[_i].record.p, known[_i].record.len, &len)); /* nothing was moved */
	protect_finish(&p);
}
END_TEST

START_TEST(only_records_of_dtls_1_2_and_of_its_epoch_are_opened)
{
	int64_t malformed = counter_value[CNT_dtls_malformed_total];
	struct record rec = parse(known[_i].record.p, known[_i].record.len);
	struct protect p;
	size_t len;

	ck_assert(begin(&p, _i ^ 1));
	for (uint16_t epoch = 0; epoch < 4; epoch++) {
		rec.epoch = epoch;
		rec.version = DTLS_1_0;
		ck_assert(!protect_open(&p, &rec, plain, sizeof(plain), &len));
		rec.version = DTLS_1_2;
		if (epoch != 1)
			ck_assert(!protect_open(&p, &rec, plain, sizeof(plain), &len));
	}
	ck_assert_int_eq(counter_value[CNT_dtls_malformed_total], malformed + 7);
	rec.epoch = 1;
	ck_assert(protect_open(&p, &rec, plain, sizeof(plain), &len));
	protect_finish(&p);
}
END_TEST

START_TEST(a_record_opens_once_in_any_order_within_the_window)
{
	static uint8_t sealed[REPLAY_WINDOW + 1][64];
	size_t lens[REPLAY_WINDOW + 1], len;
	int64_t replayed = counter_value[CNT_dtls_replayed_total];
	struct protect sealer, opener;

	begin_both(&sealer, &opener, _i);
	for (unsigned i = 0; i <= REPLAY_WINDOW; i++) {
		lens[i] = protect_seal(&sealer, RECORD_DATA, SPAN(&i, sizeof(i)), record);
		memcpy(sealed[i], record, lens[i]);
	}
	for (unsigned i = REPLAY_WINDOW; i > 0; i--)
		ck_assert(opens(&opener, sealed[i], lens[i], &len));
	ck_assert(!opens(&opener, sealed[0], lens[0], &len)); /* too old to tell */
	for (unsigned i = 0; i <= REPLAY_WINDOW; i++)
		ck_assert(!opens(&opener, sealed[i], lens[i], &len));
	ck_assert_int_eq(counter_value[CNT_dtls_replayed_total], replayed + REPLAY_WINDOW + 2);
	protect_finish(&sealer);
	protect_finish(&opener);
}
END_TEST

START_TEST(a_forgery_from_the_future_moves_no_window)
{
	struct record rec = parse(known[_i].record.p, known[_i].record.len);
	struct protect p;
	size_t len;

	ck_assert(begin(&p, _i ^ 1));
	rec.seq = RECORD_SEQ_MASK;
	ck_assert(!protect_open(&p, &rec, plain, sizeof(plain), &len));
	rec.seq = KNOWN_SEQ;
	ck_assert(protect_open(&p, &rec, plain, sizeof(plain), &len));
	protect_finish(&p);
}
END_TEST

START_TEST(what_the_handshake_took_is_a_replay)
{
	struct protect p;
	size_t len;

	ck_assert(begin(&p, _i ^ 1));
	protect_was_taken(&p, KNOWN_SEQ);
	protect_was_taken(&p, KNOWN_SEQ); /* twice is harmless */
	ck_assert(!opens(&p, known[_i].record.p, known[_i].record.len, &len));
	protect_finish(&p);
}
END_TEST

/* ---- memory ---- */

START_TEST(any_allocation_may_fail_and_then_there_are_no_keys)
{
	unsigned long n;
	struct protect p;

	ck_assert(begin(&p, _i)); /* what OpenSSL makes once is made */
	protect_finish(&p);
	for (n = 1;; n++) {
		long alive;
		bool ok;

		ERR_clear_error();
		alive = heap.alive;
		heap.failed = false;
		heap.fail_at = n;
		ok = begin(&p, _i);
		heap.fail_at = 0;
		if (ok) /* or it did without */
			ck_assert_uint_eq(
				protect_seal(&p, RECORD_DATA, SPAN_LIT(KNOWN_PLAIN), record),
				known[_i].record.len);
		protect_finish(&p);
		ERR_clear_error();
		ck_assert_int_le(
			heap.alive, alive + 2); /* texts of errors stay in OpenSSL's queue */
		if (!heap.failed) {
			ck_assert(ok);
			break;
		}
	}
	ck_assert_uint_gt(n, 5);
}
END_TEST

START_TEST(a_message_allocates_nothing)
{
	struct protect sealer, opener;
	size_t len, plain_len;

	begin_both(&sealer, &opener, _i);
	heap.failed = false;
	heap.fail_at = 1;
	for (int i = 0; i < 10; i++) {
		len = protect_seal(&sealer, RECORD_DATA, SPAN_LIT(KNOWN_PLAIN), record);
		ck_assert(opens(&opener, record, len, &plain_len));
	}
	ck_assert(!heap.failed);
	heap.fail_at = 0;
	protect_finish(&sealer);
	protect_finish(&opener);
}
END_TEST

static Suite *protect_suite(void)
{
	Suite *suite = suite_create("dtls/protect");
	TCase *c = tcase_create("protect");

	/* before the first word with OpenSSL */
	if (CRYPTO_set_mem_functions(ssl_alloc, ssl_realloc, ssl_free) != 1)
		abort();
	tcase_set_timeout(c, 60);
	tcase_add_unchecked_fixture(c, prepare, clean_up);
	tcase_add_loop_test(c, a_record_is_sealed_as_others_seal_it, 0, KNOWN_COUNT);
	tcase_add_loop_test(c,
		a_record_that_others_sealed_is_opened_by_the_other_side_and_not_by_its_own, 0,
		KNOWN_COUNT);
	tcase_add_loop_test(
		c, a_record_of_our_own_proves_the_keys_and_tells_what_was_in_it, 0, KNOWN_COUNT);
	tcase_add_loop_test(c, a_proof_with_one_wrong_bit_proves_nothing, 0, KNOWN_COUNT);
	tcase_add_loop_test(
		c, other_secrets_another_side_hash_or_cipher_do_not_begin, 0, KNOWN_COUNT);
	tcase_add_test(c, every_suite_of_ours_has_its_cipher_and_others_have_none);
	tcase_add_loop_test(c, numbers_and_nonces_are_counted_up_one_by_one, 0, KNOWN_COUNT);
	tcase_add_loop_test(c, after_the_last_number_nothing_is_sealed_any_more, 0, KNOWN_COUNT);
	tcase_add_loop_test(c, a_nonce_out_of_turn_ends_it_and_is_not_sent, 0, KNOWN_COUNT);
	tcase_add_test(c, who_is_finished_seals_nothing);
	tcase_add_loop_test(
		c, records_of_every_length_up_to_the_longest_and_no_longer_one, 0, KNOWN_COUNT);
	tcase_add_loop_test(c, a_body_that_is_too_short_or_too_long_is_malformed, 0, KNOWN_COUNT);
	tcase_add_loop_test(c, one_wrong_bit_anywhere_and_nothing_comes_out, 0, KNOWN_COUNT);
	tcase_add_loop_test(
		c, only_records_of_dtls_1_2_and_of_its_epoch_are_opened, 0, KNOWN_COUNT);
	tcase_add_loop_test(c, a_record_opens_once_in_any_order_within_the_window, 0, KNOWN_COUNT);
	tcase_add_loop_test(c, a_forgery_from_the_future_moves_no_window, 0, KNOWN_COUNT);
	tcase_add_loop_test(c, what_the_handshake_took_is_a_replay, 0, KNOWN_COUNT);
	tcase_add_loop_test(c, any_allocation_may_fail_and_then_there_are_no_keys, 0, KNOWN_COUNT);
	tcase_add_loop_test(c, a_message_allocates_nothing, 0, KNOWN_COUNT);
	suite_add_tcase(suite, c);
	return suite;
}

UNIT_MAIN(protect_suite)
