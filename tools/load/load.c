/* load.c: dcmf-load: waves of UEs against a gateway, and the report. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "sctp/sctp.h"
#include "tools/load/load_ue.h"

#define PROGRESS_US TICK_MS(500)
#define CLEAN_TRIES 20 /* half seconds for the gateway's object gauges to come back to zero */

/* One wave under way. */
struct run {
	struct load load;
	struct alarm *alarm;
	struct load_ue **ues; /* of this wave */
	unsigned begun;
	tick_t start, progress_at;
	bool on_terminal, stopping;
};

static void say(struct run *r, tick_t now)
{
	const struct report *rep = &r->load.report;
	double seconds = (double)tick_since(r->start, now) / 1e6;

	fprintf(stderr,
		"\rwave %u: %u of %ld begun, %u present, %u up, %u fetched, %llu failed, %.0f s "
		"\033[K",
		rep->wave_count + 1, r->begun, r->load.options.ues, r->load.present, r->load.up_now,
		r->load.fed, (unsigned long long)rep->failed, seconds);
}

/* ---- time ---- */

static tick_t arrival(const struct run *r, unsigned index)
{
	return tick_add(r->start, (int64_t)((double)index / r->load.options.rate * 1e6));
}

static bool all_begun(const struct run *r)
{
	return r->begun == (unsigned)r->load.options.ues;
}

static void begin_due(struct run *r, tick_t now)
{
	while (!r->stopping && !all_begun(r) && tick_due(arrival(r, r->begun), now)) {
		r->ues[r->begun] = load_ue_begin(&r->load, r->begun, arrival(r, r->begun), now);
		if (r->ues[r->begun] == NULL) {
			r->load.gave_up = "out of memory";
			return;
		}
		r->begun++;
	}
}

static void dismiss_all(struct run *r)
{
	for (unsigned i = 0; i < r->begun; i++)
		load_ue_dismiss(r->ues[i]);
}

/* Everybody who will ever get there is fed: the held ones may leave. */
static bool is_fed(const struct run *r)
{
	return all_begun(r) && r->load.fed + r->load.wave_failed >= r->begun;
}

static tick_t next_deadline(const struct run *r)
{
	tick_t at = timers_next(&r->load.timers);

	if (!r->stopping && !all_begun(r))
		at = tick_min(at, arrival(r, r->begun));
	if (r->on_terminal)
		at = tick_min(at, r->progress_at);
	return tick_min(at, sctp_deadline());
}

static void on_alarm(void *arg, tick_t now)
{
	struct run *r = arg;

	if (tick_due(sctp_deadline(), now))
		sctp_expire(now);
	timers_run(&r->load.timers, now);
	begin_due(r, now);
	if (r->on_terminal && tick_due(r->progress_at, now)) {
		say(r, now);
		r->progress_at = tick_add(now, PROGRESS_US);
	}
}

static void on_input(void *arg, tick_t now, const struct path *path, struct span dgram)
{
	load_ue_input(&((struct run *)arg)->load, now, path, dgram);
}

static void on_turn_end(void *arg, tick_t now)
{
	struct run *r = arg;

	load_ue_turn(&r->load, now);
	if (r->load.options.hold_all && is_fed(r))
		dismiss_all(r);
	load_ue_turn(&r->load, now);
	udp_flush(r->load.udp);
	if (load_control_is_lost(r->load.control))
		r->load.gave_up = "the control connection was lost";
	if (r->load.gave_up != NULL || (r->load.present == 0 && (all_begun(r) || r->stopping)))
		loop_stop(r->load.loop);
	alarm_set(r->alarm, next_deadline(r));
}

static void on_interrupt(void *arg, tick_t now)
{
	struct run *r = arg;

	(void)now;
	if (r->stopping)
		_exit(1);
	fputs("\ndcmf-load: interrupted; contexts are being deleted\n", stderr);
	r->stopping = true;
	for (unsigned i = 0; i < r->begun; i++)
		load_ue_give_up(r->ues[i]);
}

/* ---- waves ---- */

/* The gateway's last objects go a moment after the last answer. */
static void read_gateway(struct run *r, struct wave *w)
{
	for (unsigned i = 0; i < CLEAN_TRIES && r->load.options.metrics != NULL; i++) {
		if (!metrics_read(r->load.options.metrics, &w->after))
			return;
		w->clean = w->after.objects == 0;
		if (w->clean)
			return;
		usleep(500000);
	}
}

static void forget_ues(struct run *r)
{
	for (unsigned i = 0; i < r->begun; i++)
		load_ue_destroy(r->ues[i]);
}

static void run_wave(struct run *r)
{
	struct report *rep = &r->load.report;
	struct wave *w = &rep->waves[rep->wave_count];
	struct load *l = &r->load;

	l->fed = l->wave_failed = l->wave_peak = 0;
	r->begun = 0;
	r->start = r->progress_at = loop_now(l->loop);
	alarm_set(r->alarm, r->start);
	loop_run(l->loop, on_turn_end, r);
	*w = (struct wave){ .seconds = (double)tick_since(r->start, loop_now(l->loop)) / 1e6,
		.ues = r->begun,
		.failed = l->wave_failed,
		.peak = l->wave_peak };
	if (tick_before(r->start, l->last_open))
		rep->set_up_seconds += (double)tick_since(r->start, l->last_open) / 1e6;
	rep->seconds += w->seconds;
	if (w->peak > rep->peak_up)
		rep->peak_up = w->peak;
	if (r->on_terminal)
		fprintf(stderr, "\r\033[K");
	read_gateway(r, w);
	rep->wave_count++;
}

