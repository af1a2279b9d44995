/* load_control.c: the generator as a controller. */
#include "tools/load/load_control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/list.h"
#include "dcmf/base/slots.h"
#include "dcmf/io/line.h"

#define LINE_BYTES   (1u << 20)  /* as the gateway takes them */
#define QUEUED_BYTES (16u << 20) /* on their way to the gateway, ours */
#define UNDER_WAY    500         /* requests without an answer; gateways refuse more than 1024 */

struct call {
	slot_id id;
	char *text; /* not sent yet; NULL: it is under way */
	struct list_node on_waiting;
	load_control_done *done;
	void *arg;
};

struct load_control {
	struct line_conn *conn; /* NULL: lost */
	struct slots calls;
	struct list_node waiting; /* calls that are not sent yet */
	unsigned under_way;
};

/* ---- connecting ---- */

static int connect_to(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(sun.sun_path, path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int connect_to_default(char *path, size_t cap)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	int fd;

	snprintf(path, cap, "/run/dcmf/control.sock");
	if ((fd = connect_to(path)) >= 0 || run == NULL)
		return fd;
	snprintf(path, cap, "%s/dcmf/control.sock", run);
	return connect_to(path);
}

/* ---- answers ---- */

static void forget(struct load_control *c, struct call *call)
{
	slots_remove(&c->calls, call->id);
	list_unlink(&call->on_waiting);
	c->under_way -= call->text == NULL;
	free(call->text);
	mem_free(call);
}

static void finish(struct load_control *c, struct call *call, json_t *result, const char *failed)
{
	load_control_done *done = call->done;
	void *arg = call->arg;

	forget(c, call);
	done(arg, result, failed);
}

/* As many as may be under way. */
static void send_waiting(struct load_control *c)
{
	while (c->conn != NULL && c->under_way < UNDER_WAY && !list_is_empty(&c->waiting)) {
		struct call *call = container_of(c->waiting.next, struct call, on_waiting);

		if (!line_send(c->conn, SPAN_STR(call->text)))
			return;
		list_unlink(&call->on_waiting);
		free(call->text);
		call->text = NULL;
		c->under_way++;
	}
}

static void describe_error(const json_t *error, char *out, size_t cap)
{
	const json_t *problem = json_object_get(error, "data");
	const char *cause = json_string_value(json_object_get(problem, "cause"));
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const char *message = json_string_value(json_object_get(error, "message"));

	snprintf(out, cap, "%s: %s", cause ? cause : "refused",
		detail    ? detail
		: message ? message
			  : "without a reason");
}

static void on_line(void *arg, struct line_conn *conn, struct span line)
{
	struct load_control *c = arg;
	json_t *doc = json_loadb((const char *)line.p, line.len, 0, NULL);
	struct call *call =
		slots_get(&c->calls, (slot_id)json_integer_value(json_object_get(doc, "id")));
	json_t *result = json_object_get(doc, "result"), *error = json_object_get(doc, "error");
	char failed[512] = "an answer without a result";

	(void)conn;
	if (error != NULL)
		describe_error(error, failed, sizeof(failed));
	if (call != NULL)
		finish(c, call, error ? NULL : result, failed);
	json_decref(doc);
	send_waiting(c);
}

static void lose(struct load_control *c, const char *why)
{
	size_t at = 0;
	struct call *call;

	c->conn = NULL;
	while ((call = slots_next(&c->calls, &at)) != NULL)
		finish(c, call, NULL, why);
}

static void on_closed(void *arg, struct line_conn *conn)
{
	(void)conn;
	lose(arg, "the control connection was closed by the gateway");
}

static void on_too_long(void *arg, struct line_conn *conn)
{
	(void)arg;
	(void)conn;
	fputs("dcmf-load: the gateway sent a line longer than 1 MiB\n", stderr);
}

static const struct line_ops ops = {
	.line = on_line, .too_long = on_too_long, .closed = on_closed
};

/* ---- what the others call ---- */

struct load_control *load_control_open(struct loop *l, const char *path, char failed[256])
{
	struct load_control *c = mem_zalloc(sizeof(*c));
	char found[200];
	int fd = path ? connect_to(path) : connect_to_default(found, sizeof(found));

	if (c != NULL)
		list_init(&c->waiting);
	if (c == NULL || fd < 0) {
		snprintf(failed, 256, "no gateway at %s: %s", path ? path : found, strerror(errno));
		mem_free(c);
		return NULL;
	}
	c->conn = line_conn_create(l, fd,
		&(struct line_config){ .max_line = LINE_BYTES,
			.max_queued = QUEUED_BYTES,
			.ops = &ops,
			.arg = c });
	if (c->conn != NULL)
		return c;
	snprintf(failed, 256, "out of memory");
	mem_free(c);
	return NULL;
}

void load_control_close(struct load_control *c)
{
	size_t at = 0;
	struct call *call;

	if (c == NULL)
		return;
	while ((call = slots_next(&c->calls, &at)) != NULL)
		forget(c, call);
	slots_finish(&c->calls);
	line_conn_destroy(c->conn);
	mem_free(c);
}

bool load_control_is_lost(const struct load_control *c)
{
	return c->conn == NULL;
}

static char *request_text(slot_id id, const char *method, json_t *params)
{
	json_t *doc = json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", (json_int_t)id,
		"method", method, "params", params);
	char *text = json_dumps(doc, JSON_COMPACT);

	json_decref(doc);
	return text;
}

void load_control_call(struct load_control *c, const char *method, json_t *params,
	load_control_done *done, void *arg)
{
	struct call *call = mem_zalloc(sizeof(*call));

	if (call == NULL || (call->id = slots_add(&c->calls, call)) == 0 ||
		(call->text = request_text(call->id, method, params)) == NULL) {
		fputs("dcmf-load: out of memory\n", stderr);
		exit(1);
	}
	call->done = done;
	call->arg = arg;
	list_init(&call->on_waiting);
	list_append(&c->waiting, &call->on_waiting);
	if (c->conn != NULL)
		send_waiting(c);
	else
		finish(c, call, NULL, "the control connection is gone");
}
