/*
 * test_review.c: what only a hostile reader thinks of: peers that come back at the wrong moment,
 * limits that are reached, wishes that change in the middle, and states that must end.
 */
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/relay/wire.h"
#include "tests/flow/inside.h"
#include "tests/flow/world.h"

#define KIB 1024u

static struct world *w;
static struct phone *p;

static void begin_with(const char *name, void (*change)(struct relay_config *config),
	const struct phone_options *options)
{
	w = world_create_with(name, change);
	p = phone_create(w, options);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/page", .text = "page" });
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/big", .size = 1 << 20 });
}

static void still_works(void)
{
	ck_assert_str_eq(phone_fetch(p, 0, "/page", 20)->text, "page");
}

static struct media_spec *media_of(struct context_spec *spec)
{
	return &spec->terminations[0].medias[0];
}

static enum leg_state state_of(const struct phone *q)
{
	struct media_view view;

	phone_view(q, &view);
	return view.state;
}

static void latches(struct relay_config *config)
{
	config->latch = true;
}

/* ---- handshakes beside others ---- */

static void thief_input(
	void *arg, const struct addr *from, const struct addr *to, struct span dgram)
{
	struct phone *thief = arg;

	(void)to;
	thief->touched = true;
	ue_input(thief->ue, sim_now(), from, dgram);
}

/* Somebody with a certificate of his own, on another port of one host. */
static struct phone *thief_create(unsigned n)
{
	struct phone *thief = phone_create(w, &(struct phone_options){ .setup = SETUP_ACTIVE });

	net_detach(w->net, &thief->at.local);
	addr_parse_ip(SPAN_LIT("192.0.2.66"), (uint16_t)(1000 + n), &thief->at.local);
	net_attach(w->net, &thief->at.local, &thief->up, &thief->down, thief_input, thief);
	ue_move(thief->ue, &thief->at);
	return thief;
}

static void thief_begins(struct phone *thief)
{
	ck_assert_int_eq(ue_connect(thief->ue, sim_now(), &p->remote), ERR_OK);
	thief->touched = true;
}

/*
 *     phone    ══ association ══ relay
 *     thief 1, 2 ── half a handshake ──┘    time out, one after the other; nobody else notices
 */
START_TEST(half_handshakes_beside_an_association_end)
{
	struct phone *thief[2];

	begin_with(__func__, latches, &(struct phone_options){ .setup = SETUP_ACTIVE });
	phone_set_up(p);
	for (unsigned i = 0; i < 2; i++) {
		thief[i] = thief_create(i);
		thief_begins(thief[i]);
		world_run(w, 0.07); /* hello, cookie, hello */
		thief[i]->up.cut = true;
	}
	world_run(w, 0.1);
	ck_assert_int_eq(counter_value[CNT_half_open], 2);
	world_run(w, 60);
	ck_assert_int_eq(counter_value[CNT_half_open], 0);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 0);
	still_works();
	world_finish(w);
}
END_TEST

/*
 * Six half handshakes of one host: they take each other's place, not that
 * of the phone behind an unknown NAT.
 */
START_TEST(one_host_cannot_keep_a_phone_out)
{
	struct context_spec spec;

	begin_with(__func__, latches, &(struct phone_options){ .setup = SETUP_ACTIVE });
	p->up.cut = true;
	ck_assert(phone_call(p, NULL));
	phone_spec(p, &spec);
	media_of(&spec)->remote.port += 1000;
	ck_assert(phone_update_to(p, &spec));
	context_spec_finish(&spec);
	for (unsigned i = 0; i < 6; i++) {
		struct phone *thief = thief_create(i);

		thief_begins(thief);
		world_run(w, 0.07);
		thief->up.cut = true;
	}
	ck_assert_int_le(counter_value[CNT_half_open], 4);
	p->up.cut = false;
	for (unsigned i = 0; i < 100 && !phone_is_up(p); i++)
		world_run(w, 0.1);
	ck_assert(phone_is_up(p));
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 0);
	world_run(w, 40);
	ck_assert_int_eq(counter_value[CNT_half_open], 0);
	world_finish(w);
}
END_TEST

