/* test_train.c: trains of datagrams through a splice: what a train does, its datagrams do one by one. */
#include <stdio.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/ice/checker.h"
#include "dcmf/relay/relay.h"
#include "tests/unit/main.h"

enum { PIECE = 100, SENT_MAX = 64 };

enum { DTLS = 23, RTP = 128, STUN = 1 };

static const char pwd[] = "a password of a peer, long enough";

/* ---- the world ---- */

static struct {
	uint32_t ports;
	unsigned calls, datagrams; /* sent */
	uint8_t marks[SENT_MAX];   /* second bytes of them */
	size_t last_len;
	struct path path; /* of the last */
} world;

static struct relay *relay;
static struct relay_config config;
static tick_t now;
static struct dtls_ctx *identity;

static enum err port_open(void *arg, const char *interface, enum addr_family family, bool ice,
	struct path *at, struct addr *advertise)
{
	*at = (struct path){ .port = ++world.ports };
	addr_parse_ip(SPAN_LIT("203.0.113.1"), (uint16_t)(20000 + at->port), &at->local);
	*advertise = at->local;
	return ERR_OK;
}

static void port_close(void *arg, uint32_t number)
{
}

static void note(const struct path *path, struct span dgram)
{
	if (world.datagrams < SENT_MAX)
		world.marks[world.datagrams] = dgram.p[1];
	world.datagrams++;
	world.last_len = dgram.len;
	world.path = *path;
}

static void send_one(void *arg, const struct path *path, struct span dgram)
{
	world.calls++;
	note(path, dgram);
}

static void send_train(void *arg, const struct path *path, struct span bytes, size_t piece)
{
	world.calls++;
	ck_assert_uint_gt(bytes.len, piece);
	for (; bytes.len > 0; bytes = span_skip(bytes, piece))
		note(path, span_first(bytes, piece));
}

static void on_event(void *arg, const struct relay_event *ev)
{
}

static const struct relay_ops ops = { .port_open = port_open,
	.port_close = port_close,
	.send = send_one,
	.send_train = send_train,
	.event = on_event };
static const struct relay_ops ops_of_one = {
	.port_open = port_open, .port_close = port_close, .send = send_one, .event = on_event
};

static void start(const struct relay_ops *with)
{
	config.ops = with;
	relay = relay_create(&config, now);
	ck_assert_ptr_nonnull(relay);
}

static void set_up(void)
{
	struct cert *cert = cert_generate(1);

	log_set_level(LOG_ERROR);
	memset(&world, 0, sizeof(world));
	now = (tick_t){ 1000000 };
	relay_config_init(&config);
	config.dtls = identity = dtls_ctx_create(cert);
	cert_unref(cert);
}

static void tear_down(void)
{
	relay_destroy(relay);
	dtls_ctx_unref(identity);
	ck_assert_int_eq(counter_value[CNT_splices], 0);
}

/* ---- a splice ---- */

static struct addr peer(unsigned n)
{
	struct addr a;

	addr_parse_ip(SPAN_LIT("198.51.100.9"), (uint16_t)(5000 + n), &a);
	return a;
}

static void fill_media(struct media_spec *m, unsigned n, bool ice)
{
	*m = (struct media_spec){ .media_id = mem_strdup("0"), .proxy = PROXY_UDP, .has_ice = ice };
	m->remote = peer(n);
	m->remote_sctp_port = 5000;
	if (!ice)
		return;
	m->ice = mem_zalloc(sizeof(*m->ice));
	snprintf(m->ice->ufrag, ICE_TEXT_MAX, "peer");
	snprintf(m->ice->pwd, ICE_TEXT_MAX, "%s", pwd);
}

/* Peer 0 at port 1, peer 1 at port 2; so many of them have told where they are. */
static struct relay_context *splice(unsigned told, bool ice)
{
	struct context_spec spec = { .termination_count = 2 };
	struct relay_refusal refusal;
	struct relay_context *c;

	spec.terminations = mem_zalloc(2 * sizeof(*spec.terminations));
	for (unsigned i = 0; i < 2; i++) {
		struct termination_spec *t = &spec.terminations[i];

		t->termination_id = mem_strdup(i == 0 ? "a" : "b");
		t->medias = mem_zalloc(sizeof(*t->medias));
		t->media_count = 1;
		fill_media(t->medias, i, ice);
		if (i >= told)
			t->medias->remote = (struct addr){ 0 };
	}
	c = relay_context_create(relay, now, "0-1", &spec, &refusal);
	context_spec_finish(&spec);
	ck_assert_ptr_nonnull(c);
	return c;
}

