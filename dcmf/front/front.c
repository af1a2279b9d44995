/* front.c: the life of the front process: start, reload, drain, stop. */
#include "dcmf/front/front.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "dcmf/base/random.h"
#include "dcmf/front/check.h"
#include "dcmf/front/front_parts.h"
#include "dcmf/front/notify.h"

/* Ours: workers and the embedded DCSF answer within it, or something is broken. */
#define START_US TICK_S(20)
/* Deleted contexts say goodbye to their peers for at most 2 s (relay.h). */
#define LINGER_US      TICK_MS(2500)
#define LINGER_POLL_US TICK_MS(50)
#define END_US         TICK_S(3) /* ours: for workers to end by themselves */
#define MAX_REQUESTS   1024      /* ours: unanswered at once, of one controller */

/* Ends */

static void set_stage(struct front *f, enum front_stage stage, tick_t deadline)
{
	f->stage = stage;
	alarm_set(f->stage_alarm, deadline);
}

void front_fail(struct front *f, const char *fmt, ...)
{
	char why[CONFIG_ERROR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	log_error(NULL, "%s", why);
	f->status = 1;
	f->stage = FRONT_ENDING;
	loop_stop(f->loop);
}

bool front_is_stopping(const struct front *f)
{
	return f->stage >= FRONT_LINGERING;
}

void front_all_gone(struct front *f)
{
	if (f->stage == FRONT_ENDING && front_nrf_is_out(f))
		loop_stop(f->loop);
}

/*
 * Contexts are gone; their legs still say goodbye, and whoever deleted the last one waits for the
 * answer.
 */
static void end_or_linger(struct front *f, tick_t now)
{
	if ((front_counter(f, CNT_legs) > 0 || desk_is_busy(f->desk)) &&
		tick_before(now, f->linger_until)) {
		set_stage(f, FRONT_LINGERING, tick_add(now, LINGER_POLL_US));
		return;
	}
	set_stage(f, FRONT_ENDING, tick_add(now, END_US));
	workers_hang_up(f);
	dcsf_stop(f);
	if (workers_alive(f) == 0)
		front_all_gone(f);
}

static void drained(void *front)
{
	struct front *f = front;
	tick_t now = loop_now(f->loop);

	if (f->stage != FRONT_DRAINING)
		return; /* an operator's drain: the node stays */
	sbi_bow_out(f);
	f->linger_until = tick_add(now, LINGER_US);
	end_or_linger(f, now);
}

static void stage_due(void *arg, tick_t now)
{
	struct front *f = arg;

	if (f->stage == FRONT_STARTING)
		front_fail(f, "not ready after %d s", (int)(START_US / TICK_S(1)));
	else if (f->stage == FRONT_LINGERING)
		end_or_linger(f, now);
	else
		loop_stop(f->loop); /* workers that do not end are killed on the way out */
}

/* Signals */

static void on_stop(void *arg, tick_t now)
{
	struct front *f = arg;

	if (f->stage != FRONT_READY) {
		log_info(NULL, "stopping at once");
		f->stage = FRONT_ENDING;
		loop_stop(f->loop);
		return;
	}
	f->stage = FRONT_DRAINING;
	notify("STOPPING=1\nSTATUS=draining");
	log_info(NULL, "stopping; a second signal stops at once");
	desk_drain(f->desk, now);
}

struct changes {
	bool any, certificate, level;
};

static void note_change(void *arg, const char *path, bool live)
{
	struct changes *c = arg;

	c->any = true;
	c->certificate = c->certificate || strcmp(path, "dtls.certificate") == 0 ||
			 strcmp(path, "dtls.key") == 0;
	c->level = c->level || strcmp(path, "log.level") == 0;
	if (live)
		log_info(NULL, "reload: %s changed", path);
	else
		log_warn(NULL, "reload: %s needs a restart", path);
}

static struct desk_limits limits_of(const struct config *c)
{
	return (struct desk_limits){
		.contexts = (uint64_t)c->limits.contexts,
		.drain_deadline_us = c->drain.deadline,
		.others_may_change = c->authorization.others_may_change,
	};
}

static void take_changes(struct front *f, struct config *fresh)
{
	struct changes changes = { .any = false };
	struct desk_limits limits;
	char error[CONFIG_ERROR_MAX];
	bool is_new, has_tls, has_mdc;

	config_compare(&f->config, fresh, note_change, &changes);
	config_take_live(&f->config, fresh);
	limits = limits_of(&f->config);
	desk_set_limits(f->desk, &limits);
	if (changes.level) {
		log_set_level((enum log_level)f->config.log.level);
		workers_tell(f,
			&(struct front_news){
				.log_level = log_level_name((enum log_level)f->config.log.level) });
	}
	is_new = cert_reload(f, changes.certificate, error);
	if (error[0] != '\0')
		log_error(NULL, "reload: the certificate stays: %s", error);
	has_tls = control_tls_reload(f);
	has_tls = sbi_reload(f) || has_tls;
	has_tls = oauth_reload(f) || has_tls;
	front_nrf_reload(f);
	has_mdc = mdc_reload(f);
	if (!changes.any && !is_new && !has_tls && !has_mdc && error[0] == '\0')
		log_info(NULL, "reload: nothing changed");
}

static void on_reload(void *arg, tick_t now)
{
	struct front *f = arg;
	char error[CONFIG_ERROR_MAX];
	struct config fresh;

	if (f->stage != FRONT_READY)
		return;
	notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now.us);
	if (config_load(f->path, &fresh, error)) {
		take_changes(f, &fresh);
		config_finish(&fresh);
	} else {
		log_error(NULL, "reload: nothing changed: %s", error);
	}
	notify("READY=1");
}

