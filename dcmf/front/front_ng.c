/* front_ng.c: the sockets that SIP proxies come to with the ng protocol: UDP, TCP and HTTP. */
#include <stdio.h>
#include <unistd.h>

#include "control/ng/ng.h"
#include "control/policy/policy.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/bytes.h"
#include "dcmf/base/log.h"
#include "dcmf/front/front_parts.h"
#include "dcmf/io/posts.h"
#include "dcmf/io/stream.h"
#include "dcmf/io/udp_service.h"

#define STREAMS_MAX   256        /* ours: proxies keep one for each of their processes at most */
#define STREAM_QUEUED (4u << 20) /* ours: answers that a proxy may leave unread */
/* A proxy that only stopped sending gets what is still under way: the desk answers within 5 s. */
#define LAST_ANSWERS_US TICK_S(6)

#define TYPE_NG   "application/x-rtpengine-ng"
#define TYPE_JSON "application/json"

struct front_ng {
	struct front *f;
	struct ng *ng;
	struct ng_interface interfaces[CONFIG_MEDIA_MAX];
	struct policy clients; /* only its networks */
	struct alarm *alarm;
	struct udp_service *udp;
	struct line_listener *listener;
	struct posts *posts;
	struct slots streams;
};

/* A connection over TCP. */
struct proxy {
	struct front_ng *n;
	slot_id id;
	struct stream *stream;
	struct addr addr;
	struct bytes in; /* from the start of a message on */
	struct ng_frame frame;
	struct alarm *last_call; /* after it stopped sending; NULL before */
};

/* HTTP and TCP share the numbers of connections: one bit tells them apart. */
#define OVER_HTTP (UINT64_C(1) << 63)

/* ---- who may ---------------------------------------------------------------------------- */

/* Loopback needs no list: who is on the machine is let in. */
static bool may_speak(void *arg, const struct addr *from)
{
	const struct front_ng *n = arg;

	return addr_is_loopback(from) || policy_is_internal(&n->clients, from);
}

static bool read_clients(struct front_ng *n, char error[CONFIG_ERROR_MAX])
{
	const struct config_texts *texts = &n->f->config.ng.clients;
	const char *why;

	for (unsigned i = 0; i < texts->count; i++) {
		if (policy_add_network(&n->clients, SPAN_STR(texts->text[i]), &why))
			continue;
		snprintf(error, CONFIG_ERROR_MAX, "ng.clients: %s", why);
		return false;
	}
	return true;
}

/* ---- messages --------------------------------------------------------------------------- */

static void arm(struct front_ng *n)
{
	alarm_set(n->alarm, ng_deadline(n->ng));
}

static bool take(struct front_ng *n, const struct ng_from *from, struct span message)
{
	bool is_taken = ng_message(n->ng, from, message);

	arm(n);
	return is_taken;
}

static void datagram(void *arg, const struct addr *from, struct span dgram)
{
	struct front_ng *n = arg;
	struct ng_from who = { .addr = *from };

	if (may_speak(n, from))
		take(n, &who, dgram);
	else
		count(ng_stranger_total);
}

static void reply_to_stream(struct front_ng *n, const struct ng_from *to, struct span message)
{
	struct proxy *p = slots_get(&n->streams, to->connection);

	if (p != NULL && !stream_write(p->stream, message))
		stream_fail(p->stream, "it does not read its answers");
}

static void reply(void *front, const struct ng_from *to, struct span message)
{
	struct front_ng *n = front;
	if (to->connection == 0)
		udp_service_send(n->udp, &to->addr, message);
	else if (to->connection & OVER_HTTP)
		posts_answer(n->posts, to->connection & ~OVER_HTTP, 200,
			to->plain && message.p[0] == '{' ? TYPE_JSON : TYPE_NG, message);
	else
		reply_to_stream(n, to, message);
	arm(n);
}

/* ---- TCP -------------------------------------------------------------------------------- */

static void proxy_free(struct proxy *p)
{
	slots_remove(&p->n->streams, p->id);
	alarm_destroy(p->last_call);
	bytes_finish(&p->in);
	mem_free(p);
}

static void proxy_closed(void *arg, struct stream *s)
{
	log_debug(NULL, "ng %s: closed: %s", stream_peer(s), stream_failure(s));
	proxy_free(arg);
}