static struct media_view view_of(const struct relay_context *c, unsigned side)
{
	struct media_view view;

	ck_assert(relay_media_view(relay, c, side, 0, &view));
	return view;
}

static struct path path_of(const struct relay_context *c, unsigned side)
{
	return (struct path){
		.port = side + 1, .local = view_of(c, side).bound, .remote = peer(side)
	};
}

/* The peer's check and nomination. */
static void check(const struct relay_context *c, unsigned side)
{
	struct media_view view = view_of(c, side);
	struct ice_credentials theirs = { .ufrag = "peer" }, ours;
	struct stun_codec *codec = stun_codec_create();
	struct path path = path_of(c, side);
	struct ice_checker *checker;
	uint8_t bytes[ICE_REPLY_MAX];
	size_t len;

	snprintf(theirs.pwd, ICE_TEXT_MAX, "%s", pwd);
	snprintf(ours.ufrag, ICE_TEXT_MAX, "%s", view.ice_ufrag);
	snprintf(ours.pwd, ICE_TEXT_MAX, "%s", view.ice_pwd);
	checker = ice_checker_create(&theirs, &ours, now);
	while (ice_checker_next(checker, codec, now, bytes, &len))
		relay_input(relay, now, &path, SPAN(bytes, len));
	ice_checker_destroy(checker);
	stun_codec_destroy(codec);
}

/* ---- trains ---- */

static uint8_t bytes[SENT_MAX * PIECE];

/* So many pieces of DTLS, numbered; the last is half as long. */
static struct span train(unsigned n)
{
	memset(bytes, 0, sizeof(bytes));
	for (unsigned i = 0; i < n; i++) {
		bytes[i * PIECE] = DTLS;
		bytes[i * PIECE + 1] = (uint8_t)i;
	}
	return SPAN(bytes, n * PIECE - PIECE / 2);
}

static void expect_marks(const uint8_t *marks, unsigned n)
{
	ck_assert_uint_eq(world.datagrams, n);
	ck_assert_mem_eq(world.marks, marks, n);
}

static int64_t counted(enum counter c, bool begin)
{
	static int64_t before[COUNTER_MAX];

	if (begin)
		memcpy(before, counter_value, sizeof(before));
	return counter_value[c] - before[c];
}

#define COUNTED(name) counted(CNT_##name, false)

static void input(const struct path *path, struct span train_bytes)
{
	counted(CNT_splices, true);
	world.calls = world.datagrams = 0;
	relay_input_train(relay, now, path, train_bytes, PIECE);
}

START_TEST(a_train_leaves_as_one_and_counts_as_many)
{
	struct relay_context *c;
	struct path path;
	struct media_view in, out;

	start(&ops);
	c = splice(2, false);
	path = path_of(c, 0);
	input(&path, train(5));
	expect_marks((const uint8_t[]){ 0, 1, 2, 3, 4 }, 5);
	ck_assert_uint_eq(world.calls, 1);
	ck_assert_uint_eq(world.last_len, PIECE / 2);
	ck_assert_uint_eq(world.path.port, 2);
	ck_assert_uint_eq(world.path.remote.port, peer(1).port);
	ck_assert_int_eq(COUNTED(splice_datagrams_total), 5);
	in = view_of(c, 0);
	out = view_of(c, 1);
	ck_assert_uint_eq(in.datagrams_in, 5);
	ck_assert_uint_eq(in.bytes_in, 4 * PIECE + PIECE / 2);
	ck_assert_uint_eq(out.datagrams_out, 5);
	ck_assert_uint_eq(out.bytes_out, 4 * PIECE + PIECE / 2);
}
END_TEST

START_TEST(a_world_without_trains_gets_datagrams)
{
	struct relay_context *c;
	struct path path;

	start(&ops_of_one);
	c = splice(2, false);
	path = path_of(c, 1);
	input(&path, train(5));
	expect_marks((const uint8_t[]){ 0, 1, 2, 3, 4 }, 5);
	ck_assert_uint_eq(world.calls, 5);
	ck_assert_uint_eq(view_of(c, 0).datagrams_out, 5);
}
END_TEST

