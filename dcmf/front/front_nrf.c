/*
 * front_nrf.c: NRFs on the front's HTTP client: names resolved, requests sent, answers brought to
 * control/nrf; when we want to be found, and when no longer.
 */
#include <stdio.h>
#include <time.h>

#include "control/sbi/nrf.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/bytes.h"
#include "dcmf/base/list.h"
#include "dcmf/base/log.h"
#include "dcmf/front/front_parts.h"
#include "dcmf/http/http.h"
#include "dcmf/io/upstream.h"

struct front_nrf {
	struct front *f;
	struct nrf *nrf;
	struct upstream *upstream;
	struct front_pem pem, fresh; /* `fresh` takes over when no call uses the other */
	bool has_fresh;
	struct upstream_tls tls;
	struct alarm *alarm;
	struct list_node calls;
	bool is_serving; /* as it was told last */
};

/* A request on its way: first its host is resolved, then it is sent. */
struct call {
	struct front_nrf *n;
	struct list_node on_list;
	uint64_t id;
	char *method, *url, *content_type, *body, *authorization;
	slot_id sent; /* 0: not yet */
	int status;
	int64_t retry_after_s;
	char *answer_type, *location;
	struct bytes answer;
	bool is_too_large;
};

static void pump(struct front_nrf *n);

/* ---- calls ---- */

static void wipe(char *text)
{
	if (text != NULL)
		mem_wipe(text, strlen(text));
	mem_free(text);
}

static void call_free(struct call *c)
{
	struct span answer = bytes_view(&c->answer);

	list_unlink(&c->on_list);
	mem_free(c->method);
	mem_free(c->url);
	mem_free(c->content_type);
	mem_free(c->body);
	wipe(c->authorization);
	mem_free(c->answer_type);
	mem_free(c->location);
	if (answer.len > 0) /* it may hold a token */
		mem_wipe((uint8_t *)(uintptr_t)answer.p, answer.len);
	bytes_finish(&c->answer);
	mem_free(c);
}

static struct call *find(struct front_nrf *n, uint64_t id)
{
	list_for_each (at, &n->calls) {
		struct call *c = container_of(at, struct call, on_list);

		if (c->id == id)
			return c;
	}
	return NULL;
}

static bool copy(char **to, const char *from)
{
	*to = mem_strdup(from);
	return from == NULL || *to != NULL;
}

static struct call *call_make(struct front_nrf *n, const struct nrf_request *r)
{
	struct call *c = mem_zalloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	c->n = n;
	c->id = r->id;
	c->answer.limit = NRF_BODY_MAX;
	list_init(&c->on_list);
	list_append(&n->calls, &c->on_list);
	if (copy(&c->method, r->method) && copy(&c->url, r->url) && copy(&c->body, r->body) &&
		copy(&c->content_type, r->content_type) &&
		copy(&c->authorization, r->authorization))
		return c;
	call_free(c);
	return NULL;
}

/* New certificates, once no request uses the old ones. */
static void take_fresh(struct front_nrf *n)
{
	if (!n->has_fresh || !list_is_empty(&n->calls))
		return;
	pem_finish(&n->pem);
	n->pem = n->fresh;
	n->fresh = (struct front_pem){ NULL };
	n->has_fresh = false;
	n->tls = (struct upstream_tls){ n->pem.ca, n->pem.certificate, n->pem.key };
}

/* The call is over; `failed` NULL: an answer came. */
static void finish(struct call *c, const char *failed)
{
	struct front_nrf *n = c->n;
	const struct nrf_reply reply = {
		.status = failed == NULL ? c->status : 0,
		.failed = failed,
		.content_type = SPAN_STR(c->answer_type),
		.location = SPAN_STR(c->location),
		.body = bytes_view(&c->answer),
		.retry_after_s = c->retry_after_s,
	};

	nrf_reply(n->nrf, loop_now(n->f->loop), c->id, &reply);
	call_free(c);
	pump(n);
}

