/*
 * bench_setup.c: the relay's processor time for one UE that comes up and goes again: context, ICE, DTLS with certificates on
 * both sides, SCTP, the first channel; then its end. In one process, without sockets.
 *
 *     bench_setup [--rounds N] [count [beside]]     beside: so many that are up all the time
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/box.h"
#include "tests/bench/figure.h"

static struct box *box;

static struct line *set_up(bool ice)
{
	struct line *l = line_create(box, &(struct line_config){ .ice = ice });

	if (!box_call(box, l, NULL, PROXY_HTTP) || !box_wait_open(box, l, NULL)) {
		fprintf(stderr, "a UE does not come up\n");
		exit(1);
	}
	return l;
}

static void go(struct line *l)
{
	box_hang_up(box, l);
	for (unsigned i = 0; i < 200; i++)
		box_turn(box);
	line_destroy(l);
}

int main(int argc, char **argv)
{
	struct figures f;
	unsigned count;

	figure_init(&f, &argc, argv);
	count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 300;
	cpu_pin(1);
	box = box_create();
	for (unsigned i = 0; argc > 2 && i < strtoul(argv[2], NULL, 10); i++)
		set_up(true);
	for (unsigned i = 0; i < 20; i++)
		go(set_up(true));
	while (figure_round(&f)) {
		int64_t up = 0, down = 0;

		box_relay_ns(box);
		for (unsigned i = 0; i < count; i++) {
			struct line *l = set_up(true);

			up += box_relay_ns(box);
			go(l);
			down += box_relay_ns(box);
		}
		figure_add(&f, "set-up", up, count);
		figure_add(&f, "tear-down", down, count);
	}
	figure_print(&f);
	box_destroy(box);
	return 0;
}
