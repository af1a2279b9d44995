/* front_control.c: the sockets that controllers come to, and the names they make us look up. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/rpc.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "dcmf/front/front_parts.h"

#define CONTROLLER_QUEUED (16u << 20) /* ours: answers and events a controller may leave unread */
#define SOCKET_MODE       0660
#define HANDSHAKES_MAX    256 /* ours: strangers at once, 74 KB each; who comes then comes again */
/* Ours: controllers at once, of each socket. On the Unix socket some places are the operator's. */
#define CONTROLLERS_MAX 256
#define OPERATORS_ONLY  16
/*
 * Ours: so many lines of one controller, then the others have their turn; and so many of its
 * requests may be with the workers, then it is not read before half of them are answered.
 */
#define LINES_A_TURN   32
#define AT_WORKERS_MAX 32

struct controller {
	struct front *f;
	slot_id id;
	struct line_conn *conn;
	bool is_shaking_hands;     /* not known yet */
	unsigned *crowd;           /* those of its socket */
	struct list_node on_asked; /* in front.asked, when it asked in this turn or is held */
	unsigned lines;            /* of this turn */
	bool is_held;              /* not read */
};

/* ---- lines, in turn ---- */

static void hold(struct controller *k, bool held)
{
	if (held == k->is_held)
		return;
	k->is_held = held;
	line_pause(k->conn, held);
}

/* Those that pipeline thousands of requests wait for themselves, and not all others for them. */
static void note_line(struct controller *k)
{
	struct front *f = k->f;

	list_append(&f->asked, &k->on_asked);
	if (++k->lines >= LINES_A_TURN ||
		desk_controller_at_workers(f->desk, k->id) >= AT_WORKERS_MAX)
		hold(k, true);
}

void control_turn(struct front *f)
{
	list_for_each_safe (n, next, &f->asked) {
		struct controller *k = container_of(n, struct controller, on_asked);

		k->lines = 0;
		if (k->is_held && desk_controller_at_workers(f->desk, k->id) > AT_WORKERS_MAX / 2)
			continue;
		list_unlink(&k->on_asked);
		hold(k, false);
	}
}

/* ---- coming and going ---- */

static void controller_line(void *arg, struct line_conn *c, struct span line)
{
	struct controller *k = arg;

	desk_controller_line(k->f->desk, loop_now(k->f->loop), k->id, line);
	note_line(k);
}

static void controller_too_long(void *arg, struct line_conn *c)
{
	struct controller *k = arg;

	desk_controller_too_long(k->f->desk, k->id);
	note_line(k);
}

static void controller_free(struct controller *k)
{
	k->f->handshakes -= k->is_shaking_hands;
	if (--*k->crowd < CONTROLLERS_MAX / 2)
		k->f->is_crowded = false;
	list_unlink(&k->on_asked);
	slots_remove(&k->f->controllers, k->id);
	mem_free(k);
}

static void controller_closed(void *arg, struct line_conn *c)
{
	struct controller *k = arg;
	struct front *f = k->f;
	slot_id id = k->id;

	if (line_failure(c)[0] != '\0') {
		count(control_tls_failed_total);
		log_info(NULL, "controller %s: TLS: %s", line_peer(c), line_failure(c));
	}
	controller_free(k);
	desk_controller_left(f->desk, loop_now(f->loop), id);
}

/* As somebody by name; "": the operator. */
static void join(struct controller *k, const char *identity)
{
	desk_controller_joined(k->f->desk, k->id, line_peer(k->conn));
	if (identity[0] != '\0')
		desk_controller_identify(k->f->desk, k->id, identity);
}

/* Nobody makes room for those that come later, but the operator finds a place. */
static bool has_place(struct controller *k, bool is_operator)
{
	unsigned most = is_operator || k->crowd == &k->f->tcp_controllers
				? CONTROLLERS_MAX
				: CONTROLLERS_MAX - OPERATORS_ONLY;

	if (*k->crowd <= most)
		return true;
	count(controllers_refused_total);
	if (!k->f->is_crowded)
		log_warn(NULL, "controller %s: too many are connected, and no more are taken",
			line_peer(k->conn));
	k->f->is_crowded = true;
	line_conn_destroy(k->conn);
	controller_free(k);
	return false;
}

/* Over TLS: it has shown its certificate, whose names stand behind its address. */
static void controller_opened(void *arg, struct line_conn *c)
{
	struct controller *k = arg;
	const char *blank = strchr(line_peer(c), ' '), *names = blank != NULL ? blank + 1 : "";
	char identity[CLIENT_IDENTITY_MAX];

	k->is_shaking_hands = false;
	k->f->handshakes--;
	if (front_lets_in(k->f, names)) {
		client_identity(names, identity);
		if (has_place(k, false))
			join(k, identity);
		return;
	}
	count(control_tls_failed_total);
	log_info(NULL, "controller %s: not listed in authorization.clients", line_peer(c));
	line_conn_destroy(c);
	controller_free(k);
}

/*
 * Over the socket: root and our own user are the operator, others are known by their
 * user; over plain TCP nobody is anybody in particular.
 */
