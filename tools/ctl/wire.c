/* wire.c: blocking bytes to and from the gateway: its Unix socket, or TCP with TLS. */
#include "tools/ctl/wire.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dcmf/base/addr.h"
#include "dtls/stream.h"

#define FILE_MAX 1048576 /* ours: no PEM file is that long */

struct wire {
	int fd;
	struct filter *filter; /* NULL: plain */
	int error;             /* errno of what failed last */
};

/* ---- bytes ---- */

static int send_plain(struct wire *w, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(w->fd, bytes, len, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			w->error = errno;
			return -1;
		}
		bytes += sent;
		len -= (size_t)sent;
	}
	return 0;
}

static ssize_t recv_plain(struct wire *w, char *buf, size_t cap)
{
	ssize_t got;

	do
		got = recv(w->fd, buf, cap, 0);
	while (got < 0 && errno == EINTR);
	w->error = got < 0 ? errno : 0;
	return got;
}

static int send_pending(struct wire *w)
{
	struct span s = w->filter->ops->pending(w->filter);
	int status = send_plain(w, (const char *)s.p, s.len);

	w->filter->ops->sent(w->filter, s.len);
	return status;
}

int wire_send(struct wire *w, const char *bytes, size_t len)
{
	if (w->filter == NULL)
		return send_plain(w, bytes, len);
	while (len > 0) {
		size_t n = w->filter->ops->write(w->filter, SPAN(bytes, len));

		if (send_pending(w) != 0 || n == 0)
			return -1;
		bytes += n;
		len -= n;
	}
	return 0;
}

/* What the gateway says next goes into the filter, and its answer out. As recv(). */
static ssize_t feed(struct wire *w)
{
	char raw[16384];
	ssize_t got = recv_plain(w, raw, sizeof(raw));

	if (got <= 0)
		return got;
	if (!w->filter->ops->feed(w->filter, SPAN(raw, got))) {
		send_pending(w); /* a last word */
		return -1;
	}
	return send_pending(w) == 0 ? got : -1;
}

ssize_t wire_recv(struct wire *w, char *buf, size_t cap)
{
	size_t n;
	ssize_t got;

	if (w->filter == NULL)
		return recv_plain(w, buf, cap);
	while ((n = w->filter->ops->read(w->filter, (uint8_t *)buf, cap)) == 0) {
		if (w->filter->ops->state(w->filter) != FILTER_OPEN)
			return w->filter->ops->state(w->filter) == FILTER_ENDED ? 0 : -1;
		if ((got = feed(w)) <= 0)
			return got;
	}
	return (ssize_t)n;
}

const char *wire_why(const struct wire *w)
{
	if (w->filter != NULL && w->filter->ops->state(w->filter) == FILTER_FAILED)
		return w->filter->ops->failure(w->filter);
	return strerror(w->error);
}

/* ---- life ---- */

static struct wire *wire_create(int fd)
{
	struct wire *w = calloc(1, sizeof(*w));

	if (w != NULL)
		w->fd = fd;
	else
		close(fd);
	return w;
}

void wire_close(struct wire *w)
{
	if (w == NULL)
		return;
	if (w->filter != NULL) {
		w->filter->ops->close(w->filter);
		send_pending(w);
		w->filter->ops->destroy(w->filter);
	}
	close(w->fd);
	free(w);
}

