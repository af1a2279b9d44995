/* ue_channels.c: the channels of a UE: HTTP clients on bootstrap channels, messages on application channels. */
#include <stdio.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "tools/ue/ue_impl.h"

static struct ue_channel *channel_of(const struct ue *u, uint16_t sid)
{
	for (unsigned i = 0; i < UE_CHANNELS_MAX; i++)
		if (u->channels[i] != NULL && u->channels[i]->stream.sid == sid)
			return u->channels[i];
	return NULL;
}

static struct ue_channel *channel_on_wire(const struct ue *u, uint16_t wire_sid)
{
	for (unsigned i = 0; i < UE_CHANNELS_MAX; i++)
		if (u->channels[i] != NULL && u->channels[i]->wire_sid == wire_sid)
			return u->channels[i];
	return NULL;
}

struct ue_channel *ue_channel_add(struct ue *u, const struct ue_stream *stream)
{
	unsigned i = 0;
	struct ue_channel *ch;

	while (i < UE_CHANNELS_MAX && u->channels[i] != NULL)
		i++;
	if (i == UE_CHANNELS_MAX || (ch = mem_zalloc(sizeof(*ch))) == NULL)
		return NULL;
	ch->stream = *stream;
	ch->wire_sid = stream->sid;
	ue_http_init(&ch->client);
	return u->channels[i] = ch;
}

static void channel_remove(struct ue *u, struct ue_channel *ch)
{
	if (u->reading == ch) {
		u->reading = NULL;
		u->rest = SPAN_NONE;
	}
	for (unsigned i = 0; i < UE_CHANNELS_MAX; i++)
		if (u->channels[i] == ch)
			u->channels[i] = NULL;
	ue_http_finish(&ch->client);
	mem_free(ch);
}

void ue_channels_finish(struct ue *u)
{
	for (unsigned i = 0; i < UE_CHANNELS_MAX; i++)
		if (u->channels[i] != NULL)
			channel_remove(u, u->channels[i]);
}

void ue_channels_reset(struct ue *u)
{
	for (unsigned i = 0; i < UE_CHANNELS_MAX; i++) {
		if (u->channels[i] == NULL)
			continue;
		u->channels[i]->open = false;
		if (u->channels[i]->peers)
			channel_remove(u, u->channels[i]);
	}
}

/* ---- opening and closing ---- */

/* Client even, server odd (RFC 8832 6). */
static uint16_t of_our_parity(const struct ue *u, uint16_t sid)
{
	return (sid & 1) == ue_is_client(u) ? sid ^ 1 : sid;
}

static enum err open_channel(struct ue *u, struct ue_channel *ch)
{
	struct channel_config config = { .sid = ch->stream.sid,
		.quality = ch->stream.quality,
		.label = span_str(ch->stream.label),
		.protocol = span_str(ch->stream.protocol),
		.negotiated = !ch->dcep };

	if (ch->dcep)
		config.sid = of_our_parity(u, config.sid);
	if (!ch->http)
		ch->stream.sid = config.sid;
	ch->wire_sid = config.sid;
	ch->open = ch->blocked = false;
	return assoc_add_channel(u->assoc, &config);
}

enum err ue_channels_open(struct ue *u)
{
	enum err err = ERR_OK;

	for (unsigned i = 0; i < UE_CHANNELS_MAX && err == ERR_OK; i++)
		if (u->channels[i] != NULL)
			err = open_channel(u, u->channels[i]);
	return err;
}

uint16_t ue_channels_count(const struct ue *u)
{
	uint16_t n = 0;

	for (unsigned i = 0; i < UE_CHANNELS_MAX; i++)
		n += u->channels[i] != NULL;
	return n;
}

static enum err add(struct ue *u, const struct ue_stream *stream, bool http, bool dcep)
{
	struct ue_channel *ch;
	enum err err;

	if (channel_of(u, dcep && u->assoc ? of_our_parity(u, stream->sid) : stream->sid) != NULL)
		return ERR_EXISTS;
	if ((ch = ue_channel_add(u, stream)) == NULL)
		return ERR_LIMIT;
	ch->http = http;
	ch->dcep = dcep;
	err = u->assoc ? open_channel(u, ch) : ERR_OK;
	if (err != ERR_OK)
		channel_remove(u, ch);
	return err;
}

enum err ue_open(struct ue *u, const struct ue_stream *stream, bool dcep)
{
	return add(u, stream, false, dcep);
}

enum err ue_add_channel(struct ue *u, uint16_t sid)
{
	struct ue_stream stream = ue_bootstrap_stream(sid);

	return add(u, &stream, true, u->config.dcep);
}

void ue_close_channel(struct ue *u, tick_t now, uint16_t sid)
{
	struct ue_channel *ch = channel_of(u, sid);

	if (ch != NULL && u->assoc != NULL)
		assoc_close_channel(u->assoc, ch->wire_sid, now);
}

uint16_t ue_wire_sid(const struct ue *u, uint16_t sid)
{
	const struct ue_channel *ch = channel_of(u, sid);

	return ch ? ch->wire_sid : sid;
}

const struct channel_view *ue_channel(const struct ue *u, uint16_t sid)
{
	const struct ue_channel *ch = channel_of(u, sid);

	return ch != NULL && u->assoc != NULL ? assoc_channel(u->assoc, ch->wire_sid) : NULL;
}