/* The phone restarts in the middle of its handshake: what it says now belongs to a new one. */
START_TEST(a_phone_that_begins_anew_in_the_middle_of_a_handshake_is_served)
{
	begin_with(__func__, NULL, &(struct phone_options){ .ice = _i & 1, .setup = SETUP_ACTIVE });
	ck_assert(phone_call(p, NULL));
	world_run(w, 0.05);
	p->down.cut = true; /* it never hears the answer */
	world_run(w, 0.1);
	ck_assert_int_eq(state_of(p), LEG_SECURING);
	p->down.cut = false;
	ue_renew(p->ue, NULL);
	ck_assert_int_eq(ue_connect(p->ue, sim_now(), &p->remote), ERR_OK);
	p->touched = true;
	ck_assert(world_until(w, 8, all_up));
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 0);
	still_works();
	world_finish(w);
}
END_TEST

/* ---- late copies ---- */

static uint8_t hello[1500]; /* the last one the phone sent */
static size_t hello_len;

static void copying_input(
	void *arg, const struct addr *from, const struct addr *to, struct span dgram)
{
	struct dgram *d;

	(void)arg;
	(void)to;
	ue_input(p->ue, sim_now(), from, dgram);
	p->touched = true;
	while ((d = ue_next_dgram(p->ue)) != NULL) {
		if (wire_is_client_hello(dgram_span(d))) {
			hello_len = d->len;
			memcpy(hello, d->bytes, d->len);
		}
		net_send(w->net, &d->path.local, &d->path.remote, dgram_span(d));
		dgram_free(d);
	}
}

/*
 * The network delivers the hello of an association once more, cookie and
 * all: beside it, and after its end.
 */
START_TEST(a_late_copy_of_a_hello_begins_nothing)
{
	bool after_the_end = _i & 2;

	hello_len = 0;
	begin_with(__func__, NULL, &(struct phone_options){ .ice = _i & 1, .setup = SETUP_ACTIVE });
	net_detach(w->net, &p->at.local);
	net_attach(w->net, &p->at.local, &p->up, &p->down, copying_input, p);
	phone_set_up(p);
	ck_assert_uint_gt(hello_len, 0);
	if (after_the_end) {
		ue_close(p->ue, sim_now());
		p->touched = true;
		ck_assert(world_until(w, 10, all_closed));
		world_run(w, 1);
	}
	net_send(w->net, &p->at.local, &p->remote.addr, SPAN(hello, hello_len));
	world_run(w, 0.5);
	ck_assert_int_eq(counter_value[CNT_half_open], 0);
	world_run(w, 40);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 0);
	if (!after_the_end)
		still_works();
	world_finish(w);
}
END_TEST

static void one_at_once(struct relay_config *config)
{
	config->half_open = 1;
}

/*
 * A phone that waits for our hello cannot repeat anything: we have to
 * remember that it is still to be called.
 */
START_TEST(a_handshake_of_ours_beyond_the_limit_is_made_up_for)
{
	begin_with(__func__, one_at_once, &(struct phone_options){ .setup = SETUP_PASSIVE });
	ck_assert(phone_call(p, NULL));
	for (unsigned i = 0; i < 5; i++)
		ck_assert(phone_call(
			phone_create(w, &(struct phone_options){ .setup = SETUP_PASSIVE }), NULL));
	ck_assert(world_until(w, 20, all_up));
	still_works();
	world_finish(w);
}
END_TEST

/*
 * The remote side is told piece by piece: whoever is not the signalled
 * source does not get in between.
 */
START_TEST(a_certificate_without_an_address_lets_nobody_in)
{
	struct context_spec spec;

	begin_with(__func__, NULL, &(struct phone_options){ .setup = SETUP_ACTIVE });
	ck_assert(phone_call(p, NULL));
	phone_spec(p, &spec);
	media_of(&spec)->remote = (struct addr){ 0 };
	ck_assert(phone_update_to(p, &spec));
	context_spec_finish(&spec);
	world_run(w, 3);
	ck_assert(!phone_is_up(p));
	ck_assert_int_eq(counter_value[CNT_half_open], 0);
	ck_assert(phone_update(p)); /* and now it is told: its hello has waited */
	ck_assert(world_until(w, 0.5, all_up));
	still_works();
	world_finish(w);
}
END_TEST

/* ---- wishes that change in the middle ---- */

