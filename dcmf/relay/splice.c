/*
 * splice.c: DTLS that passes through (e2e): datagrams of one peer go to the other untouched, and nothing else does.
 *
 *     peer A ──DTLS──► media ═══════► twin ──DTLS──► peer B       STUN ends at each media; no key is ever here
 */
#include "dcmf/base/counters.h"
#include "dcmf/relay/parts.h"

/* RFC 7675 5.1: nothing is sent to a peer whose consent is gone. */
static bool has_consent(const struct media *m)
{
	const struct relay *r = m->relay;

	return (m->ice == NULL && m->checks == NULL) ||
	       !tick_due(tick_add(media_last_check(m), r->config.consent_us), r->now);
}

void splice_input(struct media *m, const struct path *path, struct span bytes, size_t piece)
{
	size_t n = train_count(bytes.len, piece);
	struct media *twin = m->twin;

	if (m->ice == NULL && !addr_eq(&path->remote, &m->spec.remote)) {
		count_add(datagrams_source_total, n);
		return;
	}
	if (m->ice == NULL)
		m->path.local = path->local;
	if (twin == NULL || !media_has_path(twin) || !has_consent(twin)) {
		count_add(splice_dropped_total, n);
		return;
	}
	count_add(splice_datagrams_total, n);
	media_send_train(twin, &twin->path, bytes, piece);
}
