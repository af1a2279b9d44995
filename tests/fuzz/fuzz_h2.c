/* fuzz_h2.c: what a peer sends behind the preface of HTTP/2; the first byte says how it is answered and cut. */
#include <string.h>

#include "dcmf/io/h2_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct h2_session *session;
static unsigned turn;
static int32_t waiting;

static void answer(int32_t stream)
{
	const struct h2_header header = { SPAN_LIT("location"), SPAN_LIT("/") };
	static const uint8_t body[70000];
	const struct h2_answer a = { 200, &header, 1, SPAN(body, turn % 3 * 35000) };

	h2_session_answer(session, (tick_t){ 0 }, stream, &a);
}

static void request(void *arg, const struct h2_request *r)
{
	if (r->stream <= 0 || r->header_count > H2_HEADERS_MAX || r->path.len > 16384 ||
		(r->excess != H2_NO_EXCESS && r->body.len > h2_usual_limits.body))
		__builtin_trap();
	if (turn++ % 2 == 0)
		answer(r->stream);
	else
		waiting = r->stream;
}

static void gone(void *arg, int32_t stream)
{
	if (waiting == stream)
		waiting = 0;
}

static void feed(struct span s)
{
	struct span out;

	h2_session_feed(session, (tick_t){ 0 }, s);
	if (waiting != 0)
		answer(waiting);
	waiting = 0;
	while ((out = h2_session_pending(session)).len > 0)
		h2_session_sent(session, out.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct h2_session_ops ops = { request, gone };
	size_t held = 0, step;
	const struct h2_session_config config = { &h2_usual_limits, &ops, NULL, &held };

	if (size == 0)
		return 0;
	session = h2_session_create(&config, (tick_t){ 0 });
	if (session == NULL)
		return 0;
	turn = data[0];
	waiting = 0;
	step = 1 + (size_t)data[0] * 7;
	feed(SPAN_LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
	for (size_t at = 1; at < size; at += step)
		feed(SPAN(data + at, step < size - at ? step : size - at));
	h2_session_expire(session, (tick_t){ TICK_S(11) });
	h2_session_expire(session, (tick_t){ TICK_S(400) });
	h2_session_destroy(session);
	if (held != 0)
		__builtin_trap();
	return 0;
}