/* ---- beginning and end ---- */

static bool make_identities(struct load *l, bool on_terminal)
{
	long n = l->options.ues;

	if ((l->identities = mem_zalloc((size_t)n * sizeof(*l->identities))) == NULL)
		return false;
	for (long i = 0; i < n; i++) {
		struct cert *cert = cert_generate(30);

		l->identities[i] = cert ? dtls_ctx_create(cert) : NULL;
		cert_unref(cert);
		if (l->identities[i] == NULL)
			return false;
		if (on_terminal && i % 100 == 0)
			fprintf(stderr, "\r%ld of %ld certificates \033[K", i, n);
	}
	if (on_terminal)
		fprintf(stderr, "\r\033[K");
	return true;
}

/* A socket a line, and some more. */
static void raise_file_limit(const struct options *o)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if ((rlim_t)(o->ues * o->lines + 64) > limit.rlim_cur)
		fprintf(stderr,
			"dcmf-load: %ld sockets may be needed at once, %llu files may be open "
			"(ulimit -n)\n",
			o->ues * o->lines, (unsigned long long)limit.rlim_cur);
}

static const char *begin(struct run *r, char failed[256])
{
	struct load *l = &r->load;

	list_init(&l->ready);
	timers_init(&l->timers);
	verify_init(&l->verify, l->options.app);
	l->report.options = &l->options;
	raise_file_limit(&l->options);
	if (!sctp_start() || (l->loop = loop_create()) == NULL ||
		(l->codec = stun_codec_create()) == NULL)
		return "out of memory";
	l->udp = udp_create(l->loop, &(struct udp_config){ .input = on_input, .arg = r });
	r->alarm = loop_alarm(l->loop, on_alarm, r);
	r->ues = mem_zalloc((size_t)l->options.ues * sizeof(struct load_ue *));
	if (l->udp == NULL || r->alarm == NULL || r->ues == NULL)
		return "out of memory";
	if ((l->control = load_control_open(l->loop, l->options.socket, failed)) == NULL)
		return failed;
	if (l->options.direct != NULL && !verify_direct(&l->verify, l->options.direct))
		return "the direct fetch failed";
	if (l->options.metrics != NULL && !metrics_read(l->options.metrics, &l->report.before))
		return "the gateway's metrics cannot be read";
	return make_identities(l, r->on_terminal) ? NULL : "out of memory";
}

static void end(struct run *r)
{
	struct load *l = &r->load;

	load_control_close(l->control);
	for (long i = 0; l->identities != NULL && i < l->options.ues; i++)
		dtls_ctx_unref(l->identities[i]);
	mem_free(l->identities);
	mem_free(r->ues);
	verify_finish(&l->verify);
	udp_destroy(l->udp);
	if (r->alarm != NULL)
		alarm_destroy(r->alarm);
	stun_codec_destroy(l->codec);
	timers_finish(&l->timers);
	if (l->loop != NULL)
		loop_destroy(l->loop);
	sctp_stop();
}

static double cpu_now(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void run_waves(struct run *r)
{
	struct report *rep = &r->load.report;
	struct watch *interrupt = loop_signal(r->load.loop, SIGINT, on_interrupt, r);
	uint64_t overflows = host_udp_overflows();
	double cpu = cpu_now();

	for (long i = 0; i < r->load.options.waves && r->load.gave_up == NULL && !r->stopping;
		i++) {
		run_wave(r);
		forget_ues(r);
	}
	rep->cpu_seconds = cpu_now() - cpu;
	rep->udp_overflows = host_udp_overflows() - overflows;
	rep->dropped = (uint64_t)counter_value[CNT_datagrams_dropped_total];
	rep->checked = verify_words(&r->load.verify);
	loop_unwatch(interrupt);
}

static bool tell(const struct run *r)
{
	const struct options *o = &r->load.options;
	const struct report *rep = &r->load.report;
	bool ok = rep->failed == 0 && r->load.gave_up == NULL && !r->stopping;

	report_print(rep);
	fflush(stdout);
	if (r->load.gave_up != NULL)
		fprintf(stderr, "dcmf-load: given up: %s\n", r->load.gave_up);
	if (o->json != NULL)
		ok = report_save_json(rep, o->json) && ok;
	if (o->html != NULL)
		ok = report_save_html(rep, o->html) && ok;
	return ok;
}

int main(int argc, char **argv)
{
	static struct run r;
	char failed[256];
	const char *why;
	bool ok = false;

	if (!options_parse(&r.load.options, argc, argv))
		return 2;
	if (r.load.options.help) {
		options_print_help();
		return 0;
	}
	if (r.load.options.version) {
		puts("dcmf-load " DCMF_VERSION);
		return 0;
	}
	log_set_who("load");
	log_set_level(LOG_WARN);
	r.on_terminal = !r.load.options.quiet && isatty(STDERR_FILENO);
	if ((why = begin(&r, failed)) != NULL) {
		fprintf(stderr, "dcmf-load: %s\n", why);
	} else {
		run_waves(&r);
		ok = tell(&r);
	}
	end(&r);
	return ok ? 0 : why != NULL ? 2 : 1;
}