START_TEST(a_handshake_follows_the_signalled_address)
{
	struct context_spec spec;
	struct relay_refusal refusal;

	begin_with(__func__, NULL, &(struct phone_options){ .setup = SETUP_PASSIVE });
	phone_spec(p, &spec);
	media_of(&spec)->remote.port += 1000;
	snprintf(p->context_id, sizeof(p->context_id), "0-1");
	ck_assert_ptr_nonnull(world_create_context(w, p->context_id, &spec, &refusal));
	context_spec_finish(&spec);
	world_run(w, 1);
	ck_assert_int_eq(state_of(p), LEG_SECURING);
	ck_assert(phone_update(p));
	ck_assert(world_until(w, 5, all_up));
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 0);
	still_works();
	world_finish(w);
}
END_TEST

/* The peer says it takes larger messages now. The association keeps the bound it was told. */
START_TEST(a_new_message_size_loses_nothing)
{
	struct context_spec spec;
	static const uint32_t sizes[] = { 65536, 0, 512 };

	begin_with(__func__, NULL, NULL);
	phone_set_up(p);
	phone_spec(p, &spec);
	media_of(&spec)->remote_max_message = sizes[_i];
	ck_assert(phone_update_to(p, &spec));
	context_spec_finish(&spec);
	ck_assert_uint_eq(phone_fetch(p, 0, "/big", 60)->received, 1 << 20);
	ck_assert(!phone_reply(p, 0)->wrong);
	world_finish(w);
}
END_TEST

/* RFC 8842 5.3: a new association is answered with a new tls-id; without one it stays. */
START_TEST(a_new_association_gets_a_new_tls_id)
{
	struct ue_remote first;

	begin_with(__func__, NULL, &(struct phone_options){ .setup = SETUP_ACTIVE });
	phone_set_up(p);
	first = p->remote;
	ck_assert(phone_update(p));
	ck_assert_str_eq(p->remote.tls_id, first.tls_id);
	ue_renew(p->ue, NULL);
	p->opened = 0;
	ck_assert(phone_update(p));
	ck_assert_str_ne(p->remote.tls_id, first.tls_id);
	ck_assert(world_until(w, 20, all_up));
	world_finish(w);
}
END_TEST

/*
 * A handshake of ours that failed is tried again when the controller says
 * again what it wants, and not before.
 */
START_TEST(a_failed_handshake_of_ours_is_tried_again_on_update)
{
	begin_with(__func__, NULL, &(struct phone_options){ .setup = SETUP_PASSIVE });
	p->down.cut = true;
	ck_assert(phone_call(p, NULL));
	world_run(w, 40);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 1);
	ck_assert_int_eq(state_of(p), LEG_CLOSED);
	p->down.cut = false;
	world_run(w, 5);
	ck_assert(!phone_is_up(p));
	ck_assert(phone_update(p));
	ck_assert(world_until(w, 5, all_up));
	world_finish(w);
}
END_TEST

/* ---- paths ---- */

static void impatient(struct relay_config *config)
{
	config->consent_us = TICK_S(10);
}

START_TEST(a_path_lost_in_the_middle_of_a_handshake_is_told)
{
	const struct seen *s;

	begin_with(
		__func__, impatient, &(struct phone_options){ .ice = true, .setup = SETUP_ACTIVE });
	ck_assert(phone_call(p, NULL));
	world_run(w, 0.07);
	ck_assert_int_eq(state_of(p), LEG_SECURING);
	p->up.cut = true;
	world_run(w, 15);
	s = world_last(w, p, RELAY_EVENT_DTLS_FAILED);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(s->reason, CLOSE_PATH_LOSS);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_DTLS_FAILED), 1);
	ck_assert_int_eq(counter_value[CNT_half_open], 0);
	world_finish(w);
}
END_TEST

/*
 *     phone A ── 10.0.0.10:50000 ──╮
 *                                  ├── shared port ── relay   A has vanished, its context has not
 *     phone B ── 10.0.0.10:50000 ──╯
 */
START_TEST(a_path_belongs_to_whoever_uses_it_now)
{
	struct phone *second;

	begin_with(__func__, NULL, &(struct phone_options){ .ice = true });
	w->shared_port = true;
	phone_set_up(p);
	world_run(w, 1);
	if (_i)
		phone_hang_up(p);
	phone_destroy(p);
	w->phone_count = 0; /* the next one gets its address */
	second = phone_create(w, &(struct phone_options){ .ice = true });
	ck_assert(phone_call(second, NULL));
	ck_assert(world_until(w, _i ? 10 : 30, all_up));
	p = second;
	still_works();
	world_finish(w);
}
END_TEST

