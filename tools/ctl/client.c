/* client.c: a controller's blocking connection to the gateway. */
#include "tools/ctl/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define KEPT_MAX 1024 /* notifications that came before an answer */

struct client {
	struct wire *wire;
	bool is_broken; /* sending failed */
	long last_id;
	char *in; /* bytes read and not looked at yet */
	size_t len, cap;
	json_t *kept; /* array */
};

/* In the order in which dcmf looks for a place. */
static struct wire *open_usual(char why[CLIENT_WHY_MAX])
{
	static const char first[] = "/run/dcmf/control.sock";
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char second[200] = "";
	struct wire *w = wire_open_unix(first);
	int error = errno;

	if (w == NULL && runtime != NULL) {
		snprintf(second, sizeof(second), "%.150s/dcmf/control.sock", runtime);
		w = wire_open_unix(second);
	}
	if (w == NULL && second[0] != '\0')
		snprintf(why, CLIENT_WHY_MAX, "no gateway at %s (%s) nor at %.150s", first,
			strerror(error), second);
	else if (w == NULL)
		snprintf(why, CLIENT_WHY_MAX, "no gateway at %s: %s", first, strerror(error));
	return w;
}

static struct client *client_create(struct wire *w, char why[CLIENT_WHY_MAX])
{
	struct client *c = w != NULL ? calloc(1, sizeof(*c)) : NULL;

	if (c != NULL && (c->kept = json_array()) != NULL) {
		c->wire = w;
		return c;
	}
	if (w != NULL)
		snprintf(why, CLIENT_WHY_MAX, "out of memory");
	free(c);
	wire_close(w);
	return NULL;
}

struct client *client_connect(const char *path, char why[CLIENT_WHY_MAX])
{
	struct wire *w;

	if (path == NULL)
		path = getenv("DCMF_SOCKET");
	if (path == NULL)
		return client_create(open_usual(why), why);
	if ((w = wire_open_unix(path)) == NULL)
		snprintf(why, CLIENT_WHY_MAX, "no gateway at %.150s: %s", path, strerror(errno));
	return client_create(w, why);
}

struct client *client_connect_tcp(const struct wire_place *place, char why[CLIENT_WHY_MAX])
{
	return client_create(wire_open_tcp(place, why), why);
}

void client_close(struct client *c)
{
	if (c == NULL)
		return;
	wire_close(c->wire);
	json_decref(c->kept);
	free(c->in);
	free(c);
}

long client_send(struct client *c, const char *method, json_t *params)
{
	json_t *request = json_pack("{s:s,s:I,s:s,s:o*}", "jsonrpc", "2.0", "id",
		(json_int_t)++c->last_id, "method", method, "params", params);
	char *line = json_dumps(request, JSON_COMPACT);

	if (line != NULL &&
		(wire_send(c->wire, line, strlen(line)) != 0 || wire_send(c->wire, "\n", 1) != 0))
		c->is_broken = true;
	json_decref(request);
	free(line);
	return line == NULL || c->is_broken ? -1 : c->last_id;
}

/* Room for more, then one read; 0: the end. */
static ssize_t read_more(struct client *c)
{
	ssize_t got;

	if (c->cap - c->len < 4096) {
		size_t cap = c->cap == 0 ? 65536 : c->cap * 2;
		char *in = realloc(c->in, cap);

		if (in == NULL)
			return -1;
		c->in = in;
		c->cap = cap;
	}
	got = wire_recv(c->wire, c->in + c->len, c->cap - c->len);
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
				got < 0 ? ": " : "", got < 0 ? wire_why(c->wire) : "");
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

	if (id < 0 && !c->is_broken) {
		snprintf(why, CLIENT_WHY_MAX, "the request cannot be written as JSON");
		return NULL;
	}
	/* a gateway that refuses us says why before it hangs up */
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
