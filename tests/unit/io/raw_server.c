/* raw_server.c: an HTTP server that answers byte by byte what a test told it to. */
#include "tests/unit/io/raw_server.h"

#include <check.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum what { KEEP, CLOSE };

static const struct answer {
	const char *path;
	enum what then;
	const char *text;
} answers[] = {
	{ "/plain", KEEP,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"v1\"\r\nX-Empty:\r\n\r\nhello" },
	{ "/none", KEEP, "HTTP/1.1 204 No Content\r\n\r\n" },
	{ "/head", KEEP, "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n" },
	{ "/same", KEEP, "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nContent-Length: 5\r\n\r\n" },
	{ "/interim", KEEP,
		"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Final: 1\r\n\r\nok" },
	{ "/chunked", KEEP,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
		"chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n" },
	{ "/chunked-with-length", KEEP,
		"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: "
		"chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" },
	{ "/until-close", CLOSE, "HTTP/1.1 200 OK\r\n\r\nall of it" },
	{ "/folded", KEEP, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Long: one\r\n  two\r\n\r\n" },
	{ "/moved", KEEP, "HTTP/1.1 302 Found\r\nLocation: /plain\r\nContent-Length: 0\r\n\r\n" },
	{ "/zipped", KEEP,
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nraw" },
	{ "/too-short", CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort" },
	{ "/cut-chunk", CLOSE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc" },
	{ "/two-lengths", KEEP,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!" },
	{ "/bad-length", KEEP, "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello" },
	{ "/garbage", CLOSE, "\x16\x03\x01 what is this\r\n\r\n" },
	{ "/gone", CLOSE, "" },
	{ "/silent", KEEP, "" },
	{ "/stalled", KEEP, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin" },
	{ "/last", CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" },
};

struct raw_conn {
	struct raw_server *server;
	struct bufferevent *bev;
	struct raw_conn *next;
	char path[128];
	bool in_body, is_chunked, is_closing;
	uint64_t left; /* of the body, or of the chunk */
};

static void conn_drop(struct raw_conn *c)
{
	for (struct raw_conn **p = &c->server->conns; *p != NULL; p = &(*p)->next) {
		if (*p == c) {
			*p = c->next;
			break;
		}
	}
	bufferevent_free(c->bev);
	free(c);
}

static void answer_big(struct raw_conn *c, bool is_huge_head)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	uint8_t *bytes = malloc(RAW_BIG);

	if (is_huge_head) {
		evbuffer_add_printf(out, "HTTP/1.1 200 OK\r\n");
		for (int i = 0; i < 2000; i++)
			evbuffer_add_printf(out, "X-%d: %060d\r\n", i, i);
		evbuffer_add_printf(out, "Content-Length: 0\r\n\r\n");
	} else {
		evbuffer_add_printf(out, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", RAW_BIG);
		for (uint64_t i = 0; i < RAW_BIG; i++)
			bytes[i] = raw_byte(i);
		evbuffer_add(out, bytes, RAW_BIG);
	}
	free(bytes);
}

static void answer(struct raw_conn *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	c->server->requests++;
	if (strcmp(c->path, "/big") == 0 || strcmp(c->path, "/huge-head") == 0) {
		answer_big(c, c->path[1] == 'h');
		return;
	}
	if (strcmp(c->path, "/count") == 0) {
		evbuffer_add_printf(out, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
		return;
	}
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (strcmp(c->path, answers[i].path) != 0)
			continue;
		evbuffer_add(out, answers[i].text, strlen(answers[i].text));
		c->is_closing = answers[i].then == CLOSE;
		return;
	}
	evbuffer_add_printf(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

static void take_body(struct raw_conn *c, struct evbuffer *in)
{
	struct raw_server *s = c->server;
	uint8_t b;

	while (c->left > 0 && evbuffer_remove(in, &b, 1) == 1) {
		s->body_is_right &= b == raw_byte(s->body_bytes);
		s->body_bytes++;
		c->left--;
	}
}

/* True: the body is complete. */
static bool take_chunks(struct raw_conn *c, struct evbuffer *in)
{
	for (;;) {
		char *line;

		take_body(c, in);
		if (c->left > 0 || (line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF)) == NULL)
			return false;
		if (line[0] != '\0') {
			c->left = strtoull(line, NULL, 16);
			if (c->left == 0) {
				free(line);
				free(evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF));
				return true;
			}
		}
		free(line);
	}
}

static bool take_head(struct raw_conn *c, struct evbuffer *in)
{
	struct raw_server *s = c->server;
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	const char *length;

	if (end.pos < 0)
		return false;
	memset(s->last_head, 0, sizeof(s->last_head));
	ck_assert_uint_lt((size_t)end.pos + 4, sizeof(s->last_head));
	evbuffer_remove(in, s->last_head, (size_t)end.pos + 4);
	sscanf(s->last_head, "%*s %127s", c->path);
	length = strstr(s->last_head, "Content-Length: ");
	c->left = length != NULL ? strtoull(length + strlen("Content-Length: "), NULL, 10) : 0;
	c->is_chunked = strstr(s->last_head, "Transfer-Encoding: chunked") != NULL;
	c->in_body = true;
	s->body_bytes = 0;
	s->body_is_right = true;
	return true;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct raw_conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);

	while (c->in_body || take_head(c, in)) {
		if (c->server->stop_reading && (c->left > 0 || c->is_chunked)) {
			bufferevent_disable(bev, EV_READ);
			return;
		}
		if (c->is_chunked) {
			if (!take_chunks(c, in))
				return;
		} else {
			take_body(c, in);
			if (c->left > 0)
				return;
		}
		c->in_body = false;
		answer(c);
		if (c->is_closing && evbuffer_get_length(bufferevent_get_output(bev)) == 0) {
			conn_drop(c);
			return;
		}
	}
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct raw_conn *c = arg;

	if (c->is_closing)
		conn_drop(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		conn_drop(arg);
}

static void on_accept(
	struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	struct raw_server *s = arg;
	struct raw_conn *c = calloc(1, sizeof(*c));
	struct event_base *base = loop_base(s->loop);

	s->connections++;
	c->server = s;
	c->next = s->conns;
	s->conns = c;
	c->bev = s->tls == NULL ? bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE)
				: bufferevent_openssl_socket_new(base, fd, SSL_new(s->tls),
					  BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (s->tls != NULL)
		bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, 65536);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

void raw_server_open(struct raw_server *s, struct loop *l, SSL_CTX *tls)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);

	*s = (struct raw_server){ .loop = l, .tls = tls };
	s->listener = evconnlistener_new_bind(loop_base(l), on_accept, s,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 64, (struct sockaddr *)&in, sizeof(in));
	ck_assert_ptr_nonnull(s->listener);
	getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&in, &len);
	addr_from_sockaddr((struct sockaddr *)&in, &s->at);
}

void raw_server_close(struct raw_server *s)
{
	while (s->conns != NULL)
		conn_drop(s->conns);
	evconnlistener_free(s->listener);
}

void raw_server_read_on(struct raw_server *s)
{
	s->stop_reading = false;
	for (struct raw_conn *c = s->conns, *next; c != NULL; c = next) {
		next = c->next;
		bufferevent_enable(c->bev, EV_READ);
		on_read(c->bev, c);
	}
}
