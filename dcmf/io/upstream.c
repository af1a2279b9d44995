/*
 * upstream.c: HTTP requests to servers: who is under way, and curl's
 * sockets and timers in our loop.
 */
#include "dcmf/io/upstream.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/upstream_exchange.h"

/* Idle connections kept for the next request, over all servers; ours. */
enum { KEEP_IDLE = 64 };

struct upstream {
	struct loop *loop;
	struct upstream_config config;
	CURLM *multi;
	struct slots exchanges;
	struct timers timers;     /* patience of the exchanges */
	struct alarm *expiry;     /* the next of them */
	struct alarm *curl_timer; /* when curl wants to be called */
	struct event work;        /* runs what may not run inside of curl or of the caller */
	struct list_node with_work, dead;
	char failed[CURL_ERROR_SIZE + 64];
};

struct sock {
	struct event event;
	struct upstream *upstream;
};

static void look_at_finished(struct upstream *u);

/* ---- curl's sockets and its timer ---- */

static void on_socket_ready(evutil_socket_t fd, short what, void *arg)
{
	struct upstream *u = ((struct sock *)arg)->upstream;
	int running, mask = (what & EV_READ ? CURL_CSELECT_IN : 0) |
			    (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

	curl_multi_socket_action(u->multi, fd, mask, &running);
	look_at_finished(u);
}

static void forget_socket(struct upstream *u, curl_socket_t fd, struct sock *s)
{
	if (s == NULL)
		return;
	event_del(&s->event);
	mem_free(s);
	curl_multi_assign(u->multi, fd, NULL);
}

static int on_socket_wish(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct upstream *u = arg;
	struct sock *s = known;
	short events = EV_PERSIST;

	if (what == CURL_POLL_REMOVE) {
		forget_socket(u, fd, s);
		return 0;
	}
	if (s != NULL) {
		event_del(&s->event);
	} else {
		/* without memory the exchange hears nothing and runs into its deadline */
		if ((s = mem_zalloc(sizeof(*s))) == NULL)
			return 0;
		s->upstream = u;
		curl_multi_assign(u->multi, fd, s);
	}
	events |= (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
	event_assign(&s->event, loop_base(u->loop), fd, events, on_socket_ready, s);
	event_add(&s->event, NULL);
	return 0;
}

static int on_timer_wish(CURLM *multi, long ms, void *arg)
{
	struct upstream *u = arg;

	alarm_set(u->curl_timer, ms < 0 ? TICK_NEVER : tick_add(loop_now(u->loop), TICK_MS(ms)));
	return 0;
}

static void on_curl_timer(void *arg, tick_t now)
{
	struct upstream *u = arg;
	int running;

	curl_multi_socket_action(u->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	look_at_finished(u);
}

/* ---- the end of an exchange ---- */

/* From here on its id finds nobody; curl lets go of it when nothing of curl is on the stack. */
static void bury(struct exchange *e)
{
	struct upstream *u = e->upstream;

	e->is_dead = true;
	slots_remove(&u->exchanges, e->id);
	timer_cancel(&u->timers, &e->timer);
	list_append(&u->dead, &e->on_list);
	event_active(&u->work, 0, 0);
}

static void end(struct exchange *e, const char *failed, bool timed_out)
{
	struct upstream *u = e->upstream;

	bury(e);
	u->config.end(u->config.arg, e->tag, failed, timed_out);
}

/*
 * A server that refuses our certificate says so after TLS 1.3 has let us write, and its alert is
 * mostly lost in the reset. curl keeps the first words of an exchange only, and these are they.
 */
static bool says_nothing(const char *error)
{
	return strncmp(error, "getpeername() failed", 20) == 0 ||
	       strstr(error, "bad write retry") != NULL;
}

/* Our own words first, then curl's long ones, then its short ones. */
static const char *words(struct exchange *e, CURLcode code)
{
	if (e->failed != NULL)
		return e->failed;
	if (code == CURLE_OK)
		return e->head.is_complete ? NULL
					   : "the server closed the connection without a response";
	if (says_nothing(e->error))
		return "the server broke the connection off at once: it may not like our "
		       "certificate";
	return e->error[0] != '\0' ? e->error : curl_easy_strerror(code);
}

static void look_at_finished(struct upstream *u)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(u->multi, &left)) != NULL) {
		CURLcode code = msg->data.result;
		struct exchange *e;

		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &e);
		if (!e->is_dead)
			end(e, words(e, code), code == CURLE_OPERATION_TIMEDOUT);
	}
}