static void proxy_input(void *arg, struct stream *s, struct span bytes)
{
	struct proxy *p = arg;
	struct ng_from who = { .connection = p->id, .addr = p->addr };
	enum ng_frame_end end;
	struct span message;
	size_t len;

	if (!bytes_append(&p->in, bytes)) {
		stream_fail(s, "a message is too long, or out of memory");
		return;
	}
	while (!stream_is_over(s) && (end = ng_frame_next(&p->frame, bytes_view(&p->in), &message,
					      &len)) != NG_FRAME_MORE) {
		if (end == NG_FRAME_BAD) {
			count(ng_malformed_total);
			stream_fail(s, "what it sends is no message");
			return;
		}
		take(p->n, &who, message);
		bytes_take(&p->in, len);
	}
}

static void proxy_is_late(void *arg, tick_t now)
{
	struct proxy *p = arg;

	stream_finish(p->stream);
}

static void proxy_ended(void *arg, struct stream *s)
{
	struct proxy *p = arg;

	p->last_call = loop_alarm(p->n->f->loop, proxy_is_late, p);
	if (p->last_call == NULL || !stream_is_half_closed(s))
		stream_finish(s);
	else
		alarm_set(p->last_call, tick_add(loop_now(p->n->f->loop), LAST_ANSWERS_US));
}

static const struct stream_ops proxy_ops = {
	.input = proxy_input,
	.ended = proxy_ended,
	.closed = proxy_closed,
};

static struct proxy *proxy_new(struct front_ng *n, int fd)
{
	struct proxy *p = mem_zalloc(sizeof(*p));
	const struct stream_config config = {
		.ops = &proxy_ops, .arg = p, .max_queued = STREAM_QUEUED
	};

	if (p == NULL || (p->id = slots_add(&n->streams, p)) == 0) {
		mem_free(p);
		close(fd);
		return NULL;
	}
	p->n = n;
	p->in.limit = NG_MESSAGE_MAX + STREAM_CHUNK;
	p->stream = stream_adopt(n->f->loop, fd, &config);
	if (p->stream != NULL)
		return p;
	proxy_free(p);
	return NULL;
}

static void accepted(void *arg, int fd)
{
	struct front_ng *n = arg;
	struct proxy *p;

	if (slots_count(&n->streams) >= STREAMS_MAX) {
		count(ng_stranger_total);
		close(fd);
		return;
	}
	if ((p = proxy_new(n, fd)) == NULL)
		return;
	if (addr_parse(SPAN_STR(stream_peer(p->stream)), &p->addr) && may_speak(n, &p->addr))
		return;
	count(ng_stranger_total);
	stream_destroy(p->stream);
	proxy_free(p);
}

/* ---- HTTP ------------------------------------------------------------------------------- */

static bool is_type(const char *type, const char *wanted)
{
	struct span rest = SPAN_STR(type);

	return span_eq_nocase(span_trim(span_cut(&rest, ';')), SPAN_STR(wanted));
}

/*
 * Only these types: a page in a browser cannot send them to another server than
 * its own without asking first, and we do not answer such questions.
 */
static void posted(void *arg, uint64_t id, const char *path, const char *type, struct span body)
{
	struct front_ng *n = arg;
	struct ng_from who = { .connection = id | OVER_HTTP,
		.plain = strcmp(path, "/ng-plain") == 0 };

	if (!who.plain && strcmp(path, "/ng") != 0)
		posts_answer(n->posts, id, 404, "text/plain", SPAN_LIT("/ng or /ng-plain\n"));
	else if (!is_type(type, TYPE_NG) && !is_type(type, TYPE_JSON))
		posts_answer(n->posts, id, 415, "text/plain",
			SPAN_LIT("Content-Type: " TYPE_NG " or " TYPE_JSON "\n"));
	else if (!take(n, &who, body))
		posts_answer(n->posts, id, 400, "text/plain",
			SPAN_LIT("a cookie, a blank and a dictionary are wanted\n"));
}

/* ---- life ------------------------------------------------------------------------------- */

static void due(void *arg, tick_t now)
{
	struct front_ng *n = arg;

	ng_expire(n->ng, now);
	arm(n);
}

