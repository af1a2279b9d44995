/* fetch.c: what a UE fetches on each line: the list, the package, the package again. */
#include "tools/load/fetch.h"

#include <stdio.h>

#define LIST_MAX    (1u << 20)
#define LIST_TARGET "/applicationlist?begin-index=0&app-num=50&sdkVersion=1.0"

static const struct {
	int status; /* hoped for */
	const char *words;
} fetches[] = {
	[FETCH_LIST] = { 200, "the application list" },
	[FETCH_PACKAGE] = { 200, "the package" },
	[FETCH_AGAIN] = { 304, "the conditional request" },
};

static void ask(struct fetch *f, enum fetch_of of, const char *target, const char *etag)
{
	struct load_actor *a = f->owner;
	enum err err;

	f->of = of;
	f->asked = load_actor_now(a);
	load_actor_wait(a, a->options->timeout);
	err = ue_ask(a->lines[f->line].ue,
		&(struct ue_request){ .sid = f->sid ? f->sid : fetch_sid(f->line),
			.target = target,
			.etag = etag });
	if (err != ERR_OK)
		load_actor_fail(a, FAILURE_MEMORY, err_text(err));
}

static void ask_list(struct fetch *f)
{
	f->list.limit = LIST_MAX;
	bytes_take(&f->list, f->list.len);
	ask(f, FETCH_LIST, LIST_TARGET, NULL);
}

static void ask_package(struct fetch *f, enum fetch_of of)
{
	struct verify *v = load_actor_verify(f->owner);
	char target[256];

	snprintf(target, sizeof(target), "/applications?appid=%s&sdkVersion=1.0", v->app);
	check_begin(&f->check, v);
	ask(f, of, target, of == FETCH_AGAIN ? f->etag : NULL);
}

/* One line is done: the next, or all is. */
static void next_line(struct fetch *f)
{
	f->fetched = 0;
	if (++f->line < f->owner->line_count && f->sid == 0)
		ask_list(f);
	else
		load_actor_done(f->owner);
}

void fetch_begin(struct fetch *f, struct load_actor *owner)
{
	f->owner = owner;
	f->is_on = true;
	f->line = 0;
	ask_list(f);
}

static void list_done(struct fetch *f)
{
	struct load_actor *a = f->owner;
	const char *wrong = verify_list(load_actor_verify(a), bytes_view(&f->list));

	load_actor_measure(a, MEASURE_LIST, f->asked, load_actor_now(a));
	a->part->lists++;
	if (wrong != NULL)
		load_actor_fail(a, FAILURE_LIST, wrong);
	else if (a->options->fetches > 0)
		ask_package(f, FETCH_PACKAGE);
	else
		next_line(f);
}

static void package_done(struct fetch *f, const struct ue_response *response)
{
	struct load_actor *a = f->owner;
	struct span etag = ue_response_header(response, "ETag");
	const char *wrong = check_end(&f->check, response->length, etag);

	load_actor_measure(a, MEASURE_PACKAGE, f->asked, load_actor_now(a));
	a->part->packages++;
	if (wrong != NULL) {
		load_actor_fail(a, FAILURE_BYTES, wrong);
		return;
	}
	if (etag.len == 0 || etag.len >= sizeof(f->etag)) {
		load_actor_fail(a, FAILURE_ETAG, "no ETag in the response");
		return;
	}
	snprintf(f->etag, sizeof(f->etag), "%.*s", SPAN_FMT(etag));
	if (++f->fetched < a->options->fetches)
		ask_package(f, FETCH_PACKAGE);
	else if (!a->options->no_refetch)
		ask_package(f, FETCH_AGAIN);
	else
		next_line(f);
}

static void on_end(struct fetch *f, const struct ue_response *response)
{
	char detail[96];

	if (response->status != fetches[f->of].status) {
		snprintf(
			detail, sizeof(detail), "%d to %s", response->status, fetches[f->of].words);
		load_actor_fail(f->owner, FAILURE_STATUS, detail);
		return;
	}
	switch (f->of) {
	case FETCH_LIST: list_done(f); break;
	case FETCH_PACKAGE: package_done(f, response); break;
	case FETCH_AGAIN:
		f->owner->part->not_modified++;
		next_line(f);
		break;
	}
}

static void on_body(struct fetch *f, const struct ue_event *ev)
{
	f->owner->part->bytes += ev->bytes.len;
	if (f->of == FETCH_LIST && !bytes_append(&f->list, ev->bytes))
		load_actor_fail(f->owner, FAILURE_LIST, "longer than 1 MiB");
	if (f->of == FETCH_PACKAGE && ev->response->status == 200)
		check_bytes(&f->check, ev->bytes);
}

void fetch_event(struct fetch *f, const struct ue_event *ev)
{
	if (!f->is_on)
		return;
	switch (ev->kind) {
	case UE_BODY: on_body(f, ev); break;
	case UE_RESPONSE_END: on_end(f, ev->response); break;
	case UE_GARBAGE:
		load_actor_fail(f->owner, FAILURE_GARBAGE,
			"the response is not HTTP, or nobody asked for it");
		break;
	default: break;
	}
}

void fetch_late(struct fetch *f)
{
	load_actor_fail(f->owner, FAILURE_FETCH_TIME, fetches[f->of].words);
}

void fetch_stop(struct fetch *f)
{
	if (f->is_on)
		check_abandon(&f->check);
	f->is_on = false;
}

void fetch_finish(struct fetch *f)
{
	bytes_finish(&f->list);
}
