/* player.h: one process that brings actors to the gateway, as the board says. */
#pragma once

#include "tools/load/board.h"
#include "tools/load/plan.h"

/*
 * Plays every wave from the given seat and returns when there are no more; what happened is in the seat. `plan` stays the
 * caller's.
 */
void player_run(struct board *b, unsigned seat, const struct plan *plan);
