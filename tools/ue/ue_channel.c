/* ue_channel.c: the channels of a UE: opened, closed, and what is asked on them. */
#include "tools/ue/ue_parts.h"

struct ue_channel *ue_channel_of(struct ue *u, uint16_t sid)
{
	for (struct ue_channel *ch = u->channels; ch < u->channels + UE_SIDS_MAX; ch++)
		if (ch->used && ch->sid == sid)
			return ch;
	return NULL;
}

struct ue_channel *ue_channel_on_wire(struct ue *u, uint16_t wire_sid)
{
	for (struct ue_channel *ch = u->channels; ch < u->channels + UE_SIDS_MAX; ch++)
		if (ch->used && ch->wire_sid == wire_sid)
			return ch;
	return NULL;
}

struct ue_channel *ue_channel_add(struct ue *u, uint16_t sid)
{
	for (struct ue_channel *ch = u->channels; ch < u->channels + UE_SIDS_MAX; ch++) {
		if (ch->used)
			continue;
		*ch = (struct ue_channel){ .sid = sid, .wire_sid = sid, .used = true };
		ue_http_init(&ch->http);
		return ch;
	}
	return NULL;
}

void ue_channel_remove(struct ue *u, struct ue_channel *ch)
{
	if (u->reading == ch) {
		u->reading = NULL;
		u->rest = SPAN_NONE;
	}
	ue_http_finish(&ch->http);
	ch->used = false;
}

enum err ue_channel_open(struct ue *u, struct ue_channel *ch)
{
	struct channel_config config = { .sid = ch->sid,
		.quality = { .priority = 256 },
		.label = SPAN_LIT("bootstrap"),
		.protocol = SPAN_LIT("http"),
		.negotiated = !u->config.dcep };

	if (u->config.dcep && (config.sid & 1) == ue_is_client(u))
		config.sid ^= 1; /* client even, server odd (RFC 8832 6) */
	ch->wire_sid = config.sid;
	ch->open = ch->blocked = false;
	return assoc_add_channel(u->assoc, &config);
}

enum err ue_add_channel(struct ue *u, uint16_t sid)
{
	struct ue_channel *ch;
	enum err err;

	if (ue_channel_of(u, sid) != NULL)
		return ERR_EXISTS;
	if ((ch = ue_channel_add(u, sid)) == NULL)
		return ERR_LIMIT;
	err = u->assoc ? ue_channel_open(u, ch) : ERR_OK;
	if (err != ERR_OK)
		ue_channel_remove(u, ch);
	return err;
}

void ue_close_channel(struct ue *u, tick_t now, uint16_t sid)
{
	struct ue_channel *ch = ue_channel_of(u, sid);

	if (ch != NULL && u->assoc != NULL)
		assoc_close_channel(u->assoc, ch->wire_sid, now);
}

uint16_t ue_wire_sid(const struct ue *u, uint16_t sid)
{
	const struct ue_channel *ch = u->channels;

	for (; ch < u->channels + UE_SIDS_MAX; ch++)
		if (ch->used && ch->sid == sid)
			return ch->wire_sid;
	return sid;
}

enum err ue_ask(struct ue *u, const struct ue_request *request)
{
	struct ue_channel *ch = ue_channel_of(u, request->sid);

	return ch ? ue_http_ask(&ch->http, request) : ERR_NOT_FOUND;
}

enum err ue_ask_raw(struct ue *u, uint16_t sid, struct span bytes, unsigned responses)
{
	struct ue_channel *ch = ue_channel_of(u, sid);

	return ch ? ue_http_ask_raw(&ch->http, bytes, responses) : ERR_NOT_FOUND;
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

void ue_channel_send(struct ue *u, tick_t now, struct ue_channel *ch)
{
	while (ch->open && !ch->blocked && ch->http.out.len > 0) {
		struct span waiting = bytes_view(&ch->http.out);
		size_t n = piece_of(u, waiting.len);
		enum err err =
			assoc_send(u->assoc, now, ch->wire_sid, PPID_BINARY, SPAN(waiting.p, n));

		if (err == ERR_OK)
			bytes_take(&ch->http.out, n);
		else if (err == ERR_BLOCKED)
			ch->blocked = true;
		else
			return;
	}
}
