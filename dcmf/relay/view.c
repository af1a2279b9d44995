/* view.c: what the relay decided for a media and how it fares, for those who ask. */
#include "dcmf/relay/parts.h"

/* A peer may send what the far side of its bridge takes. */
static uint32_t max_message(const struct relay *r, const struct media *m)
{
	uint32_t far = m->twin && media_is_bridge(m) ? m->twin->spec.remote_max_message : 0;

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

bool relay_media_view(const struct relay *r, const struct relay_context *c, unsigned termination,
	unsigned media, struct media_view *out)
{
	const struct media *m;

	if (termination >= c->termination_count ||
		media >= c->terminations[termination].media_count)
		return false;
	m = c->terminations[termination].medias[media];
	*out = (struct media_view){
		.passes = m->leg == NULL,
		.far = m->leg == NULL && m->twin ? &m->twin->spec : NULL,
		.local = m->advertise,
		.bound = m->at.local,
		.ice_ufrag = m->ice ? ice_lite_ufrag(m->ice) : NULL,
		.ice_pwd = m->ice ? ice_lite_pwd(m->ice) : NULL,
		.path = media_has_path(m) ? &m->path : NULL,
		.last_check = m->ice ? ice_lite_last_check(m->ice) : TICK_NEVER,
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
	};
	if (m->leg != NULL)
		view_leg(m->leg, out);
	return true;
}
