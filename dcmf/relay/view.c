/* view.c: what the relay decided for a media and how it fares, for those who ask. */
#include "dcmf/relay/link.h"
#include "dcmf/relay/parts.h"

/* What the far side takes, bytes; 0: any size, or there is none that minds. */
static uint32_t far_max_message(const struct media *m)
{
	if (m->spec.link != NULL)
		return m->spec.link->max_message;
	return m->twin != NULL && media_is_bridge(m) ? m->twin->spec.remote_max_message : 0;
}

/* A peer may send what the far side takes. */
static uint32_t max_message(const struct relay *r, const struct media *m)
{
	uint32_t far = far_max_message(m);

	return far > 0 && far < r->config.max_message ? far : r->config.max_message;
}

static void view_leg(const struct leg *l, struct media_view *out)
{
	out->state = l->state;
	out->reason = l->reason;
	out->secured = l->secured_once;
	out->info = l->info;
	out->assoc = l->assoc;
}

static void view_link(const struct link *k, struct link_view *out)
{
	*out = (struct link_view){
		.spec = link_spec(k),
		.state = k->state,
		.local = addr_is_set(&k->local) ? &k->local : NULL,
		.protection = k->protection[0] != '\0' ? k->protection : NULL,
		.failure = k->failure[0] != '\0' ? k->failure : NULL,
		.messages_in = k->messages_in,
		.messages_out = k->messages_out,
		.bytes_in = k->bytes_in,
		.bytes_out = k->bytes_out,
	};
}

static void view_media(const struct relay *r, const struct media *m, struct media_view *out)
{
	*out = (struct media_view){
		.hop = m->spec.hop,
		.passes = m->leg == NULL,
		.far = m->leg == NULL && m->twin ? &m->twin->spec : NULL,
		.local = m->advertise,
		.bound = m->at.local,
		.ice_ufrag = media_ufrag(m),
		.ice_pwd = media_pwd(m),
		.ice_checks = m->checks != NULL,
		.path = media_has_path(m) ? &m->path : NULL,
		.last_check = media_last_check(m),
		.cert = dtls_ctx_cert(m->dtls),
		.tls_id = m->tls_id,
		.setup = media_setup(m),
		.sctp_port = 5000,
		.max_message = max_message(r, m),
		.datagrams_in = m->datagrams_in,
		.datagrams_out = m->datagrams_out,
		.bytes_in = m->bytes_in,
		.bytes_out = m->bytes_out,
		.upstream_protection = m->upstream_protection,
		.has_link = m->link != NULL,
		.upstream_hop = m->spec.root_count > 0 ? m->spec.roots[0].hop : HOP_MDC1,
	};
	if (m->leg != NULL)
		view_leg(m->leg, out);
	if (m->link != NULL)
		view_link(m->link, &out->link);
}

/* NULL: no such indexes. */
static const struct media *media_at(const struct relay_context *c, unsigned t, unsigned m)
{
	bool is_there = t < c->termination_count && m < c->terminations[t].media_count;

	return is_there ? c->terminations[t].medias[m] : NULL;
}

bool relay_media_view(const struct relay *r, const struct relay_context *c, unsigned termination,
	unsigned media, struct media_view *out)
{
	const struct media *m = media_at(c, termination, media);

	if (m != NULL)
		view_media(r, m, out);
	return m != NULL;
}

bool relay_server_view(const struct relay *r, const struct relay_context *c, unsigned termination,
	unsigned media, struct media_view *out)
{
	const struct media *m = media_at(c, termination, media);

	if (m == NULL || m->spec.hop != HOP_MB || m->twin == NULL || m->twin->spec.hop == HOP_MB)
		return false;
	view_media(r, m->twin, out);
	return true;
}