/* Whoever may speak for himself cannot take what another one still uses. */
START_TEST(a_path_in_use_is_not_taken_by_a_neighbour)
{
	struct phone *thief;

	begin_with(__func__, NULL, &(struct phone_options){ .ice = true });
	w->shared_port = true;
	phone_set_up(p);
	thief = phone_create(w, &(struct phone_options){ .ice = true });
	thief->down.cut = true;
	ue_move(thief->ue, &p->at); /* it writes the phone's address */
	ck_assert(phone_call(thief, NULL));
	phone_get(p, 0, "/big");
	world_run(w, 20);
	ck_assert_uint_eq(p->complete, 1);
	ck_assert_uint_eq(p->closed, 0);
	ck_assert(!phone_reply(p, 0)->wrong);
	world_finish(w);
}
END_TEST

/* ---- HTTP ---- */

/*
 * A slow server holds up the body for longer than a phone may be silent. It
 * was not the phone that was silent.
 */
START_TEST(a_slow_server_is_not_a_silent_phone)
{
	char text[40 * KIB];
	size_t head;

	begin_with(__func__, NULL, NULL);
	dcsf_page(
		w->dcsf, &(struct page){ .url = BASE "/up", .text = "ok", .read_us = TICK_S(20) });
	phone_set_up(p);
	memset(text, 'x', sizeof(text));
	head = (size_t)snprintf(text, sizeof(text),
		"POST /up HTTP/1.1\r\nContent-Length: %u\r\n\r\n", 39 * KIB + 10);
	text[head] = 'x';
	text[head + 39 * KIB] = '\0';
	phone_raw(p, 0, text, 1);
	world_run(w, 60);
	ck_assert_uint_eq(p->reply_count, 0);
	phone_raw(p, 0, "0123456789", 0);
	ck_assert(world_until(w, 60, all_answered));
	ck_assert_int_eq(phone_reply(p, 0)->status, 200);
	still_works();
	world_finish(w);
}
END_TEST

/* Every byte of the reply has come: how the connection ended afterwards is nobody's business. */
START_TEST(a_server_that_dies_after_its_reply_has_replied)
{
	begin_with(__func__, NULL, NULL);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/dies", .size = 3000, .breaks = true });
	phone_set_up(p);
	ck_assert_int_eq(phone_fetch(p, 0, "/dies", 10)->status, 200);
	ck_assert_uint_eq(phone_reply(p, 0)->received, 3000);
	ck_assert(!phone_reply(p, 0)->wrong);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 0);
	still_works();
	world_finish(w);
}
END_TEST

static void small_window(struct relay_config *config)
{
	config->send_buffer = 64 * KIB;
}

/*
 *     phone ── POST, half a body ──► relay ──► server: "413", complete, at once
 *     phone ── no chunk at all ────► relay     the reply is whole before the channel is reset
 */
START_TEST(a_reply_that_came_early_survives_a_broken_rest)
{
	const struct seen *s;

	begin_with(__func__, small_window, NULL);
	dcsf_page(w->dcsf,
		&(struct page){
			.url = BASE "/early", .status = 413, .size = 200000, .early = true });
	phone_set_up(p);
	phone_raw(p, 0,
		"POST /early HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
		"5\r\nhello\r\n",
		1);
	world_run(w, 0.065);
	if (_i == 0)
		phone_raw(p, 0, "this is no chunk\r\n", 0);
	ck_assert(world_until(w, 60, all_answered));
	ck_assert_int_eq(phone_reply(p, 0)->status, 413);
	ck_assert_uint_eq(phone_reply(p, 0)->received, 200000);
	ck_assert(!phone_reply(p, 0)->wrong);
	world_run(w, 60);
	s = world_last(w, p, RELAY_EVENT_CHANNEL_CLOSED);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(s->reason, _i == 0 ? CLOSE_HTTP_PROTOCOL : CLOSE_IDLE);
	world_finish(w);
}
END_TEST

/* Why a channel was reset says whose fault it was. */
START_TEST(a_server_that_stops_is_not_blamed_on_the_phone)
{
	begin_with(__func__, NULL, NULL);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/short",
				   .size = 500000,
				   .lies = true,
				   .length = 1000000,
				   .breaks = true });
	phone_set_up(p);
	phone_get(p, 0, "/short");
	world_run(w, 30);
	ck_assert_int_eq(world_last(w, p, RELAY_EVENT_CHANNEL_CLOSED)->reason, CLOSE_UPSTREAM);
	world_finish(w);
}
END_TEST

