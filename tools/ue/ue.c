/* ue.c: one m=application line of a UE: wires ICE, DTLS, SCTP and the HTTP clients of its channels together. */
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/random.h"
#include "tools/ue/ue_impl.h"

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

struct ue_stream ue_bootstrap_stream(uint16_t sid)
{
	return (struct ue_stream){
		.sid = sid, .quality = { .priority = 256 }, .label = "bootstrap", .protocol = "http"
	};
}

static void fresh_credentials(struct ue *u)
{
	random_token(u->credentials.ufrag, ICE_UFRAG_LEN);
	random_token(u->credentials.pwd, ICE_PWD_LEN);
}

static bool add_bootstrap_channels(struct ue *u)
{
	enum err err = ERR_OK;

	for (unsigned i = 0; i < u->config.sid_count && err == ERR_OK; i++)
		err = ue_add_channel(u, u->config.sids[i]);
	return err == ERR_OK;
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
	u->renew = true;
	if (!add_bootstrap_channels(u)) {
		ue_destroy(u);
		return NULL;
	}
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
	ue_channels_reset(u);
}

void ue_destroy(struct ue *u)
{
	if (u == NULL)
		return;
	drop_session(u);
	ice_checker_destroy(u->checker);
	ue_channels_finish(u);
	dgram_queue_finish(&u->out);
	dgram_queue_finish(&u->early);
	dtls_ctx_unref(u->dtls_ctx);
	mem_wipe(&u->credentials, sizeof(u->credentials));
	mem_free(u);
}

static enum setup offered_setup(const struct ue *u)
{
	return u->answered != SETUP_NONE ? u->answered : u->config.setup;
}

void ue_media(const struct ue *u, struct ue_media *out)
{
	*out = (struct ue_media){ .style = u->config.style,
		.local = u->config.local.local,
		.ice = u->config.ice,
		.credentials = u->credentials,
		.setup = offered_setup(u),
		.tls_id = u->tls_id,
		.sctp_port = u->config.sctp_port,
		.max_message = u->config.max_message };
	cert_fingerprint(dtls_ctx_cert(u->dtls_ctx), HASH_SHA256, &out->fingerprint);
	for (unsigned i = 0; i < UE_CHANNELS_MAX && out->stream_count < UE_STREAMS_MAX; i++)
		if (u->channels[i] != NULL && !u->channels[i]->dcep)
			out->streams[out->stream_count++] = u->channels[i]->stream;
}

/* ---- ends ---- */

void ue_session_ended(struct ue *u, enum close_reason reason)
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

bool ue_is_client(const struct ue *u)
{
	return u->remote.setup == SETUP_PASSIVE;
}

bool ue_has_path(const struct ue *u)
{
	return u->path_up;
}

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
		ue_session_ended(u, CLOSE_PATH_LOSS);
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

/* The roles fit. */
static enum err connect_to(struct ue *u, tick_t now, const struct ue_remote *remote)
{
	bool had_ice = u->checker != NULL;
	struct ice_credentials before = u->remote.credentials;
	enum err err = ERR_OK;

	if (!remote->accepted || (u->config.ice && !remote->ice))
		return ERR_STATE;
	u->remote = *remote;
	if (remote->addr.family != u->config.local.local.family && addr_is_set(&remote->other))
		u->remote.addr = remote->other;
	if (u->config.ice && (!had_ice || !same_credentials(&before, &remote->credentials)))
		err = start_ice(u, now);
	if (err == ERR_OK && u->renew)
		err = start_dtls(u, now);
	pump_ice(u, now);
	replay_early(u, now);
	return err;
}

enum err ue_connect(struct ue *u, tick_t now, const struct ue_remote *remote)
{
	/* both active, or both passive; an answer has to decide */
	if (remote->setup == offered_setup(u) || remote->setup == SETUP_ACTPASS)
		return ERR_STATE;
	return connect_to(u, now, remote);
}

/* RFC 8842 5.3: who may choose takes the active role, unless told otherwise. */
static enum setup role_in_answer(const struct ue *u, enum setup offered)
{
	if (offered == SETUP_ACTIVE)
		return SETUP_PASSIVE;
	if (offered == SETUP_PASSIVE || u->config.setup == SETUP_ACTPASS)
		return SETUP_ACTIVE;
	return u->config.setup;
}

enum err ue_accept(struct ue *u, tick_t now, const struct ue_remote *offer)
{
	struct ue_remote remote = *offer;
	enum setup role = role_in_answer(u, offer->setup);
	enum err err = ERR_OK;

	if (u->answered != SETUP_NONE && !u->renew && offer->setup == SETUP_ACTPASS)
		role = u->answered; /* RFC 8842 5.5: what runs keeps its roles */
	remote.setup = role == SETUP_ACTIVE ? SETUP_PASSIVE : SETUP_ACTIVE;
	for (unsigned i = 0; i < offer->stream_count && err == ERR_OK; i++) {
		const struct ue_stream *s = &offer->streams[i];

		err = s->sid < UE_APPLICATION_SID ? ue_add_channel(u, s->sid)
						  : ue_open(u, s, false);
		if (err == ERR_EXISTS)
			err = ERR_OK;
	}
	if (err == ERR_OK)
		err = connect_to(u, now, &remote);
	if (err == ERR_OK)
		u->answered = role;
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
	ue_session_ended(u, CLOSE_LOCAL);
}

static void start_sctp(struct ue *u, tick_t now)
{
	struct assoc_config config = { .local_port = u->config.sctp_port,
		.remote_port = u->remote.sctp_port,
		.mtu = u->config.mtu - DTLS_RECORD_OVERHEAD,
		.channels = ue_channels_count(u),
		.max_streams = 2048,
		.send_buffer = u->config.send_buffer,
		.receive_buffer = u->config.receive_buffer,
		.remote_max_message = u->remote.max_message,
		.local_max_message = u->config.max_message,
		.dtls_client = ue_is_client(u),
		.accept_dcep = u->config.dcep || u->config.accept_dcep,
		.output = on_sctp_output,
		.ready = on_ready,
		.arg = u };

	if ((u->assoc = assoc_create(&config, now)) == NULL) {
		ue_session_ended(u, CLOSE_NO_MEMORY);
		return;
	}
	assoc_hold(u->assoc, u->held);
	if (ue_channels_open(u) != ERR_OK)
		ue_session_ended(u, CLOSE_NO_MEMORY);
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
		ue_session_ended(u, u->closing ? CLOSE_LOCAL : dtls_close_reason(u->dtls));
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
	drop_session(u);
	u->told_closed = event(out, UE_CLOSED);
	out->reason = u->reason;
	return true;
}

bool ue_next_event(struct ue *u, tick_t now, struct ue_event *out)
{
	struct assoc_event in;

	for (;;) {
		if (next_milestone(u, out) || ue_channels_read(u, out))
			return true;
		if (u->assoc == NULL || u->closed)
			return next_ending(u, out);
		ue_channels_send(u, now);
		if (!assoc_next_event(u->assoc, now, &in))
			return false;
		if (in.kind == ASSOC_CLOSED) {
			dtls_close(u->dtls);
			ue_session_ended(u, u->closing ? CLOSE_LOCAL : in.reason);
		} else if (in.kind != ASSOC_OPEN && ue_channels_event(u, now, &in, out)) {
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
