/*
 * test_bridge.c: two phones that call one another, ended at the relay: every way to come up, every
 * message, every kind of channel.
 *
 *     phone a ══ DTLS, SCTP ══ relay ══ DTLS, SCTP ══ phone b
 *            channel 1000 ──────────────── channel 1000
 */
#include <stdio.h>

#include "dcmf/base/counters.h"
#include "tests/flow/paired.h"

#define KIB 1024u

static const struct ue_stream three[] = {
	{ .sid = 1000, .quality = { .priority = 256 }, .label = "text", .protocol = "chat" },
	{ .sid = 1001, .quality = { true, MAX_RETRANSMITS, 256, 3 }, .label = "pointer" },
	{ .sid = 1002, .quality = { false, MAX_LIFETIME, 128, 5000 }, .label = "late" },
};
static const struct ue_stream reliable[] = {
	{ .sid = 1000, .label = "in order" },
	{ .sid = 1001, .quality.unordered = true, .label = "in any order" },
	{ .sid = 1002, .label = "in order too" },
};
#define THREE .proxy = PROXY_DC_APPLICATION, .streams = three, .stream_count = 3

/* ---- every way to come up ---- */

static const enum setup setups[] = { SETUP_ACTPASS, SETUP_ACTIVE, SETUP_PASSIVE };

static struct phone_options side(bool ice, enum setup setup)
{
	return (struct phone_options){
		.ice = ice, .setup = setup, .accept_dcep = true, .max_message = 64 * KIB
	};
}

/* The other side is asked with the role that is left: ids opened by DCEP can never collide. */
START_TEST(a_call_comes_up_in_every_role_with_and_without_ice)
{
	struct media_view a, b;

	begin_with(__func__, &(struct pair_options){ THREE, .a = side(_i & 1, setups[_i / 4]),
				     .b = side(_i & 2, SETUP_NONE) });
	ck_assert_int_ne(ue_is_client(p->a->ue), ue_is_client(p->b->ue));
	pair_view(p, p->a, &a);
	pair_view(p, p->b, &b);
	ck_assert_int_ne(a.setup, b.setup);
	ck_assert_str_eq(a.info.version, "DTLSv1.2");
	ck_assert(!a.passes && !b.passes && a.far == NULL);
	pair_works(p, 500, 100);
	ck_assert_uint_eq(world_count(w, p->a, RELAY_EVENT_CHANNEL_OPENED), 6);
	end();
}
END_TEST

/* A controller that knows both sides may force roles that are equal. */
START_TEST(a_call_comes_up_in_roles_that_are_forced)
{
	begin_with(__func__, &(struct pair_options){ THREE, .together = true,
				     .a = side(_i & 4, _i & 1 ? SETUP_ACTIVE : SETUP_PASSIVE),
				     .b = side(_i & 4, _i & 2 ? SETUP_ACTIVE : SETUP_PASSIVE) });
	ck_assert_int_eq(ue_is_client(p->a->ue), _i & 1);
	ck_assert_int_eq(ue_is_client(p->b->ue), (_i & 2) / 2);
	pair_works(p, 500, 100);
	end();
}
END_TEST

START_TEST(browsers_call_one_another)
{
	struct pair_options o = { THREE, .a = side(true, SETUP_NONE), .b = side(true, SETUP_NONE) };

	o.a.webrtc = o.b.webrtc = true;
	begin_with(__func__, &o);
	pair_works(p, 3000, 50);
	end();
}
END_TEST

START_TEST(phones_of_different_families_call_one_another)
{
	struct pair_options o = { THREE, .a = side(_i, SETUP_NONE), .b = side(_i, SETUP_NONE) };

	o.b.ipv6 = true;
	o.together = true;
	o.b.setup = SETUP_PASSIVE;
	o.a.setup = SETUP_ACTIVE;
	begin_with(__func__, &o);
	pair_works(p, 500, 20);
	end();
}
END_TEST

/* The legs are two: another fingerprint on one of them is no matter of the other. */
START_TEST(a_wrong_fingerprint_fails_its_own_leg)
{
	make(__func__, NULL,
		&(struct pair_options){
			THREE, .a = side(false, SETUP_NONE), .b = side(false, SETUP_NONE) });
	p->b->wrong_fingerprint = true;
	ck_assert(pair_call(p, NULL));
	world_run(w, 10);
	ck_assert_uint_eq(p->a->opened, 3);
	ck_assert_uint_eq(p->b->opened, 0);
	ck_assert_int_eq(
		world_last(w, p->a, RELAY_EVENT_DTLS_FAILED)->reason, CLOSE_DTLS_FINGERPRINT);
	end();
}
END_TEST

