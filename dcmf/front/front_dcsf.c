/*
 * front_dcsf.c: where streams without a URL of their own are served: the embedded
 * DCSF, kept running, or a configured one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "dcmf/front/front_parts.h"

#define BACK_OFF_US TICK_S(1)
#define ARGS_MAX    (16 + 2 * CONFIG_TEXTS_MAX)

static bool dcsf_spawn(struct front *f, char error[CONFIG_ERROR_MAX]);

/* The program and its applications: beside us, in the build tree, or installed. */

static bool own_folder(char path[512])
{
	ssize_t len = readlink("/proc/self/exe", path, 511);
	char *slash;

	path[len > 0 ? len : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL)
		return false;
	*slash = '\0';
	return true;
}

static bool find(const char *const *places, unsigned count, const char *what, char path[512],
	char error[CONFIG_ERROR_MAX])
{
	char folder[512];

	if (!own_folder(folder)) {
		snprintf(error, CONFIG_ERROR_MAX, "/proc/self/exe: %s", strerror(errno));
		return false;
	}
	for (unsigned i = 0; i < count; i++) {
		bool is_absolute = places[i][0] == '/';
		int len = snprintf(path, 512, "%s%s%s", is_absolute ? "" : folder,
			is_absolute ? "" : "/", places[i]);

		if (len < 512 && access(path, R_OK | X_OK) == 0)
			return true;
	}
	snprintf(error, CONFIG_ERROR_MAX, "%s of the embedded DCSF: neither in %.200s nor in %s",
		what, folder, places[count - 1]);
	return false;
}

bool dcsf_find_program(char path[512], char error[CONFIG_ERROR_MAX])
{
	static const char *const places[] = { "dcmf-dcsf", "../tools/dcsf/dcmf-dcsf",
		DCMF_BINDIR "/dcmf-dcsf" };

	return find(places, 3, "the program", path, error);
}

bool dcsf_find_apps(const struct config *c, char path[512], char error[CONFIG_ERROR_MAX])
{
	static const char *const places[] = { "../tools/dcsf/apps", "../share/dcmf/apps",
		DCMF_DATADIR "/dcmf/apps" };

	if (c->mdc1.root[0] == '\0')
		return find(places, 3, "the applications", path, error);
	if (snprintf(path, 512, "%s", c->mdc1.root) < 512 && access(path, R_OK | X_OK) == 0)
		return true;
	snprintf(error, CONFIG_ERROR_MAX, "mdc1.root %.200s: %s", c->mdc1.root, strerror(errno));
	return false;
}

/* A configured DCSF: only its name has to be resolved. */

bool dcsf_may_be_asked(const struct config *c, const struct addr *at, char error[CONFIG_ERROR_MAX])
{
	char where[ADDR_TEXT_MAX];

	if (strncmp(c->mdc1.url, "https:", 6) == 0 || c->mdc1.allow_plain == PLAIN_ALWAYS ||
		(c->mdc1.allow_plain >= PLAIN_LOOPBACK && addr_is_loopback(at)) ||
		(c->mdc1.allow_plain == PLAIN_OPERATOR && policy_is_internal(&c->policy, at)))
		return true;
	snprintf(error, CONFIG_ERROR_MAX,
		"mdc1.url %.300s: mdc1.allow_plain forbids plain HTTP to %s", c->mdc1.url,
		addr_text(at, where));
	return false;
}

static void url_resolved(void *arg, const struct addr *addr, const char *failed)
{
	struct front *f = arg;
	char error[CONFIG_ERROR_MAX];

	if (addr == NULL) {
		front_fail(f, "mdc1.url %s: %s", f->config.mdc1.url, failed);
		return;
	}
	if (!dcsf_may_be_asked(&f->config, addr, error)) {
		front_fail(f, "%s", error);
		return;
	}
	f->embedded_addr = *addr;
	front_root_is_known(f);
}

