/*
 * board.h: memory that the conductor shares with the processes it has started, its players.
 *
 * The conductor says which wave is on, when its work may begin and when everybody may leave; each player says in its own seat how
 * far it is. Flags name the wave they hold for, so that nothing has to be taken back.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "tools/load/tally.h"

struct seat {
	_Atomic bool is_ready; /* before the first wave */
	_Atomic unsigned waves_done;
	_Atomic unsigned wave; /* which one the counts below are of: perhaps still the last */
	_Atomic bool all_begun;
	_Atomic unsigned begun, up, done, failed, present, up_now, peak;
	char gave_up[256]; /* why it ended early */
	struct tally tally;
};

struct board {
	_Atomic unsigned wave;    /* the one that is on, from 1; 0: none yet */
	_Atomic unsigned go;      /* with --together: the work of this wave may begin */
	_Atomic unsigned dismiss; /* everybody of this wave may leave */
	_Atomic bool stop;        /* interrupted: delete contexts and leave */
	_Atomic bool end;         /* no more waves */
	tick_t start;             /* of the wave */
	unsigned seat_count;
	struct seat seats[];
};
