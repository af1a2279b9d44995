/*
 * fuzz_nrf.c: any answers of two NRFs, one after the other: whatever they say, requests stay
 * sound, there is never more than one under way for an NRF, and after leaving it all comes to
 * rest.
 *
 * Each answer: a byte for what is answered (status, and what comes with it), a byte for how long
 * it takes, a byte of length, the body. The location of a redirect and the content type are
 * bodies, too.
 */
#include <assert.h>

#include "control/json.h"
#include "control/sbi/nrf.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"

static const char *const roots[] = { "https://a.example", "http://127.0.0.1:7777" };
static const int statuses[] = { 0, 200, 201, 204, 307, 400, 401, 403, 404, 429, 500, 503 };

static struct span take(struct rd *r)
{
	uint8_t len = rd_u8(r);

	return rd_span(r, len < r->rest.len ? len : r->rest.len);
}

static void check_request(const struct nrf_request *q)
{
	assert(q->nrf < 2 && q->id != 0);
	assert(strncasecmp(q->url, "http", 4) == 0 && strpbrk(q->url, "\r\n") == NULL);
	assert(q->authorization == NULL || strpbrk(q->authorization, "\r\n") == NULL);
	assert((q->body == NULL) == (q->content_type == NULL));
}

static void drop_keys(struct nrf *n)
{
	struct nrf_key key;

	while (nrf_next_key(n, &key))
		public_key_finish(&key.key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nrf_config config = { roots, 2,
		{ "6f1c0c1e-2a7b-4d0f-9a51-3d0f2b7c8e11", "", { .family = ADDR_NONE }, true, true,
			"", "262-01", "", 1000, 1800000000 } };
	struct rd r = RD(SPAN(data, size));
	struct nrf_request request;
	struct nrf *n;
	tick_t now = { 0 };

	control_init();
	log_set_level(LOG_ERROR);
	n = nrf_create(&config);
	nrf_register(n, now);
	nrf_ask_key(n, now, "11111111-2222-4333-8444-555555555555", "k1", "ES256");
	while (r.rest.len > 0) {
		uint8_t what = rd_u8(&r), after = rd_u8(&r);
		struct nrf_reply reply = { .status = statuses[what % 12], .failed = "failed" };

		if (!nrf_next_request(n, now, &request)) {
			now = tick_is_never(nrf_deadline(n)) ? now : nrf_deadline(n);
			if (after == 0xff)
				nrf_deregister(n, now);
			continue;
		}
		check_request(&request);
		now = tick_add(now, TICK_MS(after));
		if (what & 0x40)
			reply.content_type = take(&r);
		if (what & 0x80)
			reply.location = take(&r);
		reply.body = take(&r);
		nrf_reply(n, now, request.id, &reply);
		drop_keys(n);
	}
	nrf_deregister(n, now);
	for (int i = 0; i < 100 && !nrf_is_out(n); i++) {
		struct nrf_reply reply = { .status = 204 };

		if (nrf_next_request(n, now, &request))
			nrf_reply(n, now, request.id, &reply);
		else
			now = tick_is_never(nrf_deadline(n)) ? now : nrf_deadline(n);
	}
	assert(nrf_is_out(n));
	nrf_destroy(n);
	return 0;
}