/* ---- channels opened in band ---- */

static const struct ue_stream chat = { .sid = 1000,
	.quality = { true, MAX_RETRANSMITS, 512, 7 },
	.label = "chat",
	.protocol = "org.example.chat" };
static const struct ue_stream talk = {
	.sid = 1000, .quality = { false, RELIABLE, 256, 0 }, .label = "\xc3\xa9t\xc3\xa9 talk"
};

static void same_channel(const struct ue_stream *s, uint16_t on_a, uint16_t on_b)
{
	const struct channel_view *a = ue_channel(p->a->ue, on_a);
	const struct channel_view *b = ue_channel(p->b->ue, on_b);

	ck_assert(a != NULL && b != NULL);
	ck_assert_str_eq(a->label, s->label);
	ck_assert_str_eq(b->label, s->label);
	ck_assert_str_eq(b->protocol, s->protocol);
	ck_assert_int_eq(b->quality.unordered, s->quality.unordered);
	ck_assert_int_eq(b->quality.reliability, s->quality.reliability);
	ck_assert_uint_eq(b->quality.limit, s->quality.limit);
	ck_assert_uint_eq(b->quality.priority, s->quality.priority);
	pair_flow(p, p->a, on_a, on_b, 900, 100);
	pair_flow(p, p->b, on_b, on_a, 900, 100);
	ck_assert(world_until(w, 30, flows_done));
	for (unsigned i = 0; i < p->flow_count; i++)
		flow_is_whole(&p->flows[i], !s->quality.unordered);
	pair_forget_flows(p);
}

START_TEST(channels_opened_in_band_keep_label_protocol_quality_and_id)
{
	uint16_t from, other;

	begin_with(__func__, &(struct pair_options){ .proxy = PROXY_DC_APPLICATION,
				     .a = side(_i & 1, setups[_i / 2]),
				     .b = side(_i & 1, SETUP_NONE) });
	world_run(w, 2);
	pair_open(p, p->a, &chat, &from, &other);
	ck_assert_uint_eq(from, other);
	ck_assert_uint_eq(from & 1, !ue_is_client(p->a->ue));
	same_channel(&chat, from, other);
	pair_open(p, p->b, &talk, &from, &other);
	ck_assert_uint_eq(from, other);
	same_channel(&talk, other, from);
	ck_assert_uint_eq(world_count(w, p->a, RELAY_EVENT_CHANNEL_OPENED), 4);
	end();
}
END_TEST

/* The first message follows the OPEN at once, before anybody has answered anything. */
START_TEST(what_is_sent_behind_an_open_arrives)
{
	const struct note *n;
	uint16_t sid = chat.sid;

	begin_with(__func__, &(struct pair_options){ .proxy = PROXY_DC_APPLICATION,
				     .a = side(false, SETUP_ACTIVE),
				     .b = side(false, SETUP_NONE) });
	world_run(w, 2);
	ck_assert_int_eq(ue_open(p->a->ue, &chat, true), ERR_OK);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(pair_say(p, p->a, sid, PPID_STRING, SPAN_LIT("early")), ERR_OK);
	n = pair_note(p, p->b, 9);
	ck_assert_ptr_nonnull(n);
	ck_assert_str_eq(n->text, "early");
	end();
}
END_TEST

/*
 *     a (client) ── OPEN 1000 ──► relay ◄── OPEN 1000 ── b (client)      both clients: each id is taken on the other leg, or of the
 *                                                                        wrong parity for us: the relay maps them
 */
START_TEST(equal_roles_that_open_the_same_id_at_once_get_two_channels)
{
	enum setup role = _i ? SETUP_PASSIVE : SETUP_ACTIVE;
	uint16_t chat_a, chat_b, talk_a, talk_b;
	struct ue_stream of_a = chat, of_b = talk;

	begin_with(__func__, &(struct pair_options){ .proxy = PROXY_DC_APPLICATION,
				     .together = true,
				     .a = side(false, role),
				     .b = side(false, role) });
	world_run(w, 2);
	of_a.sid = of_b.sid = _i ? 1001 : 1000;
	ck_assert_int_eq(ue_open(p->b->ue, &of_b, true), ERR_OK);
	p->b->touched = true;
	pair_open(p, p->a, &of_a, &chat_a, &chat_b);
	world_run(w, 1);
	ck_assert(ue_find_label(p->a->ue, talk.label, &talk_a));
	ck_assert(ue_find_label(p->b->ue, talk.label, &talk_b));
	ck_assert_uint_eq(chat_a, of_a.sid);
	ck_assert_uint_eq(talk_b, of_b.sid);
	ck_assert_uint_ne(chat_a, chat_b);
	ck_assert_uint_ne(talk_a, talk_b);
	same_channel(&of_a, chat_a, chat_b);
	same_channel(&of_b, talk_a, talk_b);
	end();
}
END_TEST

