/*
 * leg_channels.c: which channels a leg has: those that are agreed, those that its peer opens, and what
 * becomes of both.
 */
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/relay/parts.h"

static struct relay *relay_of(const struct leg *l)
{
	return l->media->context->relay;
}

static const struct stream_spec *find_stream(const struct media_spec *spec, uint16_t sid)
{
	for (unsigned i = 0; i < spec->stream_count; i++) {
		if (spec->streams[i].sid == sid)
			return &spec->streams[i];
	}
	return NULL;
}

static bool add_stream(struct leg *l, const struct stream_spec *s)
{
	enum err err = assoc_add_channel(l->assoc, &(struct channel_config){ .sid = s->sid,
							   .quality = s->quality,
							   .label = span_str(s->label),
							   .protocol = span_str(s->subprotocol),
							   .negotiated = true });

	if (err != ERR_OK &&
		err != ERR_EXISTS) { /* one that is not fully reset is opened when it is */
		char subject[SUBJECT_MAX];

		log_warn(media_subject(l->media, subject), "stream %u cannot be opened: %s", s->sid,
			err_text(err));
	}
	return err == ERR_OK;
}

void leg_open_streams(struct leg *l)
{
	const struct media_spec *spec = &l->media->spec;

	for (unsigned i = 0; i < spec->stream_count; i++)
		add_stream(l, &spec->streams[i]);
}

void leg_channel_opened(struct leg *l, uint16_t sid)
{
	const struct channel_view *view = assoc_channel(l->assoc, sid);
	const struct route_ops *route = l->media->link != NULL      ? &route_stream
					: media_is_bridge(l->media) ? &route_bridge
								    : &route_http;
	char subject[SUBJECT_MAX], detail[2 * SCTP_LABEL_MAX + 32];
	struct channel *ch = leg_channel(l, sid);

	if (view != NULL && ch == NULL)
		ch = channel_open(l, sid, route);
	if (view == NULL || ch == NULL) {
		count(allocation_failed_total);
		assoc_close_channel(l->assoc, sid, relay_of(l)->now);
		return;
	}
	ch->told = true;
	snprintf(detail, sizeof(detail), "label \"%s\" protocol \"%s\"", view->label,
		view->protocol);
	log_debug(media_subject(l->media, subject), "channel %u open, %s", sid, detail);
	relay_say(l->media, RELAY_EVENT_CHANNEL_OPENED, sid, CLOSE_NONE, detail);
	if (route->opened != NULL)
		route->opened(ch, relay_of(l)->now);
}

void leg_channel_closed(struct leg *l, uint16_t sid, enum close_reason reason)
{
	const struct stream_spec *agreed = find_stream(&l->media->spec, sid);
	struct channel *ch = leg_channel(l, sid);
	bool bridge = media_is_bridge(l->media);
	/* it was the far side that ended what we reset; of a bridge it is opened again when that side has it again */
	bool far_ended =
		ch != NULL && (bridge ? ch->why != CLOSE_NONE : ch->why == CLOSE_PEER_RESET);
	bool again = reason == CLOSE_LOCAL && !far_ended;
	char subject[SUBJECT_MAX];

	if (ch != NULL && ch->why != CLOSE_NONE)
		reason = ch->why;
	if (ch != NULL && ch->told) {
		log_debug(media_subject(l->media, subject), "channel %u closed: %s", sid,
			close_text(reason));
		relay_say(l->media, RELAY_EVENT_CHANNEL_CLOSED, sid, reason, close_text(reason));
	}
	channel_destroy(ch);
	if (bridge && ch == NULL)
		bridge_far_closed(l, sid);
	else if (bridge)
		bridge_freed(l, sid);
	if (bridge && bridge_is_wanted(l, sid))
		again = true;
	/*
	 * we closed it, and the controller still wants it: its quality changed, or
	 * its byte stream could not be followed
	 */
	if (agreed != NULL && again && l->state != LEG_CLOSING)
		add_stream(l, agreed);
}

void leg_reopen_streams(struct leg *l)
{
	const struct media_spec *spec = &l->media->spec;

	for (unsigned i = 0; i < spec->stream_count; i++) {
		if (assoc_channel(l->assoc, spec->streams[i].sid) == NULL)
			add_stream(l, &spec->streams[i]);
	}
	leg_busy(l);
}

static bool same_quality(const struct channel_quality *a, const struct channel_quality *b)
{
	return a->unordered == b->unordered && a->reliability == b->reliability &&
	       a->limit == b->limit;
}

void leg_sync_streams(struct leg *l, const struct media_spec *old)
{
	const struct media_spec *now = &l->media->spec;

	if (l->assoc == NULL || l->state == LEG_CLOSING)
		return;
	for (unsigned i = 0; i < old->stream_count; i++) {
		const struct stream_spec *was = &old->streams[i];
		const struct stream_spec *is = find_stream(now, was->sid);

		if (is == NULL || !same_quality(&was->quality, &is->quality))
			assoc_close_channel(l->assoc, was->sid, relay_of(l)->now);
	}
	for (unsigned i = 0; i < now->stream_count; i++) {
		if (find_stream(old, now->streams[i].sid) == NULL)
			add_stream(l, &now->streams[i]);
	}
	leg_busy(l);
}
