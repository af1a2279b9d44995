/*
 * test_http_faults.c: servers that fail, lie, stop, or answer too early: what the phone is told and
 * whom the controller hears of.
 *
 *     phone ── request ──► relay ── request ──► server
 *           ◄── 502, 504, a reset ──   ◄── anything ──
 */
#include "tests/flow/http.h"

/* ---- no reply, or a wrong one ---- */

static const struct {
	struct page page;
	int status;
} bad_servers[] = {
	{ { .url = BASE "/bad", .dead = true }, 502 },
	{ { .url = BASE "/bad", .refused = true }, 502 },
	{ { .url = BASE "/bad", .hangs = true }, 504 },
	{ { .url = BASE "/bad", .size = 1000, .lies = true, .length = PAGE_SILENT, .breaks = true },
		502 },
	{ { .url = BASE "/bad", .size = 1000, .lies = true, .length = PAGE_SILENT, .hangs = true },
		504 },
};

START_TEST(a_server_that_fails_is_a_502_or_504_and_an_event)
{
	const struct reply *r;
	const struct seen *s;

	begin(__func__);
	dcsf_page(w->dcsf, &bad_servers[_i].page);
	r = phone_fetch(p, 0, "/bad", 90);
	ck_assert_int_eq(r->status, bad_servers[_i].status);
	ck_assert_int_gt(r->length, 0);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 1);
	s = world_last(w, p, RELAY_EVENT_MDC_FAILED);
	ck_assert_str_ne(s->detail, "");
	ck_assert_int_eq(s->sid, 0);
	still_works();
	world_finish(w);
}
END_TEST

/* As long as the head was kept back, a lie is a clean 502. */
START_TEST(a_server_that_lies_about_its_length_is_a_502)
{
	const struct reply *r;

	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/lie",
				   .size = _i ? 1000 : 5000,
				   .lies = true,
				   .length = _i ? 5000 : 1000 });
	r = phone_fetch(p, 0, "/lie", 10);
	ck_assert_int_eq(r->status, 502);
	ck_assert_int_gt(r->length, 0);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 1);
	still_works();
	world_finish(w);
}
END_TEST

/*
 * The head has gone out with the length the server gave: what is missing cannot be made up,
 * so the channel is reset and the phone knows.
 */
START_TEST(a_server_that_stops_in_the_middle_ends_the_channel)
{
	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/short",
				   .size = 500000,
				   .lies = true,
				   .length = 1000000,
				   .breaks = _i == 0,
				   .hangs = _i == 1 });
	phone_get(p, 0, "/short");
	world_run(w, 90);
	ck_assert_uint_eq(p->reply_count, 1);
	ck_assert_uint_eq(p->complete, 0);
	ck_assert_uint_eq(p->channels_closed, 1);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 1);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_CHANNEL_CLOSED), 1);
	/* whose fault it was */
	ck_assert_int_eq(world_last(w, p, RELAY_EVENT_CHANNEL_CLOSED)->reason, CLOSE_UPSTREAM);
	world_finish(w);
}
END_TEST

/* Every byte of the reply has come: how the connection ended afterwards is nobody's business. */
START_TEST(a_server_that_dies_after_its_reply_has_replied)
{
	begin(__func__);
	dcsf_page(w->dcsf, &(struct page){ .url = BASE "/dies", .size = 3000, .breaks = true });
	ck_assert_int_eq(phone_fetch(p, 0, "/dies", 10)->status, 200);
	ck_assert_uint_eq(phone_reply(p, 0)->received, 3000);
	ck_assert(!phone_reply(p, 0)->wrong);
	ck_assert_uint_eq(world_count(w, p, RELAY_EVENT_MDC_FAILED), 0);
	still_works();
	world_finish(w);
}
END_TEST

/* ---- too early ---- */

/*
 * A server need not read what it refuses; the rest of the request is
 * read past, and the channel goes on.
 */
START_TEST(a_server_may_answer_before_the_request_is_complete)
{
	static uint8_t body[1 << 20];

	begin(__func__);
	dcsf_page(w->dcsf,
		&(struct page){
			.url = BASE "/no", .status = 413, .text = "too much", .early = true });
	phone_ask(p,
		&(struct ue_request){ .method = "POST", .target = "/no", .body = SPAN_OF(body) });
	ck_assert(world_until(w, 60, all_answered));
	ck_assert_int_eq(phone_reply(p, 0)->status, 413);
	ck_assert_str_eq(phone_reply(p, 0)->text, "too much");
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

/* ---- the end ---- */

START_TEST(deleting_the_context_ends_what_the_server_is_asked)
{
	begin(__func__);
	dcsf_page(w->dcsf,
		&(struct page){ .url = BASE "/slow", .size = 1 << 20, .pace_us = TICK_MS(100) });
	phone_get(p, 0, "/slow");
	world_run(w, 1);
	phone_hang_up(p);
	world_run(w, 0.1);
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->under_way, 0);
	ck_assert_uint_eq(dcsf_seen(w->dcsf)->cancelled, 1);
	ck_assert(world_until(w, 10, nothing_left));
	world_finish(w);
}
END_TEST

static void add(TCase *tc)
{
	LOOP(a_server_that_fails_is_a_502_or_504_and_an_event, bad_servers);
	tcase_add_loop_test(tc, a_server_that_lies_about_its_length_is_a_502, 0, 2);
	tcase_add_loop_test(tc, a_server_that_stops_in_the_middle_ends_the_channel, 0, 3);
	tcase_add_test(tc, a_server_that_dies_after_its_reply_has_replied);
	tcase_add_test(tc, a_server_may_answer_before_the_request_is_complete);
	tcase_add_loop_test(tc, a_reply_that_came_early_survives_a_broken_rest, 0, 2);
	tcase_add_test(tc, deleting_the_context_ends_what_the_server_is_asked);
}

int main(void)
{
	return world_main("http_faults", add);
}