/* Opposite roles: no collision can come to be, however many are opened at once. */
START_TEST(both_sides_open_many_channels_at_once)
{
	enum setup role_b = _i ? SETUP_ACTIVE : SETUP_PASSIVE;
	char label[16];

	begin_with(__func__, &(struct pair_options){ .proxy = PROXY_DC_APPLICATION,
				     .together = true,
				     .a = side(false, SETUP_ACTIVE),
				     .b = side(false, role_b) });
	world_run(w, 2);
	for (unsigned i = 0; i < 15; i++) {
		struct ue_stream of_a = { .sid = (uint16_t)(1000 + 2 * i) }, of_b = of_a;

		snprintf(of_a.label, sizeof(of_a.label), "a%u", i);
		snprintf(of_b.label, sizeof(of_b.label), "b%u", i);
		ck_assert_int_eq(ue_open(p->a->ue, &of_a, true), ERR_OK);
		ck_assert_int_eq(ue_open(p->b->ue, &of_b, true), ERR_OK);
	}
	p->a->touched = p->b->touched = true;
	world_run(w, 5);
	ck_assert_uint_eq(p->a->opened, 30);
	ck_assert_uint_eq(p->b->opened, 30);
	for (unsigned i = 0; i < 15; i++) {
		struct phone *from = i & 1 ? p->a : p->b, *to = i & 1 ? p->b : p->a;
		uint16_t sid, far;

		snprintf(label, sizeof(label), "%c%u", i & 2 ? 'a' : 'b', i);
		ck_assert(ue_find_label(from->ue, label, &sid));
		ck_assert(ue_find_label(to->ue, label, &far));
		ck_assert(_i || sid == far);
		pair_flow(p, from, sid, far, 600, 20);
	}
	ck_assert(world_until(w, 30, flows_done));
	flows_are_whole(p);
	end();
}
END_TEST

/* DCEP on a stream that SDP agreed on is out of place; only that channel suffers. */
START_TEST(an_open_is_refused_where_the_other_side_takes_none)
{
	struct pair_options o = { THREE, .a = side(false, SETUP_ACTIVE),
		.b = side(false, SETUP_NONE) };

	o.b.accept_dcep = false;
	begin_with(__func__, &o);
	ck_assert_int_eq(
		ue_open(p->a->ue, &(struct ue_stream){ .sid = 1010, .label = "no" }, true), ERR_OK);
	p->a->touched = true;
	world_run(w, 5);
	ck_assert_uint_eq(p->a->closed, 0);
	ck_assert_uint_eq(p->b->closed, 0);
	ck_assert_uint_eq(p->a->channels_closed, 1);
	ck_assert_uint_eq(p->b->opened, 3);
	pair_works(p, 500, 20);
	end();
}
END_TEST

/* ---- messages ---- */

static const struct {
	uint32_t sent;
	const char *text;
	uint32_t came;
} ppids[] = {
	{ PPID_STRING, "text", PPID_STRING },
	{ PPID_BINARY, "bytes", PPID_BINARY },
	{ PPID_STRING, "", PPID_STRING_EMPTY },
	{ PPID_BINARY, "", PPID_BINARY_EMPTY },
	{ PPID_STRING_EMPTY, "", PPID_STRING_EMPTY },
	{ PPID_BINARY_EMPTY, "", PPID_BINARY_EMPTY },
	{ PPID_STRING_PARTIAL, "part", PPID_STRING_PARTIAL },
	{ PPID_BINARY_PARTIAL, "part", PPID_BINARY_PARTIAL },
	{ 0, "none said", 0 },
	{ 46, "somebody's own", 46 },
	{ 0xfffffffe, "the last", 0xfffffffe },
};
#define PPIDS (sizeof(ppids) / sizeof(ppids[0]))

