/* ue_impl.h: the body of a UE, for ue.c and ue_channels.c alone. */
#pragma once

#include "dcmf/ice/checker.h"
#include "tools/ue/ue.h"

#define TLS_ID_LEN 24 /* RFC 8842 5.2: at least 20 */

struct ue_channel {
	struct ue_stream stream; /* sid is the name the owner knows it by */
	uint16_t wire_sid;
	bool http;  /* a bootstrap channel: what comes is fed to the HTTP client */
	bool dcep;  /* opened by DATA_CHANNEL_OPEN */
	bool peers; /* by the peer's: forgotten with the association */
	bool open, blocked;
	struct ue_http client;
};

struct ue {
	struct ue_config config;
	struct dtls_ctx *dtls_ctx;
	struct ice_credentials credentials;
	char tls_id[TLS_ID_LEN + 1];
	struct ue_remote remote;
	enum setup answered; /* our role in the answer we gave; NONE: we offered */
	bool renew;          /* the next ue_connect() starts DTLS anew */
	bool held;

	struct ice_checker *checker;
	struct dtls *dtls;
	struct assoc *assoc;
	struct ue_channel *channels[UE_CHANNELS_MAX]; /* NULL: room */
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

/* ue.c */
/* It is over: UE_CLOSED follows. The first reason stays. */
void ue_session_ended(struct ue *u, enum close_reason reason);

/* ue_channels.c */
struct ue_channel *ue_channel_add(struct ue *u, const struct ue_stream *stream);
void ue_channels_finish(struct ue *u);
/* The association that was is gone: what depended on it is forgotten, the rest waits for the next. */
void ue_channels_reset(struct ue *u);
/* Asks a new association for every channel. */
enum err ue_channels_open(struct ue *u);
/* How many are known now. */
uint16_t ue_channels_count(const struct ue *u);
void ue_channels_send(struct ue *u, tick_t now);
/* The next event of a channel, from what `in` says; false: nothing to tell. */
bool ue_channels_event(
	struct ue *u, tick_t now, const struct assoc_event *in, struct ue_event *out);
/* The next piece of HTTP in the message at hand. */
bool ue_channels_read(struct ue *u, struct ue_event *out);