static void on_child(void *arg, tick_t now)
{
	struct front *f = arg;
	struct rusage used;
	int wait_status;
	pid_t pid;

	while ((pid = wait4(-1, &wait_status, WNOHANG, &used)) > 0) {
		if (!worker_reaped(f, pid, wait_status, &used, now))
			dcsf_reaped(f, pid, wait_status, now);
	}
}

static bool watch_signals(struct front *f)
{
	f->signals[0] = loop_signal(f->loop, SIGTERM, on_stop, f);
	f->signals[1] = loop_signal(f->loop, SIGINT, on_stop, f);
	f->signals[2] = loop_signal(f->loop, SIGHUP, on_reload, f);
	f->signals[3] = loop_signal(f->loop, SIGCHLD, on_child, f);
	return f->signals[0] != NULL && f->signals[1] != NULL && f->signals[2] != NULL &&
	       f->signals[3] != NULL;
}

/* Start */

void front_root_is_known(struct front *f)
{
	workers_start(f);
}

void front_workers_are_up(struct front *f)
{
	char error[CONFIG_ERROR_MAX];

	if (f->stage != FRONT_STARTING)
		return;
	if (!control_open(f, error) || !sbi_open(f, error)) {
		front_fail(f, "%s", error);
		return;
	}
	if (!front_ng_open(f, error)) {
		front_fail(f, "%s", error);
		return;
	}
	set_stage(f, FRONT_READY, TICK_NEVER);
	log_info(NULL, "ready: dcmf " DCMF_VERSION ", %u worker%s, control socket %s",
		f->worker_count, f->worker_count == 1 ? "" : "s", f->socket_path);
	notify("READY=1\nSTATUS=%u workers, control socket %s", f->worker_count, f->socket_path);
}

static void desk_due(void *arg, tick_t now)
{
	struct front *f = arg;

	desk_expire(f->desk, now);
	sbi_due(f, now);
}

static void turn_end(void *arg, tick_t now)
{
	struct front *f = arg;

	control_turn(f);
	front_nrf_turn(f, now);
	if (workers_alive(f) == 0)
		front_all_gone(f); /* it may have waited for an NRF */
	alarm_set(f->desk_alarm, tick_min(desk_deadline(f->desk), sbi_next(f)));
}

