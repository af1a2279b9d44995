/*
 * ue.c: one m=application line of a UE: wires ICE, DTLS, SCTP and the HTTP
 * clients of its channels together.
 */
#include "tools/ue/ue_parts.h"

#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/random.h"

#define OUT_MAX   (4 << 20) /* bytes of datagrams that wait to be sent, ours */
#define EARLY_MAX 8192      /* bytes of a peer that was faster than the answer, ours */

void ue_config_init(struct ue_config *config)
{
	*config = (struct ue_config){ .style = UE_STYLE_IMS,
		.setup = SETUP_ACTPASS,
		.sid_count = 1,
		.mtu = 1200,
		.sctp_port = 5000,
		.max_message = 1024,
		.piece = 1024,
		.send_buffer = 256 << 10,
		.receive_buffer = 256 << 10 };
}

static void fresh_credentials(struct ue *u)
{
	random_token(u->credentials.ufrag, ICE_UFRAG_LEN);
	random_token(u->credentials.pwd, ICE_PWD_LEN);
}

struct ue *ue_create(const struct ue_config *config, tick_t now)
{
	struct ue *u = mem_zalloc(sizeof(*u));

	(void)now;
	if (u == NULL)
		return NULL;
	u->config = *config;
	u->dtls_ctx = dtls_ctx_ref(config->dtls);
	dgram_queue_init(&u->out, OUT_MAX);
	dgram_queue_init(&u->early, EARLY_MAX);
	fresh_credentials(u);
	random_token(u->tls_id, TLS_ID_LEN);
	for (unsigned i = 0; i < config->sid_count; i++)
		ue_channel_add(u, config->sids[i]);
	u->renew = true;
	return u;
}

static void drop_session(struct ue *u)
{
	u->reading = NULL;
	u->rest = SPAN_NONE;
	assoc_destroy(u->assoc);
	dtls_destroy(u->dtls);
	u->assoc = NULL;
	u->dtls = NULL;
}

void ue_destroy(struct ue *u)
{
	if (u == NULL)
		return;
	drop_session(u);
	ice_checker_destroy(u->checker);
	for (unsigned i = 0; i < UE_SIDS_MAX; i++)
		if (u->channels[i].used)
			ue_channel_remove(u, &u->channels[i]);
	dgram_queue_finish(&u->out);
	dgram_queue_finish(&u->early);
	dtls_ctx_unref(u->dtls_ctx);
	mem_wipe(&u->credentials, sizeof(u->credentials));
	mem_free(u);
}

void ue_media(const struct ue *u, struct ue_media *out)
{
	*out = (struct ue_media){ .style = u->config.style,
		.local = u->config.local.local,
		.ice = u->config.ice,
		.credentials = u->credentials,
		.setup = u->config.setup,
		.tls_id = u->tls_id,
		.sctp_port = u->config.sctp_port,
		.max_message = u->config.max_message };
	cert_fingerprint(dtls_ctx_cert(u->dtls_ctx), HASH_SHA256, &out->fingerprint);
	for (unsigned i = 0; i < UE_SIDS_MAX; i++)
		if (u->channels[i].used && !u->config.dcep)
			out->sids[out->sid_count++] = u->channels[i].sid;
}

/* ---- ends ---- */

static void session_ended(struct ue *u, enum close_reason reason)
{
	if (u->closed)
		return;
	u->closed = true;
	u->reason = reason;
}

static void on_ready(void *arg)
{
	struct ue *u = arg;

	if (u->config.ready != NULL)
		u->config.ready(u->config.arg);
}

static void queue_out(struct ue *u, struct span bytes)
{
	struct path path = u->config.local;

	path.remote = u->remote.addr;
	dgram_queue_push(&u->out, &path, bytes);
	on_ready(u);
}

static void on_dtls_output(void *arg, struct span dgram)
{
	queue_out(arg, dgram);
}

static void on_sctp_output(void *arg, struct span packet)
{
	struct ue *u = arg;

	dtls_send(u->dtls, packet);
}

/* ---- starting ---- */

static enum err start_ice(struct ue *u, tick_t now)
{
	ice_checker_destroy(u->checker);
	u->checker = ice_checker_create(&u->credentials, &u->remote.credentials, now);
	return u->checker ? ERR_OK : ERR_NO_MEMORY;
}

static enum err start_dtls(struct ue *u, tick_t now)
{
	struct dtls_config config = { .ctx = u->dtls_ctx,
		.role = ue_is_client(u) ? DTLS_CLIENT : DTLS_SERVER,
		.mtu = u->config.mtu,
		.peer = &u->remote.fingerprint,
		.peer_count = 1,
		.output = on_dtls_output,
		.arg = u };

	drop_session(u);
	u->renew = u->closed = u->told_closed = u->closing = false;
	u->secured = u->told_secured = false;
	if ((u->dtls = dtls_create(&config)) == NULL)
		return ERR_NO_MEMORY;
	if (u->path_up || !u->config.ice)
		dtls_start(u->dtls, now);
	return ERR_OK;
}