bool ue_find_label(const struct ue *u, const char *label, uint16_t *sid)
{
	for (unsigned i = 0; i < UE_CHANNELS_MAX; i++) {
		if (u->channels[i] == NULL || !u->channels[i]->open ||
			strcmp(u->channels[i]->stream.label, label) != 0)
			continue;
		*sid = u->channels[i]->stream.sid;
		return true;
	}
	return false;
}

/* ---- sending ---- */

enum err ue_ask(struct ue *u, const struct ue_request *request)
{
	struct ue_channel *ch = channel_of(u, request->sid);

	return ch ? ue_http_ask(&ch->client, request) : ERR_NOT_FOUND;
}

enum err ue_ask_raw(struct ue *u, uint16_t sid, struct span bytes, unsigned responses)
{
	struct ue_channel *ch = channel_of(u, sid);

	return ch ? ue_http_ask_raw(&ch->client, bytes, responses) : ERR_NOT_FOUND;
}

enum err ue_send(struct ue *u, tick_t now, uint16_t sid, uint32_t ppid, struct span message)
{
	return u->assoc ? assoc_send(u->assoc, now, sid, ppid, message) : ERR_STATE;
}

static size_t piece_of(const struct ue *u, size_t waiting)
{
	size_t piece = u->config.piece ? u->config.piece : 16384;

	if (u->remote.max_message > 0 && u->remote.max_message < piece)
		piece = u->remote.max_message;
	return waiting < piece ? waiting : piece;
}

static void send_requests(struct ue *u, tick_t now, struct ue_channel *ch)
{
	while (ch->open && !ch->blocked && ch->client.out.len > 0) {
		struct span waiting = bytes_view(&ch->client.out);
		size_t n = piece_of(u, waiting.len);
		enum err err =
			assoc_send(u->assoc, now, ch->wire_sid, PPID_BINARY, SPAN(waiting.p, n));

		if (err == ERR_OK)
			bytes_take(&ch->client.out, n);
		else if (err == ERR_BLOCKED)
			ch->blocked = true;
		else
			return;
	}
}

void ue_channels_send(struct ue *u, tick_t now)
{
	for (unsigned i = 0; i < UE_CHANNELS_MAX; i++)
		if (u->channels[i] != NULL && u->channels[i]->http)
			send_requests(u, now, u->channels[i]);
}

/* ---- events ---- */

static bool about(struct ue_event *out, enum ue_event_kind kind, const struct ue_channel *ch)
{
	*out = (struct ue_event){ .kind = kind, .sid = ch->stream.sid };
	return true;
}

static bool read_response(struct ue *u, struct ue_event *out)
{
	struct ue_channel *ch = u->reading;

	switch (ue_http_feed(&ch->client, &u->rest)) {
	case UE_HTTP_HEAD: about(out, UE_HEAD, ch); break;
	case UE_HTTP_BODY: about(out, UE_BODY, ch); break;
	case UE_HTTP_END: about(out, UE_RESPONSE_END, ch); break;
	case UE_HTTP_GARBAGE: about(out, UE_GARBAGE, ch); break;
	case UE_HTTP_MORE: u->reading = NULL; return false;
	}
	out->response = &ch->client.response;
	out->bytes = ch->client.body;
	return true;
}

bool ue_channels_read(struct ue *u, struct ue_event *out)
{
	return u->reading != NULL && read_response(u, out);
}

/* The peer opened a channel: its label and protocol are what it said. NULL: no room, and it is closed again. */
static struct ue_channel *take_peers(struct ue *u, tick_t now, uint16_t sid)
{
	const struct channel_view *view = assoc_channel(u->assoc, sid);
	struct ue_stream stream = { .sid = sid };
	struct ue_channel *ch;

	if (view == NULL)
		return NULL;
	stream.quality = view->quality;
	snprintf(stream.label, sizeof(stream.label), "%s", view->label);
	snprintf(stream.protocol, sizeof(stream.protocol), "%s", view->protocol);
	if ((ch = ue_channel_add(u, &stream)) == NULL) {
		assoc_close_channel(u->assoc, sid, now);
		return NULL;
	}
	return ch->peers = ch->dcep = true, ch;
}

static bool on_message(
	struct ue *u, struct ue_channel *ch, const struct assoc_event *in, struct ue_event *out)
{
	if (ch->http) {
		u->reading = ch;
		u->rest = in->message;
		return false;
	}
	about(out, UE_MESSAGE, ch);
	out->ppid = in->ppid;
	out->bytes = in->message;
	out->more = in->more;
	out->unordered = in->unordered;
	return true;
}

bool ue_channels_event(struct ue *u, tick_t now, const struct assoc_event *in, struct ue_event *out)
{
	struct ue_channel *ch = channel_on_wire(u, in->sid);

	if (ch == NULL && in->kind == CHANNEL_OPEN)
		ch = take_peers(u, now, in->sid);
	if (ch == NULL)
		return false;
	switch (in->kind) {
	case CHANNEL_OPEN: return ch->open = about(out, UE_CHANNEL_OPEN, ch);
	case CHANNEL_MESSAGE: return on_message(u, ch, in, out);
	case CHANNEL_WRITABLE: ch->blocked = false; return !ch->http && about(out, UE_WRITABLE, ch);
	case CHANNEL_CLOSED:
		about(out, UE_CHANNEL_CLOSED, ch);
		out->reason = in->reason;
		channel_remove(u, ch);
		return true;
	default: return false;
	}
}