START_TEST(every_ppid_stays_what_it_is_also_of_empty_messages)
{
	struct phone *from, *to;
	const struct note *n;

	begin_with(__func__, &(struct pair_options){ THREE, .a = side(false, SETUP_NONE),
				     .b = side(false, SETUP_NONE) });
	from = _i ? p->b : p->a;
	to = _i ? p->a : p->b;
	for (unsigned i = 0; i < PPIDS; i++)
		ck_assert_int_eq(
			pair_say(p, from, 1000, ppids[i].sent, SPAN_STR(ppids[i].text)), ERR_OK);
	for (unsigned i = 0; i < PPIDS; i++) {
		n = pair_note(p, to, i);
		ck_assert_msg(n != NULL, "message %u never came", i);
		ck_assert_uint_eq(n->ppid, ppids[i].came);
		ck_assert_str_eq(n->text, ppids[i].text);
		ck_assert_uint_eq(n->len, strlen(ppids[i].text));
		ck_assert_uint_eq(n->sid, 1000);
	}
	end();
}
END_TEST

START_TEST(order_is_as_each_channel_was_agreed)
{
	begin_with(__func__, &(struct pair_options){ THREE, .a = side(false, SETUP_NONE),
				     .b = side(false, SETUP_NONE) });
	pair_say(p, p->a, 1001, PPID_STRING, SPAN_LIT("unordered"));
	ck_assert(pair_note(p, p->b, 0)->unordered);
	pair_say(p, p->a, 1000, PPID_STRING, SPAN_LIT("ordered"));
	ck_assert(!pair_note(p, p->b, 1)->unordered);
	end();
}
END_TEST

static const size_t sizes[] = { UE_TRAFFIC_MIN, 1023, 1200, 16 * KIB, 64 * KIB, 256 * KIB };

START_TEST(messages_of_every_size_arrive)
{
	struct pair_options o = { THREE, .a = side(false, SETUP_NONE),
		.b = side(false, SETUP_NONE) };

	o.a.max_message = o.b.max_message = 256 * KIB;
	o.a.send_buffer = o.b.send_buffer = 512 * KIB;
	o.streams = reliable; /* the others may drop what is too much */
	begin_with(__func__, &o);
	pair_works(p, sizes[_i], sizes[_i] < 2 * KIB ? 500 : 20);
	end();
}
END_TEST

START_TEST(each_side_is_told_what_the_other_can_take)
{
	struct pair_options o = { THREE, .a = side(false, SETUP_NONE),
		.b = side(false, SETUP_NONE) };
	static const uint8_t text[1501];
	struct media_view a, b;

	o.a.max_message = 1500;
	o.b.max_message = 9000;
	begin_with(__func__, &o);
	pair_view(p, p->a, &a);
	pair_view(p, p->b, &b);
	ck_assert_uint_eq(a.max_message, 9000);
	ck_assert_uint_eq(b.max_message, 1500);
	pair_works(p, 1500, 20);
	ck_assert_int_eq(pair_say(p, p->b, 1000, PPID_BINARY, SPAN(text, 1501)), ERR_MESSAGE_SIZE);
	end();
}
END_TEST

/* A side that does not keep to what it was told loses the message, or where none may be lost the channel. */
START_TEST(a_message_beyond_what_the_far_side_takes_is_refused)
{
	static uint8_t big[2000];
	int64_t before = counter_value[CNT_messages_refused_total];
	struct pair_options o = { THREE, .a = side(false, SETUP_NONE), .b = side(false, SETUP_NONE),
		.a_believes = 64 * KIB };
	const struct seen *s;

	o.b.max_message = 1024;
	begin_with(__func__, &o);
	ck_assert_int_eq(pair_say(p, p->a, 1001, PPID_BINARY, SPAN_OF(big)), ERR_OK);
	world_run(w, 1);
	ck_assert_int_eq(counter_value[CNT_messages_refused_total], before + 1);
	ck_assert_uint_eq(p->a->channels_closed, 0);
	ck_assert_int_eq(pair_say(p, p->a, 1001, PPID_BINARY, SPAN(big, 1024)), ERR_OK);
	ck_assert_uint_eq(pair_note(p, p->b, 0)->len, 1024);

	ck_assert_int_eq(pair_say(p, p->a, 1000, PPID_BINARY, SPAN_OF(big)), ERR_OK);
	world_run(w, 2);
	ck_assert_uint_eq(p->a->channels_closed, 1);
	ck_assert_uint_eq(p->b->channels_closed, 1);
	s = world_last(w, p->a, RELAY_EVENT_CHANNEL_CLOSED);
	ck_assert_int_eq(s->sid, 1000);
	ck_assert_uint_eq(p->a->closed + p->b->closed, 0);
	end();
}
END_TEST

/* ---- networks that lose ---- */

static void patient(struct relay_config *config)
{
	config->handshake_us = TICK_S(120);
	config->channel_hold_us = TICK_S(600);
}

