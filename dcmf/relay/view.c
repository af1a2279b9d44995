/* view.c: what the relay decided for a media and how it fares, for those who ask. */
#include "dcmf/relay/parts.h"

bool relay_media_view(const struct relay *r, const struct relay_context *c, unsigned termination,
	unsigned media, struct media_view *out)
{
	const struct media *m;

	if (termination >= c->termination_count ||
		media >= c->terminations[termination].media_count)
		return false;
	m = c->terminations[termination].medias[media];
	*out = (struct media_view){
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
		.max_message = r->config.max_message,
		.state = m->leg.state,
		.reason = m->leg.reason,
		.secured = m->leg.secured_once,
		.info = m->leg.info,
		.assoc = m->leg.assoc,
		.datagrams_in = m->datagrams_in,
		.datagrams_out = m->datagrams_out,
		.bytes_in = m->bytes_in,
		.bytes_out = m->bytes_out,
		.upstream_protection = m->upstream_protection,
	};
	return true;
}