/* "http://host:port/path" has been checked for its scheme only. */
bool dcsf_split_url(
	const struct config *c, char host_text[256], uint16_t *port, char error[CONFIG_ERROR_MAX])
{
	struct span rest = SPAN_STR(c->mdc1.url), scheme = span_cut(&rest, ':');
	struct span authority = span_skip(rest, 2), host, port_text = SPAN_NONE;
	uint64_t number = scheme.len == 5 ? 443 : 80;

	authority = span_cut(&authority, '/');
	host = authority;
	if (authority.len > 0 && authority.p[0] == '[') {
		host = span_skip(authority, 1);
		port_text = host;
		host = span_cut(&port_text, ']');
		port_text = span_skip(port_text, 1);
	} else {
		port_text = authority;
		host = span_cut(&port_text, ':');
	}
	if (host.len == 0 || host.len > 255 ||
		(port_text.len > 0 && !span_to_u64(port_text, 65535, &number)) || number == 0) {
		snprintf(error, CONFIG_ERROR_MAX,
			"mdc1.url %.300s: no host and port that can be asked", c->mdc1.url);
		return false;
	}
	snprintf(host_text, 256, "%.*s", SPAN_FMT(host));
	*port = (uint16_t)number;
	return true;
}

static bool resolve_url(struct front *f, char error[CONFIG_ERROR_MAX])
{
	char host[256];
	uint16_t port;

	if (!dcsf_split_url(&f->config, host, &port, error))
		return false;
	f->embedded_root = mem_strdup(f->config.mdc1.url);
	if (f->embedded_root != NULL && resolver_ask(f->resolver, host, port, url_resolved, f))
		return true;
	snprintf(error, CONFIG_ERROR_MAX, "out of memory");
	return false;
}

/* The embedded one */

/*
 * It says where it listens: "http://127.0.0.1:4711/", with or without
 * what stands around the address.
 */
static bool parse_ready(char *line, struct addr *out)
{
	struct span text = span_trim(SPAN_STR(line));

	if (span_starts(text, SPAN_LIT("http://")))
		text = span_skip(text, 7);
	text = span_cut(&text, '/');
	return addr_parse(span_trim(text), out) && out->port != 0;
}

static void stop_waiting(struct front_dcsf *d)
{
	loop_unwatch(d->ready);
	if (d->ready_fd >= 0)
		close(d->ready_fd);
	d->ready = NULL;
	d->ready_fd = -1;
}

static void dcsf_ready(void *arg, tick_t now)
{
	struct front *f = arg;
	struct front_dcsf *d = &f->dcsf;
	struct addr addr;
	char line[128];
	ssize_t got = read(d->ready_fd, line, sizeof(line) - 1);

	stop_waiting(d);
	line[got > 0 ? got : 0] = '\0';
	if (got <= 0)
		return; /* it died: its end is told by the signal */
	if (!parse_ready(line, &addr)) {
		log_error(NULL, "embedded DCSF: it does not say where it listens");
		kill(d->pid, SIGKILL);
		return;
	}
	d->addr = addr;
	log_info(NULL, "embedded DCSF up, pid %d, at http://%s/", (int)d->pid,
		addr_text(&addr, line));
	if (d->has_been_ready)
		return;
	d->has_been_ready = true;
	f->embedded_addr = addr;
	f->embedded_root = mem_printf("http://%s/", line);
	if (f->embedded_root == NULL)
		front_fail(f, "out of memory");
	else
		front_root_is_known(f);
}

static void restart_due(void *arg, tick_t now)
{
	struct front *f = arg;
	char error[CONFIG_ERROR_MAX];

	if (f->stage < FRONT_LINGERING && !dcsf_spawn(f, error)) {
		log_error(NULL, "%s", error);
		alarm_set(f->dcsf.restart, tick_add(now, BACK_OFF_US));
	}
}

/* In the child: a group of its own, so that ^C leaves it serving while the node drains. */
static void become_dcsf(const char *program, char *const argv[], int ready)
{
	setpgid(0, 0);
	fcntl(ready, F_SETFD, 0);
	execv(program, argv);
	_exit(127);
}

static char *arg(const char *text)
{
	return (char *)(uintptr_t)text; /* execv(3) promises not to change it */
}