static void resolved(void *arg, const struct addr *at, const char *failed)
{
	struct call *c = arg;
	struct front_nrf *n = c->n;
	struct span body = SPAN_STR(c->body);
	struct http_url url;
	struct upstream_header headers[2];
	size_t count = 0;

	if (at == NULL) {
		finish(c, failed);
		return;
	}
	http_url_parse(SPAN_STR(c->url), &url);
	if (!url.https && !addr_is_loopback(at)) {
		finish(c, "plain HTTP is allowed on loopback only");
		return;
	}
	if (c->content_type != NULL)
		headers[count++] = (struct upstream_header){ SPAN_LIT("content-type"),
			SPAN_STR(c->content_type) };
	if (c->authorization != NULL)
		headers[count++] = (struct upstream_header){ SPAN_LIT("authorization"),
			SPAN_STR(c->authorization) };
	c->sent = upstream_start(n->upstream, &(struct upstream_request){
						      .tag = c->id,
						      .method = SPAN_STR(c->method),
						      .url = c->url,
						      .connect = *at,
						      .headers = headers,
						      .header_count = count,
						      .body_length = (int64_t)body.len,
						      .tls = &n->tls,
						      .knows_h2 = true,
					      });
	if (c->sent == 0 || upstream_write(n->upstream, c->sent, body) != body.len) {
		upstream_cancel(n->upstream, c->sent);
		finish(c, "out of memory");
		return;
	}
	upstream_finish(n->upstream, c->sent);
}

/* False: it cannot be sent, and the NRF's part of us has been told. */
static void send_request(struct front_nrf *n, const struct nrf_request *r)
{
	struct call *c = call_make(n, r);
	struct http_url url;
	const char *failed = "out of memory";
	char host[256];

	if (c != NULL && http_url_parse(SPAN_STR(c->url), &url) != ERR_OK)
		failed = "its URL cannot be understood";
	else if (c != NULL && url.host.len < sizeof(host)) {
		snprintf(host, sizeof(host), "%.*s", SPAN_FMT(url.host));
		if (resolver_ask(n->f->resolver, host, url.port, resolved, c))
			return;
	}
	nrf_reply(n->nrf, loop_now(n->f->loop), r->id, &(struct nrf_reply){ .failed = failed });
	if (c != NULL)
		call_free(c);
}

/* ---- what the HTTP client says ---- */

static void keep(char **at, struct span value)
{
	mem_free(*at);
	*at = mem_span_dup(value); /* without memory it was not there */
}

static void on_head(void *arg, uint64_t tag, int status, const struct upstream_header *h,
	size_t count, int64_t length, const char *protection)
{
	struct call *c = find(arg, tag);
	uint64_t seconds;

	c->status = status;
	for (size_t i = 0; i < count; i++) {
		if (span_eq_nocase(h[i].name, SPAN_LIT("content-type")))
			keep(&c->answer_type, h[i].value);
		else if (span_eq_nocase(h[i].name, SPAN_LIT("location")))
			keep(&c->location, h[i].value);
		else if (span_eq_nocase(h[i].name, SPAN_LIT("retry-after")) &&
			 span_to_u64(h[i].value, INT32_MAX, &seconds))
			c->retry_after_s = (int64_t)seconds;
	}
}

static bool on_body(void *arg, uint64_t tag, struct span bytes)
{
	struct call *c = find(arg, tag);

	/* the rest is thrown away: what is half there is worth nothing */
	c->is_too_large = c->is_too_large || !bytes_append(&c->answer, bytes);
	return true;
}

static void on_end(void *arg, uint64_t tag, const char *failed, bool timed_out)
{
	struct call *c = find(arg, tag);

	finish(c, failed == NULL && c->is_too_large ? "the answer is too large" : failed);
}

static void on_writable(void *arg, uint64_t tag)
{
	/* a body of ours goes in at once */
}

/* ---- the state machine's turns ---- */

static void pump(struct front_nrf *n)
{
	tick_t now = loop_now(n->f->loop);
	struct nrf_request r;
	struct nrf_key key;

	take_fresh(n);
	nrf_set_load(n->nrf, front_load(n->f));
	while (nrf_next_request(n->nrf, now, &r))
		send_request(n, &r);
	while (nrf_next_key(n->nrf, &key))
		oauth_learn(n->f, key.issuer, key.kid, &key.key);
	alarm_set(n->alarm, nrf_deadline(n->nrf));
}

static void due(void *arg, tick_t now)
{
	pump(arg);
}

void front_ask_key(struct front *f, const char *issuer, const char *kid, const char *algorithm)
{
	if (f->nrf == NULL)
		return;
	nrf_ask_key(f->nrf->nrf, loop_now(f->loop), issuer, kid, algorithm);
	alarm_set(f->nrf->alarm, loop_now(f->loop));
}

