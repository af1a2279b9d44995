/* open_pair.c: two connections of ours that are open, and records put on the wire between them. */
#include "open_pair.h"

#include <check.h>

#include "dtls/dtls_parts.h"

struct sim sim;

void open_pair(void)
{
	sim_init(&sim);
	sim_pair(&sim, 1200, false);
	sim_run(&sim, 1);
	ck_assert(sim_both_open(&sim));
}

struct dtls *ours(int side)
{
	return sim.end[side].dtls;
}

size_t seal(int from, uint8_t type, struct span plain, uint8_t *out)
{
	size_t len = protect_seal(&ours(from)->protect, type, plain, out);

	ck_assert_uint_gt(len, 0);
	return len;
}

void inject(int from, uint8_t type, struct span plain)
{
	static uint8_t record[RECORD_MAX];

	sim_send(&sim, from, SPAN(record, seal(from, type, plain, record)));
	sim_run(&sim, 1);
}

void expect_working(void)
{
	size_t got[2] = { sim.end[CLIENT].messages, sim.end[SERVER].messages };

	ck_assert(sim_both_open(&sim));
	for (int side = 0; side < 2; side++)
		ck_assert_int_eq(dtls_send(ours(side), SPAN_LIT("still here")), ERR_OK);
	sim_run(&sim, 1);
	for (int side = 0; side < 2; side++) {
		ck_assert_uint_eq(sim.end[side].messages, got[side] + 1);
		ck_assert_uint_eq(sim.end[side].last_len, 10);
	}
}
