/*
 * load_ue.h: one UE of a wave: it offers, sets up, fetches list and package,
 * holds, and has its context deleted.
 *
 *     offering ─ answer ─► setting up ─ channels open ─► list ─► package ─► again ─► holding
 *              ─► leaving ─► gone
 *
 * Whatever goes wrong on the way: it has failed, and is leaving at once.
 */
#pragma once

#include "dcmf/base/list.h"
#include "dcmf/base/map.h"
#include "dcmf/base/timer.h"
#include "dcmf/io/udp.h"
#include "tools/load/load_control.h"
#include "tools/load/report.h"
#include "tools/load/verify.h"
#include "tools/ue/ue.h"

#define LOAD_LINES_MAX 2

/* What all UEs of a run share. */
struct load {
	struct options options;
	struct loop *loop;
	struct udp *udp;
	struct stun_codec *codec;
	struct load_control *control;
	struct timers timers;
	struct verify verify;
	struct report report;
	struct dtls_ctx **identities; /* a certificate a UE */
	struct load_line *by_number;
	struct list_node ready; /* UEs with something to do in this turn */
	unsigned present;       /* UEs that are not gone */
	unsigned up_now;        /* UEs whose channels are open */
	unsigned wave_peak;     /* the most of them in this wave */
	unsigned wave_failed;   /* UEs of this wave that failed */
	unsigned fed;           /* UEs of this wave that have fetched everything */
	const char *gave_up;    /* why the run cannot go on; NULL: it can */
	unsigned next_port;
	tick_t last_open;
};

struct load_ue;

/* One m=application line: a socket and a UE. */
struct load_line {
	struct load_ue *owner;
	struct ue *ue;
	uint32_t number; /* of the socket */
	struct timer timer;
	bool open, secured, closed;
	UT_hash_handle hh; /* in load.by_number */
};

enum load_ue_state { OFFERING, SETTING_UP, LIST, PACKAGE, AGAIN, HOLDING, LEAVING, GONE };

struct load_ue {
	struct load *load;
	unsigned index;
	enum load_ue_state state;
	bool failed, ice, was_open;
	bool delete_due; /* a request is under way that makes or ends a context */
	struct load_line lines[LOAD_LINES_MAX];
	char context_id[64];
	tick_t due, offered, answered, secured, asked;
	struct timer timer; /* of the state */
	struct list_node on_ready;

	/* the fetch under way, on one line after the other */
	unsigned line;
	long fetched;
	struct bytes list;
	struct check check;
	char etag[128];
};

/* `due` is when it should have begun. */
struct load_ue *load_ue_begin(struct load *l, unsigned index, tick_t due, tick_t now);
void load_ue_destroy(struct load_ue *u);
/* The wave is complete: whoever only waits for that leaves. */
void load_ue_dismiss(struct load_ue *u);
/* The run is interrupted: leave now. */
void load_ue_give_up(struct load_ue *u);
void load_ue_input(struct load *l, tick_t now, const struct path *path, struct span dgram);
/* Works off everybody on load.ready. */
void load_ue_turn(struct load *l, tick_t now);