static tick_t now_of(void *front)
{
	struct front_ng *n = front;

	return loop_now(n->f->loop);
}

static int64_t wall_us(void *front)
{
	struct front_ng *n = front;

	return n->f->desk_ops.wall_us(n->f);
}

/* As peers are told of them. */
static void name_interfaces(struct front_ng *n)
{
	const struct config *c = &n->f->config;

	for (unsigned i = 0; i < c->media_count; i++) {
		const struct config_media *m = &c->media[i];
		bool has_other = m->advertise.family != ADDR_NONE && !addr_is_any(&m->advertise);

		n->interfaces[i] =
			(struct ng_interface){ m->name, has_other ? m->advertise : m->address };
	}
}

static bool open_core(struct front_ng *n, char error[CONFIG_ERROR_MAX])
{
	struct ng_config config = {
		.desk = n->f->desk,
		.reply = reply,
		.now = now_of,
		.wall_us = wall_us,
		.front = n,
		.interfaces = n->interfaces,
		.interface_count = n->f->config.media_count,
	};

	name_interfaces(n);
	n->alarm = loop_alarm(n->f->loop, due, n);
	n->ng = ng_create(&config);
	if (n->alarm != NULL && n->ng != NULL)
		return true;
	snprintf(error, CONFIG_ERROR_MAX, "out of memory");
	return false;
}

static bool open_sockets(struct front_ng *n, char error[CONFIG_ERROR_MAX])
{
	const struct addr *at = &n->f->config.ng.listen, *http = &n->f->config.ng.http;
	const struct posts_config posts = {
		.posted = posted, .may_post = may_speak, .arg = n, .max_body = NG_MESSAGE_MAX
	};
	char failed[256] = "";

	if (at->family != ADDR_NONE) {
		n->udp = udp_service_create(n->f->loop, at, datagram, n, failed);
		if (n->udp != NULL)
			n->listener = line_listen_tcp(n->f->loop, at, accepted, n, failed);
	}
	if (http->family != ADDR_NONE && failed[0] == '\0')
		n->posts = posts_create(n->f->loop, http, &posts, failed);
	if (failed[0] == '\0')
		return true;
	snprintf(error, CONFIG_ERROR_MAX, "ng: %s", failed);
	return false;
}

static void tell(const struct front_ng *n)
{
	const struct addr *at = &n->f->config.ng.listen, *http = &n->f->config.ng.http;
	char text[ADDR_TEXT_MAX];

	if (at->family != ADDR_NONE)
		log_info(NULL, "ng protocol at %s, UDP and TCP", addr_text(at, text));
	if (http->family != ADDR_NONE)
		log_info(NULL, "ng protocol at http://%s/ng", addr_text(http, text));
	if ((at->family != ADDR_NONE && !addr_is_loopback(at)) ||
		(http->family != ADDR_NONE && !addr_is_loopback(http)))
		log_warn(NULL,
			"the ng protocol has no authentication: whoever sends from, or in the "
			"name of, an address in ng.clients controls calls");
}

bool front_ng_open(struct front *f, char error[CONFIG_ERROR_MAX])
{
	struct front_ng *n;

	if (f->config.ng.listen.family == ADDR_NONE && f->config.ng.http.family == ADDR_NONE)
		return true;
	if ((n = f->ng = mem_zalloc(sizeof(*n))) == NULL) {
		snprintf(error, CONFIG_ERROR_MAX, "out of memory");
		return false;
	}
	n->f = f;
	if (!read_clients(n, error) || !open_core(n, error) || !open_sockets(n, error))
		return false;
	tell(n);
	return true;
}

void front_ng_close(struct front *f)
{
	struct front_ng *n = f->ng;
	struct proxy *p;
	size_t at = 0;

	if (n == NULL)
		return;
	while ((p = slots_next(&n->streams, &at)) != NULL) {
		stream_destroy(p->stream);
		proxy_free(p);
	}
	slots_finish(&n->streams);
	posts_destroy(n->posts);
	line_listener_destroy(n->listener);
	udp_service_destroy(n->udp);
	ng_destroy(n->ng);
	alarm_destroy(n->alarm);
	policy_finish(&n->clients);
	mem_free(n);
	f->ng = NULL;
}