static void join_unproved(struct controller *k)
{
	char identity[CLIENT_IDENTITY_MAX] = "";
	unsigned uid;

	if (sscanf(line_peer(k->conn), "unix uid %u", &uid) != 1)
		client_identity("", identity);
	else if (uid != 0 && uid != geteuid())
		snprintf(identity, sizeof(identity), "unix uid %u", uid);
	if (has_place(k, identity[0] == '\0'))
		join(k, identity);
}

static const struct line_ops controller_ops = {
	.line = controller_line,
	.too_long = controller_too_long,
	.closed = controller_closed,
	.opened = controller_opened,
};

/* `filter` NULL: it is known by where it comes from, and joins at once. `crowd`: its like. */
static void take_controller(struct front *f, int fd, struct filter_factory *filter, unsigned *crowd)
{
	struct controller *k = mem_zalloc(sizeof(*k));
	const struct line_config line = {
		.max_line = RPC_LINE_MAX,
		.max_queued = CONTROLLER_QUEUED,
		.ops = &controller_ops,
		.arg = k,
		.filter = filter,
	};

	if (k == NULL || (k->id = slots_add(&f->controllers, k)) == 0) {
		mem_free(k);
		close(fd);
		return;
	}
	k->f = f;
	k->crowd = crowd;
	++*crowd;
	list_init(&k->on_asked);
	k->is_shaking_hands = filter != NULL;
	f->handshakes += k->is_shaking_hands;
	k->conn = line_conn_create(f->loop, fd, &line);
	if (k->conn == NULL)
		controller_free(k);
	else if (filter == NULL)
		join_unproved(k);
}

static void accepted_unix(void *arg, int fd)
{
	struct front *f = arg;

	take_controller(f, fd, NULL, &f->unix_controllers);
}

static void accepted_tcp(void *arg, int fd)
{
	struct front *f = arg;

	if (f->handshakes < HANDSHAKES_MAX) {
		take_controller(f, fd, f->control_tls, &f->tcp_controllers);
		return;
	}
	count(control_tls_failed_total);
	close(fd);
}

void front_to_controller(void *front, uint64_t controller, struct span line)
{
	struct front *f = front;
	struct controller *k = slots_get(&f->controllers, controller);

	if (k != NULL && !line_send(k->conn, line))
		log_warn(NULL, "controller %s does not read: given up", line_peer(k->conn));
}

bool front_controller_has_hung_up(void *front, uint64_t controller)
{
	struct front *f = front;
	const struct controller *k = slots_get(&f->controllers, controller);

	return k == NULL || line_has_hung_up(k->conn);
}

/* A folder that is there or can be made, and takes a socket. */
static bool try_folder(const char *folder, char path[108])
{
	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return false;
	return access(folder, W_OK | X_OK) == 0 &&
	       snprintf(path, 108, "%s/control.sock", folder) < 108;
}

bool control_socket_path(const struct config *c, char path[108], char error[CONFIG_ERROR_MAX])
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char folder[108];

	if (c->control.socket[0] != '\0') {
		if (snprintf(path, 108, "%s", c->control.socket) < 108)
			return true;
		snprintf(error, CONFIG_ERROR_MAX, "control.socket %.300s: the path is too long",
			c->control.socket);
		return false;
	}
	if (try_folder("/run/dcmf", path))
		return true;
	if (runtime != NULL &&
		snprintf(folder, sizeof(folder), "%s/dcmf", runtime) < (int)sizeof(folder) &&
		try_folder(folder, path))
		return true;
	snprintf(error, CONFIG_ERROR_MAX,
		"no place for the control socket: neither /run/dcmf nor $XDG_RUNTIME_DIR/dcmf can "
		"be made; set control.socket");
	return false;
}

bool control_open(struct front *f, char error[CONFIG_ERROR_MAX])
{
	const struct addr *tcp = &f->config.control.tcp.listen;

	if (!control_socket_path(&f->config, f->socket_path, error))
		return false;
	f->unix_listener =
		line_listen_unix(f->loop, f->socket_path, SOCKET_MODE, accepted_unix, f, error);
	if (f->unix_listener == NULL)
		return false;
	if (tcp->family == ADDR_NONE)
		return true;
	f->tcp_listener = line_listen_tcp(f->loop, tcp, accepted_tcp, f, error);
	return f->tcp_listener != NULL;
}

void control_close(struct front *f)
{
	struct controller *k;
	size_t at = 0;

	line_listener_destroy(f->unix_listener);
	line_listener_destroy(f->tcp_listener);
	while ((k = slots_next(&f->controllers, &at)) != NULL) {
		line_conn_destroy(k->conn);
		controller_free(k);
	}
	slots_finish(&f->controllers);
}

/* Names */

struct question {
	struct front *f;
	uint64_t ticket;
};

static void resolved(void *arg, const struct addr *addr, const char *failed)
{
	struct question q = *(struct question *)arg;

	mem_free(arg);
	desk_resolved(q.f->desk, loop_now(q.f->loop), q.ticket, addr, failed);
}

void front_resolve(void *front, const char *host, uint16_t port, uint64_t ticket)
{
	struct front *f = front;
	struct question *q = mem_alloc(sizeof(*q));

	if (q == NULL)
		return; /* the desk's timeout answers */
	*q = (struct question){ f, ticket };
	if (!resolver_ask(f->resolver, host, port, resolved, q))
		mem_free(q);
}