/* ---- memory ---- */

static void small_queues(struct relay_config *config)
{
	config->channel_queue = 256 * KIB;
}

static void small_buffers(struct relay_config *config)
{
	config->buffer_total = 300 * KIB;
}

static const struct phone_options many_channels = { .sids = { 0, 10, 20, 30, 40, 50, 60, 70 },
	.sid_count = 8 };

/*
 *     8 channels ── 200 KiB each ──► relay ──► a slow server
 *
 * No channel is full, and all of them together are.
 */
START_TEST(many_channels_share_a_bound)
{
	static uint8_t body[200 * KIB];
	int64_t highest = 0;

	begin_with(__func__, small_queues, &many_channels);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/up", .text = "ok", .read_us = TICK_S(1) });
	phone_set_up(p);
	for (unsigned i = 0; i < many_channels.sid_count; i++)
		phone_ask(p, &(struct ue_request){ .sid = many_channels.sids[i],
				     .method = "POST",
				     .target = "/up",
				     .body = SPAN_OF(body) });
	for (unsigned i = 0; i < 1200 && p->complete < p->asked; i++) {
		world_run(w, 0.1);
		if (counter_value[CNT_buffered_bytes] > highest)
			highest = counter_value[CNT_buffered_bytes];
	}
	ck_assert_uint_eq(p->complete, 8);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_eq(phone_reply(p, i)->status, 200);
	/* twice the queue of a channel, one message more, and what waits at the server's door */
	ck_assert_int_le(highest, (2 * 256 + 256 + 8 * 16) * (int64_t)KIB);
	world_finish(w);
}
END_TEST

/* Replies that have to be collected first: each is small enough, all of them are not. */
START_TEST(replies_of_unknown_length_share_a_bound)
{
	unsigned fine = 0, refused = 0;

	begin_with(__func__, small_buffers, &many_channels);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/unknown",
				   .size = 100 * KIB,
				   .lies = true,
				   .length = PAGE_SILENT,
				   .pace_us = TICK_MS(10) });
	phone_set_up(p);
	for (unsigned i = 0; i < many_channels.sid_count; i++)
		phone_get(p, many_channels.sids[i], "/unknown");
	ck_assert(world_until(w, 60, all_answered));
	for (unsigned i = 0; i < 8; i++) {
		fine += phone_reply(p, i)->status == 200;
		refused += phone_reply(p, i)->status == 503;
	}
	ck_assert_uint_eq(fine + refused, 8);
	ck_assert_uint_gt(refused, 0);
	ck_assert_uint_gt(fine, 0);
	still_works();
	world_finish(w);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_late_copy_of_a_hello_begins_nothing, 0, 4);
	tcase_add_test(tc, many_channels_share_a_bound);
	tcase_add_test(tc, replies_of_unknown_length_share_a_bound);
	tcase_add_test(tc, half_handshakes_beside_an_association_end);
	tcase_add_test(tc, one_host_cannot_keep_a_phone_out);
	tcase_add_loop_test(
		tc, a_phone_that_begins_anew_in_the_middle_of_a_handshake_is_served, 0, 2);
	tcase_add_test(tc, a_handshake_of_ours_beyond_the_limit_is_made_up_for);
	tcase_add_test(tc, a_certificate_without_an_address_lets_nobody_in);
	tcase_add_test(tc, a_handshake_follows_the_signalled_address);
	tcase_add_loop_test(tc, a_new_message_size_loses_nothing, 0, 3);
	tcase_add_test(tc, a_new_association_gets_a_new_tls_id);
	tcase_add_test(tc, a_failed_handshake_of_ours_is_tried_again_on_update);
	tcase_add_test(tc, a_path_lost_in_the_middle_of_a_handshake_is_told);
	tcase_add_loop_test(tc, a_path_belongs_to_whoever_uses_it_now, 0, 2);
	tcase_add_test(tc, a_path_in_use_is_not_taken_by_a_neighbour);
	tcase_add_test(tc, a_slow_server_is_not_a_silent_phone);
	tcase_add_test(tc, a_server_that_dies_after_its_reply_has_replied);
	tcase_add_loop_test(tc, a_reply_that_came_early_survives_a_broken_rest, 0, 2);
	tcase_add_test(tc, a_server_that_stops_is_not_blamed_on_the_phone);
}

int main(void)
{
	return world_main("review", add);
}
