/* load_ue_parts.h: what load_ue.c and load_fetch.c share. */
#pragma once

#include "tools/load/load_ue.h"

static inline tick_t load_ue_now(const struct load_ue *u)
{
	return loop_now(u->load->loop);
}

/* The bootstrap channel of a line: the local one, then the remote one. */
static inline uint16_t load_sid(unsigned line)
{
	return line == 0 ? 0 : 100;
}

/* load_ue.c: in this state from now on, for at most so long. */
void load_ue_wait_in(struct load_ue *u, enum load_ue_state state, double seconds);
/* Leaves; only the first failure of a UE counts. */
void load_ue_fail(struct load_ue *u, enum failure f, const char *detail);
/* Everything is fetched: stays as long as it was told, then leaves. */
void load_ue_hold(struct load_ue *u);

/* load_fetch.c */
void load_fetch_begin(struct load_ue *u);
void load_fetch_bytes(struct load_ue *u, const struct ue_event *ev);
void load_fetch_ended(struct load_ue *u, const struct ue_response *response);
