/*
 * box.h: one relay and its UEs in one program, without sockets and in made-up time, so that the processor time and the
 * instructions of the relay alone can be told.
 *
 *     box_create(&config)
 *     line_create(box, &options)      a UE with a media of the relay before it; two of them are a pair
 *     box_turn(b)                     the UEs act, the relay takes what they sent in batches, its datagrams arrive
 *     box_relay_ns(b)                 what the relay has cost since the last time this was asked
 *
 * The program exports gettimeofday(), so that OpenSSL and usrsctp see the made-up time as well. The SCTP stack is one for
 * all; what its timers do may be counted on either side.
 */
#pragma once

#include "dcmf/relay/relay.h"
#include "tools/ue/ue.h"

#define BOX_BATCH 32 /* datagrams the relay is given before its end of turn, as dcmf/io does */

struct box;
struct line;

struct line_config {
	bool ice;
	const struct ue_stream *stream; /* an application channel; NULL: a bootstrap channel 0 */
	void *arg;
	/* A message on the application channel; there is room again. May be NULL. */
	void (*message)(void *arg, struct span bytes);
};

struct box *box_create(void);
void box_destroy(struct box *b);
tick_t box_now(void);

struct line *line_create(struct box *b, const struct line_config *config);
void line_destroy(struct line *l);
struct ue *line_ue(const struct line *l);
bool line_is_open(const struct line *l); /* its first channel is */

/*
 * The controller: a context for one UE with a bootstrap channel, or for two with an application channel between them, that
 * ends at the relay or passes through. False: refused, or the relay has no port.
 */
bool box_call(struct box *b, struct line *a, struct line *other, uint8_t proxy);
void box_hang_up(struct box *b, struct line *a);

void box_turn(struct box *b);
/* Until both are up. False: that takes too long. */
bool box_wait_open(struct box *b, const struct line *a, const struct line *other);
int64_t box_relay_ns(struct box *b);
/* From now on: bytes of heap that the relay's calls took and did not give back; glibc's, so not with another allocator. */
void box_count_heap(struct box *b);
int64_t box_heap(const struct box *b);
uint64_t box_datagrams(const struct box *b); /* that the relay took */
