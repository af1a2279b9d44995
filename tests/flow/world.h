/*
 * world.h: a whole deployment in one program and in made-up time: one relay, any
 * number of phones, one server behind it.
 *
 *     phone 0 ── line ──┐
 *     phone 1 ── line ──┤ network (sim.h) ── relay ──┬── DCSF (dcsf.h)
 *     ...               ┘                            └── application server (app_server.h)
 *
 *     w = world_create(__func__)            begins; world_create_with() changes the configuration
 *     p = phone_create(w, &options)
 *     phone_call(p)                         the controller: offer in, context made, answer out
 *     world_until(w, seconds, condition)    time goes on until something is true
 *     world_finish(w)                       checks that nothing is left, and ends
 *
 * A test that fails never reaches world_finish(); the fixture world_fixture() finds the world then
 * and leaves flow-<name>.pcap in the working directory.
 */
#pragma once

#include <check.h>

#include "dcmf/relay/relay.h"
#include "tests/flow/app_server.h"
#include "tests/flow/dcsf.h"
#include "tests/flow/sim.h"
#include "tools/ue/ue.h"

#define PHONES_MAX  512
#define SEEN_MAX    8192
#define REPLIES_MAX 64
#define BASE        "http://dcsf.example/alice"

/* One relay event as it came. */
struct seen {
	enum relay_event_type type;
	char context_id[24], media_id[24];
	int32_t sid;
	uint8_t hop;
	enum close_reason reason;
	char detail[200];
};

struct world {
	const char *name;
	struct net *net;
	struct relay *relay;
	struct dcsf *dcsf;
	struct app_server *server;
	struct dtls_ctx *gateway; /* the relay's certificate */
	struct stun_codec *codec; /* the phones' */
	struct phone *phones[PHONES_MAX];
	unsigned phone_count;
	struct addr at; /* of the gateway, port of the next media */
	struct port {
		struct addr at;
		unsigned users;  /* more than one only on the shared port */
	} ports[PHONES_MAX * 4]; /* by number; never taken twice */
	uint32_t ports_open, next_number;
	bool shared_port;        /* one port for all medias with ICE */
	uint32_t shared_number;  /* 0: not open */
	unsigned no_ports_after; /* port_open fails when so many are open; 0: never */
	struct seen seen[SEEN_MAX];
	unsigned seen_count;
	unsigned contexts;     /* made so far */
	unsigned long fail_at; /* the n-th allocation of the relay from now fails; 0: none */
	bool failed;           /* it did */
	long live_before;
	uint64_t datagrams; /* the relay sent */
	size_t largest;     /* of them */
};

/* One response as the phone saw it. */
struct reply {
	uint16_t sid;
	int status;
	int64_t length; /* Content-Length; -1 none */
	uint64_t received;
	bool wrong; /* a byte was not dcsf_byte() */
	bool complete;
	char etag[64], location[256];
	char head[2048];
	char text[256]; /* the first bytes of the body */
};

struct phone_options {
	bool ice, ipv6;
	bool webrtc; /* style of the offer */
	bool dcep;
	enum setup setup; /* NONE: actpass */
	uint16_t sids[UE_SIDS_MAX];
	unsigned sid_count;      /* 0: channel 0 */
	uint16_t mtu;            /* 0: 1200 */
	uint32_t piece;          /* 0: 1024 */
	uint32_t receive_buffer; /* 0: 256 KiB */
	int64_t delay_us;        /* of each direction; 0: 20 ms */

	/* of phones that call one another (pair.h) */
	bool application;     /* no bootstrap channel */
	bool accept_dcep;     /* the other side may open channels */
	uint32_t max_message; /* 0: 1024; bytes it takes */
	uint32_t send_buffer; /* 0: 256 KiB */
	bool ice_lite;        /* a server that answers checks and sends none; instead of `ice` */

	/* of phones that speak to an application server; NULL: none */
	const struct link_spec *server;
	const struct ue_stream *streams; /* agreed with it */
	unsigned stream_count;
};

struct phone {
	struct world *world;
	struct ue *ue;
	struct ice_lite *lite; /* NULL: it is not ICE Lite */
	struct phone_options options;
	struct path at;
	struct link up, down;
	char context_id[24];
	struct ue_remote remote; /* the last answer */

