/*
 * upstream_exchange.h: one HTTP request with its response: a curl handle, the body on
 * its way out, the head on its way in. For upstream.c only, which owns exchanges and
 * drives curl; this file answers what curl asks.
 */
#pragma once

#include <curl/curl.h>

#include "dcmf/base/bytes.h"
#include "dcmf/base/list.h"
#include "dcmf/base/timer.h"
#include "dcmf/io/upstream_head.h"

enum exchange_stage {
	EXCHANGE_QUEUED,     /* no connection yet: the pool may be full */
	EXCHANGE_CONNECTING, /* TCP and TLS */
	EXCHANGE_TALKING,    /* the request goes out, the response comes in */
};

/* What is to be done once curl is off the stack. */
enum {
	WORK_RESUME_IN = 1,
	WORK_RESUME_OUT = 2,
	WORK_WRITABLE = 4,
	WORK_FAIL = 8, /* refused before curl saw it */
};

struct exchange {
	struct upstream *upstream;
	slot_id id;
	uint64_t tag;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	struct addr connect;
	struct list_node on_list; /* of those with work, or of the dead */
	unsigned work;            /* WORK_* */
	bool is_dead;             /* no callback any more */

	/* patience */
	enum exchange_stage stage;
	tick_t deadline; /* the timer may be earlier; it then looks here */
	struct timer timer;

	/* why it failed, when we know better than curl */
	const char *failed;
	char error[CURL_ERROR_SIZE];

	/* request body; sent bytes stay while there is room: curl may go back to the first one */
	struct bytes out;
	size_t out_sent;    /* of `out` */
	int64_t out_left;   /* bytes the caller may still write, -1: as many as it likes */
	bool out_is_cut;    /* sent bytes were thrown away */
	bool out_is_done;   /* the caller has no more */
	bool out_is_paused; /* curl waits for more */
	bool out_was_full;  /* the caller waits for room */

	/* response */
	struct upstream_head head;
	bool in_is_paused; /* the caller has no room */
};

/* NULL: out of memory, or something curl or we do not take. */
struct exchange *exchange_create(struct upstream *u, const struct upstream_request *r);
void exchange_destroy(struct exchange *e); /* not while in a multi handle */

size_t exchange_write(struct exchange *e, struct span bytes);

/* What the exchange wants of its upstream, from inside curl. */
void upstream_on_stage(struct exchange *e, enum exchange_stage stage);
void upstream_on_progress(struct exchange *e);
void upstream_on_head(struct exchange *e, const char *protection);
bool upstream_on_body(struct exchange *e, struct span bytes); /* false: no room */
void upstream_later(struct exchange *e, unsigned work);
const char *upstream_describe_tls(const struct upstream *u, void *ssl);