/*
 *     a ══ 10 % lost, reordered, repeated ══ relay ══ fine ══ b      and the other way round, and both; both directions full
 */
START_TEST(nothing_is_lost_doubled_or_reordered_over_bad_lines)
{
	make(__func__, patient,
		&(struct pair_options){ .proxy = PROXY_DC_APPLICATION,
			.streams = reliable,
			.stream_count = 3,
			.a = side(_i & 1, SETUP_NONE),
			.b = side(_i & 1, SETUP_NONE) });
	if (_i % 3 != 1)
		phone_has_bad_line(p->a);
	if (_i % 3 != 0)
		phone_has_bad_line(p->b);
	ck_assert(pair_call(p, NULL));
	ck_assert(world_until(w, 120, all_up));
	pair_flow_all(p, 3000, 150);
	ck_assert(world_until(w, 3600, flows_done));
	flows_are_whole(p);
	end();
}
END_TEST

/*
 *     a ══ fine ══ relay ══ every fifth packet toward b is lost ══ b      the books: sent = received + given up toward b
 */
static const struct ue_stream once[] = {
	{ .sid = 1000, .quality = { true, MAX_RETRANSMITS, 256, 0 }, .label = "sent once" },
	{ .sid = 1001, .quality = { false, MAX_RETRANSMITS, 256, 1 }, .label = "sent twice" },
	{ .sid = 1002, .label = "text" },
};

START_TEST(what_a_line_takes_from_partially_reliable_channels_is_counted)
{
	int64_t abandoned = counter_value[CNT_messages_abandoned_total];
	int64_t dropped = counter_value[CNT_messages_dropped_total];
	uint64_t received = 0;

	begin_with(__func__, &(struct pair_options){ .proxy = PROXY_DC_APPLICATION,
				     .streams = once,
				     .stream_count = 3,
				     .a = side(false, SETUP_NONE),
				     .b = side(false, SETUP_NONE) });
	p->b->down.loss_permille = _i ? 200 : 0;
	for (unsigned i = 0; i < 3; i++)
		pair_flow(p, p->a, once[i].sid, once[i].sid, _i == 2 ? 3000 : 600, 300);
	world_run(w, 120);
	for (unsigned i = 0; i < 3; i++) {
		const struct ue_ledger *l = &p->flows[i].ledger;

		ck_assert_uint_eq(p->flows[i].sent, 300);
		ck_assert_uint_eq(l->wrong + l->doubled, 0);
		ck_assert(l->overtaken == 0 || once[i].quality.unordered);
		received += l->received;
	}
	flow_is_whole(&p->flows[2], true);
	abandoned = counter_value[CNT_messages_abandoned_total] - abandoned;
	ck_assert_int_eq(counter_value[CNT_messages_dropped_total], dropped);
	ck_assert_int_eq(received + (uint64_t)abandoned, 900);
	ck_assert_int_eq(abandoned > 0, _i > 0);
	end();
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_call_comes_up_in_every_role_with_and_without_ice, 0, 12);
	tcase_add_loop_test(tc, a_call_comes_up_in_roles_that_are_forced, 0, 8);
	tcase_add_test(tc, browsers_call_one_another);
	tcase_add_loop_test(tc, phones_of_different_families_call_one_another, 0, 2);
	tcase_add_test(tc, a_wrong_fingerprint_fails_its_own_leg);
	tcase_add_loop_test(tc, channels_opened_in_band_keep_label_protocol_quality_and_id, 0, 6);
	tcase_add_test(tc, what_is_sent_behind_an_open_arrives);
	tcase_add_loop_test(tc, equal_roles_that_open_the_same_id_at_once_get_two_channels, 0, 2);
	tcase_add_loop_test(tc, both_sides_open_many_channels_at_once, 0, 2);
	tcase_add_test(tc, an_open_is_refused_where_the_other_side_takes_none);
	tcase_add_loop_test(tc, every_ppid_stays_what_it_is_also_of_empty_messages, 0, 2);
	tcase_add_test(tc, order_is_as_each_channel_was_agreed);
	tcase_add_loop_test(tc, messages_of_every_size_arrive, 0, sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_test(tc, each_side_is_told_what_the_other_can_take);
	tcase_add_test(tc, a_message_beyond_what_the_far_side_takes_is_refused);
	tcase_add_loop_test(tc, nothing_is_lost_doubled_or_reordered_over_bad_lines, 0, 6);
	tcase_add_loop_test(
		tc, what_a_line_takes_from_partially_reliable_channels_is_counted, 0, 3);
}

int main(void)
{
	return world_main("bridge", add);
}