	bool wrong_fingerprint; /* the controller is told another one */
	bool unknown;           /* the controller tells nothing of the remote side at first */

	bool touched;                      /* something happened in this instant */
	unsigned path_up, secured, closed; /* how often */
	enum close_reason reason;
	unsigned opened, channels_closed;
	struct reply replies[REPLIES_MAX];
	unsigned reply_count, complete;
	unsigned asked; /* replies that are due in all */
	unsigned garbage;
	uint64_t body_bytes; /* of all replies */

	/* of phones that call one another (pair.h) */
	struct pair *pair;
	unsigned wanted;    /* channels that make it up */
	unsigned writables; /* how often */

	/* of phones that speak to an application server: what comes of it; NULL: nobody cares */
	void (*heard)(struct phone *p, const struct ue_event *ev);
};

struct world *world_create(const char *name);
/* `change` may be NULL. */
struct world *world_create_with(const char *name, void (*change)(struct relay_config *config));
void world_finish(struct world *w);
/* Adds set-up and tear-down that leave evidence of a failed test. */
void world_fixture(TCase *tc);
/*
 * For a test program: a suite whose tests run with that fixture, in one
 * process. Returns what main() returns.
 */
int world_main(const char *name, void (*add)(TCase *tc));

typedef bool world_condition(struct world *w);

/* One instant: everything that is due now. */
void world_step(struct world *w);
/* Time goes on until the condition is true (then true) or so many seconds have passed (false). */
bool world_until(struct world *w, double seconds, world_condition *condition);
void world_run(struct world *w, double seconds);

/* NULL: a phone without ICE on channel 0. */
struct phone *phone_create(struct world *w, const struct phone_options *options);
void phone_destroy(struct phone *p); /* it vanishes without a word */
/*
 * sdp.terminate, done by hand: offer to spec, context, what the relay decided to
 * an answer, into the UE. False: refused.
 */
bool phone_call(struct phone *p, struct relay_refusal *refusal);
/* context.update with what the phone's offer would say now; `streams` as the UE has them. */
bool phone_update(struct phone *p);
void phone_hang_up(struct phone *p); /* context.delete */
/* What the spec of this phone's context is: the caller may change it and finishes it. */
void phone_spec(const struct phone *p, struct context_spec *spec);
bool phone_update_to(struct phone *p, const struct context_spec *spec);
void phone_get(struct phone *p, uint16_t sid, const char *target);
void phone_ask(struct phone *p, const struct ue_request *r);
void phone_raw(struct phone *p, uint16_t sid, const char *text, unsigned responses);
void phone_move(struct phone *p); /* to another address */
/* A tenth is lost, some comes twice, and all of it out of order; the checks are spared. */
void phone_has_bad_line(struct phone *p);
bool phone_is_up(const struct phone *p); /* every channel is open */
const struct reply *phone_reply(const struct phone *p, unsigned i);
struct relay_context *phone_context(const struct phone *p);
void phone_view(const struct phone *p, struct media_view *out);

/* The whole way: call, channels open, within 10 s. */
void phone_set_up(struct phone *p);
/* Asks and waits for the complete reply at most so many seconds; returns it. */
const struct reply *phone_fetch(struct phone *p, uint16_t sid, const char *target, double seconds);

/* How many events of that type came for the phone (NULL: for anybody); the last of them. */
unsigned world_count(const struct world *w, const struct phone *p, enum relay_event_type type);
const struct seen *world_last(
	const struct world *w, const struct phone *p, enum relay_event_type type);

/*
 * Every allocation that the relay makes during `call` fails once, each in a run of its own: nothing
 * of it stays behind. `call` makes a context and ends it; with enough memory it needs `at_least` so many.
 */
void world_sweep(struct world *w, void (*call)(struct world *w, const void *arg), const void *arg,
	unsigned at_least);

/* Conditions. */
bool all_up(struct world *w);
bool all_answered(struct world *w); /* every phone has a reply to everything it asked */
bool all_closed(struct world *w);
bool nothing_left(struct world *w); /* no context, no port */
