/* fake_front.c: the front as a transcript. */
#include "tests/unit/control/fake_front.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/json.h"
#include "tests/unit/control/fake_relay.h"

static void front_send(void *arg, struct span line)
{
	struct front *f = arg;

	ck_assert_ptr_null(memchr(line.p, '\n', line.len));
	ck_assert_uint_lt(f->count, LINES);
	f->lines[f->count++] = strndup((const char *)line.p, line.len);
}

static struct relay *front_start(
	void *arg, const struct agent_start *s, struct document_rules *rules, char failed[256])
{
	struct front *f = arg;
	char addr[ADDR_TEXT_MAX];

	snprintf(f->start, sizeof(f->start),
		"%u/%u yaml=%s name=%s certificate=%s ca=%s root=%s at=%s", s->index, s->workers,
		s->yaml, s->yaml_name, s->certificate, s->mdc1.ca ? s->mdc1.ca : "-",
		s->embedded_root ? s->embedded_root : "-",
		addr_is_set(&s->embedded_addr) ? addr_text(&s->embedded_addr, addr) : "-");
	*rules = (struct document_rules){
		.max_streams = 2048, .max_message = 262144, .mdc1_plain.loopback = true
	};
	if (!f->may_start)
		snprintf(failed, 256, "media.address: 203.0.113.1 cannot be bound");
	return f->may_start ? f->relay : NULL;
}

static bool front_reload(void *arg, const struct agent_reload *reload, char failed[256])
{
	struct front *f = arg;

	snprintf(f->reload, sizeof(f->reload), "mdc1=%s mdc2=%s",
		reload->mdc1 == NULL ? "-"
		: reload->mdc1->ca   ? reload->mdc1->ca
				     : "none",
		reload->mdc2 == NULL ? "-"
		: reload->mdc2->key  ? reload->mdc2->key
				     : "none");
	snprintf(failed, 256, "the key does not fit");
	return reload->certificate == NULL || strstr(reload->certificate, "bad") == NULL;
}

void front_open(struct front *f)
{
	*f = (struct front){ .may_start = true, .relay = fake_relay_create() };
	f->agent = agent_create(&(struct agent_ops){ front_send, front_start, front_reload, f });
	ck_assert_ptr_nonnull(f->agent);
}

void front_forget(struct front *f)
{
	for (unsigned i = 0; i < f->count; i++)
		free(f->lines[i]);
	f->count = f->read = 0;
}

void front_close(struct front *f)
{
	front_forget(f);
	agent_destroy(f->agent);
	fake_relay_destroy(f->relay);
}

/* '*' stands for anything. */
static bool matches(const char *pattern, const char *text)
{
	if (*pattern == '*') {
		while (!matches(pattern + 1, text)) {
			if (*text++ == '\0')
				return false;
		}
		return true;
	}
	return *pattern == *text && (*pattern == '\0' || matches(pattern + 1, text + 1));
}

void say(struct front *f, const char *line)
{
	char *copy = strdup(line);

	agent_line(f->agent, (tick_t){ 7000000 }, SPAN(copy, strlen(copy)));
	free(copy);
}

void hear(struct front *f, const char *pattern)
{
	ck_assert_msg(f->read < f->count, "nothing was said, not %s", pattern);
	ck_assert_msg(
		matches(pattern, f->lines[f->read]), "%s\nis not\n%s", f->lines[f->read], pattern);
	f->read++;
}

void hear_nothing(const struct front *f)
{
	ck_assert_msg(f->read == f->count, "%s", f->lines[f->read]);
}

void front_start_now(struct front *f)
{
	front_open(f);
	say(f, START);
	hear(f, RESULT("0", "{}"));
}

const char *make(struct front *f, const char *context)
{
	static char id[64];
	char *line;
	json_t *answer;

	ck_assert_int_gt(
		asprintf(&line, CALL("1", "context.create", "{\"context\":%s}"), context), 0);
	say(f, line);
	free(line);
	answer = json_loads(f->lines[f->count - 1], 0, NULL);
	snprintf(id, sizeof(id), "%s", js_get_text(json_object_get(answer, "result"), "contextId"));
	json_decref(answer);
	front_forget(f);
	return id;
}

void ask(struct front *f, const char *method, const char *params, const char *id)
{
	char *filled, *line;
	const char *at = strstr(params, "%s");

	ck_assert_int_gt(asprintf(&filled, "%.*s%s%s", (int)(at - params), params, id, at + 2), 0);
	ck_assert_int_gt(asprintf(&line, CALL("2", "%s", "%s"), method, filled), 0);
	say(f, line);
	free(line);
	free(filled);
}
