/* dtls.c: one DTLS 1.2 connection, as bytes in and bytes out. */
#include "dtls/dtls.h"

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dtls/ctx.h"
#include "dtls/dtls_parts.h"

struct dtls *dtls_create(const struct dtls_config *config)
{
	struct dtls *d = mem_zalloc(sizeof(*d) + config->peer_count * sizeof(struct fingerprint));

	if (d == NULL)
		return NULL;
	count(dtls_connections);
	d->ctx = dtls_ctx_ref(config->ctx);
	d->role = config->role;
	d->state = DTLS_HANDSHAKING;
	d->deadline = TICK_NEVER;
	d->cookie_shown = config->cookie_shown;
	d->awaits_hello = config->role == DTLS_SERVER;
	d->wire = (struct wire){ .mtu = config->mtu, .output = config->output, .arg = config->arg };
	d->peer_count = config->peer_count;
	memcpy(d->peer, config->peer, config->peer_count * sizeof(struct fingerprint));
	if (!handshake_init(d, config)) {
		ERR_clear_error();
		dtls_destroy(d);
		return NULL;
	}
	return d;
}

void dtls_destroy(struct dtls *d)
{
	if (d == NULL)
		return;
	SSL_free(d->ssl);
	protect_finish(&d->protect);
	mem_free(d->early);
	dtls_ctx_unref(d->ctx);
	mem_free(d);
	count_add(dtls_connections, -1);
}

void dtls_set_closed(struct dtls *d, enum close_reason reason)
{
	if (d->state == DTLS_HANDSHAKING && reason != CLOSE_LOCAL)
		count(dtls_failed_total);
	if (reason == CLOSE_DTLS_FINGERPRINT)
		count(dtls_fingerprint_total);
	d->state = DTLS_CLOSED;
	d->reason = reason;
	d->deadline = TICK_NEVER;
	d->wire.in = d->in = SPAN_NONE;
}

void dtls_start(struct dtls *d, tick_t now)
{
	if (d->role != DTLS_CLIENT || d->state != DTLS_HANDSHAKING)
		return;
	d->now = now;
	handshake_start(d);
}

void dtls_input(struct dtls *d, tick_t now, struct span dgram)
{
	d->now = now;
	if (d->state == DTLS_HANDSHAKING)
		handshake_input(d, dgram);
	else if (d->state == DTLS_OPEN)
		d->in = dgram;
	if (d->state == DTLS_OPEN)
		open_absorb(d);
}

tick_t dtls_deadline(const struct dtls *d)
{
	return d->deadline;
}

void dtls_expire(struct dtls *d, tick_t now)
{
	if (d->state != DTLS_HANDSHAKING || !tick_due(d->deadline, now))
		return;
	d->now = now;
	handshake_expire(d);
}

bool dtls_read(struct dtls *d, uint8_t *buf, size_t cap, size_t *len)
{
	return d->state == DTLS_OPEN && open_read(d, buf, cap, len);
}

enum err dtls_send(struct dtls *d, struct span plaintext)
{
	if (d->state != DTLS_OPEN)
		return d->state == DTLS_CLOSED ? ERR_CLOSED : ERR_STATE;
	if (plaintext.len > d->info.plaintext_max)
		return ERR_TOO_LONG;
	if (plaintext.len == 0)
		return ERR_OK; /* nobody would see it */
	return open_send(d, plaintext);
}

void dtls_close(struct dtls *d)
{
	if (d->state == DTLS_CLOSED)
		return;
	if (d->state == DTLS_OPEN)
		open_close(d);
	dtls_set_closed(d, CLOSE_LOCAL);
}

enum dtls_state dtls_state(const struct dtls *d)
{
	return d->state;
}

enum close_reason dtls_close_reason(const struct dtls *d)
{
	return d->reason;
}

void dtls_info(const struct dtls *d, struct dtls_info *out)
{
	*out = d->info;
}
