/*
 * document_status.c: how each media fares, as dcmf.status: what is up, since when
 * nothing came, and what protects every hop.
 */
#include "control/document_schema.h"

#include <stdio.h>

#include "control/json.h"

/* The states of a leg, as its parts see them. */
static const struct {
	const char *dtls, *sctp;
} parts[] = {
	[LEG_WAITING] = { "waiting", "waiting" },
	[LEG_SECURING] = { "handshaking", "waiting" },
	[LEG_CONNECTING] = { "open", "connecting" },
	[LEG_OPEN] = { "open", "open" },
	[LEG_CLOSING] = { "open", "closing" },
	[LEG_CLOSED] = { "closed", "closed" },
};

/* Finishes a part: takes it over, whether it is complete or not. */
static bool put_part(json_t *status, const char *key, json_t *part, bool complete)
{
	if (complete)
		return js_put(status, key, part);
	json_decref(part);
	return false;
}

static bool put_addr(json_t *object, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	return !addr_is_set(a) || js_put_text(object, key, addr_text(a, text));
}

static bool put_endpoints(json_t *status, const struct media_view *v)
{
	json_t *o = json_object();

	return put_part(status, "endpoints", o,
		put_addr(o, "advertised", &v->local) && put_addr(o, "bound", &v->bound) &&
			(v->path == NULL || put_addr(o, "remote", &v->path->remote)));
}

static bool put_ice(json_t *status, const struct media_view *v, tick_t now)
{
	json_t *o = json_object();
	bool is_checked = !tick_is_never(v->last_check);

	return put_part(status, "ice", o,
		js_put_text(o, "state",
			v->ice_ufrag == NULL ? "none"
			: is_checked         ? "connected"
					     : "waiting") &&
			(!is_checked || js_put_integer(o, "lastCheckMs",
						tick_since(v->last_check, now) / 1000)));
}

static bool put_dtls(json_t *status, const struct media_view *v)
{
	char text[FINGERPRINT_TEXT_MAX];
	json_t *o = json_object();
	bool done = js_put_text(o, "state", parts[v->state].dtls);

	if (v->secured)
		done = done && js_put_text(o, "version", v->info.version) &&
		       js_put_text(o, "cipher", v->info.cipher) &&
		       js_put_text(o, "group", v->info.group) &&
		       js_put_text(o, "peerFingerprint", fingerprint_text(&v->info.peer, text));
	return put_part(status, "dtls", o, done);
}

static bool put_sctp(json_t *status, const struct media_view *v)
{
	json_t *o = json_object();

	return put_part(status, "sctp", o,
		js_put_text(o, "state", parts[v->state].sctp) &&
			(v->assoc == NULL ||
				js_put_integer(o, "unsentBytes", (int64_t)assoc_unsent(v->assoc))));
}

static bool put_quality(json_t *o, const struct channel_quality *q)
{
	return js_put_bool(o, "order", !q->unordered) &&
	       js_put_integer(o, "priority", q->priority) &&
	       (q->reliability != MAX_RETRANSMITS || js_put_integer(o, "maxRetry", q->limit)) &&
	       (q->reliability != MAX_LIFETIME || js_put_integer(o, "maxTime", q->limit));
}

static json_t *channel_json(const struct channel_view *ch)
{
	json_t *o = json_object();

	if (js_put_integer(o, "streamId", ch->sid) &&
		js_put_text(o, "state", ch->open ? "open" : "opening") &&
		js_put_text(o, "label", ch->label) && js_put_text(o, "subprotocol", ch->protocol) &&
		js_put_text(o, "openedBy", ch->negotiated ? "agreement" : "DCEP") &&
		put_quality(o, &ch->quality) &&
		js_put_integer(o, "messagesIn", (int64_t)ch->messages_in) &&
		js_put_integer(o, "messagesOut", (int64_t)ch->messages_out) &&
		js_put_integer(o, "bytesIn", (int64_t)ch->bytes_in) &&
		js_put_integer(o, "bytesOut", (int64_t)ch->bytes_out))
		return o;
	json_decref(o);
	return NULL;
}

