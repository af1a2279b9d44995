/* worker_link.c: the relay's connections to application servers on the worker's streams and sockets. */
#include "dcmf/base/counters.h"
#include "dcmf/io/stream.h"
#include "dcmf/io/udp_peer.h"
#include "dcmf/relay/frame.h"
#include "dcmf/worker/worker_parts.h"
#include "dtls/stream.h"

/* Ours: what waits for a slow server waits in its channels, where it is bounded one by one. */
#define QUEUE_BYTES 65536

struct worker_link {
	struct worker *w;
	slot_id id;   /* what the relay knows it by */
	uint64_t tag; /* the relay's; 0: it is of no interest to it any more */
	struct stream *stream;
	struct udp_peer *peer; /* one of the two */
};

static tick_t now_of(const struct worker_link *l)
{
	return loop_now(l->w->loop);
}

static void link_free(struct worker_link *l)
{
	slots_remove(&l->w->links, l->id);
	mem_free(l);
}

/* --- what the connection tells --- */

static void tell_open(struct worker_link *l, const struct addr *local, const char *protection)
{
	relay_link_opened(l->w->relay, now_of(l), l->tag, local, protection);
}

static void tell_closed(struct worker_link *l, const char *why)
{
	uint64_t tag = l->tag;

	l->tag = 0;
	if (tag != 0)
		relay_link_closed(l->w->relay, now_of(l), tag, why);
	link_free(l);
}

static void on_opened(void *arg, struct stream *s)
{
	struct addr local = { 0 };

	stream_local(s, &local);
	tell_open(arg, &local, stream_protection(s));
}

static void on_input(void *arg, struct stream *s, struct span bytes)
{
	struct worker_link *l = arg;

	(void)s;
	if (bytes.len > 0)
		relay_link_input(l->w->relay, now_of(l), l->tag, bytes);
}

static void on_writable(void *arg, struct stream *s)
{
	struct worker_link *l = arg;

	(void)s;
	relay_link_writable(l->w->relay, now_of(l), l->tag);
}

static void on_closed(void *arg, struct stream *s)
{
	tell_closed(arg, stream_failure(s));
}

static const struct stream_ops stream_ops = {
	.opened = on_opened, .input = on_input, .writable = on_writable, .closed = on_closed
};

static void on_peer_opened(void *arg, struct udp_peer *p)
{
	struct addr local = { 0 };

	udp_peer_local(p, &local);
	tell_open(arg, &local, "none");
}

static void on_dgram(void *arg, struct udp_peer *p, struct span dgram)
{
	struct worker_link *l = arg;

	(void)p;
	relay_link_input(l->w->relay, now_of(l), l->tag, dgram);
}

static void on_peer_closed(void *arg, struct udp_peer *p, const char *why)
{
	(void)p;
	tell_closed(arg, why);
}

static const struct udp_peer_ops peer_ops = {
	.opened = on_peer_opened, .input = on_dgram, .closed = on_peer_closed
};

/* --- what the relay wants --- */

static struct worker_link *find(void *world, uint64_t link)
{
	return slots_get(&((struct worker *)world)->links, link);
}

static bool connect_stream(
	struct worker_link *l, const struct link_spec *to, struct filter_factory *filter)
{
	l->stream = stream_connect(l->w->loop, &to->remote,
		&(struct stream_config){ .ops = &stream_ops,
			.arg = l,
			.max_queued = QUEUE_BYTES + FRAME_HEAD + FRAME_PAYLOAD_MAX,
			.low_water = QUEUE_BYTES / 2,
			.filter = filter });
	return l->stream != NULL;
}

static bool connect_tls(struct worker_link *l, const struct link_spec *to)
{
	const struct worker_tls *tls = l->w->tls[to->hop];
	char address[ADDR_TEXT_MAX];
	struct filter_factory *filter = tls_factory_toward(
		tls->streams, &(struct tls_server){
				      .name = to->server_name ? to->server_name
							      : addr_ip_text(&to->remote, address),
				      .fingerprints = to->fingerprints,
				      .fingerprint_count = to->fingerprint_count,
			      });
	bool done = filter != NULL && connect_stream(l, to, filter);

	tls_factory_destroy(filter);
	if (done && to->fingerprint_count == 0 && tls->http.ca == NULL)
		stream_fail(l->stream,
			to->hop == HOP_MDC1
				? "nobody vouches for it: no mdc1.tls.ca, no fingerprint"
				: "nobody vouches for it: no mdc2.tls.ca, no fingerprint");
	return done;
}

static bool connect_link(struct worker_link *l, const struct link_spec *to)
{
	switch ((enum link_protocol)to->protocol) {
	case LINK_TCP: return connect_stream(l, to, NULL);
	case LINK_TLS: return connect_tls(l, to);
	case LINK_UDP: break;
	}
	l->peer = udp_peer_create(l->w->loop, &to->remote, &peer_ops, l);
	return l->peer != NULL;
}

uint64_t worker_link_open(void *world, uint64_t tag, const struct link_spec *to)
{
	struct worker *w = world;
	struct worker_link *l = mem_zalloc(sizeof(*l));

	if (l == NULL)
		return 0;
	l->w = w;
	l->tag = tag;
	if ((l->id = slots_add(&w->links, l)) != 0 && connect_link(l, to))
		return l->id;
	link_free(l);
	return 0;
}

bool worker_link_write(void *world, uint64_t link, struct span head, struct span body)
{
	struct worker_link *l = find(world, link);

	if (l == NULL)
		return false;
	if (l->peer != NULL) {
		if (!udp_peer_send(l->peer, body))
			count(messages_dropped_total);
		return true;
	}
	if (stream_queued(l->stream) >= QUEUE_BYTES) {
		stream_await_room(l->stream);
		return false;
	}
	return stream_write(l->stream, head) && stream_write(l->stream, body);
}

void worker_link_pause(void *world, uint64_t link, bool pause)
{
	struct worker_link *l = find(world, link);

	if (l != NULL && l->peer != NULL)
		udp_peer_pause(l->peer, pause);
	else if (l != NULL)
		stream_pause(l->stream, pause);
}

void worker_link_close(void *world, uint64_t link)
{
	struct worker_link *l = find(world, link);

	if (l == NULL)
		return;
	l->tag = 0;
	if (l->peer == NULL) {
		stream_finish(l->stream); /* on_closed() frees it */
		return;
	}
	udp_peer_destroy(l->peer);
	link_free(l);
}

void worker_links_close(struct worker *w)
{
	struct worker_link *l;
	size_t at = 0;

	while ((l = slots_next(&w->links, &at)) != NULL) {
		stream_destroy(l->stream);
		udp_peer_destroy(l->peer);
		link_free(l);
	}
	slots_finish(&w->links);
}