static void reap(struct upstream *u)
{
	list_for_each_safe (n, tmp, &u->dead) {
		struct exchange *e = container_of(n, struct exchange, on_list);

		curl_multi_remove_handle(u->multi, e->easy);
		exchange_destroy(e);
	}
}

/* ---- patience ---- */

static void arm(struct upstream *u)
{
	alarm_set(u->expiry, timers_next(&u->timers));
}

/* The server's time runs only while nobody else is the slow one. */
static void set_deadline(struct exchange *e)
{
	struct upstream *u = e->upstream;
	bool is_waiting_for_us = e->in_is_paused || e->out_is_paused;
	unsigned ms = e->stage == EXCHANGE_CONNECTING ? u->config.connect_timeout_ms
						      : u->config.response_timeout_ms;

	e->deadline = is_waiting_for_us || ms == 0 ? TICK_NEVER
						   : tick_add(loop_now(u->loop), TICK_MS(ms));
	/* a pending timer that is too early looks at the deadline again: no work a packet */
	if (timer_is_pending(&e->timer) && !tick_before(e->deadline, e->timer.at))
		return;
	timer_set(&u->timers, &e->timer, e->deadline);
	arm(u);
}

static void on_deadline(void *arg, tick_t now)
{
	struct exchange *e = arg;
	struct upstream *u = e->upstream;

	if (!tick_due(e->deadline, now)) {
		timer_set(&u->timers, &e->timer, e->deadline);
		return;
	}
	switch (e->stage) {
	case EXCHANGE_QUEUED:
		snprintf(u->failed, sizeof(u->failed),
			"no free connection to the server within %u ms",
			u->config.response_timeout_ms);
		break;
	case EXCHANGE_CONNECTING:
		snprintf(u->failed, sizeof(u->failed),
			"the server could not be connected within %u ms",
			u->config.connect_timeout_ms);
		break;
	case EXCHANGE_TALKING:
		snprintf(u->failed, sizeof(u->failed), "the server sent nothing for %u ms",
			u->config.response_timeout_ms);
		break;
	}
	end(e, u->failed, true);
}

static void on_expiry(void *arg, tick_t now)
{
	struct upstream *u = arg;

	timers_run(&u->timers, now);
	arm(u);
}

/* ---- what exchanges report from inside curl ---- */

void upstream_on_stage(struct exchange *e, enum exchange_stage stage)
{
	e->stage = stage;
	set_deadline(e);
}

void upstream_on_progress(struct exchange *e)
{
	set_deadline(e);
}

void upstream_on_head(struct exchange *e, const char *protection)
{
	const struct upstream_config *c = &e->upstream->config;

	c->head(c->arg, e->tag, e->head.status, e->head.header, e->head.count, e->head.length,
		protection);
}

bool upstream_on_body(struct exchange *e, struct span bytes)
{
	const struct upstream_config *c = &e->upstream->config;

	return c->body(c->arg, e->tag, bytes);
}

void upstream_later(struct exchange *e, unsigned work)
{
	e->work |= work;
	list_append(&e->upstream->with_work, &e->on_list);
	event_active(&e->upstream->work, 0, 0);
}

const char *upstream_describe_tls(const struct upstream *u, void *ssl)
{
	return u->config.describe_tls != NULL ? u->config.describe_tls(ssl) : "TLS";
}

/* ---- work put off until curl and the caller are off the stack ---- */

static void resume(struct exchange *e, unsigned work)
{
	if (work & WORK_RESUME_IN)
		e->in_is_paused = false;
	if (work & WORK_RESUME_OUT)
		e->out_is_paused = false;
	set_deadline(e);
	curl_easy_pause(e->easy,
		(e->in_is_paused ? CURLPAUSE_RECV : 0) | (e->out_is_paused ? CURLPAUSE_SEND : 0));
}

static void on_work(evutil_socket_t fd, short what, void *arg)
{
	struct upstream *u = arg;
	struct list_node round;

	/* what comes up meanwhile is for the next one, or two exchanges could keep us here */
	list_init(&round);
	while (!list_is_empty(&u->with_work))
		list_append(&round, u->with_work.next);
	while (!list_is_empty(&round)) {
		struct exchange *e = container_of(round.next, struct exchange, on_list);
		unsigned work = e->work;

		e->work = 0;
		list_unlink(&e->on_list);
		if (work & WORK_FAIL) {
			end(e, e->failed, false);
			continue;
		}
		if (work & WORK_WRITABLE)
			u->config.writable(u->config.arg, e->tag);
		if (!e->is_dead && (work & (WORK_RESUME_IN | WORK_RESUME_OUT)))
			resume(e, work);
	}
	look_at_finished(u);
	reap(u);
}

