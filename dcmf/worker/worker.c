/*
 * worker.c: the process that carries media: puts relay, sockets, upstream
 * connections and the front's line together.
 */
#include "dcmf/worker/worker.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/config/rules.h"
#include "dcmf/worker/worker_parts.h"
#include "sctp/sctp.h"

#define FRONT_QUEUE_BYTES (64u << 20) /* ours: events and answers the front has not read yet */

/*
 * Answers are longer than requests, and the bound of their queue ends a worker whose front reads
 * nothing. Requests that come faster than the front reads wait in the socket; events go on.
 */
static void heed_front(struct worker *w)
{
	if (w->front != NULL)
		line_pause(w->front, line_room(w->front) < FRONT_QUEUE_BYTES / 2);
}

static void turn_end(void *arg, tick_t now)
{
	struct worker *w = arg;

	heed_front(w);
	if (w->relay == NULL)
		return;
	relay_turn_end(w->relay, now);
	udp_flush(w->udp);
	alarm_set(w->alarm, relay_deadline(w->relay));
}

static void time_passed(void *arg, tick_t now)
{
	struct worker *w = arg;

	if (w->relay != NULL)
		relay_expire(w->relay, now);
}

static void datagram(void *arg, tick_t now, const struct path *path, struct span dgram)
{
	struct worker *w = arg;

	relay_input(w->relay, now, path, dgram);
}

static void train(void *arg, tick_t now, const struct path *path, struct span bytes, size_t piece)
{
	struct worker *w = arg;

	relay_input_train(w->relay, now, path, bytes, piece);
}

static void foresee(void *arg, const struct path *paths, size_t n)
{
	struct worker *w = arg;

	relay_foresee(w->relay, paths, n);
}

/* The whole batch is in: SACKs and replies for all of it go out together. */
static void batch_end(void *arg, tick_t now)
{
	struct worker *w = arg;

	relay_turn_end(w->relay, now);
}

/* --- the relay's world --- */

static void send_datagram(void *world, const struct path *path, struct span dgram)
{
	struct worker *w = world;

	udp_send(w->udp, path, dgram);
}

static void send_train(void *world, const struct path *path, struct span bytes, size_t piece)
{
	struct worker *w = world;

	udp_send_train(w->udp, path, bytes, piece);
}

static void relay_event(void *world, const struct relay_event *event)
{
	struct worker *w = world;

	agent_event(w->agent, event);
}

static const struct relay_ops world_ops = {
	.port_open = worker_port_open,
	.port_close = worker_port_close,
	.send = send_datagram,
	.send_train = send_train,
	.event = relay_event,
	.request_start = worker_request_start,
	.request_write = worker_request_write,
	.request_finish = worker_request_finish,
	.request_resume = worker_request_resume,
	.request_cancel = worker_request_cancel,
	.link_open = worker_link_open,
	.link_write = worker_link_write,
	.link_pause = worker_link_pause,
	.link_close = worker_link_close,
};

/* --- start and reload, at the front's word --- */

static struct dtls_ctx *make_dtls(const char *pem, char failed[256])
{
	const char *why;
	struct cert *cert = cert_from_pem(span_str(pem), span_str(pem), &why);
	struct dtls_ctx *ctx = cert ? dtls_ctx_create(cert) : NULL;

	if (ctx == NULL)
		snprintf(failed, 256, "the DTLS certificate cannot be used: %s",
			cert ? "out of memory" : why);
	cert_unref(cert);
	return ctx;
}

static void fill_relay_config(struct relay_config *rc, const struct config *c, unsigned workers)
{
	relay_config_init(rc);
	rc->mtu = (uint16_t)c->dtls.mtu;
	rc->setup = c->dtls.setup == CONFIG_ACTIVE ? SETUP_ACTIVE : SETUP_PASSIVE;
	rc->latch = c->policy.latch;
	rc->max_streams = (uint16_t)c->sctp.max_streams;
	rc->max_message = (uint32_t)c->sctp.max_message_size;
	rc->send_buffer = (uint32_t)c->sctp.send_buffer;
	rc->receive_buffer = (uint32_t)c->sctp.receive_buffer;
	rc->channel_queue = (uint32_t)c->channel.queue;
	rc->channel_hold_us = c->channel.hold;
	rc->context_idle_us = c->limits.context_idle;
	rc->half_open = (uint32_t)(c->limits.half_open / workers) + 1;
	rc->setup_rate = (uint32_t)(c->limits.setup_rate / workers) + 1;
}

static struct relay *build(struct worker *w, const struct agent_start *s, char failed[256])
{
	struct relay_config rc;

	w->index = s->index;
	w->udp = udp_create(w->loop, &(struct udp_config){ .input = datagram,
					     .input_train = train,
					     .foresee = foresee,
					     .batch_end = batch_end,
					     .arg = w });
	if (w->udp == NULL || (s->embedded_root != NULL &&
				      (w->embedded_root = mem_strdup(s->embedded_root)) == NULL)) {
		snprintf(failed, 256, "out of memory");
		return NULL;
	}
	if (!worker_ports_open(w, s->index, s->workers, failed) ||
		!worker_tls_set(w, HOP_MDC1, &s->mdc1, failed) ||
		!worker_tls_set(w, HOP_MDC2, &s->mdc2, failed) || !worker_upstream_open(w, failed))
		return NULL;
	fill_relay_config(&rc, &w->config, s->workers);
	rc.ops = &world_ops;
	rc.world = w;
	if ((rc.dtls = make_dtls(s->certificate, failed)) == NULL)
		return NULL;
	w->sctp_started = sctp_start();
	w->relay = relay_create(&rc, loop_now(w->loop));
	dtls_ctx_unref(rc.dtls);
	if (w->relay == NULL)
		snprintf(failed, 256, "out of memory");
	return w->relay;
}

