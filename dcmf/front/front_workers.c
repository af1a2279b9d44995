/* front_workers.c: worker processes: started, told how, watched, replaced when they die. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/json.h"
#include "control/rpc.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "dcmf/front/front_parts.h"

#define WORKER_LINE   (16u << 20) /* ours: a page of contexts, a document with its status */
#define WORKER_QUEUED (64u << 20) /* ours: a worker that does not read so much is beyond help */
#define SHORT_LINE    4096        /* ours: all but requests that carry a document or a patch */
#define COUNTERS_SIZE (COUNTER_MAX * sizeof(int64_t))
#define RECENT_US     TICK_S(10)
#define BACK_OFF_US   TICK_S(1)

static void worker_spawn(struct front_worker *w);
static void worker_half_gone(struct front_worker *w, tick_t now);

/* Counters */

int64_t front_counter(void *front, int counter)
{
	struct front *f = front;
	int64_t sum = counter_value[counter] + f->past[counter];

	for (unsigned i = 0; i < f->worker_count; i++) {
		if (f->workers[i].counters != NULL)
			sum += f->workers[i].counters[counter];
	}
	return sum;
}

/* What was counted stays counted; what the worker held is gone with it. */
static void keep_counters(struct front_worker *w)
{
	if (w->counters == NULL)
		return;
	for (int i = 0; i < COUNTER_MAX; i++) {
		if (!counter_info[i].is_gauge)
			w->f->past[i] += w->counters[i];
	}
	munmap(w->counters, COUNTERS_SIZE);
	w->counters = NULL;
}

/* What the kernel says of it */

static bool read_proc(pid_t pid, const char *file, char *buf, size_t size)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, buf, size - 1);
	close(fd);
	buf[got > 0 ? got : 0] = '\0';
	return got > 0;
}

