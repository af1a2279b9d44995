/* load_fetch.c: what a UE fetches on each line: the list, the package, the package again. */
#include <stdio.h>

#include "tools/load/load_ue_parts.h"

#define LIST_MAX    (1u << 20)
#define LIST_TARGET "/applicationlist?begin-index=0&app-num=50&sdkVersion=1.0"

static void ask(struct load_ue *u, enum load_ue_state state, const char *target, const char *etag)
{
	enum err err;

	load_ue_wait_in(u, state, u->load->options.timeout);
	u->asked = load_ue_now(u);
	err = ue_ask(u->lines[u->line].ue,
		&(struct ue_request){ .sid = load_sid(u->line), .target = target, .etag = etag });
	if (err != ERR_OK)
		load_ue_fail(u, FAILURE_MEMORY, err_text(err));
}

static void ask_list(struct load_ue *u)
{
	u->list.limit = LIST_MAX;
	bytes_take(&u->list, u->list.len);
	ask(u, LIST, LIST_TARGET, NULL);
}

static void ask_package(struct load_ue *u, enum load_ue_state state)
{
	char target[256];

	snprintf(target, sizeof(target), "/applications?appid=%s&sdkVersion=1.0",
		u->load->verify.app);
	check_begin(&u->check, &u->load->verify);
	ask(u, state, target, state == AGAIN ? u->etag : NULL);
}

/* One line is done: the next, or all is. */
static void next_line(struct load_ue *u)
{
	u->fetched = 0;
	if (++u->line < u->load->options.lines)
		ask_list(u);
	else
		load_ue_hold(u);
}

void load_fetch_begin(struct load_ue *u)
{
	u->line = 0;
	ask_list(u);
}

static void list_done(struct load_ue *u)
{
	struct report *r = &u->load->report;
	const char *wrong = verify_list(&u->load->verify, bytes_view(&u->list));

	report_measure(r, MEASURE_LIST, u->asked, load_ue_now(u));
	r->lists++;
	if (wrong != NULL)
		load_ue_fail(u, FAILURE_LIST, wrong);
	else if (u->load->options.fetches > 0)
		ask_package(u, PACKAGE);
	else
		next_line(u);
}

static void package_done(struct load_ue *u, const struct ue_response *response)
{
	struct report *r = &u->load->report;
	const struct options *o = &u->load->options;
	struct span etag = ue_response_header(response, "ETag");
	const char *wrong = check_end(&u->check, response->length, etag);

	report_measure(r, MEASURE_PACKAGE, u->asked, load_ue_now(u));
	r->packages++;
	if (wrong != NULL) {
		load_ue_fail(u, FAILURE_BYTES, wrong);
		return;
	}
	if (etag.len == 0 || etag.len >= sizeof(u->etag)) {
		load_ue_fail(u, FAILURE_ETAG, "no ETag in the response");
		return;
	}
	snprintf(u->etag, sizeof(u->etag), "%.*s", SPAN_FMT(etag));
	if (++u->fetched < o->fetches)
		ask_package(u, PACKAGE);
	else if (!o->no_refetch)
		ask_package(u, AGAIN);
	else
		next_line(u);
}

void load_fetch_ended(struct load_ue *u, const struct ue_response *response)
{
	int hoped = u->state == AGAIN ? 304 : 200;
	char detail[96];

	if (u->state != LIST && u->state != PACKAGE && u->state != AGAIN)
		return;
	if (response->status != hoped) {
		snprintf(detail, sizeof(detail), "%d to the %s", response->status,
			u->state == LIST    ? "application list"
			: u->state == AGAIN ? "conditional request"
					    : "package");
		load_ue_fail(u, FAILURE_STATUS, detail);
		return;
	}
	if (u->state == LIST) {
		list_done(u);
	} else if (u->state == PACKAGE) {
		package_done(u, response);
	} else {
		u->load->report.not_modified++;
		next_line(u);
	}
}

void load_fetch_bytes(struct load_ue *u, const struct ue_event *ev)
{
	u->load->report.bytes_in += ev->bytes.len;
	if (u->state == LIST && !bytes_append(&u->list, ev->bytes))
		load_ue_fail(u, FAILURE_LIST, "longer than 1 MiB");
	if (u->state == PACKAGE && ev->response->status == 200)
		check_bytes(&u->check, ev->bytes);
}