static bool same_credentials(const struct ice_credentials *a, const struct ice_credentials *b)
{
	return strcmp(a->ufrag, b->ufrag) == 0 && strcmp(a->pwd, b->pwd) == 0;
}

static void pump_ice(struct ue *u, tick_t now)
{
	uint8_t buf[ICE_REPLY_MAX];
	size_t len;
	enum ice_checker_state state;

	if (u->checker == NULL)
		return;
	while (ice_checker_next(u->checker, u->config.codec, now, buf, &len))
		queue_out(u, SPAN(buf, len));
	state = ice_checker_state(u->checker);
	if (state == CHECKER_FAILED)
		session_ended(u, CLOSE_PATH_LOSS);
	if (state != CHECKER_CONNECTED || u->path_up)
		return;
	u->path_up = true;
	if (u->dtls != NULL)
		dtls_start(u->dtls, now);
}

/* An active gateway begins when it has made the context: its hello may overtake the answer. */
static void replay_early(struct ue *u, tick_t now)
{
	struct dgram *d;

	while ((d = dgram_queue_pop(&u->early)) != NULL) {
		ue_input(u, now, &d->path.remote, dgram_span(d));
		dgram_free(d);
	}
}

enum err ue_connect(struct ue *u, tick_t now, const struct ue_remote *remote)
{
	bool had_ice = u->checker != NULL;
	struct ice_credentials before = u->remote.credentials;
	enum setup wrong = u->config.setup; /* both active, or both passive */
	enum err err = ERR_OK;

	if (!remote->accepted || remote->setup == wrong || remote->setup == SETUP_ACTPASS ||
		(u->config.ice && !remote->ice))
		return ERR_STATE;
	u->remote = *remote;
	if (u->config.ice && (!had_ice || !same_credentials(&before, &remote->credentials)))
		err = start_ice(u, now);
	if (err == ERR_OK && u->renew)
		err = start_dtls(u, now);
	pump_ice(u, now);
	replay_early(u, now);
	return err;
}

void ue_restart_ice(struct ue *u)
{
	fresh_credentials(u);
}

void ue_renew(struct ue *u, struct dtls_ctx *dtls)
{
	u->renew = true;
	random_token(u->tls_id, TLS_ID_LEN);
	if (dtls == NULL)
		return;
	dtls_ctx_ref(dtls);
	dtls_ctx_unref(u->dtls_ctx);
	u->dtls_ctx = dtls;
}

void ue_move(struct ue *u, const struct path *local)
{
	u->config.local = *local;
}

void ue_hold(struct ue *u, bool hold)
{
	u->held = hold;
	if (u->assoc != NULL)
		assoc_hold(u->assoc, hold);
}

void ue_close(struct ue *u, tick_t now)
{
	u->closing = true;
	if (u->assoc != NULL && assoc_state(u->assoc) == ASSOC_UP) {
		assoc_shutdown(u->assoc, now);
		return;
	}
	if (u->dtls != NULL)
		dtls_close(u->dtls);
	session_ended(u, CLOSE_LOCAL);
}

/* ---- the association ---- */

static uint16_t streams_wanted(const struct ue *u)
{
	uint16_t highest = 1;

	for (unsigned i = 0; i < UE_SIDS_MAX; i++)
		if (u->channels[i].used && u->channels[i].sid > highest)
			highest = u->channels[i].sid;
	return highest + 1;
}

static void start_sctp(struct ue *u, tick_t now)
{
	struct assoc_config config = { .local_port = u->config.sctp_port,
		.remote_port = u->remote.sctp_port,
		.mtu = u->config.mtu - DTLS_RECORD_OVERHEAD,
		.streams = streams_wanted(u),
		.max_streams = 2048,
		.send_buffer = u->config.send_buffer,
		.receive_buffer = u->config.receive_buffer,
		.remote_max_message = u->remote.max_message,
		.local_max_message = u->config.max_message,
		.dtls_client = ue_is_client(u),
		.accept_dcep = u->config.dcep,
		.output = on_sctp_output,
		.ready = on_ready,
		.arg = u };
	enum err err = ERR_OK;

	if ((u->assoc = assoc_create(&config, now)) == NULL) {
		session_ended(u, CLOSE_NO_MEMORY);
		return;
	}
	assoc_hold(u->assoc, u->held);
	for (unsigned i = 0; i < UE_SIDS_MAX && err == ERR_OK; i++)
		if (u->channels[i].used)
			err = ue_channel_open(u, &u->channels[i]);
	if (err != ERR_OK)
		session_ended(u, CLOSE_NO_MEMORY);
}

/* ---- input ---- */

static void pump_dtls(struct ue *u, tick_t now)
{
	static uint8_t plain[DTLS_PLAINTEXT_MAX];
	size_t len;

	if (dtls_state(u->dtls) == DTLS_OPEN && !u->secured) {
		u->secured = true;
		start_sctp(u, now);
	}
	while (dtls_read(u->dtls, plain, sizeof(plain), &len))
		if (u->assoc != NULL)
			assoc_input(u->assoc, now, SPAN(plain, len));
	if (dtls_state(u->dtls) == DTLS_CLOSED)
		session_ended(u, u->closing ? CLOSE_LOCAL : dtls_close_reason(u->dtls));
}

