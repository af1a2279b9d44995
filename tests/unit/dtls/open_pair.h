/*
 * open_pair.h: two connections of ours that are open, and records put on the wire between them.
 *
 *     open_pair();
 *     inject(CLIENT, RECORD_ALERT, SPAN_OF(bytes));      authentic, as if the client had sent it
 *     expect_working();                                  and it did no harm
 *     sim_finish(&sim);
 */
#pragma once

#include "sim.h"

/* The one of the program; a test may also begin it by itself. */
extern struct sim sim;

void open_pair(void);
struct dtls *ours(int side);

/* A record as that side could send it: authentic, whatever it says. Its length. */
size_t seal(int from, uint8_t type, struct span plain, uint8_t *out);
/* Such a record, which arrives. */
void inject(int from, uint8_t type, struct span plain);

/* Both are open, and a message of each reaches the other. */
void expect_working(void);
