/* stream_parts.h: what the stream*.c files share; nobody else includes it. */
#pragma once

#include <event2/event_struct.h>

#include "dcmf/base/bytes.h"
#include "dcmf/io/stream.h"
#include "dcmf/io/stream_socket.h"

struct stream {
	struct loop *loop;
	const struct stream_ops *ops;
	void *arg;
	struct event readable, writable;
	struct alarm *deadline; /* of connecting, of a handshake, of the last bytes */
	struct filter *filter;  /* NULL: none */
	int fd;                 /* -1: there is none */
	struct bytes out;       /* not taken by the kernel */
	size_t low_water;       /* writable() is told at so many of them */
	bool is_connecting;
	bool is_paused, is_resumed; /* input() is owed */
	bool is_at_end;             /* the peer sends no more */
	bool has_more;              /* the filter holds text that the owner was too busy for */
	bool wants_room;            /* stream_write() found none */
	bool is_finishing, is_shut; /* what is queued leaves; and has left */
	bool is_unwritable;         /* the peer takes no more; its last words are still read */
	bool is_broken;             /* given up; closed() follows */
	bool is_refused;
	bool is_busy, is_doomed; /* a callback runs; it destroyed us */
	const char *failure;
	char peer[STREAM_PEER_MAX + FILTER_TEXT_MAX];
};

static inline bool stream_filter_is(const struct stream *s, enum filter_state state)
{
	return s->filter != NULL && s->filter->ops->state(s->filter) == state;
}

/* Behind the address: what the peer has proved. */
void stream_name_filtered_peer(struct stream *s);
/* The filter's fault, for that reason (a static text). False, for who returns it. */
bool stream_refuse(struct stream *s, const char *why);
/* Tells the owner, and frees the stream. */
void stream_close(struct stream *s);
void stream_free(struct stream *s);

/* As far as the kernel takes it. False: not all, or it broke. */
bool stream_write_out(struct stream *s);
/* What is queued, and a filter's goodbye behind it. */
bool stream_write_last(struct stream *s);
/* Everything has left: the peer is told, and what it still says is thrown away until it ends, too. */
void stream_go_on_finishing(struct stream *s);
/* The owner may have destroyed the stream when it returns. */
void stream_tell_of_room(struct stream *s);

/* For event_assign(). */
void stream_on_readable(evutil_socket_t fd, short what, void *arg);