static struct relay *start(
	void *arg, const struct agent_start *s, struct document_rules *rules, char failed[256])
{
	struct worker *w = arg;
	char error[CONFIG_ERROR_MAX], who[32];
	struct relay *r;

	snprintf(who, sizeof(who), "worker %u", s->index);
	log_set_who(who);
	if (!config_parse(s->yaml, s->yaml_name, &w->config, error)) {
		snprintf(failed, 256, "%.255s", error);
		return NULL;
	}
	log_open(stderr, w->config.log.format != 0);
	log_set_level((enum log_level)w->config.log.level);
	if ((r = build(w, s, failed)) == NULL || !worker_sandbox(failed))
		return NULL;
	rules_of(&w->config, rules);
	rules->embedded_root = w->embedded_root;
	rules->embedded_addr = s->embedded_addr;
	log_info(NULL, "ready, pid %d", (int)getpid());
	return r;
}

static bool use_certificate(struct worker *w, const char *pem, char failed[256])
{
	struct dtls_ctx *ctx = make_dtls(pem, failed);

	if (ctx == NULL)
		return false;
	relay_set_dtls(w->relay, ctx);
	dtls_ctx_unref(ctx);
	log_info(NULL, "new certificate for new contexts");
	return true;
}

static bool reload(void *arg, const struct agent_reload *r, char failed[256])
{
	struct worker *w = arg;
	enum log_level level;

	if (r->log_level != NULL && log_level_parse(r->log_level, &level))
		log_set_level(level);
	return (r->certificate == NULL || use_certificate(w, r->certificate, failed)) &&
	       (r->mdc1 == NULL || worker_tls_set(w, HOP_MDC1, r->mdc1, failed)) &&
	       (r->mdc2 == NULL || worker_tls_set(w, HOP_MDC2, r->mdc2, failed));
}

/* --- the front's line --- */

static void to_front(void *arg, struct span line)
{
	struct worker *w = arg;

	if (w->front != NULL)
		line_send(w->front, line);
	heed_front(w);
}

static void from_front(void *arg, struct line_conn *c, struct span line)
{
	struct worker *w = arg;

	(void)c;
	agent_line(w->agent, loop_now(w->loop), line);
}

static void front_too_long(void *arg, struct line_conn *c)
{
	(void)arg;
	(void)c;
	log_error(NULL, "the front sent a line of more than %u bytes", AGENT_LINE_MAX);
}

static void front_gone(void *arg, struct line_conn *c)
{
	struct worker *w = arg;

	(void)c;
	w->front = NULL;
	loop_stop(w->loop);
}

static const struct line_ops front_ops = {
	.line = from_front, .too_long = front_too_long, .closed = front_gone
};

/* --- life --- */

static bool share_counters(int fd)
{
	void *shared = mmap(
		NULL, COUNTER_MAX * sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	if (shared == MAP_FAILED)
		return false;
	counters_use(shared);
	return true;
}

static void finish(struct worker *w)
{
	relay_destroy(w->relay); /* its last events go to the agent */
	agent_destroy(w->agent);
	if (w->udp != NULL)
		udp_flush(w->udp);
	worker_links_close(w);
	worker_upstream_close(w);
	worker_tls_close(w);
	worker_ports_close(w);
	udp_destroy(w->udp);
	if (w->sctp_started)
		sctp_stop();
	line_conn_destroy(w->front);
	alarm_destroy(w->alarm);
	config_finish(&w->config);
	mem_free(w->embedded_root);
	loop_destroy(w->loop);
}

int worker_main(int front_fd, int counters_fd)
{
	struct worker w = { 0 };

	/* a terminal's ^C reaches the whole group: the front decides when a worker ends */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	tzset(); /* reads a file: before the sandbox */
	/*
	 * Left to itself glibc raises its threshold with the largest block it has seen freed, and
	 * keeps what a wave of calls left behind: measured, 6 % more after each of the first waves.
	 */
	mallopt(M_TRIM_THRESHOLD, 128 << 10);
	log_set_who("worker");
	w.loop = loop_create();
	w.agent = agent_create(&(struct agent_ops){
		.send = to_front, .start = start, .reload = reload, .arg = &w });
	w.alarm = w.loop ? loop_alarm(w.loop, time_passed, &w) : NULL;
	if (w.alarm == NULL || w.agent == NULL || !share_counters(counters_fd)) {
		log_error(NULL, "cannot start: out of memory");
		return 1;
	}
	w.front = line_conn_create(w.loop, front_fd,
		&(struct line_config){ .max_line = AGENT_LINE_MAX,
			.max_queued = FRONT_QUEUE_BYTES,
			.ops = &front_ops,
			.arg = &w });
	if (w.front != NULL)
		loop_run(w.loop, turn_end, &w);
	finish(&w);
	return 0;
}