static int64_t wall_us(void *front)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* RFC 9562, version 4. */
static void make_uuid(char out[37])
{
	uint8_t b[16];

	random_bytes(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		b[13], b[14], b[15]);
}

static bool open_desk(struct front *f)
{
	static const struct desk_ops ops = {
		.to_controller = front_to_controller,
		.has_hung_up = front_controller_has_hung_up,
		.to_worker = front_to_worker,
		.resolve = front_resolve,
		.worker_info = front_worker_info,
		.counter = front_counter,
		.wall_us = wall_us,
		.drained = drained,
	};
	char uuid[37];
	struct desk_config config = {
		.name = f->config.node.name,
		.version = DCMF_VERSION,
		.nf_instance_id = f->config.node.nf_instance_id,
		.workers = f->worker_count,
		.max_requests_per_controller = MAX_REQUESTS,
		.limits = limits_of(&f->config),
	};

	f->desk_ops = ops;
	f->desk_ops.front = f;
	config.ops = &f->desk_ops;
	make_uuid(uuid);
	if (strcmp(config.nf_instance_id, "auto") == 0)
		config.nf_instance_id = uuid;
	snprintf(f->nf_instance_id, sizeof(f->nf_instance_id), "%s", config.nf_instance_id);
	f->desk = desk_create(&config, loop_now(f->loop));
	return f->desk != NULL;
}

static bool open_parts(struct front *f, char error[CONFIG_ERROR_MAX])
{
	snprintf(error, CONFIG_ERROR_MAX, "out of memory");
	f->desk_alarm = loop_alarm(f->loop, desk_due, f);
	f->stage_alarm = loop_alarm(f->loop, stage_due, f);
	f->resolver = resolver_create(f->loop);
	return f->desk_alarm != NULL && f->stage_alarm != NULL && f->resolver != NULL &&
	       watch_signals(f) && workers_open(f) && open_desk(f) &&
	       check_media_addresses(&f->config, error) && cert_open(f, error) &&
	       control_tls_open(f, error) && mdc_open(f, error) && oauth_open(f, error) &&
	       front_nrf_open(f, error) && admin_open(f, error) && dcsf_open(f, error);
}

static void close_parts(struct front *f)
{
	httpd_destroy(f->httpd);
	sbi_close(f);
	control_close(f);
	control_tls_close(f);
	workers_close(f);
	dcsf_close(f);
	resolver_destroy(f->resolver);
	cert_close(f);
	front_ng_close(f);
	desk_destroy(f->desk);
	front_nrf_close(f);
	oauth_close(f);
	mdc_close(f);
	for (unsigned i = 0; i < 4; i++)
		loop_unwatch(f->signals[i]);
	alarm_destroy(f->desk_alarm);
	alarm_destroy(f->stage_alarm);
	loop_destroy(f->loop);
	config_finish(&f->config);
}

int front_run(struct config *config, const char *path)
{
	struct front *f = mem_zalloc(sizeof(*f));
	char error[CONFIG_ERROR_MAX];
	int status;

	log_set_who("front");
	log_open(stderr, config->log.format != 0);
	log_set_level((enum log_level)config->log.level);
	if (f == NULL || (f->loop = loop_create()) == NULL) {
		log_error(NULL, "out of memory");
		mem_free(f);
		config_finish(config);
		return 1;
	}
	f->config = *config;
	f->path = path;
	list_init(&f->asked);
	if (!open_parts(f, error)) {
		front_fail(f, "%s", error);
	} else if (f->stage == FRONT_STARTING) {
		alarm_set(f->stage_alarm, tick_add(loop_now(f->loop), START_US));
	}
	if (f->status == 0)
		loop_run(f->loop, turn_end, f);
	status = f->status;
	close_parts(f);
	mem_free(f);
	if (status == 0)
		log_info(NULL, "stopped");
	return status;
}
