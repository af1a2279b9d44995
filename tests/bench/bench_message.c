/*
 * bench_message.c: the relay's processor time for a message from one UE to another, in one process and without sockets.
 *
 *     bench_message [--rounds N] [bytes [bridge|splice]]     one size, for callgrind; else all of them
 *
 * Ended at the relay (bridge, e2ae) the figure is that of one message; passed through (splice, e2e) that of one datagram.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/box.h"
#include "tests/bench/figure.h"

#define SID 1000

static struct {
	struct box *box;
	struct line *a, *b;
	uint64_t received;
} pair;

static void on_message(void *arg, struct span bytes)
{
	(void)arg;
	(void)bytes;
	pair.received++;
}

static void set_up(uint8_t proxy)
{
	static const struct ue_stream stream = { .sid = SID };
	struct line_config config = { .stream = &stream, .message = on_message };

	pair.box = box_create();
	pair.a = line_create(pair.box, &config);
	pair.b = line_create(pair.box, &config);
	if (!box_call(pair.box, pair.a, pair.b, proxy) ||
		!box_wait_open(pair.box, pair.a, pair.b)) {
		fprintf(stderr, "the pair does not come up\n");
		exit(1);
	}
}

static void take_down(void)
{
	line_destroy(pair.a);
	line_destroy(pair.b);
	box_destroy(pair.box);
}

/* As many messages as there is room for, until `count` came out at the other end. */
static void run(size_t bytes, uint64_t count)
{
	static uint8_t message[65536];
	uint64_t sent = 0, until = pair.received + count;

	while (pair.received < until) {
		while (sent < count && ue_send(line_ue(pair.a), box_now(), SID, PPID_BINARY,
					       SPAN(message, bytes)) == ERR_OK)
			sent++;
		box_turn(pair.box);
	}
}

static void measure(
	struct figures *f, const char *name, size_t bytes, uint64_t count, bool per_datagram)
{
	uint64_t before = box_datagrams(pair.box);

	box_relay_ns(pair.box);
	run(bytes, count);
	figure_add(f, name, box_relay_ns(pair.box),
		per_datagram ? box_datagrams(pair.box) - before : count);
}

/* Callgrind counts from cpu_begin() to cpu_end(), so that what came before is not in it. */
static void only(size_t bytes, uint8_t proxy, struct figures *f)
{
	uint64_t count = bytes > 4000 ? 400 : 4000;

	set_up(proxy);
	while (figure_round(f))
		measure(f, proxy == PROXY_UDP ? "splice-datagram" : "message", bytes, count,
			proxy == PROXY_UDP);
	take_down();
}

int main(int argc, char **argv)
{
	struct figures f;

	figure_init(&f, &argc, argv);
	cpu_pin(1);
	if (argc > 1) {
		only(strtoul(argv[1], NULL, 10),
			argc > 2 && strcmp(argv[2], "splice") == 0 ? PROXY_UDP
								   : PROXY_DC_APPLICATION,
			&f);
		figure_print(&f);
		return 0;
	}
	set_up(PROXY_DC_APPLICATION);
	run(1024, 20000);
	while (figure_round(&f)) {
		measure(&f, "message-64", 64, 40000, false);
		measure(&f, "message-1024", 1024, 20000, false);
		measure(&f, "message-16384", 16384, 1500, false);
	}
	take_down();
	set_up(PROXY_UDP);
	run(1024, 10000);
	for (unsigned i = 0; i < f.rounds; i++)
		measure(&f, "splice-datagram", 1024, 20000, true);
	take_down();
	figure_print(&f);
	return 0;
}
