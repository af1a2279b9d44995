/* nrf.c: our standing with each NRF: what to send when, and what its answers mean. */
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "control/sbi/nrf_parts.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/base/random.h"
#include "dcmf/http/http.h"

#define HEARTBEAT_S 30 /* ours: of an NRF that does not say */
#define BACKOFF_US  TICK_S(1)
#define BACKOFF_MAX TICK_S(60)
#define RETRY_MAX_S 600 /* ours: of a Retry-After */
/* Ours: an NRF that cannot be told that we leave finds out by itself. */
#define LEAVING_TRIES 3
#define REDIRECTS_MAX 3
/* A token is renewed before its end: one that ends on the way is a request in vain. */
#define TOKEN_MARGIN_S 5
#define NFM_PATH       "/nnrf-nfm/v1/nf-instances/"
#define TOKEN_PATH     "/oauth2/token"

static const char *root_of(const struct nrf_peer *p)
{
	return p->moved != NULL ? p->moved : p->root;
}

/* ---- when ---- */

static int64_t backoff(unsigned failures)
{
	int64_t us = BACKOFF_US;

	for (unsigned i = 1; i < failures && us < BACKOFF_MAX; i++)
		us *= 2;
	us = us < BACKOFF_MAX ? us : BACKOFF_MAX;
	/* those that failed together do not come back together */
	return us * 4 / 5 + (int64_t)(random_u64() % (uint64_t)(us * 2 / 5 + 1));
}

static void forget_token(struct nrf_peer *p)
{
	if (p->token != NULL)
		mem_wipe(p->token, strlen(p->token));
	mem_free(p->token);
	p->token = NULL;
}

static bool is_at_work(const struct nrf *n, const struct nrf_peer *p)
{
	return n->wants_in || p->knows_us;
}

static void update_gauge(const struct nrf *n)
{
	counter_value[CNT_nrf_registered] = nrf_registrations(n);
}

/* What comes next, when `due` is reached. */
static enum nrf_work next_work(const struct nrf *n, const struct nrf_peer *p, tick_t now)
{
	if (!is_at_work(n, p))
		return NRF_NOTHING;
	if (p->wants_token && (p->token == NULL || tick_due(p->token_until, now)))
		return NRF_TOKEN;
	if (!n->wants_in)
		return NRF_DELETE;
	return p->knows_us ? NRF_PATCH : NRF_PUT;
}

static void rest(struct nrf *n, struct nrf_peer *p, tick_t due)
{
	p->due = is_at_work(n, p) ? due : TICK_NEVER;
	update_gauge(n);
}

static void succeed(struct nrf *n, struct nrf_peer *p, tick_t due)
{
	if (p->failures > 0)
		log_info(p->root, "the NRF answers again");
	p->failures = 0;
	p->redirects = 0;
	p->token_is_new = false;
	rest(n, p, due);
}