START_TEST(what_is_not_dtls_stays_behind_also_in_the_middle)
{
	struct relay_context *c;
	struct path path;

	start(&ops);
	c = splice(2, false);
	path = path_of(c, 0);
	train(7);
	bytes[0] = RTP;
	bytes[3 * PIECE] = STUN;
	bytes[6 * PIECE] = RTP;
	input(&path, SPAN(bytes, 7 * PIECE));
	expect_marks((const uint8_t[]){ 1, 2, 4, 5 }, 4);
	ck_assert_uint_eq(world.calls, 2);
	ck_assert_int_eq(COUNTED(splice_datagrams_total), 4);
	ck_assert_int_eq(COUNTED(datagrams_other_total), 3);
	ck_assert_uint_eq(view_of(c, 0).datagrams_in, 7);
}
END_TEST

START_TEST(a_train_that_is_not_the_peers_does_not_cross)
{
	struct relay_context *c;
	struct path path;

	start(&ops);
	c = splice(2, false);
	path = path_of(c, 0);
	path.remote.port++;
	input(&path, train(5));
	ck_assert_uint_eq(world.datagrams, 0);
	ck_assert_int_eq(COUNTED(datagrams_source_total), 5);
	path.port = 77;
	input(&path, train(5));
	ck_assert_uint_eq(world.datagrams, 0);
	ck_assert_int_eq(COUNTED(datagrams_unknown_total), 5);
}
END_TEST

START_TEST(a_train_toward_a_side_that_is_not_told_yet_is_dropped_and_counted)
{
	struct relay_context *c;
	struct path path;

	start(&ops);
	c = splice(1, false);
	path = path_of(c, 0);
	input(&path, train(5));
	ck_assert_uint_eq(world.datagrams, 0);
	ck_assert_int_eq(COUNTED(splice_dropped_total), 5);
}
END_TEST

START_TEST(with_ice_a_train_needs_a_proved_path_and_consent)
{
	struct relay_context *c;
	struct path path, other;

	start(&ops);
	c = splice(2, true);
	path = path_of(c, 0);
	input(&path, train(5));
	ck_assert_int_eq(COUNTED(datagrams_unknown_total), 5); /* nothing is proved */
	check(c, 0);
	input(&path, train(5));
	ck_assert_int_eq(COUNTED(splice_dropped_total), 5); /* where to? */
	check(c, 1);
	input(&path, train(5));
	ck_assert_uint_eq(world.datagrams, 5);
	ck_assert_uint_eq(world.path.remote.port, peer(1).port);

	other = path;
	addr_parse_ip(SPAN_LIT("203.0.113.2"), path.local.port, &other.local);
	input(&other, train(5)); /* from the same peer, to another address of ours */
	ck_assert_uint_eq(world.datagrams, 0);
	ck_assert_int_eq(COUNTED(datagrams_source_total), 5);

	now = tick_add(now, config.consent_us - 1);
	input(&path, train(5));
	ck_assert_uint_eq(world.datagrams, 5);
	now = tick_add(now, 1);
	input(&path, train(5));
	ck_assert_uint_eq(world.datagrams, 0);
	ck_assert_int_eq(COUNTED(splice_dropped_total), 5);
	check(c, 1);
	input(&path, train(5));
	ck_assert_uint_eq(world.datagrams, 5);
}
END_TEST

START_TEST(a_hint_changes_nothing)
{
	struct relay_context *c;
	struct path paths[200];

	start(&ops);
	relay_foresee(relay, paths, 0);
	c = splice(2, true);
	check(c, 0);
	for (unsigned i = 0; i < 200; i++) {
		paths[i] = path_of(c, i % 2); /* one proved, one not */
		paths[i].port += i < 100 ? 0 : 7;
	}
	counted(CNT_splices, true);
	world.datagrams = 0;
	relay_foresee(relay, paths, 200);
	for (unsigned i = 0; i < COUNTER_MAX; i++)
		ck_assert_int_eq(counted((enum counter)i, false), 0);
	ck_assert_uint_eq(world.datagrams, 0);
	ck_assert_uint_eq(view_of(c, 1).datagrams_in, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("relay/train");
	TCase *t = tcase_create("train");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_train_leaves_as_one_and_counts_as_many);
	tcase_add_test(t, a_world_without_trains_gets_datagrams);
	tcase_add_test(t, what_is_not_dtls_stays_behind_also_in_the_middle);
	tcase_add_test(t, a_train_that_is_not_the_peers_does_not_cross);
	tcase_add_test(t, a_train_toward_a_side_that_is_not_told_yet_is_dropped_and_counted);
	tcase_add_test(t, with_ice_a_train_needs_a_proved_path_and_consent);
	tcase_add_test(t, a_hint_changes_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
