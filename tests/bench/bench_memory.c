/*
 * bench_memory.c: heap that a connected leg of the relay keeps: right after its set-up, and when it has been idle for a while. In one process,
 * without sockets; what the kernel and the control interfaces keep of it comes on top, and what the heap loses between blocks. The resident
 * memory of leg and UE together is told too: it is what allocators differ in.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/box.h"

enum { LEGS = 1000, IDLE_TURNS = 200000 };

static struct box *box;
static struct line *lines[LEGS];

static long resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	if (f == NULL || fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f != NULL)
		fclose(f);
	return pages * 4096;
}

static void set_up(unsigned i, bool ice, const struct ue_stream *stream)
{
	lines[i] = line_create(box, &(struct line_config){ .ice = ice, .stream = stream });
	if (stream == NULL ? !box_call(box, lines[i], NULL, PROXY_HTTP)
			   : i % 2 == 1 &&
				     !box_call(box, lines[i - 1], lines[i], PROXY_DC_APPLICATION))
		exit(1);
	if ((stream == NULL || i % 2 == 1) &&
		!box_wait_open(box, lines[i], stream ? lines[i - 1] : NULL))
		exit(1);
}

static void measure(const char *name, bool ice, const struct ue_stream *stream)
{
	int64_t before = box_heap(box), up;
	long pages = resident();

	for (unsigned i = 0; i < LEGS; i++)
		set_up(i, ice, stream);
	up = box_heap(box) - before;
	for (unsigned i = 0; i < IDLE_TURNS; i++)
		box_turn(box);
	printf("%-28s bytes of heap a leg: %lld connected, %lld idle for 10 s, %ld resident with "
	       "the UE\n",
		name, (long long)up / LEGS, (long long)(box_heap(box) - before) / LEGS,
		(resident() - pages) / LEGS);
	for (unsigned i = 0; i < LEGS; i++)
		box_hang_up(box, lines[i]);
	for (unsigned i = 0; i < 2000; i++)
		box_turn(box);
	for (unsigned i = 0; i < LEGS; i++)
		line_destroy(lines[i]);
}

int main(void)
{
	static const struct ue_stream stream = { .sid = 1000 };

	box = box_create();
	box_count_heap(box);
	measure("memory-bootstrap", false, NULL);
	measure("memory-bootstrap-ice", true, NULL);
	measure("memory-application", false, &stream);
	box_destroy(box);
	return 0;
}
