/* desk_play.c: mailboxes in place of controllers and workers. */
#include "tests/unit/control/desk/desk_play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"

struct desk *desk;
tick_t now;
struct mailbox to_controller[8], to_worker[WORKERS];
char *last_id[WORKERS];
struct question questions[32];
unsigned question_count, drained_count;
bool hung_up[8];
bool deaf[WORKERS];

static void put(struct mailbox *m, struct span line)
{
	if (m->in < LINES)
		m->line[m->in] = strndup((const char *)line.p, line.len);
	m->in++;
}

static void send_controller(void *front, uint64_t controller, struct span line)
{
	put(&to_controller[controller], line);
}

static bool has_hung_up(void *front, uint64_t controller)
{
	return hung_up[controller];
}

static bool send_worker(void *front, unsigned worker, struct span line)
{
	if (deaf[worker])
		return false;
	put(&to_worker[worker], line);
	return true;
}

static void resolve(void *front, const char *host, uint16_t port, uint64_t ticket)
{
	snprintf(questions[question_count].host, sizeof(questions[0].host), "%s", host);
	questions[question_count].port = port;
	questions[question_count++].ticket = ticket;
}

static bool worker_info(void *front, unsigned worker, struct desk_worker_info *out)
{
	*out = (struct desk_worker_info){ worker, 100 + (int)worker, 1, 0.5, 4096 };
	return true;
}

static int64_t counter(void *front, int which)
{
	return which == CNT_legs ? 7 : 0;
}

static int64_t wall_us(void *front)
{
	return INT64_C(1700000000123456);
}

static void drained(void *front)
{
	drained_count++;
}

static const struct desk_ops ops = { send_controller, has_hung_up, send_worker, resolve,
	worker_info, counter, wall_us, drained, NULL };

const struct desk_config desk_defaults = {
	.ops = &ops,
	.name = "mf1",
	.version = "1.2.3",
	.nf_instance_id = "3fa85f64-5717-4562-b3fc-2c963f66afa6",
	.workers = WORKERS,
	.max_requests_per_controller = 4,
	.limits = { .contexts = 3, .drain_deadline_us = TICK_S(60) },
};

static void empty(struct mailbox *m)
{
	for (unsigned i = m->out; i < m->in && i < LINES; i++)
		free(m->line[i]);
	m->in = m->out = 0;
}

void open_desk(void)
{
	now = (tick_t){ TICK_S(1000) };
	desk = desk_create(&desk_defaults, now);
	ck_assert_ptr_nonnull(desk);
	question_count = drained_count = 0;
	memset(hung_up, 0, sizeof(hung_up));
	for (unsigned w = 0; w < WORKERS; w++) {
		desk_worker_up(desk, now, w);
		deaf[w] = false;
	}
	desk_controller_joined(desk, 1, "unix uid 0 pid 42");
	desk_controller_joined(desk, 2, "unix uid 0 pid 43");
}

void close_desk(void)
{
	desk_destroy(desk);
	for (unsigned i = 0; i < 8; i++)
		empty(&to_controller[i]);
	for (unsigned w = 0; w < WORKERS; w++) {
		empty(&to_worker[w]);
		free(last_id[w]);
		last_id[w] = NULL;
	}
}

void say(uint64_t controller, const char *line)
{
	desk_controller_line(desk, now, controller, SPAN_STR(line));
}

static const char *next_line(struct mailbox *m)
{
	static char line[16384];

	if (m->out >= m->in)
		return "(nothing)";
	snprintf(line, sizeof(line), "%s", m->line[m->out]);
	free(m->line[m->out++]);
	return line;
}

const char *heard(uint64_t controller)
{
	return next_line(&to_controller[controller]);
}

const char *asked(unsigned worker)
{
	static char text[16384];
	const char *line = next_line(&to_worker[worker]);
	json_t *j = json_loads(line, 0, NULL);
	char *id, *out;

	if (j == NULL)
		return line;
	id = js_line(json_object_get(j, "id"));
	free(last_id[worker]);
	last_id[worker] = strdup(id != NULL ? id : "null");
	mem_free(id);
	out = js_line(json_object_get(j, "params"));
	snprintf(text, sizeof(text), "%s %s", js_get_text(j, "method"), out);
	mem_free(out);
	json_decref(j);
	return text;
}

void tell(unsigned worker, const char *line)
{
	const char *at = strchr(line, '@');
	char text[16384];

	if (at != NULL)
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - line), line, last_id[worker],
			at + 1);
	else
		snprintf(text, sizeof(text), "%s", line);
	desk_worker_line(desk, now, worker, SPAN_STR(text));
}

void make_context(unsigned worker, const char *id, const char *owner)
{
	char line[256];

	say(1, REQUEST("5", "context.create", "{\"context\":" DOCUMENT "}"));
	assert_says(asked(worker), "context.create");
	snprintf(line, sizeof(line), RESULT("{\"contextId\":\"%s\",\"dcmf\":{\"owner\":\"%s\"}}"),
		id, owner);
	tell(worker, line);
	assert_says(heard(1), id);
}