bool front_worker_info(void *front, unsigned worker, struct desk_worker_info *out)
{
	const struct front_worker *w = &((struct front *)front)->workers[worker];
	unsigned long user = 0, system = 0, pages = 0;
	char text[1024], *after;

	*out = (struct desk_worker_info){
		.index = worker,
		.pid = (int)w->pid,
		.starts = w->starts,
		.cpu_seconds = w->past_cpu,
	};
	if (w->pid == 0)
		return false;
	/*
	 * proc(5): the name in parentheses may hold anything; utime and stime are
	 * the 12th and 13th field after it
	 */
	if (read_proc(w->pid, "stat", text, sizeof(text)) && (after = strrchr(text, ')')) != NULL)
		sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			&system);
	if (read_proc(w->pid, "statm", text, sizeof(text)))
		sscanf(text, "%*u %lu", &pages);
	out->cpu_seconds += (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	out->memory_bytes = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

/* Lines */

static size_t kept_free(struct span line)
{
	return line.len > SHORT_LINE ? WORKER_QUEUED / 2 : WORKER_QUEUED / 8;
}

bool front_to_worker(void *front, unsigned worker, struct span line)
{
	struct front_worker *w = &((struct front *)front)->workers[worker];

	/*
	 * The bound of the queue ends a worker that reads nothing. Controllers that send faster
	 * than it reads must not get there; and what is short, as a delete is, finds room longer.
	 */
	return w->state == WORKER_UP && line_room(w->conn) > line.len + kept_free(line) &&
	       line_send(w->conn, line);
}

/* Takes params over. The line may carry a key: no copy of it stays with us. */
static bool send_request(struct front_worker *w, const char *id, const char *method, json_t *params)
{
	json_t *rpc_id = json_string(id);
	char *line = params != NULL ? rpc_request(rpc_id, method, params) : NULL;
	bool sent = line != NULL && line_send(w->conn, SPAN_STR(line));

	json_decref(rpc_id);
	js_wipe(true);
	json_decref(params);
	js_wipe(false);
	if (line != NULL)
		mem_wipe(line, strlen(line));
	mem_free(line);
	return sent;
}

static json_t *start_params(const struct front_worker *w)
{
	const struct front *f = w->f;
	char text[ADDR_TEXT_MAX];
	const char *addr = f->embedded_root != NULL ? addr_text(&f->embedded_addr, text) : NULL;
	json_t *p = json_object();
	bool ok = p != NULL && js_put_integer(p, "index", w->index) &&
		  js_put_integer(p, "workers", f->worker_count) &&
		  js_put(p, "yaml", json_string(f->config.text)) &&
		  js_put_text(p, "yaml_name", f->config.name) &&
		  js_put(p, "certificate", json_string(f->certificate)) && mdc_put(f, p) &&
		  js_put_text(p, "embedded_root", f->embedded_root) &&
		  js_put_text(p, "embedded_addr", addr);

	if (ok)
		return p;
	json_decref(p);
	return NULL;
}

static void tell_reload(struct front_worker *w, const struct front_news *news)
{
	json_t *p = json_object();

	if (p != NULL && news->certificate != NULL)
		js_put(p, "certificate", json_string(news->certificate));
	if (p != NULL)
		js_put_text(p, "log_level", news->log_level);
	if (p != NULL && news->mdc)
		mdc_put(w->f, p);
	if (!send_request(w, "reload", "worker.reload", p))
		log_error(NULL, "worker %u could not be told of the reload", w->index);
}

void workers_tell(struct front *f, const struct front_news *news)
{
	for (unsigned i = 0; i < f->worker_count; i++) {
		if (f->workers[i].state == WORKER_UP)
			tell_reload(&f->workers[i], news);
	}
}

static void check_all_up(struct front *f)
{
	for (unsigned i = 0; i < f->worker_count; i++) {
		if (f->workers[i].state != WORKER_UP)
			return;
	}
	front_workers_are_up(f);
}

/* The first line of a life answers worker.start. */
static void started(struct front_worker *w, struct span line)
{
	bool no_memory = false;
	json_t *answer = js_parse(line, &no_memory);
	const char *why = js_get_text(json_object_get(answer, "error"), "message");
	bool ok = json_object_get(answer, "result") != NULL;

	if (ok) {
		w->state = WORKER_UP;
		w->was_up = true;
		tell_reload(
			w, &(struct front_news){ .log_level = log_level_name(
							 (enum log_level)w->f->config.log.level) });
		desk_worker_up(w->f->desk, loop_now(w->f->loop), w->index);
		log_info(NULL, "worker %u up, pid %d, start %u", w->index, (int)w->pid, w->starts);
		check_all_up(w->f);
	} else if (w->f->stage == FRONT_STARTING) {
		front_fail(w->f, "worker %u cannot start: %s", w->index,
			why != NULL ? why : "it gave no reason");
	} else {
		log_error(NULL, "worker %u cannot start: %s", w->index,
			why != NULL ? why : "it gave no reason");
		kill(w->pid, SIGKILL);
	}
	json_decref(answer);
}

static void worker_line(void *arg, struct line_conn *c, struct span line)
{
	struct front_worker *w = arg;

	if (w->state == WORKER_STARTING)
		started(w, line);
	else if (w->was_up)
		desk_worker_line(w->f->desk, loop_now(w->f->loop), w->index, line);
}

static void worker_too_long(void *arg, struct line_conn *c)
{
	struct front_worker *w = arg;

	log_error(NULL, "worker %u sent a line of more than %u bytes", w->index, WORKER_LINE);
}

static void worker_hung_up(void *arg, struct line_conn *c)
{
	struct front_worker *w = arg;

	w->conn = NULL;
	worker_half_gone(w, loop_now(w->f->loop));
}

static const struct line_ops worker_ops = {
	.line = worker_line, .too_long = worker_too_long, .closed = worker_hung_up
};

/* Life and death */

/* In the child, between fork and exec: async-signal-safe calls only. */
static void become_worker(char *const argv[], int conn, int counters)
{
	/* the front decides when a worker ends, also when a terminal sends ^C to the whole group */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	fcntl(conn, F_SETFD, 0);
	fcntl(counters, F_SETFD, 0);
	execv("/proc/self/exe", argv);
	_exit(127);
}

static int open_counters(struct front_worker *w)
{
	int fd = memfd_create("dcmf-counters", MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, (off_t)COUNTERS_SIZE) == 0) {
		w->counters = mmap(NULL, COUNTERS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (w->counters != MAP_FAILED)
			return fd;
		w->counters = NULL;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool worker_fork(struct front_worker *w, int ends[2], int counters)
{
	const struct line_config line = {
		.max_line = WORKER_LINE,
		.max_queued = WORKER_QUEUED,
		.ops = &worker_ops,
		.arg = w,
	};
	char name[] = "dcmf", option[] = "--worker", conn_text[12], counters_text[12];
	char *const argv[] = { name, option, conn_text, counters_text, NULL };

	snprintf(conn_text, sizeof(conn_text), "%d", ends[1]);
	snprintf(counters_text, sizeof(counters_text), "%d", counters);
	w->pid = fork();
	if (w->pid == 0)
		become_worker(argv, ends[1], counters);
	close(ends[1]);
	close(counters);
	if (w->pid < 0) {
		close(ends[0]);
		w->pid = 0;
		return false;
	}
	w->conn = line_conn_create(w->f->loop, ends[0], &line);
	return true;
}

static void try_again_later(struct front_worker *w, const char *why)
{
	if (w->f->stage == FRONT_STARTING) {
		front_fail(w->f, "worker %u cannot start: %s", w->index, why);
		return;
	}
	log_error(NULL, "worker %u cannot start: %s", w->index, why);
	w->state = WORKER_DOWN;
	alarm_set(w->restart, tick_add(loop_now(w->f->loop), BACK_OFF_US));
}

static void worker_spawn(struct front_worker *w)
{
	int ends[2], counters;

	w->was_up = false;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		try_again_later(w, strerror(errno));
		return;
	}
	counters = open_counters(w);
	if (counters < 0) {
		close(ends[0]);
		close(ends[1]);
		try_again_later(w, strerror(errno));
		return;
	}
	if (!worker_fork(w, ends, counters)) {
		keep_counters(w);
		try_again_later(w, strerror(errno));
		return;
	}
	w->state = WORKER_STARTING;
	w->starts++;
	if (w->conn == NULL || !send_request(w, "start", "worker.start", start_params(w)))
		kill(w->pid, SIGKILL); /* out of memory; it is replaced like any that dies */
	if (w->conn == NULL)
		w->state = WORKER_DYING;
}

static void restart_due(void *arg, tick_t now)
{
	struct front_worker *w = arg;

	if (w->state == WORKER_DOWN && !front_is_stopping(w->f))
		worker_spawn(w);
}

static const char *how_it_died(int wait_status, char buf[64])
{
	if (WIFSIGNALED(wait_status))
		snprintf(buf, 64, "killed by signal %d (%s)", WTERMSIG(wait_status),
			strsignal(WTERMSIG(wait_status)));
	else
		snprintf(buf, 64, "exited with status %d", WEXITSTATUS(wait_status));
	return buf;
}

/* At once, unless it keeps dying. */
static tick_t next_life(struct front_worker *w, tick_t now)
{
	tick_t oldest;

	w->died[w->deaths++ % FRONT_RECENT] = now;
	oldest = w->died[w->deaths % FRONT_RECENT];
	if (!w->was_up || (w->deaths >= FRONT_RECENT && tick_since(oldest, now) < RECENT_US))
		return tick_add(now, BACK_OFF_US);
	return now;
}

static void worker_gone(struct front_worker *w, tick_t now)
{
	char how[64];

	how_it_died(w->wait_status, how);
	keep_counters(w);
	w->state = WORKER_DOWN;
	if (front_is_stopping(w->f)) {
		if (workers_alive(w->f) == 0)
			front_all_gone(w->f);
		return;
	}
	log_error(NULL, "worker %u lost with %llu contexts: %s", w->index,
		(unsigned long long)desk_contexts_of(w->f->desk, w->index), how);
	if (w->was_up)
		desk_worker_lost(w->f->desk, now, w->index, how);
	if (w->f->stage == FRONT_STARTING)
		front_fail(w->f, "worker %u died at start: %s", w->index, how);
	else
		alarm_set(w->restart, next_life(w, now));
}

/*
 * Its process has ended or its connection: it is gone when both have. What it
 * said before it died is read first.
 */
static void worker_half_gone(struct front_worker *w, tick_t now)
{
	if (w->pid != 0 && w->conn == NULL && w->state != WORKER_DYING && !front_is_stopping(w->f))
		kill(w->pid, SIGKILL);
	w->state = WORKER_DYING;
	if (w->pid == 0 && w->conn == NULL)
		worker_gone(w, now);
}

static double seconds_of(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

bool worker_reaped(
	struct front *f, pid_t pid, int wait_status, const struct rusage *used, tick_t now)
{
	for (unsigned i = 0; i < f->worker_count; i++) {
		struct front_worker *w = &f->workers[i];

		if (w->pid != pid)
			continue;
		w->pid = 0;
		w->wait_status = wait_status;
		w->past_cpu += seconds_of(&used->ru_utime) + seconds_of(&used->ru_stime);
		worker_half_gone(w, now);
		return true;
	}
	return false;
}

bool workers_open(struct front *f)
{
	f->worker_count = config_workers(&f->config);
	for (unsigned i = 0; i < f->worker_count; i++) {
		struct front_worker *w = &f->workers[i];

		*w = (struct front_worker){ .f = f, .index = i };
		w->restart = loop_alarm(f->loop, restart_due, w);
		if (w->restart == NULL)
			return false;
	}
	return true;
}

void workers_start(struct front *f)
{
	for (unsigned i = 0; i < f->worker_count && f->stage == FRONT_STARTING; i++)
		worker_spawn(&f->workers[i]);
}

void workers_hang_up(struct front *f)
{
	for (unsigned i = 0; i < f->worker_count; i++) {
		line_conn_destroy(f->workers[i].conn);
		f->workers[i].conn = NULL;
		alarm_set(f->workers[i].restart, TICK_NEVER);
	}
}

void workers_kill(struct front *f)
{
	for (unsigned i = 0; i < f->worker_count; i++) {
		if (f->workers[i].pid != 0)
			kill(f->workers[i].pid, SIGKILL);
	}
}

unsigned workers_alive(const struct front *f)
{
	unsigned alive = 0;

	for (unsigned i = 0; i < f->worker_count; i++)
		alive += f->workers[i].pid != 0;
	return alive;
}

void workers_close(struct front *f)
{
	workers_hang_up(f);
	workers_kill(f);
	for (unsigned i = 0; i < f->worker_count; i++) {
		struct front_worker *w = &f->workers[i];

		if (w->pid != 0)
			waitpid(w->pid, NULL, 0);
		keep_counters(w);
		alarm_destroy(w->restart);
	}
	f->worker_count = 0;
}
