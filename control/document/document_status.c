/*
 * document_status.c: how each media fares, as dcmf.status: what is up, since when
 * nothing came, and what protects every hop.
 */
#include "control/document/document_schema.h"

#include <stdio.h>
#include <string.h>

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

/* What protects one hop, and who knows whom by what. Texts may be NULL. */
struct guard {
	const char *hop, *protocol, *cipher;
	const char *peer; /* how the gateway knows who is there */
	const char *self; /* what it shows of itself */
	bool end_to_end;  /* the peers' affair */
};

static bool append_guard(json_t *list, const struct guard *g)
{
	json_t *o = json_object();

	if (js_put_text(o, "hop", g->hop) && js_put_text(o, "protocol", g->protocol) &&
		js_put_text(o, "cipher", g->cipher) && js_put_text(o, "peer", g->peer) &&
		js_put_text(o, "self", g->self) &&
		(!g->end_to_end || js_put_bool(o, "endToEnd", true)))
		return js_append(list, o);
	json_decref(o);
	return false;
}

#define BY_FINGERPRINT "certificate fingerprint"

/* A side of a media that ends, or passes, DTLS. */
static bool append_side(json_t *list, const struct media_view *v)
{
	struct guard g = { .hop = hop_name(v->hop), .protocol = "not established" };

	if (v->passes) {
		/* protected by the two ends, and nobody in between knows how */
		g.protocol = "DTLS of the peers";
		g.end_to_end = true;
	} else if (v->secured) {
		g.protocol = v->info.version;
		g.cipher = v->info.cipher;
		g.peer = BY_FINGERPRINT;
		g.self = BY_FINGERPRINT;
	}
	return append_guard(list, &g);
}

/*
 * What guards a connection: "TLSv1.3 TLS_AES_256_GCM_SHA384", and " certificate" where we have one;
 * or "none".
 */
static bool append_words(json_t *list, uint8_t hop, const char *words, const char *peer)
{
	struct guard g = { .hop = hop_name(hop), .protocol = "none" };
	char text[128], *cipher, *certificate;

	snprintf(text, sizeof(text), "%s", words);
	if ((cipher = strchr(text, ' ')) != NULL) {
		*cipher++ = '\0';
		if ((certificate = strchr(cipher, ' ')) != NULL)
			*certificate++ = '\0';
		g.protocol = text;
		g.cipher = cipher;
		g.peer = peer;
		g.self = certificate;
	}
	return append_guard(list, &g);
}

#define BY_AUTHORITY "certificate authority and host name"

static bool append_http(json_t *list, const struct media_view *v)
{
	return append_words(list, v->upstream_hop, v->upstream_protection, BY_AUTHORITY);
}

static bool append_link(json_t *list, const struct link_view *k)
{
	const struct guard none = { .hop = hop_name(k->spec->hop), .protocol = "not established" };

	if (k->protection == NULL)
		return append_guard(list, &none);
	return append_words(list, k->spec->hop, k->protection,
		k->spec->fingerprint_count > 0 ? BY_FINGERPRINT : BY_AUTHORITY);
}

/* Every hop of what the UE says, from the UE on. */
static bool put_protection(
	json_t *status, const struct media_view *v, const struct media_view *server)
{
	json_t *list = json_array();

	return put_part(status, "protection", list,
		list != NULL && append_side(list, v) &&
			(server == NULL || append_side(list, server)) &&
			(!v->has_link || append_link(list, &v->link)) &&
			(v->upstream_protection == NULL || append_http(list, v)));
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
	return v->passes || (put_dtls(status, v) && put_sctp(status, v) && put_channels(status, v));
}

/* A splice has no leg: it passes what comes as soon as there are two to pass between. */
static const char *state_of(const struct media_view *v)
{
	if (!v->passes)
		return leg_state_name(v->state);
	return v->path != NULL && v->far != NULL && v->far->fingerprint_count > 0 ? "passing"
										  : "waiting";
}

/* One side of a media, of the UE or of the server. */
static bool put_side(json_t *status, const struct media_view *v, tick_t now)
{
	bool has_reason = v->reason != CLOSE_NONE;

	return js_put_text(status, "state", state_of(v)) &&
	       (!has_reason || js_put_text(status, "reason", close_name(v->reason))) &&
	       (!has_reason || js_put_text(status, "reasonText", close_text(v->reason))) &&
	       put_endpoints(status, v) && put_ice(status, v, now) && put_end(status, v) &&
	       put_traffic(status, v);
}

static bool put_server(json_t *status, const struct media_view *server, tick_t now)
{
	json_t *o;

	if (server == NULL)
		return true;
	o = json_object();
	return put_part(status, "server", o,
		js_put_text(o, "hop", hop_name(server->hop)) && put_side(o, server, now));
}

static bool put_link_endpoints(json_t *server, const struct link_view *k)
{
	json_t *o = json_object();

	return put_part(server, "endpoints", o,
		put_addr(o, "remote", &k->spec->remote) &&
			(k->local == NULL || put_addr(o, "local", k->local)));
}

static bool put_link_traffic(json_t *server, const struct link_view *k)
{
	json_t *o = json_object();

	return put_part(server, "traffic", o,
		js_put_integer(o, "messagesIn", (int64_t)k->messages_in) &&
			js_put_integer(o, "messagesOut", (int64_t)k->messages_out) &&
			js_put_integer(o, "bytesIn", (int64_t)k->bytes_in) &&
			js_put_integer(o, "bytesOut", (int64_t)k->bytes_out));
}

/* A server that takes messages over a connection, not over data channels. */
static bool put_link(json_t *status, const struct link_view *k)
{
	const char *protocol = link_protocol_name((enum link_protocol)k->spec->protocol);
	json_t *o = json_object();

	return put_part(status, "server", o,
		js_put_text(o, "hop", hop_name(k->spec->hop)) &&
			js_put_text(o, "protocol", protocol) &&
			js_put_text(o, "state", link_state_name(k->state)) &&
			js_put_text(o, "reasonText", k->failure) && put_link_endpoints(o, k) &&
			put_link_traffic(o, k));
}

static json_t *status_json(const struct media_view *v, const struct media_view *server, tick_t now)
{
	json_t *status = json_object();

	if (put_side(status, v, now) && put_server(status, server, now) &&
		(!v->has_link || put_link(status, &v->link)) && put_protection(status, v, server))
		return status;
	json_decref(status);
	return NULL;
}

static bool add_status(json_t *media, const struct relay *r, const struct relay_context *c,
	unsigned t, unsigned m, tick_t now)
{
	struct media_view v, server;
	bool has_server = relay_server_view(r, c, t, m, &server);

	return !relay_media_view(r, c, t, m, &v) ||
	       js_put(json_object_get(media, "dcmf"), "status",
		       status_json(&v, has_server ? &server : NULL, now));
}

json_t *document_with_status(
	const json_t *doc, const struct relay *r, const struct relay_context *c, tick_t now)
{
	json_t *shown = document_show(doc, r, c);

	for (unsigned t = 0; t < document_terminations(shown); t++) {
		const json_t *termination = document_termination(shown, t);

		for (unsigned m = 0; m < document_medias(termination); m++) {
			if (!add_status(document_media(termination, m), r, c, t, m, now)) {
				json_decref(shown);
				return NULL;
			}
		}
	}
	return shown;
}
