/* client.c: a controller's blocking connection to the gateway. */
#include "tools/ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define KEPT_MAX 1024 /* notifications that came before an answer */

struct client {
	int fd;
	long last_id;
	char *in; /* bytes read and not looked at yet */
	size_t len, cap;
	json_t *kept; /* array */
};

static int try_connect(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(to.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(to.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* In the order in which dcmf looks for a place. */
static int connect_usual(char why[CLIENT_WHY_MAX])
{
	static const char first[] = "/run/dcmf/control.sock";
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char second[200] = "";
	int fd = try_connect(first), error = errno;

	if (fd < 0 && runtime != NULL) {
		snprintf(second, sizeof(second), "%.150s/dcmf/control.sock", runtime);
		fd = try_connect(second);
	}
	if (fd < 0 && second[0] != '\0')
		snprintf(why, CLIENT_WHY_MAX, "no gateway at %s (%s) nor at %.150s", first,
			strerror(error), second);
	else if (fd < 0)
		snprintf(why, CLIENT_WHY_MAX, "no gateway at %s: %s", first, strerror(error));
	return fd;
}

struct client *client_connect(const char *path, char why[CLIENT_WHY_MAX])
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL || (c->kept = json_array()) == NULL) {
		snprintf(why, CLIENT_WHY_MAX, "out of memory");
		free(c);
		return NULL;
	}
	if (path == NULL)
		path = getenv("DCMF_SOCKET");
	c->fd = path != NULL ? try_connect(path) : connect_usual(why);
	if (c->fd >= 0)
		return c;
	if (path != NULL)
		snprintf(why, CLIENT_WHY_MAX, "no gateway at %.150s: %s", path, strerror(errno));
	client_close(c);
	return NULL;
}

void client_close(struct client *c)
{
	if (c == NULL)
		return;
	if (c->fd >= 0)
		close(c->fd);
	json_decref(c->kept);
	free(c->in);
	free(c);
}

int client_fd(const struct client *c)
{
	return c->fd;
}

static int send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -1;
		bytes += sent;
		len -= (size_t)sent;
	}
	return 0;
}

long client_send(struct client *c, const char *method, json_t *params)
{
	json_t *request = json_pack("{s:s,s:I,s:s,s:o*}", "jsonrpc", "2.0", "id",
		(json_int_t)++c->last_id, "method", method, "params", params);
	char *line = json_dumps(request, JSON_COMPACT);
	int failed = line == NULL || send_all(c->fd, line, strlen(line)) != 0 ||
		     send_all(c->fd, "\n", 1) != 0;

	json_decref(request);
	free(line);
	return failed ? -1 : c->last_id;
}

/* Room for more, then one read; 0: the end. */
static ssize_t read_more(struct client *c)
{
	ssize_t got;

	if (c->cap - c->len < 4096) {
		size_t cap = c->cap == 0 ? 65536 : c->cap * 2;
		char *in = realloc(c->in, cap);

		if (in == NULL) {
			errno = ENOMEM;
			return -1;
		}
		c->in = in;
		c->cap = cap;
	}
	do
		got = recv(c->fd, c->in + c->len, c->cap - c->len, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		c->len += (size_t)got;
	return got;
}

static json_t *read_line(struct client *c, char why[CLIENT_WHY_MAX])
{
	size_t looked_at = 0;

	for (;;) {
		char *end = c->len > looked_at ? memchr(c->in + looked_at, '\n', c->len - looked_at)
					       : NULL;
		ssize_t got;

		if (end != NULL) {
			size_t len = (size_t)(end - c->in);
			json_t *line = json_loadb(c->in, len, 0, NULL);

			memmove(c->in, end + 1, c->len - len - 1);
			c->len -= len + 1;
			if (line == NULL)
				snprintf(why, CLIENT_WHY_MAX,
					"the gateway sent a line that is not JSON");
			return line;
		}
		looked_at = c->len;
		got = read_more(c);
		if (got <= 0) {
			snprintf(why, CLIENT_WHY_MAX, "the gateway closed the connection%s%s",
				got < 0 ? ": " : "", got < 0 ? strerror(errno) : "");
			return NULL;
		}
	}
}

json_t *client_next(struct client *c, char why[CLIENT_WHY_MAX])
{
	json_t *line;

	if (json_array_size(c->kept) == 0)
		return read_line(c, why);
	line = json_incref(json_array_get(c->kept, 0));
	json_array_remove(c->kept, 0);
	return line;
}

json_t *client_call(struct client *c, const char *method, json_t *params, char why[CLIENT_WHY_MAX])
{
	long id = client_send(c, method, params);
	json_t *line;

	if (id < 0) {
		snprintf(why, CLIENT_WHY_MAX, "the gateway closed the connection");
		return NULL;
	}
	while ((line = read_line(c, why)) != NULL) {
		if (json_integer_value(json_object_get(line, "id")) == id ||
			json_is_null(json_object_get(line, "id")))
			return line;
		if (json_array_size(c->kept) < KEPT_MAX)
			json_array_append(c->kept, line);
		json_decref(line);
	}
	return NULL;
}