void front_nrf_turn(struct front *f, tick_t now)
{
	bool is_serving = f->stage == FRONT_READY && strcmp(desk_state(f->desk), "running") == 0;
	struct front_nrf *n = f->nrf;

	if (n == NULL || n->is_serving == is_serving)
		return;
	n->is_serving = is_serving;
	if (is_serving)
		nrf_register(n->nrf, now);
	else
		nrf_deregister(n->nrf, now);
	pump(n);
}

bool front_nrf_is_out(const struct front *f)
{
	return f->nrf == NULL || nrf_is_out(f->nrf->nrf);
}

/* ---- life ---- */

/* Consumers are told a name or an address; where none is configured, the one that we listen on. */
static void set_place(const struct config *c, struct nrf_profile *p)
{
	struct addr at;

	p->at = c->sbi.listen;
	p->fqdn = "";
	if (c->sbi.advertise[0] == '\0')
		return;
	if (addr_parse_ip(SPAN_STR(c->sbi.advertise), c->sbi.listen.port, &at)) {
		p->at = at;
		return;
	}
	p->fqdn = c->sbi.advertise;
	p->at = (struct addr){ .family = ADDR_NONE, .port = c->sbi.listen.port };
}

static struct nrf *make_nrf(const struct front *f)
{
	const struct config *c = &f->config;
	struct nrf_config config = {
		.roots = (const char *const *)c->sbi.nrf.text,
		.count = c->sbi.nrf.count,
		.profile = {
			.nf_instance_id = f->nf_instance_id,
			.has_tls = c->sbi.tls.certificate[0] != '\0',
			.needs_token = c->sbi.oauth2.required,
			.locality = c->node.locality,
			.plmn = c->node.plmn,
			.nf_set_id = c->node.nf_set_id,
			.capacity = c->limits.contexts,
			.started_s = (int64_t)time(NULL),
		},
	};

	set_place(c, &config.profile);
	return nrf_create(&config);
}

struct config_tls nrf_tls_of(const struct config *c)
{
	struct config_tls tls = c->sbi.tls;

	if (tls.ca[0] == '\0')
		tls.ca = tls.client_ca; /* as a rule one authority vouches for all of a network */
	return tls;
}

bool front_nrf_open(struct front *f, char error[CONFIG_ERROR_MAX])
{
	const struct config_tls tls = nrf_tls_of(&f->config);
	struct front_nrf *n;

	if (f->config.sbi.nrf.count == 0)
		return true;
	snprintf(error, CONFIG_ERROR_MAX, "out of memory");
	if ((n = f->nrf = mem_zalloc(sizeof(*n))) == NULL)
		return false;
	n->f = f;
	list_init(&n->calls);
	if (!pem_read("sbi.tls", &tls, &n->pem, error))
		return false;
	n->tls = (struct upstream_tls){ n->pem.ca, n->pem.certificate, n->pem.key };
	n->nrf = make_nrf(f);
	n->alarm = loop_alarm(f->loop, due, n);
	n->upstream = upstream_create(f->loop, &(struct upstream_config){
						       .connect_timeout_ms = 3000,
						       .response_timeout_ms = 5000,
						       .max_connections_per_host = 4,
						       .head = on_head,
						       .body = on_body,
						       .end = on_end,
						       .writable = on_writable,
						       .arg = n,
					       });
	return n->nrf != NULL && n->alarm != NULL && n->upstream != NULL;
}

void front_nrf_reload(struct front *f)
{
	const struct config_tls tls = nrf_tls_of(&f->config);
	struct front_nrf *n = f->nrf;
	char error[CONFIG_ERROR_MAX];
	struct front_pem fresh;

	if (n == NULL)
		return;
	if (!pem_read("sbi.tls", &tls, &fresh, error)) {
		log_error(NULL, "reload: toward NRFs all stays as it was: %s", error);
		return;
	}
	pem_finish(&n->fresh);
	n->fresh = fresh;
	n->has_fresh = true;
	take_fresh(n);
}

void front_nrf_close(struct front *f)
{
	struct front_nrf *n = f->nrf;

	if (n == NULL)
		return;
	upstream_destroy(n->upstream);
	list_for_each_safe (at, tmp, &n->calls)
		call_free(container_of(at, struct call, on_list));
	alarm_destroy(n->alarm);
	nrf_destroy(n->nrf);
	pem_finish(&n->pem);
	pem_finish(&n->fresh);
	mem_free(n);
	f->nrf = NULL;
}