static int connect_to(int family, const struct sockaddr *to, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0 || connect(fd, to, len) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

struct wire *wire_open_unix(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(to.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	memcpy(to.sun_path, path, strlen(path));
	fd = connect_to(AF_UNIX, (struct sockaddr *)&to, sizeof(to));
	return fd >= 0 ? wire_create(fd) : NULL;
}

/* ---- TCP ---- */

struct host {
	char name[256], port[8];
};

/* "name:port", "[v6]:port". */
static bool split(const char *at, struct host *h)
{
	const char *colon = strrchr(at, ':'), *end = colon;
	bool has_brackets = at[0] == '[' && colon != NULL && colon > at && colon[-1] == ']';

	if (has_brackets) {
		at++;
		end--;
	}
	if (colon == NULL || end == at || (size_t)(end - at) >= sizeof(h->name) ||
		colon[1] == '\0' || strlen(colon + 1) >= sizeof(h->port))
		return false;
	if (!has_brackets && memchr(at, ':', (size_t)(end - at)) != NULL)
		return false;
	snprintf(h->name, sizeof(h->name), "%.*s", (int)(end - at), at);
	snprintf(h->port, sizeof(h->port), "%s", colon + 1);
	return true;
}

static bool is_loopback(const struct sockaddr *sa)
{
	struct addr a;

	return addr_from_sockaddr(sa, &a) && addr_is_loopback(&a);
}

/* The first address of the host that answers. */
static int connect_host(const struct host *h, bool has_tls, char why[WIRE_WHY_MAX])
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	int status = getaddrinfo(h->name, h->port, &hints, &list), fd = -1;

	if (status != 0)
		snprintf(why, WIRE_WHY_MAX, "%s: %s", h->name, gai_strerror(status));
	for (const struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next) {
		if (!has_tls && !is_loopback(a->ai_addr)) {
			snprintf(why, WIRE_WHY_MAX,
				"%s is not on loopback: --ca, --certificate and --key are needed",
				h->name);
			continue;
		}
		fd = connect_to(a->ai_family, a->ai_addr, a->ai_addrlen);
		if (fd < 0)
			snprintf(why, WIRE_WHY_MAX, "no gateway at %s port %s: %s", h->name,
				h->port, strerror(errno));
	}
	if (list != NULL)
		freeaddrinfo(list);
	return fd;
}

static char *read_file(const char *path, char why[WIRE_WHY_MAX])
{
	FILE *in = fopen(path, "r");
	char *text = in != NULL ? calloc(1, FILE_MAX + 1) : NULL;

	if (text == NULL || (fread(text, 1, FILE_MAX, in) == 0 && ferror(in))) {
		snprintf(why, WIRE_WHY_MAX, "%.300s: %s", path, strerror(errno));
		free(text);
		text = NULL;
	}
	if (in != NULL)
		fclose(in);
	return text;
}

static struct filter_factory *make_factory(
	const struct wire_place *place, const char *name, char why[WIRE_WHY_MAX])
{
	const char *const paths[] = { place->certificate, place->key, place->ca };
	struct filter_factory *factory = NULL;
	struct tls_fault fault;
	char *pem[3] = { NULL };

	for (int i = 0; i < 3; i++) {
		if ((pem[i] = read_file(paths[i], why)) == NULL)
			goto out;
	}
	factory = tls_factory_create(
		&(struct tls_config){
			.side = TLS_CLIENT,
			.certificate = SPAN_STR(pem[TLS_CERTIFICATE]),
			.key = SPAN_STR(pem[TLS_KEY]),
			.ca = SPAN_STR(pem[TLS_CA]),
			.server_name = name,
		},
		&fault);
	if (factory == NULL)
		snprintf(why, WIRE_WHY_MAX, "%.300s: %s", paths[fault.part], fault.why);
out:
	for (int i = 0; i < 3; i++) {
		if (pem[i] != NULL)
			explicit_bzero(pem[i], strlen(pem[i]));
		free(pem[i]);
	}
	return factory;
}

static bool shake_hands(struct wire *w, struct filter_factory *factory)
{
	ssize_t got = 1;

	w->filter = factory->ops->create(factory);
	if (w->filter == NULL) {
		w->error = ENOMEM;
		return false;
	}
	if (send_pending(w) != 0)
		return false;
	while (got > 0 && w->filter->ops->state(w->filter) == FILTER_HANDSHAKING)
		got = feed(w);
	if (got == 0)
		w->error = ECONNRESET;
	return w->filter->ops->state(w->filter) == FILTER_OPEN;
}

static struct wire *open_host(const struct wire_place *place, const struct host *h,
	struct filter_factory *factory, char why[WIRE_WHY_MAX])
{
	int fd = connect_host(h, factory != NULL, why);
	struct wire *w = fd >= 0 ? wire_create(fd) : NULL;

	if (w == NULL || factory == NULL || shake_hands(w, factory))
		return w;
	snprintf(why, WIRE_WHY_MAX, "%s: TLS: %s", place->at, wire_why(w));
	wire_close(w);
	return NULL;
}

struct wire *wire_open_tcp(const struct wire_place *place, char why[WIRE_WHY_MAX])
{
	struct filter_factory *factory = NULL;
	struct host h;
	struct wire *w;

	snprintf(why, WIRE_WHY_MAX, "out of memory");
	if (!split(place->at, &h)) {
		snprintf(why, WIRE_WHY_MAX, "\"%.200s\" is not HOST:PORT", place->at);
		return NULL;
	}
	if (place->ca != NULL && (factory = make_factory(place, h.name, why)) == NULL)
		return NULL;
	w = open_host(place, &h, factory, why);
	tls_factory_destroy(factory);
	return w;
}