static bool dcsf_exec(struct front *f, const char *program, const char *apps, int ready[2],
	char error[CONFIG_ERROR_MAX])
{
	const struct config_texts *synthetic = &f->config.mdc1.synthetic;
	char listen[ADDR_TEXT_MAX] = "127.0.0.1:0", fd[12];
	char *argv[ARGS_MAX] = { arg("dcmf-dcsf"), arg("--listen"), listen, arg("--apps"),
		arg(apps), arg("--ready-fd"), fd, arg("--exit-with-parent"), arg("--log-level"),
		arg(log_level_name((enum log_level)f->config.log.level)), arg("--log-format"),
		arg(f->config.log.format != 0 ? "json" : "text") };
	unsigned argc = 12;

	if (addr_is_set(&f->dcsf.addr))
		addr_text(&f->dcsf.addr, listen); /* where the one before it was */
	snprintf(fd, sizeof(fd), "%d", ready[1]);
	for (unsigned i = 0; i < synthetic->count; i++) {
		argv[argc++] = arg("--synthetic");
		argv[argc++] = synthetic->text[i];
	}
	f->dcsf.pid = fork();
	if (f->dcsf.pid == 0)
		become_dcsf(program, argv, ready[1]);
	if (f->dcsf.pid > 0)
		return true;
	f->dcsf.pid = 0;
	snprintf(error, CONFIG_ERROR_MAX, "embedded DCSF: %s", strerror(errno));
	return false;
}

static bool dcsf_spawn(struct front *f, char error[CONFIG_ERROR_MAX])
{
	char program[512], apps[512];
	int ready[2];
	bool ok;

	if (!dcsf_find_apps(&f->config, apps, error) || !dcsf_find_program(program, error))
		return false;
	if (pipe2(ready, O_CLOEXEC) != 0) {
		snprintf(error, CONFIG_ERROR_MAX, "embedded DCSF: %s", strerror(errno));
		return false;
	}
	ok = dcsf_exec(f, program, apps, ready, error);
	close(ready[1]);
	f->dcsf.ready_fd = ready[0];
	f->dcsf.ready = ok ? loop_watch(f->loop, ready[0], dcsf_ready, f) : NULL;
	if (f->dcsf.ready == NULL)
		stop_waiting(&f->dcsf);
	return ok;
}

bool dcsf_reaped(struct front *f, pid_t pid, int wait_status, tick_t now)
{
	if (f->dcsf.pid != pid)
		return false;
	f->dcsf.pid = 0;
	stop_waiting(&f->dcsf);
	if (front_is_stopping(f))
		return true;
	if (!f->dcsf.has_been_ready) {
		front_fail(f, "the embedded DCSF does not start");
		return true;
	}
	log_error(NULL, "embedded DCSF lost: %s %d",
		WIFSIGNALED(wait_status) ? "killed by signal" : "exited with status",
		WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
	alarm_set(f->dcsf.restart, tick_add(now, BACK_OFF_US / 10));
	return true;
}

bool dcsf_open(struct front *f, char error[CONFIG_ERROR_MAX])
{
	f->dcsf.ready_fd = -1;
	if (f->config.mdc1.url[0] != '\0')
		return resolve_url(f, error);
	if (!f->config.mdc1.embedded) {
		front_root_is_known(f); /* there is none */
		return true;
	}
	f->dcsf.restart = loop_alarm(f->loop, restart_due, f);
	if (f->dcsf.restart == NULL) {
		snprintf(error, CONFIG_ERROR_MAX, "out of memory");
		return false;
	}
	return dcsf_spawn(f, error);
}

void dcsf_stop(struct front *f)
{
	if (f->dcsf.pid != 0)
		kill(f->dcsf.pid, SIGTERM);
}

void dcsf_close(struct front *f)
{
	if (f->dcsf.restart != NULL) {
		stop_waiting(&f->dcsf);
		alarm_destroy(f->dcsf.restart);
	}
	if (f->dcsf.pid != 0) {
		kill(f->dcsf.pid, SIGKILL);
		waitpid(f->dcsf.pid, NULL, 0);
	}
	mem_free(f->embedded_root);
}
