/*
 * fake_relay.h: a relay without media, which remembers the wishes it was given as
 * text; link it instead of the real one.
 */
#pragma once

#include "dcmf/relay/relay.h"

#define FAKE_WISH_MAX 4096

struct fake_relay {
	enum err refuse; /* ERR_OK: grant everything */
	int refuse_termination, refuse_media;
	unsigned created, updated, deleted;
	char wish[FAKE_WISH_MAX]; /* the last one granted, see fake_wish() */
	enum leg_state state;     /* of every leg */
	bool secured;
	const char *upstream_protection;
	const struct link_view *link; /* of every media; NULL: none */
	const struct media_spec *far; /* of every media that passes; NULL: not told yet */
	enum close_reason reason;
	enum close_reason delete_reason; /* of the last delete */
};

struct relay *fake_relay_create(void);
void fake_relay_destroy(struct relay *r);
struct fake_relay *fake_relay(struct relay *r);

/*
 * A spec as a line: "owner=- ue{m0 http if=- remote=192.0.2.1:4000 ice=- fp=1
 * setup=actpass sctp=5000 max=65536 tls=- dcep=no 0[ordered reliable 256 label=-
 * http] 0>http://127.0.0.1/@127.0.0.1:80}"
 */
const char *fake_wish(const struct context_spec *spec, char buf[FAKE_WISH_MAX]);