static bool put_channels(json_t *status, const struct media_view *v)
{
	json_t *list = json_array();
	const struct channel_view *ch;
	size_t at = 0;
	bool done = list != NULL;

	while (done && v->assoc != NULL && (ch = assoc_next_channel(v->assoc, &at)) != NULL)
		done = js_append(list, channel_json(ch));
	return put_part(status, "channels", list, done);
}

/* {hop, protocol, cipher?, peer}: `peer` says how we know who is there. */
static bool append_hop(
	json_t *list, const char *hop, const char *protocol, const char *cipher, const char *peer)
{
	json_t *o = json_object();

	if (js_put_text(o, "hop", hop) && js_put_text(o, "protocol", protocol) &&
		js_put_text(o, "cipher", cipher) && js_put_text(o, "peer", peer))
		return js_append(list, o);
	json_decref(o);
	return false;
}

/* What passes through is protected by the two ends, and nobody in between knows how. */
static bool put_passing(json_t *status)
{
	json_t *list = json_array(), *o = json_object();

	if (js_put_text(o, "hop", "Mb") && js_put_text(o, "protocol", "DTLS of the peers") &&
		js_put_bool(o, "endToEnd", true))
		return put_part(status, "protection", list, js_append(list, o));
	json_decref(o);
	return put_part(status, "protection", list, false);
}

static bool put_protection(json_t *status, const struct media_view *v)
{
	json_t *list = json_array();
	bool done = v->secured ? append_hop(list, "Mb", v->info.version, v->info.cipher,
					 "certificate fingerprint")
			       : append_hop(list, "Mb", "not established", NULL, NULL);

	if (v->upstream_protection != NULL)
		done = done && append_hop(list, "MDC1", v->upstream_protection, NULL, NULL);
	return put_part(status, "protection", list, done);
}

static bool put_traffic(json_t *status, const struct media_view *v)
{
	json_t *o = json_object();

	return put_part(status, "traffic", o,
		js_put_integer(o, "datagramsIn", (int64_t)v->datagrams_in) &&
			js_put_integer(o, "datagramsOut", (int64_t)v->datagrams_out) &&
			js_put_integer(o, "bytesIn", (int64_t)v->bytes_in) &&
			js_put_integer(o, "bytesOut", (int64_t)v->bytes_out));
}

/* DTLS, SCTP and channels, where they end here. */
static bool put_end(json_t *status, const struct media_view *v)
{
	if (v->passes)
		return put_passing(status);
	return put_dtls(status, v) && put_sctp(status, v) && put_channels(status, v) &&
	       put_protection(status, v);
}

/* A splice has no leg: it passes what comes as soon as there are two to pass between. */
static const char *state_of(const struct media_view *v)
{
	if (!v->passes)
		return leg_state_name(v->state);
	return v->path != NULL && v->far != NULL && v->far->fingerprint_count > 0 ? "passing"
										  : "waiting";
}

static json_t *status_json(const struct media_view *v, tick_t now)
{
	json_t *status = json_object();
	bool has_reason = v->reason != CLOSE_NONE;

	if (js_put_text(status, "state", state_of(v)) &&
		(!has_reason || js_put_text(status, "reason", close_name(v->reason))) &&
		(!has_reason || js_put_text(status, "reasonText", close_text(v->reason))) &&
		put_endpoints(status, v) && put_ice(status, v, now) && put_end(status, v) &&
		put_traffic(status, v))
		return status;
	json_decref(status);
	return NULL;
}

json_t *document_with_status(
	const json_t *doc, const struct relay *r, const struct relay_context *c, tick_t now)
{
	json_t *shown = document_show(doc, r, c);

	for (size_t t = 0; t < document_terminations(shown); t++) {
		const json_t *termination = document_termination(shown, t);

		for (size_t m = 0; m < document_medias(termination); m++) {
			json_t *dcmf = json_object_get(document_media(termination, m), "dcmf");
			struct media_view v;

			if (relay_media_view(r, c, (unsigned)t, (unsigned)m, &v) &&
				!js_put(dcmf, "status", status_json(&v, now))) {
				json_decref(shown);
				return NULL;
			}
		}
	}
	return shown;
}
