/*
 * fuzz_ng.c: messages of SIP proxies, with NUL bytes between them, at a desk whose worker fills every document. A record that is one of
 * these is no message: "<" the worker does what it was asked, "+" six seconds pass, "!" the worker dies and another comes.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "control/ng/ng.h"
#include "dcmf/base/alloc.h"
#include "tests/fuzz/desk_world.h"
#include "tests/unit/control/sdp/dialog_gateway.h"

#define REQUESTS 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct desk *desk;
static tick_t now;
static char *requests[REQUESTS];
static unsigned request_count, made, messages, replies;

static void reply(void *front, const struct ng_from *to, struct span message)
{
	replies++;
	assert(memchr(message.p, '\0', message.len) == NULL && message.len > 2);
}

static tick_t now_of(void *front)
{
	return now;
}

static bool to_worker(void *front, unsigned worker, struct span line)
{
	if (request_count == REQUESTS)
		return false;
	requests[request_count++] = mem_span_dup(line);
	return true;
}

static json_t *result_of(const json_t *request)
{
	const json_t *params = json_object_get(request, "params");
	const json_t *context = json_object_get(params, "context");
	const char *id = js_get_text(params, "contextId");
	json_t *result = context != NULL ? gateway_fill(context, "192.0.2.1") : json_object();
	char name[24];

	snprintf(name, sizeof(name), "0-%x", ++made);
	js_put_text(result, "contextId", id != NULL ? id : name);
	return result;
}

static void work(void)
{
	unsigned count = request_count;

	for (unsigned i = 0; i < count; i++) {
		bool no_memory;
		json_t *request = js_parse(span_str(requests[i]), &no_memory),
		       *answer = json_object();
		char *line;

		js_put(answer, "id", json_incref(json_object_get(request, "id")));
		js_put(answer, "result", result_of(request));
		line = js_line(answer);
		json_decref(answer);
		json_decref(request);
		mem_free(requests[i]);
		requests[i] = NULL;
		desk_worker_line(desk, now, 0, span_str(line));
		mem_free(line);
	}
	memmove(requests, requests + count, (request_count - count) * sizeof(*requests));
	request_count -= count;
}

static void play(struct ng *ng, struct span record)
{
	struct ng_from from = { .addr = { .family = ADDR_IPV4, .port = 1 } };

	if (span_eq(record, SPAN_LIT("<"))) {
		work();
	} else if (span_eq(record, SPAN_LIT("+"))) {
		now = tick_add(now, TICK_S(6));
		desk_expire(desk, now);
		ng_expire(ng, now);
	} else if (span_eq(record, SPAN_LIT("!"))) {
		desk_worker_lost(desk, now, 0, "gone");
		desk_worker_up(desk, now, 0);
	} else {
		from.plain = record.len > 0 && record.p[0] == '{';
		messages += ng_message(ng, &from, record);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct desk_ops ops = world_ops;
	static const struct ng_interface interfaces[] = {
		{ "access", { .ip = { 192, 0, 2, 1 }, .family = ADDR_IPV4 } },
	};
	struct ng_config c = { .reply = reply,
		.now = now_of,
		.wall_us = world_wall_us,
		.interfaces = interfaces,
		.interface_count = 1 };
	struct span rest = SPAN(data, size);
	struct ng *ng;

	now = (tick_t){ TICK_S(1) };
	request_count = made = messages = replies = 0;
	ops.to_worker = to_worker;
	desk = c.desk = world_desk(&ops, 1, now);
	ng = ng_create(&c);
	for (int records = 0; rest.len > 0 && records < 40; records++)
		play(ng, span_cut(&rest, '\0'));
	work();
	assert(replies <= messages);
	ng_destroy(ng);
	desk_destroy(desk);
	while (request_count > 0)
		mem_free(requests[--request_count]);
	assert(mem_live() == 0);
	return 0;
}
