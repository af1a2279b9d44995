/* ue_parts.h: what ue.c and ue_channel.c share. */
#pragma once

#include "dcmf/ice/checker.h"
#include "tools/ue/ue.h"

#define TLS_ID_LEN 24 /* RFC 8842 5.2: at least 20 */

struct ue_channel {
	uint16_t sid, wire_sid;
	bool used, open, blocked;
	struct ue_http http;
};

struct ue {
	struct ue_config config;
	struct dtls_ctx *dtls_ctx;
	struct ice_credentials credentials;
	char tls_id[TLS_ID_LEN + 1];
	struct ue_remote remote;
	bool renew; /* the next ue_connect() starts DTLS anew */
	bool held;

	struct ice_checker *checker;
	struct dtls *dtls;
	struct assoc *assoc;
	struct ue_channel channels[UE_SIDS_MAX];
	struct dgram_queue out;
	struct dgram_queue early; /* came before the answer did */

	/* Events that wait, and what is still to read of the last message. */
	bool path_up, secured, closed; /* happened */
	bool told_path, told_secured, told_closed;
	bool closing;
	enum close_reason reason;
	struct ue_channel *reading;
	struct span rest;
};

static inline bool ue_is_client(const struct ue *u)
{
	return u->remote.setup == SETUP_PASSIVE;
}

/* ue_channel.c; NULL where there is no such channel, or no room for one more. */
struct ue_channel *ue_channel_of(struct ue *u, uint16_t sid);
struct ue_channel *ue_channel_on_wire(struct ue *u, uint16_t wire_sid);
struct ue_channel *ue_channel_add(struct ue *u, uint16_t sid);
void ue_channel_remove(struct ue *u, struct ue_channel *ch);
/* On the association, which is there. */
enum err ue_channel_open(struct ue *u, struct ue_channel *ch);
/* Requests that wait leave, as far as the association takes them. */
void ue_channel_send(struct ue *u, tick_t now, struct ue_channel *ch);