void ue_input(struct ue *u, tick_t now, const struct addr *from, struct span dgram)
{
	if (dgram.len == 0)
		return;
	if (dgram.p[0] <= 3) { /* RFC 7983 7 */
		if (u->checker != NULL)
			ice_checker_input(u->checker, u->config.codec, now, from, dgram);
		pump_ice(u, now);
		return;
	}
	if (!addr_is_set(&u->remote.addr)) {
		dgram_queue_push(&u->early, &(struct path){ .remote = *from }, dgram);
		return;
	}
	if (u->dtls == NULL || !addr_eq(from, &u->remote.addr))
		return;
	dtls_input(u->dtls, now, dgram);
	pump_dtls(u, now);
}

tick_t ue_deadline(const struct ue *u)
{
	tick_t at = TICK_NEVER;

	if (u->checker != NULL)
		at = tick_min(at, ice_checker_deadline(u->checker));
	if (u->dtls != NULL)
		at = tick_min(at, dtls_deadline(u->dtls));
	if (u->assoc != NULL)
		at = tick_min(at, assoc_deadline(u->assoc));
	return at;
}

void ue_expire(struct ue *u, tick_t now)
{
	pump_ice(u, now);
	if (u->dtls != NULL && tick_due(dtls_deadline(u->dtls), now)) {
		dtls_expire(u->dtls, now);
		pump_dtls(u, now);
	}
	if (u->assoc != NULL && tick_due(assoc_deadline(u->assoc), now))
		assoc_expire(u->assoc, now);
}

struct dgram *ue_next_dgram(struct ue *u)
{
	return dgram_queue_pop(&u->out);
}

/* ---- events ---- */

static bool event(struct ue_event *out, enum ue_event_kind kind)
{
	*out = (struct ue_event){ .kind = kind };
	return true;
}

/* Milestones, each told once. */
static bool next_milestone(struct ue *u, struct ue_event *out)
{
	if (u->path_up && !u->told_path)
		return u->told_path = event(out, UE_PATH_UP);
	if (u->secured && !u->told_secured)
		return u->told_secured = event(out, UE_SECURED);
	return false;
}

static bool next_ending(struct ue *u, struct ue_event *out)
{
	if (!u->closed || u->told_closed)
		return false;
	for (unsigned i = 0; i < UE_SIDS_MAX; i++)
		u->channels[i].open = false;
	drop_session(u);
	u->told_closed = event(out, UE_CLOSED);
	out->reason = u->reason;
	return true;
}

/* The next piece of HTTP in the message at hand. */
static bool next_of_response(struct ue *u, struct ue_event *out)
{
	struct ue_channel *ch = u->reading;

	if (ch == NULL)
		return false;
	switch (ue_http_feed(&ch->http, &u->rest)) {
	case UE_HTTP_HEAD: event(out, UE_HEAD); break;
	case UE_HTTP_BODY: event(out, UE_BODY); break;
	case UE_HTTP_END: event(out, UE_RESPONSE_END); break;
	case UE_HTTP_GARBAGE: event(out, UE_GARBAGE); break;
	case UE_HTTP_MORE: u->reading = NULL; return false;
	}
	out->sid = ch->sid;
	out->response = &ch->http.response;
	out->bytes = ch->http.body;
	return true;
}

static bool on_channel_event(struct ue *u, const struct assoc_event *in, struct ue_event *out)
{
	struct ue_channel *ch = ue_channel_on_wire(u, in->sid);

	if (ch == NULL)
		return false;
	switch (in->kind) {
	case CHANNEL_OPEN: ch->open = event(out, UE_CHANNEL_OPEN); break;
	case CHANNEL_MESSAGE:
		u->reading = ch;
		u->rest = in->message;
		return false;
	case CHANNEL_WRITABLE: ch->blocked = false; return false;
	case CHANNEL_CLOSED:
		event(out, UE_CHANNEL_CLOSED);
		out->reason = in->reason;
		out->sid = ch->sid;
		ue_channel_remove(u, ch);
		return true;
	default: return false;
	}
	out->sid = ch->sid;
	return true;
}

bool ue_next_event(struct ue *u, tick_t now, struct ue_event *out)
{
	struct assoc_event in;

	for (;;) {
		if (next_milestone(u, out) || next_of_response(u, out))
			return true;
		if (u->assoc == NULL || u->closed)
			return next_ending(u, out);
		for (unsigned i = 0; i < UE_SIDS_MAX; i++)
			if (u->channels[i].used)
				ue_channel_send(u, now, &u->channels[i]);
		if (!assoc_next_event(u->assoc, now, &in))
			return false;
		if (in.kind == ASSOC_CLOSED) {
			dtls_close(u->dtls);
			session_ended(u, u->closing ? CLOSE_LOCAL : in.reason);
		} else if (in.kind != ASSOC_OPEN && on_channel_event(u, &in, out)) {
			return true;
		}
	}
}

const struct dtls *ue_dtls(const struct ue *u)
{
	return u->dtls;
}

const struct assoc *ue_assoc(const struct ue *u)
{
	return u->assoc;
}
