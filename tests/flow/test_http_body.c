/*
 * test_http_body.c: bodies of any size and length, and who waits for whom while they pass.
 *
 *     phone ── window ──► relay: bounds of a channel, of a phone, of all ◄── paused ── server
 */
#include <stdio.h>

#include "tests/flow/http.h"

/* ---- any size, any length ---- */

START_TEST(a_body_streams_through_in_both_directions)
{
	static uint8_t body[3 << 20];
	const struct reply *r;

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = dcsf_byte(i);
	begin(__func__);
	dcsf_page(w->dcsf,
		&(struct page){
			.url = BASE "/echo", .echo = true, .read_us = _i ? TICK_MS(5) : 0 });
	phone_ask(p,
		&(struct ue_request){
			.method = "POST", .target = "/echo", .body = SPAN_OF(body), .form = true });
	ck_assert(world_until(w, 600, all_answered));
	r = phone_reply(p, 0);
	ck_assert_int_eq(r->status, 200);
	ck_assert_int_eq(dcsf_seen(w->dcsf)->body_length, sizeof(body));
	ck_assert(!dcsf_seen(w->dcsf)->body_wrong && !r->wrong);
	ck_assert_uint_eq(r->received, sizeof(body));
	ck_assert(was_sent("Content-Type: application/x-www-form-urlencoded\n"));
	world_finish(w);
}
END_TEST

START_TEST(a_chunked_request_arrives_without_its_chunks)
{
	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/echo", .echo = true });
	ck_assert_str_eq(answer_to("POST /echo HTTP/1.1\r\nTransfer-Encoding: "
				   "chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
				 10)
				 ->text,
		"hello world");
	still_works();
	world_finish(w);
}
END_TEST

START_TEST(a_reply_of_unknown_length_is_collected_first)
{
	const struct reply *r;

	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/unknown",
				   .size = 300000,
				   .lies = true,
				   .length = PAGE_SILENT,
				   .pace_us = TICK_MS(3) });
	r = phone_fetch(p, 0, "/unknown", 60);
	ck_assert_int_eq(r->status, 200);
	ck_assert_int_eq(r->length, 300000);
	ck_assert_uint_eq(r->received, 300000);
	ck_assert(!r->wrong);
	world_finish(w);
}
END_TEST

START_TEST(a_reply_of_unknown_length_beyond_the_bound_is_a_502)
{
	const struct reply *r;

	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/endless",
				   .size = 64 << 20,
				   .lies = true,
				   .length = PAGE_SILENT });
	r = phone_fetch(p, 0, "/endless", 60);
	ck_assert_int_eq(r->status, 502);
	ck_assert_int_gt(r->length, 0);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 1);
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->under_way, 0);
	still_works();
	world_finish(w);
}
END_TEST

/* ---- who waits for whom ---- */

/*
 *     server 64 MiB ──► relay ──► phone that reads nothing
 *
 * The server is stopped, memory stays bounded.
 */
START_TEST(a_slow_phone_stops_the_server)
{
	const struct dcsf_seen *server;
	int64_t highest = 0;

	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/huge", .size = 16 << 20 });
	phone_get(p, 0, "/huge");
	world_run(w, 0.2);
	ue_hold(p->ue, true);
	for (unsigned i = 0; i < 50; i++) {
		world_run(w, 0.1);
		if (counter_value[CNT_buffered_bytes] > highest)
			highest = counter_value[CNT_buffered_bytes];
	}
	server = dcsf_seen(w->dcsf);
	/* The phone's window, the relay's send buffer, and what a channel may hold. */
	ck_assert_uint_lt(server->offered, 4 << 20);
	ck_assert_int_lt(highest, 4 << 20);
	ue_hold(p->ue, false);
	p->touched = true;
	ck_assert(world_until(w, 300, all_answered));
	ck_assert(!phone_reply(p, 0)->wrong);
	ck_assert_uint_eq(phone_reply(p, 0)->received, 16 << 20);
	world_run(w, 1);
	ck_assert_int_eq(counter_value[CNT_buffered_bytes], 0);
	world_finish(w);
}
END_TEST

/*
 * A slow server holds up the body for longer than a phone may be silent. It
 * was not the phone that was silent.
 */
START_TEST(a_slow_server_is_not_a_silent_phone)
{
	char text[40 * KIB];
	size_t head;

	begin(__func__);
	dcsf_page(
		w->dcsf, &(struct page){ .url = BASE "/up", .text = "ok", .read_us = TICK_S(20) });
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

/* ---- bounds that are shared ---- */

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
	tcase_add_loop_test(tc, a_body_streams_through_in_both_directions, 0, 2);
	tcase_add_test(tc, a_chunked_request_arrives_without_its_chunks);
	tcase_add_test(tc, a_reply_of_unknown_length_is_collected_first);
	tcase_add_test(tc, a_reply_of_unknown_length_beyond_the_bound_is_a_502);
	tcase_add_test(tc, a_slow_phone_stops_the_server);
	tcase_add_test(tc, a_slow_server_is_not_a_silent_phone);
	tcase_add_test(tc, many_channels_share_a_bound);
	tcase_add_test(tc, replies_of_unknown_length_share_a_bound);
}

int main(void)
{
	return world_main("http_body", add);
}
