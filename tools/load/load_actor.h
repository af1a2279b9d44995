/*
 * load_actor.h: whoever arrives, one UE or several that belong together: their sockets, and their life from the first request to the
 * end of the context.
 *
 *     asking ─ answers ─► setting up ─ every channel open ─► (waiting for the others) ─► working ─ done ─► holding ─► leaving ─► gone
 *        └──────────────────┴── anything wrong: failed, and leaving at once ──┘
 *
 * A scenario brings what differs, as struct load_ops: which UEs there are, what is asked of the gateway, what work is.
 */
#pragma once

#include "dcmf/base/list.h"
#include "dcmf/base/map.h"
#include "dcmf/base/timer.h"
#include "dcmf/io/udp.h"
#include "tools/load/board.h"
#include "tools/load/load_control.h"
#include "tools/load/plan.h"
#include "tools/load/verify.h"
#include "tools/ue/ue.h"

#define LOAD_LINES_MAX 2

struct server;

/* What all actors of a process share. */
struct load {
	const struct plan *plan;
	struct board *board;
	struct seat *seat;
	struct tally *tally; /* in the seat */
	struct loop *loop;
	struct udp *udp;
	struct stun_codec *codec;
	struct load_control *control;
	struct timers timers;
	struct verify verify[PARTS_MAX];
	struct server *servers[PARTS_MAX]; /* of p2a; NULL: not needed (yet) */
	struct dtls_ctx **identities;      /* certificates of UEs */
	unsigned identity_count;
	struct load_line *by_number;
	struct list_node all;   /* actors that are not gone */
	struct list_node ready; /* those with something to do in this turn */
	struct list_node later; /* those with more to do in the next turn */
	struct list_node dead;  /* those to be freed at the end of the turn */
	const char *gave_up;    /* why the run cannot go on; NULL: it can */
	unsigned next_port;
};

struct load_actor;

/* One m=application line: a socket and a UE. */
struct load_line {
	struct load_actor *owner;
	const char *who; /* in words of failures */
	struct ue *ue;
	uint32_t number; /* of the socket */
	unsigned identity;
	struct timer timer;
	unsigned wanted, open; /* channels */
	bool ice, secured, closed;
	UT_hash_handle hh; /* in load.by_number */
};

struct load_ops {
	size_t size;                         /* of what begins with a struct load_actor */
	void (*begin)(struct load_actor *a); /* makes lines, and asks for a context */
	/* Every channel of every line is open; load_actor_done() ends the work. */
	void (*work)(struct load_actor *a, tick_t now);
	/* What a line tells, beyond what load_actor.c sees to itself. */
	void (*event)(struct load_actor *a, struct load_line *line, const struct ue_event *ev);
	/* After the events of a turn, before datagrams leave. May be NULL. */
	void (*turned)(struct load_actor *a, tick_t now);
	/* The time that load_actor_wait() gave the work is up. */
	void (*late)(struct load_actor *a, tick_t now);
	/* It stops working, whatever the reason, once. May be NULL. */
	void (*stop)(struct load_actor *a);
	/* It leaves, and there is no context whose end would close its UEs. May be NULL. */
	void (*part)(struct load_actor *a, tick_t now);
	void (*finish)(struct load_actor
			*a); /* frees what struct load_actor does not hold. May be NULL. */
};

extern const struct load_ops bootstrap_ops, echo_ops, p2a_ops, pair_ops;

enum load_state {
	LOAD_ASKING,
	LOAD_SETTING_UP,
	LOAD_WAITING,
	LOAD_WORKING,
	LOAD_HOLDING,
	LOAD_LEAVING,
	LOAD_GONE
};

/* The session description that was asked for, and all of the result. */
typedef void load_answered(struct load_actor *a, const char *sdp, const json_t *result);

/* First in what a scenario makes of it. */
struct load_actor {
	const struct load_ops *ops;
	struct load *load;
	const struct options *options;
	struct part *part;
	unsigned index, part_index;
	enum load_state state;
	bool failed, was_up, stopped;
	bool ends_silently; /* nobody in between says goodbye to its UEs */
	bool request_due;   /* one is under way that makes or ends a context */
	load_answered *answered;
	struct load_line lines[LOAD_LINES_MAX];
	unsigned line_count;
	char context_id[64];
	tick_t due, begun, connected, secured; /* connected: the UEs knew where to begin */
	struct timer timer;                    /* of the state */
	struct list_node on_all, on_ready;
};

/* `due` is when it should have begun. False: out of memory. */
bool load_actor_begin(struct load *l, unsigned index, tick_t due, tick_t now);
void load_actor_destroy(struct load_actor *a);

/* The others are up too: whoever waits for that begins to work. */
void load_actor_release(struct load_actor *a);
/* The wave is complete: whoever only waits for that leaves. */
void load_actor_dismiss(struct load_actor *a);
/* The run is interrupted: leave now. */
void load_actor_give_up(struct load_actor *a);

void load_input(struct load *l, tick_t now, const struct path *path, struct span dgram);
/* Works off everybody who is ready, and frees the dead. */
void load_turn(struct load *l, tick_t now);

/* ---- for scenarios ---- */

static inline tick_t load_actor_now(const struct load_actor *a)
{
	return loop_now(a->load->loop);
}

/* It has something to do: in this turn, or in the next. */
void load_actor_touch(struct load_actor *a);
void load_actor_touch_later(struct load_actor *a);
/* For at most so long in the present state; again replaces it. */
void load_actor_wait(struct load_actor *a, double seconds);

/* Was it chosen for something that `percent` of all are? Evenly spread. */
static inline bool load_is_chosen(unsigned index, unsigned percent)
{
	return (index + 1) * percent / 100 > index * percent / 100;
}

static inline struct verify *load_actor_verify(const struct load_actor *a)
{
	return &a->load->verify[a->part_index];
}

/* What all UEs of a run have in common. `turn` decides where roles are taken in turn. */
void load_actor_config(
	const struct load_actor *a, bool ice, unsigned turn, struct ue_config *config);
/* Adds what UEs that talk need: messages of the payload's size, and room for more than what the other side may have under way. */
void load_actor_config_talk(const struct load_actor *a, struct ue_config *config);
/*
 * A socket of its own (where config->local names an address, there), a certificate, and a UE with `wanted` channels to wait for.
 * NULL: it has failed.
 */
struct load_line *load_actor_line(
	struct load_actor *a, const char *who, struct ue_config *config, unsigned wanted);
/* Asks the gateway; `answered` gets what it says, unless it refuses or is too late. */
void load_actor_ask(
	struct load_actor *a, const char *method, json_t *params, load_answered *answered);
/* Everything is asked and answered: the channels are to open in time. */
void load_actor_set_up(struct load_actor *a);
/* Leaves; only the first failure counts. */
void load_actor_fail(struct load_actor *a, enum failure f, const char *detail);
/* All its work is done: stays as long as it was told, then leaves. */
void load_actor_done(struct load_actor *a);
void load_actor_measure(struct load_actor *a, enum measure m, tick_t from, tick_t to);
