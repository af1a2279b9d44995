/*
 * fuzz_sbi.c: consumers of Nmf_MRM and the workers behind: a line each; the first byte says whose it
 * is. A request is its method, path, media type, headers ("name:value") and body, parted by tabs.
 */
#include <string.h>

#include "control/json.h"
#include "control/sbi/sbi.h"
#include "tests/fuzz/desk_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS 16

static int32_t streams;

/* ---- the service's world ---- */

/* A header that ends early, or a body that is not what the headers say, would be a fault of ours. */
static void answer(void *arg, uint64_t conn, int32_t stream, const struct h2_answer *a)
{
	bool is_json = false, no_memory;

	if (a->status < 200 || a->status > 504)
		__builtin_trap();
	for (size_t i = 0; i < a->header_count; i++) {
		const struct h2_header *h = &a->headers[i];

		for (size_t n = 0; n < h->value.len; n++) {
			if (h->value.p[n] < 0x20 || h->value.p[n] > 0x7e)
				__builtin_trap();
		}
		is_json = is_json || span_eq(h->name, SPAN_LIT("content-type"));
	}
	if (is_json && a->body.len > 0) {
		json_t *body = js_parse(a->body, &no_memory);

		if (body == NULL)
			__builtin_trap();
		json_decref(body);
	}
}

static void authorize(void *arg, const struct sbi_origin *from, const struct h2_request *r,
	struct sbi_access *out)
{
	client_identity(from->names, out->identity);
}

static unsigned load(void *arg)
{
	return 95;
}

static const struct sbi_ops sbi_ops = { answer, world_has_hung_up, authorize, load, world_wall_us,
	NULL };

/* ---- lines ---- */

static void request(struct sbi *s, tick_t now, struct span line)
{
	const struct sbi_origin from = { 1 + line.len % 2, line.len % 3 == 0 ? "" : "CN=as1" };
	struct h2_header headers[FIELDS];
	struct h2_request r = {
		.stream = ++streams,
		.method = span_cut(&line, '\t'),
		.path = span_cut(&line, '\t'),
		.scheme = SPAN_LIT("https"),
		.headers = headers,
	};

	headers[r.header_count++] =
		(struct h2_header){ SPAN_LIT("content-type"), span_cut(&line, '\t') };
	while (line.len > 0 && memchr(line.p, '\t', line.len) != NULL && r.header_count < FIELDS) {
		struct span value = span_cut(&line, '\t'), name = span_cut(&value, ':');

		if (span_eq(name, SPAN_LIT("host")))
			r.authority = value;
		headers[r.header_count++] = (struct h2_header){ name, value };
	}
	r.body = line;
	sbi_request(s, now, &from, &r);
}

static void play(struct desk *d, struct sbi *s, tick_t now, struct span line)
{
	switch (line.len > 0 ? line.p[0] : 0) {
	case 0: break;
	case '<': desk_worker_line(d, now, line.p[line.len - 1] % 2, span_skip(line, 1)); break;
	case '!': desk_worker_lost(d, now, 0, "gone"); break;
	case '-': sbi_gone(s, 1 + streams % 2, streams); break;
	case 'x': sbi_closed(s, 1); break;
	case '+': sbi_expire(s, tick_add(now, TICK_S(3))); break;
	case '*': desk_expire(d, tick_add(now, TICK_S(6))); break;
	case '~': desk_drain(d, now); break;
	default: request(s, now, line); break;
	}
}

static void play_all(struct desk *d, struct span rest)
{
	const struct sbi_config config = { d, &sbi_ops, "3fa85f64-5717-4562-b3fc-2c963f66afa6", 4 };
	struct sbi *s = sbi_create(&config);

	if (s != NULL && sbi_set_peer(s, rest.len % 2 == 0 ? "https://mf2" : "")) {
		while (rest.len > 0)
			play(d, s, (tick_t){ 0 }, span_cut(&rest, '\n'));
	}
	sbi_destroy(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct desk *d = world_desk(&world_ops, 2, (tick_t){ 0 });

	if (d == NULL)
		return 0;
	streams = 0;
	play_all(d, SPAN(data, size));
	desk_destroy(d);
	return 0;
}