__attribute__((format(printf, 5, 6))) static void fail(struct nrf *n, struct nrf_peer *p,
	tick_t now, const struct nrf_reply *reply, const char *fmt, ...)
{
	int64_t after_s = reply != NULL && reply->retry_after_s < RETRY_MAX_S ? reply->retry_after_s
									      : RETRY_MAX_S;
	char why[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	count(nrf_failed_total);
	if (p->failures++ == 0)
		log_warn(p->root, "%s; trying again", why);
	else
		log_debug(p->root, "%s, %u times by now", why, p->failures);
	mem_free(p->moved); /* what we were redirected to may be what is broken */
	p->moved = NULL;
	p->redirects = 0;
	if (!n->wants_in && p->failures >= LEAVING_TRIES)
		p->knows_us = false;
	rest(n, p,
		tick_add(now,
			reply != NULL && after_s > 0 ? TICK_S(after_s) : backoff(p->failures)));
}

static void fail_by_status(
	struct nrf *n, struct nrf_peer *p, tick_t now, const struct nrf_reply *r, const char *what)
{
	if (r->status == 0)
		fail(n, p, now, r, "%s: %s", what, r->failed);
	else
		fail(n, p, now, r, "%s: the NRF answers %d", what, r->status);
}

static tick_t next_heartbeat(const struct nrf_peer *p, tick_t now)
{
	return tick_add(now, TICK_S(p->heartbeat_s) * 9 / 10); /* a little early is in time */
}

/* ---- answers ---- */

static void registered(struct nrf *n, struct nrf_peer *p, tick_t now, const struct nrf_reply *r)
{
	if (r->status != 200 && r->status != 201) {
		fail_by_status(n, p, now, r, "registering");
		return;
	}
	p->heartbeat_s = nrf_heartbeat_of(r->body, HEARTBEAT_S);
	p->knows_us = true;
	log_info(p->root, "registered, a heartbeat every %lld s", (long long)p->heartbeat_s);
	succeed(n, p, n->wants_in ? next_heartbeat(p, now) : now);
}

static void heard(struct nrf *n, struct nrf_peer *p, tick_t now, const struct nrf_reply *r)
{
	if (r->status == 200 || r->status == 204) {
		if (r->status == 200)
			p->heartbeat_s = nrf_heartbeat_of(r->body, p->heartbeat_s);
		succeed(n, p, n->wants_in ? next_heartbeat(p, now) : now);
	} else if (r->status == 404) {
		log_warn(p->root, "the NRF has forgotten us: registering again");
		p->knows_us = false;
		succeed(n, p, now);
	} else {
		/* a patch it does not take: the whole profile will do */
		p->knows_us = p->knows_us && (r->status < 400 || r->status >= 500 ||
						     r->status == 403 || r->status == 429);
		fail_by_status(n, p, now, r, "heartbeat");
	}
}

static void left(struct nrf *n, struct nrf_peer *p, tick_t now, const struct nrf_reply *r)
{
	if (r->status != 204 && r->status != 200 && r->status != 404) {
		fail_by_status(n, p, now, r, "deregistering");
		return;
	}
	p->knows_us = false;
	log_info(p->root, "deregistered");
	succeed(n, p, now);
}

static void got_token(struct nrf *n, struct nrf_peer *p, tick_t now, const struct nrf_reply *r)
{
	int64_t life_s;

	forget_token(p);
	if (r->status == 400) {
		fail(n, p, now, r, "asking for a token: the NRF answers 400 %s",
			nrf_token_error(r->body));
		return;
	}
	if (r->status != 200) {
		fail_by_status(n, p, now, r, "asking for a token");
		return;
	}
	if ((p->token = nrf_token_of(r->body, &life_s)) == NULL) {
		fail(n, p, now, r, "asking for a token: the answer holds none");
		return;
	}
	p->token_is_new = true;
	p->token_until = tick_add(
		now, TICK_S(life_s > 2 * TOKEN_MARGIN_S ? life_s - TOKEN_MARGIN_S : life_s));
	rest(n, p, now);
}

/* 401: with a token that was just given to us there is no use in another one. */
static void refused(struct nrf *n, struct nrf_peer *p, tick_t now, const struct nrf_reply *r)
{
	bool was_new = p->token != NULL && p->token_is_new;

	forget_token(p);
	p->wants_token = true;
	if (was_new)
		fail(n, p, now, r, "the NRF does not take the token that it gave us");
	else
		rest(n, p, now);
}

/* "https://nrf2.example/nnrf-nfm/v1/nf-instances/..." leads to "https://nrf2.example". */
static char *root_in(struct span location, const char *path)
{
	struct http_url url;
	const uint8_t *at;

	if (http_url_parse(location, &url) != ERR_OK || url.path.len == 0)
		return NULL;
	at = memmem(url.path.p, url.path.len, path, strlen(path));
	return at != NULL ? mem_span_dup(SPAN(location.p, at - location.p)) : NULL;
}

static const char *path_of(enum nrf_work work)
{
	return work == NRF_TOKEN ? TOKEN_PATH : NFM_PATH;
}

static void redirected(struct nrf *n, struct nrf_peer *p, tick_t now, enum nrf_work work,
	const struct nrf_reply *r)
{
	char *to = root_in(r->location, path_of(work));

	if (to == NULL || ++p->redirects > REDIRECTS_MAX ||
		(strncasecmp(p->root, "https:", 6) == 0 && strncasecmp(to, "https:", 6) != 0)) {
		mem_free(to);
		fail(n, p, now, r, "the NRF redirects us to where we cannot go");
		return;
	}
	log_info(p->root, "redirected to %s", to);
	mem_free(p->moved);
	p->moved = to;
	rest(n, p, now);
}

static void answer(struct nrf *n, struct nrf_peer *p, tick_t now, const struct nrf_reply *r)
{
	enum nrf_work work = p->work;

	p->work = NRF_NOTHING;
	p->id = 0;
	if (r->status == 307 || r->status == 308) {
		redirected(n, p, now, work, r);
		return;
	}
	if (r->status == 401 && work != NRF_TOKEN) {
		refused(n, p, now, r);
		return;
	}
	switch (work) {
	case NRF_PUT: registered(n, p, now, r); break;
	case NRF_PATCH: heard(n, p, now, r); break;
	case NRF_DELETE: left(n, p, now, r); break;
	case NRF_TOKEN: got_token(n, p, now, r); break;
	case NRF_NOTHING: break;
	}
}

/* ---- requests ---- */

static void free_secret(char **text)
{
	if (*text != NULL)
		mem_wipe(*text, strlen(*text));
	mem_free(*text);
	*text = NULL;
}

void nrf_drop_request(struct nrf *n)
{
	mem_free(n->url);
	mem_free(n->body);
	n->url = n->body = NULL;
	free_secret(&n->authorization);
}

/* False: out of memory. */
bool nrf_hand_out(struct nrf *n, unsigned peer, const char *path, const char *resource,
	struct nrf_request *out)
{
	n->url = mem_printf("%s%s%s", root_of(&n->peer[peer]), path, resource);
	out->nrf = peer;
	out->url = n->url;
	out->body = n->body;
	out->id = ++n->last_id;
	count(nrf_requests_total);
	return n->url != NULL;
}

static bool peer_request(struct nrf *n, unsigned index, struct nrf_request *out)
{
	static const struct {
		const char *method, *content_type;
		char *(*body)(const struct nrf *);
	} works[] = {
		[NRF_PUT] = { "PUT", "application/json", nrf_profile_text },
		[NRF_PATCH] = { "PATCH", "application/json-patch+json", nrf_heartbeat_text },
		[NRF_DELETE] = { "DELETE", NULL, NULL },
		[NRF_TOKEN] = { "POST", "application/x-www-form-urlencoded", nrf_token_text },
	};
	struct nrf_peer *p = &n->peer[index];
	bool is_token = p->work == NRF_TOKEN;

	*out = (struct nrf_request){
		.method = works[p->work].method,
		.content_type = works[p->work].content_type,
	};
	if (works[p->work].body != NULL && (n->body = works[p->work].body(n)) == NULL)
		return false;
	if (p->token != NULL && !is_token &&
		(n->authorization = mem_printf("Bearer %s", p->token)) == NULL)
		return false;
	out->authorization = n->authorization;
	return nrf_hand_out(
		n, index, path_of(p->work), is_token ? "" : n->profile.nf_instance_id, out);
}

bool nrf_next_request(struct nrf *n, tick_t now, struct nrf_request *out)
{
	nrf_drop_request(n);
	for (unsigned i = 0; i < n->count; i++) {
		struct nrf_peer *p = &n->peer[i];

		if (p->work != NRF_NOTHING || !tick_due(p->due, now))
			continue;
		if ((p->work = next_work(n, p, now)) == NRF_NOTHING) {
			p->due = TICK_NEVER;
			continue;
		}
		if (peer_request(n, i, out)) {
			p->id = out->id;
			return true;
		}
		p->work = NRF_NOTHING;
		nrf_drop_request(n);
		count(allocation_failed_total);
		fail(n, p, now, NULL, "out of memory");
	}
	return nrf_next_ask(n, out);
}

void nrf_reply(struct nrf *n, tick_t now, uint64_t id, const struct nrf_reply *reply)
{
	for (unsigned i = 0; id != 0 && i < n->count; i++) {
		if (n->peer[i].id == id) {
			answer(n, &n->peer[i], now, reply);
			return;
		}
	}
	nrf_ask_reply(n, now, id, reply);
}

tick_t nrf_deadline(const struct nrf *n)
{
	tick_t first = TICK_NEVER;

	for (unsigned i = 0; i < n->count; i++) {
		if (n->peer[i].work == NRF_NOTHING)
			first = tick_min(first, n->peer[i].due);
	}
	return first;
}

/* ---- life ---- */

static void change_mind(struct nrf *n, tick_t now, bool wants_in)
{
	if (n->wants_in == wants_in)
		return;
	n->wants_in = wants_in;
	for (unsigned i = 0; i < n->count; i++) {
		n->peer[i].failures = 0;
		rest(n, &n->peer[i], now);
	}
}

void nrf_register(struct nrf *n, tick_t now)
{
	change_mind(n, now, true);
}

void nrf_deregister(struct nrf *n, tick_t now)
{
	change_mind(n, now, false);
}

bool nrf_is_out(const struct nrf *n)
{
	for (unsigned i = 0; i < n->count; i++) {
		const struct nrf_peer *p = &n->peer[i];
		bool can_be_told = n->wants_in || p->failures == 0;

		if ((p->knows_us && can_be_told) || p->work != NRF_NOTHING)
			return false;
	}
	return true;
}

unsigned nrf_registrations(const struct nrf *n)
{
	unsigned known = 0;

	for (unsigned i = 0; i < n->count; i++)
		known += n->peer[i].knows_us && n->peer[i].failures == 0;
	return known;
}

void nrf_set_load(struct nrf *n, unsigned percent)
{
	n->load = percent < 100 ? percent : 100;
}

static bool copy_profile(struct nrf *n, const struct nrf_profile *p)
{
	time_t started = (time_t)p->started_s;
	struct tm tm;

	n->profile = *p;
	n->profile.nf_instance_id = mem_strdup(p->nf_instance_id);
	n->profile.fqdn = mem_strdup(p->fqdn);
	n->profile.locality = mem_strdup(p->locality);
	n->profile.plmn = mem_strdup(p->plmn);
	n->profile.nf_set_id = mem_strdup(p->nf_set_id);
	gmtime_r(&started, &tm);
	strftime(n->started, sizeof(n->started), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return n->profile.nf_instance_id != NULL && n->profile.fqdn != NULL &&
	       n->profile.locality != NULL && n->profile.plmn != NULL &&
	       n->profile.nf_set_id != NULL;
}

static bool copy_roots(struct nrf *n, const struct nrf_config *c)
{
	for (unsigned i = 0; i < c->count && i < NRF_ROOTS_MAX; i++) {
		struct span root = SPAN_STR(c->roots[i]);

		while (root.len > 0 && root.p[root.len - 1] == '/')
			root.len--;
		n->peer[i] = (struct nrf_peer){
			.root = mem_span_dup(root),
			.due = TICK_NEVER,
			.heartbeat_s = HEARTBEAT_S,
		};
		n->count++;
		if (n->peer[i].root == NULL)
			return false;
	}
	return true;
}

struct nrf *nrf_create(const struct nrf_config *config)
{
	struct nrf *n = mem_zalloc(sizeof(*n));

	if (n == NULL)
		return NULL;
	if (copy_profile(n, &config->profile) && copy_roots(n, config))
		return n;
	nrf_destroy(n);
	return NULL;
}

static void free_text(const char *text)
{
	mem_free((char *)(uintptr_t)text); /* ours, const for everybody else */
}

void nrf_destroy(struct nrf *n)
{
	if (n == NULL)
		return;
	nrf_drop_request(n);
	for (unsigned i = 0; i < n->count; i++) {
		forget_token(&n->peer[i]);
		mem_free(n->peer[i].root);
		mem_free(n->peer[i].moved);
	}
	for (unsigned i = 0; i < NRF_ASKS_MAX; i++)
		public_key_finish(&n->ask[i].key.key);
	free_text(n->profile.nf_instance_id);
	free_text(n->profile.fqdn);
	free_text(n->profile.locality);
	free_text(n->profile.plmn);
	free_text(n->profile.nf_set_id);
	counter_value[CNT_nrf_registered] = 0;
	mem_free(n);
}
