/* server.c: sockets of the servers that the generator plays. */
#include "tools/load/server_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/list.h"
#include "dcmf/io/stream.h"
#include "dtls/cert.h"
#include "dtls/stream.h"

#define PEM_MAX      65536
#define DATAGRAM_MAX 65536
#define IN_MAX       (20u << 20) /* a frame of the largest size there is */

struct server {
	struct loop *loop;
	int fd;
	struct watch *watch;
	struct addr at;
	server_talk *talk;             /* NULL: datagrams */
	struct filter_factory *filter; /* NULL: none */
	struct fingerprint fingerprint;
	struct list_node conns;
};

struct conn {
	struct server *server;
	struct list_node on_server;
	struct stream *stream;
	struct bytes in, out;
};

/* ---- connections ---- */

/* Out goes what the stream takes; while something is left, nothing more is read. */
static void flush(struct conn *c)
{
	while (c->out.len > 0) {
		struct span view = bytes_view(&c->out);
		size_t room = stream_room(c->stream), n = room < view.len ? room : view.len;

		if (n == 0 || !stream_write(c->stream, SPAN(view.p, n)))
			break;
		bytes_take(&c->out, n);
	}
	if (c->out.len > 0)
		stream_await_room(c->stream);
	stream_pause(c->stream, c->out.len > 0);
}

static void on_input(void *arg, struct stream *s, struct span bytes)
{
	struct conn *c = arg;

	if (!bytes_append(&c->in, bytes) || !c->server->talk(&c->in, &c->out))
		stream_fail(s, "not what this server speaks");
	else
		flush(c);
}

static void on_writable(void *arg, struct stream *s)
{
	struct conn *c = arg;

	flush(c);
	if (c->out.len == 0)
		on_input(c, s, SPAN_NONE); /* what found no room does now */
}

static void drop(struct conn *c)
{
	list_unlink(&c->on_server);
	bytes_finish(&c->in);
	bytes_finish(&c->out);
	mem_free(c);
}

static void on_closed(void *arg, struct stream *s)
{
	(void)s;
	drop(arg);
}

static const struct stream_ops ops = {
	.input = on_input, .writable = on_writable, .closed = on_closed
};

static void on_connection(void *arg, tick_t now)
{
	struct server *s = arg;
	struct stream_config config = {
		.ops = &ops, .max_queued = SERVER_OUT_MAX, .filter = s->filter
	};
	struct conn *c;
	int fd;

	(void)now;
	while ((fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		if ((c = mem_zalloc(sizeof(*c))) == NULL) {
			close(fd);
			continue;
		}
		c->server = s;
		c->in.limit = IN_MAX;
		c->out.limit = IN_MAX + SERVER_OUT_MAX;
		list_init(&c->on_server);
		list_append(&s->conns, &c->on_server);
		config.arg = c;
		if ((c->stream = stream_adopt(s->loop, fd, &config)) == NULL)
			drop(c);
	}
}

/* ---- datagrams ---- */

static void on_datagram(void *arg, tick_t now)
{
	struct server *s = arg;
	static uint8_t buf[DATAGRAM_MAX];
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	ssize_t n;

	(void)now;
	while ((n = recvfrom(s->fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from,
			&len)) >= 0) {
		/* one that cannot be sent is lost, as datagrams are */
		if (sendto(s->fd, buf, (size_t)n, MSG_DONTWAIT, (struct sockaddr *)&from, len) < 0)
			continue;
		len = sizeof(from);
	}
}

/* ---- beginning and end ---- */

static bool open_socket(struct server *s, const struct addr *bind_to, bool datagrams)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(bind_to, &sa);
	int bytes = 4 << 20;

	s->fd = socket(sa.ss_family,
		(datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return false;
	setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (bind(s->fd, (struct sockaddr *)&sa, len) != 0 ||
		(!datagrams && listen(s->fd, SOMAXCONN) != 0))
		return false;
	len = sizeof(sa);
	return getsockname(s->fd, (struct sockaddr *)&sa, &len) == 0 &&
	       addr_from_sockaddr((struct sockaddr *)&sa, &s->at);
}

static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *text = f ? mem_alloc(PEM_MAX) : NULL;

	*len = text ? fread(text, 1, PEM_MAX, f) : 0;
	if (f != NULL)
		fclose(f);
	return text;
}

/* One file holds the server's certificate and key, and the authority that the gateway's is checked by. */
static const char *make_filter(struct server *s, const char *path)
{
	const char *why = "it cannot be read";
	struct tls_fault fault;
	size_t len;
	char *text = read_file(path, &len);
	struct span pem = SPAN(text, len);
	struct tls_config config = {
		.side = TLS_SERVER, .certificate = pem, .key = pem, .ca = pem
	};
	struct cert *cert = text ? cert_from_pem(pem, pem, &why) : NULL;

	if (cert != NULL && cert_fingerprint(cert, HASH_SHA256, &s->fingerprint) == ERR_OK) {
		s->filter = tls_factory_create(&config, &fault);
		why = s->filter ? NULL : fault.why;
	}
	cert_unref(cert);
	if (text != NULL)
		mem_wipe(text, len);
	mem_free(text);
	return why;
}

static const char *begin(struct server *s, const struct options *o)
{
	bool datagrams = o->protocol == PROTOCOL_UDP;
	const char *why = NULL;

	if (!open_socket(s, &o->server_at, datagrams))
		return strerror(errno);
	if (o->protocol == PROTOCOL_TLS && (why = make_filter(s, o->server_pem)) != NULL)
		return why;
	s->watch = loop_watch(s->loop, s->fd, datagrams ? on_datagram : on_connection, s);
	return s->watch ? NULL : "out of memory";
}

static server_talk *const talks[PROTOCOL_MAX] = {
	[PROTOCOL_TCP] = server_echo_frames,
	[PROTOCOL_TLS] = server_echo_frames,
	[PROTOCOL_HTTP] = server_answer_http,
};

struct server *server_create(struct loop *l, const struct options *o, char failed[256])
{
	struct server *s = mem_zalloc(sizeof(*s));
	const char *why;

	snprintf(failed, 256, "out of memory");
	if (s == NULL)
		return NULL;
	s->loop = l;
	s->fd = -1;
	s->talk = talks[o->protocol];
	list_init(&s->conns);
	if ((why = begin(s, o)) == NULL)
		return s;
	snprintf(failed, 256, "no %s server: %s", options_protocol(o)->name, why);
	server_destroy(s);
	return NULL;
}

void server_destroy(struct server *s)
{
	if (s == NULL)
		return;
	list_for_each_safe (n, next, &s->conns) {
		struct conn *c = container_of(n, struct conn, on_server);

		stream_destroy(c->stream);
		drop(c);
	}
	if (s->watch != NULL)
		loop_unwatch(s->watch);
	if (s->fd >= 0)
		close(s->fd);
	tls_factory_destroy(s->filter);
	mem_free(s);
}

const struct addr *server_addr(const struct server *s)
{
	return &s->at;
}

const struct fingerprint *server_fingerprint(const struct server *s)
{
	return s->filter ? &s->fingerprint : NULL;
}
