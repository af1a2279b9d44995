/* conductor.c: waves from outside: when everybody begins, works and leaves, and what gateway and players look like meanwhile. */
#include "tools/load/conductor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dcmf/base/log.h"
#include "tools/load/player.h"

#define LOOK_US       2000 /* at the board */
#define SAMPLE_US     TICK_MS(500)
#define FILES_BESIDES 64 /* that are no sockets of UEs */
#define CLEAN_TRIES   20 /* half seconds for the gateway's object gauges to come back to zero */

struct conductor {
	const struct options *options; /* of the whole run */
	struct board *board;
	pid_t players[LOAD_PROCESSES_MAX];
	struct report *report;
	tick_t began, sample_at;
	int64_t sample_every;
	bool on_terminal;
};

/* The seats together. */
struct sum {
	bool all_begun;
	unsigned begun, up, done, failed, present, up_now, peak, waves_done;
};

static volatile sig_atomic_t interrupts;

static void on_interrupt(int signum)
{
	(void)signum;
	if (++interrupts > 1)
		_exit(1);
}

bool conductor_was_interrupted(void)
{
	return interrupts > 0;
}

static tick_t now_is(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (tick_t){ (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 };
}

/* ---- the board ---- */

static struct sum look(const struct conductor *c)
{
	struct sum s = { .all_begun = true };

	for (unsigned i = 0; i < c->board->seat_count; i++) {
		const struct seat *seat = &c->board->seats[i];

		s.waves_done += seat->waves_done == c->board->wave;
		s.all_begun &= seat->all_begun && seat->wave == c->board->wave;
		if (seat->wave != c->board->wave)
			continue;
		s.begun += seat->begun;
		s.up += seat->up;
		s.done += seat->done;
		s.failed += seat->failed;
		s.present += seat->present;
		s.up_now += seat->up_now;
		s.peak += seat->peak;
	}
	return s;
}

/* What all players have done so far, waves before included. */
static void count(const struct conductor *c, struct sample *out)
{
	for (unsigned i = 0; i < c->board->seat_count; i++) {
		for (unsigned p = 0; p < PARTS_MAX; p++) {
			const struct part *part = &c->board->seats[i].tally.parts[p];

			out->set_ups += part->handshakes;
			out->messages += part->received;
			out->bytes += part->bytes;
		}
	}
}

static void say(const struct conductor *c)
{
	struct sum s = look(c);

	if (!c->on_terminal)
		return;
	fprintf(stderr,
		"\rwave %u: %u of %ld begun, %u present, %u up, %u done, %u failed, %.0f s \033[K",
		c->board->wave, s.begun, c->options->arrivals, s.present, s.up_now, s.done,
		s.failed, (double)tick_since(c->board->start, now_is()) / 1e6);
}

static void clear_line(const struct conductor *c)
{
	if (c->on_terminal)
		fprintf(stderr, "\r\033[K");
}

/* ---- the gateway ---- */

static bool read_metrics(struct conductor *c, struct metrics *m)
{
	struct report *r = c->report;

	if (c->options->metrics == NULL || !metrics_read(c->options->metrics, m))
		return false;
	r->worker_count = m->workers;
	for (unsigned i = 0; i < m->workers; i++)
		if (m->memory_bytes[i] > r->worker_memory_peak[i])
			r->worker_memory_peak[i] = m->memory_bytes[i];
	if (metrics_memory(m) > r->memory_peak)
		r->memory_peak = metrics_memory(m);
	return true;
}

/* Room for the rest of a long run: half as many, half as often. */
static void thin_out(struct conductor *c)
{
	struct report *r = c->report;

	if (r->sample_count < SAMPLES_MAX)
		return;
	for (unsigned i = 0; i < SAMPLES_MAX / 2; i++)
		r->samples[i] = r->samples[2 * i];
	r->sample_count = SAMPLES_MAX / 2;
	c->sample_every *= 2;
}

static void take_sample(struct conductor *c, tick_t now)
{
	struct sample s = { .at = (double)tick_since(c->began, now) / 1e6 };
	struct metrics m = { .known = false };

	if (tick_before(now, c->sample_at))
		return;
	c->sample_at = tick_add(now, c->sample_every);
	if (read_metrics(c, &m)) {
		s.cpu_seconds = metrics_cpu(&m);
		s.memory_bytes = metrics_memory(&m);
	}
	s.up = look(c).up_now;
	count(c, &s);
	thin_out(c);
	c->report->samples[c->report->sample_count++] = s;
	say(c);
}

/* The gateway's last objects go a moment after the last answer. */
static void read_after(struct conductor *c, struct wave *w)
{
	for (unsigned i = 0; i < CLEAN_TRIES && c->options->metrics != NULL; i++) {
		if (!read_metrics(c, &w->after))
			return;
		w->clean = w->after.objects == 0;
		if (w->clean)
			return;
		usleep(500000);
	}
}

/* ---- players ---- */

/* A player is gone though nobody told it to go: the run cannot go on. */
static bool lost_one(struct conductor *c)
{
	int status;
	pid_t pid = waitpid(-1, &status, WNOHANG);
	unsigned i = 0;

	if (pid <= 0)
		return c->report->gave_up != NULL;
	while (i + 1 < c->board->seat_count && c->players[i] != pid)
		i++;
	c->players[i] = 0;
	c->report->gave_up = c->board->seats[i].gave_up;
	if (c->report->gave_up[0] == '\0')
		c->report->gave_up = "a process of the generator ended early";
	return true;
}

static bool start_players(struct conductor *c)
{
	fflush(NULL);
	for (unsigned i = 0; i < c->board->seat_count; i++) {
		pid_t parent = getpid();

		if ((c->players[i] = fork()) < 0)
			return false;
		if (c->players[i] > 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		signal(SIGINT, SIG_IGN); /* the board says it */
		signal(SIGTERM, SIG_IGN);
		player_run(c->board, i, c->report->plan);
		exit(0); /* not _exit(): sanitizers look for leaks here */
	}
	return true;
}

static bool wait_until_ready(struct conductor *c)
{
	for (unsigned i = 0; i < c->board->seat_count; i++) {
		while (!c->board->seats[i].is_ready) {
			if (lost_one(c) || interrupts > 0)
				return false;
			usleep(LOOK_US);
		}
	}
	return true;
}

static void end_players(struct conductor *c)
{
	int status;

	c->board->end = true;
	for (unsigned i = 0; i < c->board->seat_count; i++) {
		if (c->players[i] <= 0)
			continue;
		waitpid(c->players[i], &status, 0);
		if (status != 0 && c->report->gave_up == NULL)
			c->report->gave_up = "a process of the generator did not end well";
	}
}

/* ---- waves ---- */

/* Everybody is up, or never will be: the work begins. */
static void look_whether_to_go(struct conductor *c, struct wave *w, const struct sum *s)
{
	struct board *b = c->board;

	if (!c->options->together || b->go == b->wave || !s->all_begun ||
		s->up + s->failed < s->begun)
		return;
	read_metrics(c, &w->up);
	w->went = now_is();
	b->go = b->wave;
}

/* Everybody has done what there was to do: whoever waits for that leaves. */
static void look_whether_to_dismiss(struct conductor *c, struct wave *w, const struct sum *s)
{
	struct board *b = c->board;
	bool idles = c->report->plan->scenario == SCENARIO_idle;

	if (b->dismiss == b->wave || !s->all_begun || s->done + s->failed < s->begun)
		return;
	if (idles && tick_since(w->went, now_is()) < (int64_t)(c->options->idle * 1e6))
		return;
	if (c->options->together) {
		read_metrics(c, &w->worked);
		w->work_seconds = (double)tick_since(w->went, now_is()) / 1e6;
	}
	b->dismiss = b->wave;
}

static void conduct_wave(struct conductor *c, struct wave *w)
{
	struct board *b = c->board;
	struct sum s;

	for (;;) {
		usleep(LOOK_US);
		s = look(c);
		if (s.waves_done == b->seat_count || lost_one(c))
			break;
		if (interrupts > 0 && !b->stop) {
			fputs("\ndcmf-load: interrupted; contexts are being deleted\n", stderr);
			b->stop = true;
		}
		take_sample(c, now_is());
		look_whether_to_go(c, w, &s);
		look_whether_to_dismiss(c, w, &s);
	}
}

static double seconds_to(tick_t from, tick_t to)
{
	return tick_is_never(to) || tick_is_never(from) || tick_before(to, from)
		       ? 0
		       : (double)tick_since(from, to) / 1e6;
}

static void enter_wave(struct conductor *c, struct wave *w)
{
	static struct tally t;
	struct report *r = c->report;
	struct sum s = look(c);

	tally_init(&t);
	for (unsigned i = 0; i < c->board->seat_count; i++)
		tally_add(&t, &c->board->seats[i].tally);
	w->seconds = seconds_to(c->board->start, now_is());
	w->begun = s.begun;
	w->failed = s.failed;
	w->peak = s.peak;
	r->set_up_seconds += seconds_to(c->board->start, t.last_up);
	r->talk_seconds += seconds_to(t.talk_first, t.talk_last);
	r->seconds += w->seconds;
	if (w->peak > r->peak_up)
		r->peak_up = w->peak;
}

static void run_wave(struct conductor *c)
{
	struct report *r = c->report;
	struct wave *w = &r->waves[r->wave_count];
	struct sample first = { .at = 0 }, last = { .at = 0 };

	*w = (struct wave){ .seconds = 0 };
	read_metrics(c, &w->before);
	count(c, &first);
	c->board->start = now_is();
	c->board->wave++;
	conduct_wave(c, w);
	count(c, &last);
	w->set_ups = last.set_ups - first.set_ups;
	w->messages = last.messages - first.messages;
	enter_wave(c, w);
	clear_line(c);
	read_after(c, w);
	r->wave_count++;
}

/* ---- beginning and end ---- */

/*
 * A socket a UE, and some more. False: they will be needed and cannot be had. Where arrivals may have left before the last one comes,
 * that is only said.
 */
static bool raise_file_limit(const struct plan *p)
{
	unsigned long files = plan_sockets(p) + FILES_BESIDES;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return true;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (files <= limit.rlim_cur)
		return true;
	fprintf(stderr,
		"dcmf-load: a process %s up to %lu files open at once, and the limit is %llu: "
		"raise it (ulimit -Hn) or take more --processes\n",
		plan_is_all_at_once(p) ? "needs" : "may need", files,
		(unsigned long long)limit.rlim_cur);
	return !plan_is_all_at_once(p);
}

static struct board *make_board(unsigned seats)
{
	size_t size = sizeof(struct board) + seats * sizeof(struct seat);
	struct board *b =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (b == MAP_FAILED)
		return NULL;
	b->seat_count = seats;
	return b;
}

static void add_up(struct conductor *c)
{
	struct report *r = c->report;

	for (unsigned i = 0; i < c->board->seat_count; i++) {
		const struct tally *t = &c->board->seats[i].tally;

		tally_add(&r->tally, t);
		if (t->cpu_seconds > r->busiest_cpu_seconds)
			r->busiest_cpu_seconds = t->cpu_seconds;
	}
	tally_sum(&r->tally, &r->sum);
}

static void run_waves(struct conductor *c)
{
	struct report *r = c->report;
	uint64_t overflows = host_udp_overflows();

	c->began = c->sample_at = now_is();
	for (long i = 0; i < c->options->waves && r->gave_up == NULL && interrupts == 0; i++)
		run_wave(c);
	r->udp_overflows = host_udp_overflows() - overflows;
}

bool conduct(const struct plan *plan, struct report *out)
{
	const struct options *o = &plan->all;
	struct conductor c = { .options = o, .report = out, .sample_every = SAMPLE_US };
	struct metrics first;

	out->plan = plan;
	tally_init(&out->tally);
	c.on_terminal = !o->quiet && isatty(STDERR_FILENO);
	if (!raise_file_limit(plan))
		return false;
	if (o->metrics != NULL && !read_metrics(&c, &first)) {
		fputs("dcmf-load: the gateway's metrics cannot be read\n", stderr);
		return false;
	}
	signal(SIGINT, on_interrupt);
	signal(SIGTERM, on_interrupt);
	if ((c.board = make_board((unsigned)o->processes)) == NULL || !start_players(&c)) {
		fputs("dcmf-load: out of memory\n", stderr);
		return false;
	}
	if (!wait_until_ready(&c)) {
		fprintf(stderr, "dcmf-load: %s\n", out->gave_up ? out->gave_up : "interrupted");
		end_players(&c);
		return false;
	}
	out->memory_before = o->metrics ? metrics_memory(&first) : 0;
	run_waves(&c);
	end_players(&c);
	add_up(&c);
	return true;
}