/* ---- the calls ---- */

static bool set_up_multi(struct upstream *u)
{
	if ((u->multi = curl_multi_init()) == NULL)
		return false;
	curl_multi_setopt(u->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wish);
	curl_multi_setopt(u->multi, CURLMOPT_SOCKETDATA, u);
	curl_multi_setopt(u->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
	curl_multi_setopt(u->multi, CURLMOPT_TIMERDATA, u);
	curl_multi_setopt(
		u->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)u->config.max_connections_per_host);
	curl_multi_setopt(u->multi, CURLMOPT_MAXCONNECTS, (long)KEEP_IDLE);
	/*
	 * One stream an h2 connection: in curl 7.88 a stream whose reader is paused stops every
	 * other stream of its connection, and our readers are phones.
	 */
	curl_multi_setopt(u->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, 1L);
	return true;
}

struct upstream *upstream_create(struct loop *loop, const struct upstream_config *config)
{
	struct upstream *u = mem_zalloc(sizeof(*u));

	if (u == NULL)
		return NULL;
	u->loop = loop;
	u->config = *config;
	list_init(&u->with_work);
	list_init(&u->dead);
	timers_init(&u->timers);
	event_assign(&u->work, loop_base(loop), -1, 0, on_work, u);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
		(u->expiry = loop_alarm(loop, on_expiry, u)) == NULL ||
		(u->curl_timer = loop_alarm(loop, on_curl_timer, u)) == NULL || !set_up_multi(u)) {
		upstream_destroy(u);
		return NULL;
	}
	return u;
}

void upstream_destroy(struct upstream *u)
{
	struct exchange *e;

	if (u == NULL)
		return;
	for (size_t at = 0; (e = slots_next(&u->exchanges, &at)) != NULL;)
		bury(e);
	reap(u);
	if (u->multi != NULL)
		curl_multi_cleanup(u->multi);
	event_del(&u->work);
	alarm_destroy(u->curl_timer);
	alarm_destroy(u->expiry);
	timers_finish(&u->timers);
	slots_finish(&u->exchanges);
	mem_free(u);
}

slot_id upstream_start(struct upstream *u, const struct upstream_request *r)
{
	struct exchange *e;

	/* curl would find no CA and say so too, but only after it has connected */
	bool is_hopeless =
		strncasecmp(r->url, "https:", 6) == 0 && (r->tls == NULL || r->tls->ca == NULL);

	if ((e = exchange_create(u, r)) == NULL)
		return 0;
	timer_init(&e->timer, on_deadline, e);
	if (is_hopeless)
		e->failed = "https needs a configured CA: without one no server is trusted";
	if ((e->id = slots_add(&u->exchanges, e)) == 0 ||
		(!is_hopeless && curl_multi_add_handle(u->multi, e->easy) != CURLM_OK)) {
		slots_remove(&u->exchanges, e->id);
		exchange_destroy(e);
		return 0;
	}
	if (is_hopeless)
		upstream_later(e, WORK_FAIL);
	else
		set_deadline(e);
	return e->id;
}

size_t upstream_write(struct upstream *u, slot_id id, struct span bytes)
{
	struct exchange *e = slots_get(&u->exchanges, id);
	size_t n;

	if (e == NULL)
		return 0;
	n = exchange_write(e, bytes);
	if (n > 0 && e->out_is_paused)
		upstream_later(e, WORK_RESUME_OUT);
	return n;
}

void upstream_finish(struct upstream *u, slot_id id)
{
	struct exchange *e = slots_get(&u->exchanges, id);

	if (e == NULL)
		return;
	e->out_is_done = true;
	if (e->out_is_paused)
		upstream_later(e, WORK_RESUME_OUT);
}

void upstream_resume(struct upstream *u, slot_id id)
{
	struct exchange *e = slots_get(&u->exchanges, id);

	if (e != NULL && e->in_is_paused)
		upstream_later(e, WORK_RESUME_IN);
}

void upstream_cancel(struct upstream *u, slot_id id)
{
	struct exchange *e = slots_get(&u->exchanges, id);

	if (e != NULL)
		bury(e);
}
