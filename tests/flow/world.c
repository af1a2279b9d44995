/*
 * world.c: a whole deployment in one program and in made-up time: the loop,
 * and the world that the relay sees.
 */
#include "tests/flow/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "sctp/sctp.h"
#include "tests/flow/inside.h"

#define STUCK_STEPS 200000 /* so many steps without any time passing are a fault, ours */

static struct world *alive;

/* ---- planned failures of allocations, in the relay alone ---- */

static unsigned long count_before;

static void enter(const struct world *w)
{
	count_before = mem_count();
	mem_fail_at(w->fail_at);
}

static void leave(struct world *w)
{
	if (w->fail_at > 0 && mem_failed()) {
		w->failed = true;
		w->fail_at = 0;
	} else if (w->fail_at > 0) {
		w->fail_at -= mem_count() - count_before;
	}
	mem_fail_at(0);
}

#define IN_RELAY(w, call) \
	do {              \
		enter(w); \
		call;     \
		leave(w); \
	} while (0)

struct relay_context *world_create_context(struct world *w, const char *id,
	const struct context_spec *spec, struct relay_refusal *refusal)
{
	struct relay_context *c;

	IN_RELAY(w, c = relay_context_create(w->relay, sim_now(), id, spec, refusal));
	return c;
}

bool world_update_context(struct world *w, const char *id, const struct context_spec *spec)
{
	struct relay_context *c = relay_context_find(w->relay, id);
	struct relay_refusal refusal;
	bool done;

	if (c == NULL)
		return false;
	IN_RELAY(w, done = relay_context_update(w->relay, sim_now(), c, spec, &refusal));
	return done;
}

void world_delete_context(struct world *w, const char *id)
{
	struct relay_context *c = relay_context_find(w->relay, id);

	if (c != NULL)
		IN_RELAY(w, relay_context_delete(w->relay, sim_now(), c, CLOSE_LOCAL));
}

/* ---- the world that the relay sees ---- */

static void on_port_input(
	void *arg, const struct addr *from, const struct addr *to, struct span dgram)
{
	struct world *w = arg;
	struct path path = { .local = *to, .remote = *from };

	for (uint32_t n = 1; n < w->next_number; n++)
		if (w->ports[n].users > 0 && addr_eq(&w->ports[n].at, to))
			path.port = n;
	IN_RELAY(w, relay_input(w->relay, sim_now(), &path, dgram));
}

static enum err port_open(void *world, const char *interface, enum addr_family family, bool ice,
	struct path *at, struct addr *advertise)
{
	struct world *w = world;
	bool shared = ice && w->shared_port;
	uint32_t number = shared && w->shared_number > 0 ? w->shared_number : w->next_number;
	struct port *p = &w->ports[number];

	if (w->no_ports_after > 0 && w->ports_open >= w->no_ports_after)
		return ERR_NO_PORT;
	if (p->users == 0) {
		w->next_number++;
		addr_parse_ip(
			family == ADDR_IPV6 ? SPAN_LIT("2001:db8::1") : SPAN_LIT("203.0.113.1"),
			(uint16_t)(20000 + number), &p->at);
		net_attach(w->net, &p->at, NULL, NULL, on_port_input, w);
	}
	if (shared)
		w->shared_number = number;
	p->users++;
	w->ports_open++;
	*at = (struct path){ .port = number, .local = p->at };
	*advertise = p->at;
	return ERR_OK;
}

static void port_close(void *world, uint32_t number)
{
	struct world *w = world;

	ck_assert(number > 0 && number < w->next_number && w->ports[number].users > 0);
	w->ports_open--;
	if (--w->ports[number].users > 0)
		return;
	net_detach(w->net, &w->ports[number].at);
	if (number == w->shared_number)
		w->shared_number = 0;
}

static void port_send(void *world, const struct path *path, struct span dgram)
{
	struct world *w = world;

	w->datagrams++;
	if (dgram.len > w->largest)
		w->largest = dgram.len;
	net_send(w->net, &path->local, &path->remote, dgram);
}

static void on_event(void *world, const struct relay_event *ev)
{
	struct world *w = world;
	struct seen *s = &w->seen[w->seen_count];

	if (w->seen_count == SEEN_MAX)
		return;
	w->seen_count++;
	*s = (struct seen){
		.type = ev->type, .sid = ev->sid, .hop = ev->hop, .reason = ev->reason
	};
	snprintf(s->context_id, sizeof(s->context_id), "%s", ev->context_id);
	snprintf(s->media_id, sizeof(s->media_id), "%s", ev->media_id ? ev->media_id : "");
	snprintf(s->detail, sizeof(s->detail), "%s", ev->detail ? ev->detail : "");
}

static uint64_t request_start(void *world, const struct relay_request *request)
{
	return dcsf_start(((struct world *)world)->dcsf, request);
}

static size_t request_write(void *world, uint64_t request, struct span bytes)
{
	return dcsf_write(((struct world *)world)->dcsf, request, bytes);
}

static void request_finish(void *world, uint64_t request)
{
	dcsf_finish(((struct world *)world)->dcsf, request);
}

static void request_resume(void *world, uint64_t request)
{
	dcsf_resume(((struct world *)world)->dcsf, request);
}

static void request_cancel(void *world, uint64_t request)
{
	dcsf_cancel(((struct world *)world)->dcsf, request);
}

static uint64_t link_open(void *world, uint64_t tag, const struct link_spec *to)
{
	return app_server_open(((struct world *)world)->server, tag, to);
}

static bool link_write(void *world, uint64_t link, struct span head, struct span body)
{
	return app_server_write(((struct world *)world)->server, link, head, body);
}

static void link_pause(void *world, uint64_t link, bool pause)
{
	app_server_pause(((struct world *)world)->server, link, pause);
}

static void link_close(void *world, uint64_t link)
{
	app_server_close(((struct world *)world)->server, link);
}

static const struct relay_ops ops = {
	.port_open = port_open,
	.port_close = port_close,
	.send = port_send,
	.event = on_event,
	.request_start = request_start,
	.request_write = request_write,
	.request_finish = request_finish,
	.request_resume = request_resume,
	.request_cancel = request_cancel,
	.link_open = link_open,
	.link_write = link_write,
	.link_pause = link_pause,
	.link_close = link_close,
};

/* ---- time ---- */

static tick_t world_next(const struct world *w)
{
	tick_t at = tick_min(net_next(w->net), dcsf_next(w->dcsf));

	at = tick_min(at, app_server_next(w->server));
	at = tick_min(at, relay_deadline(w->relay));
	for (unsigned i = 0; i < w->phone_count; i++)
		if (w->phones[i] != NULL)
			at = tick_min(at, ue_deadline(w->phones[i]->ue));
	return tick_min(at, sctp_deadline());
}

void world_step(struct world *w)
{
	tick_t now = sim_now();

	net_run(w->net);
	IN_RELAY(w, dcsf_run(w->dcsf, w->relay, now));
	IN_RELAY(w, app_server_run(w->server, w->relay, now));
	if (tick_due(relay_deadline(w->relay), now))
		IN_RELAY(w, relay_expire(w->relay, now));
	IN_RELAY(w, relay_turn_end(w->relay, now));
	for (unsigned i = 0; i < w->phone_count; i++)
		if (w->phones[i] != NULL)
			phone_turn(w->phones[i]);
}

bool world_until(struct world *w, double seconds, world_condition *condition)
{
	tick_t end = tick_add(sim_now(), (int64_t)(seconds * 1e6));
	unsigned stuck = 0;

	for (;;) {
		tick_t before = sim_now(), next;

		world_step(w);
		if (condition != NULL && condition(w))
			return true;
		next = world_next(w);
		if (tick_before(end, next)) {
			sim_advance(end);
			return false;
		}
		sim_advance(next);
		stuck = tick_before(before, sim_now()) ? 0 : stuck + 1;
		ck_assert_msg(stuck < STUCK_STEPS, "time stands still: somebody is always due");
	}
}

void world_run(struct world *w, double seconds)
{
	world_until(w, seconds, NULL);
}

/* ---- beginning and end ---- */

/* Made once a program: certificates cost more than all the rest of a test. */
struct dtls_ctx *world_identity(unsigned i)
{
	static struct dtls_ctx *pool[8];
	struct cert *cert;

	i %= 8;
	if (pool[i] == NULL) {
		cert = cert_generate(30);
		pool[i] = dtls_ctx_create(cert);
		cert_unref(cert);
	}
	return pool[i];
}

struct world *world_create_with(const char *name, void (*change)(struct relay_config *config))
{
	struct world *w = calloc(1, sizeof(*w));
	struct relay_config config;

	if (w == NULL)
		abort();
	w->live_before = mem_live();
	w->name = name;
	w->net = net_create(1);
	w->dcsf = dcsf_create();
	w->server = app_server_create();
	w->gateway = world_identity(0);
	w->codec = stun_codec_create();
	w->next_number = 1;
	relay_config_init(&config);
	config.ops = &ops;
	config.world = w;
	config.dtls = w->gateway;
	if (change != NULL)
		change(&config);
	w->relay = relay_create(&config, sim_now());
	ck_assert_ptr_nonnull(w->relay);
	alive = w;
	return w;
}

struct world *world_create(const char *name)
{
	return world_create_with(name, NULL);
}

static void take_down(struct world *w)
{
	for (unsigned i = 0; i < w->phone_count; i++)
		phone_destroy(w->phones[i]);
	relay_destroy(w->relay);
	stun_codec_destroy(w->codec);
	dcsf_destroy(w->dcsf);
	app_server_destroy(w->server);
	net_destroy(w->net);
	alive = NULL;
}

void world_finish(struct world *w)
{
	long live_before = w->live_before;

	take_down(w);
	free(w);
	for (unsigned i = 0; i < COUNTER_MAX; i++)
		if (counter_info[i].is_gauge)
			ck_assert_msg(counter_value[i] == 0, "gauge %s is %lld",
				counter_info[i].name, (long long)counter_value[i]);
	ck_assert_msg(
		mem_live() == live_before, "%ld allocations are left", mem_live() - live_before);
}

static void leave_evidence(void)
{
	struct world *w = alive;
	char path[256];

	if (w == NULL)
		return;
	mem_fail_at(0);
	snprintf(path, sizeof(path), "flow-%s.pcap", w->name);
	if (net_save(w->net, path))
		fprintf(stderr, "%s: its datagrams are in %s\n", w->name, path);
	for (unsigned i = 0; i < w->seen_count; i++)
		fprintf(stderr, "  event %s %s %s sid %d %s %s\n",
			relay_event_name(w->seen[i].type), w->seen[i].context_id,
			w->seen[i].media_id, w->seen[i].sid, close_name(w->seen[i].reason),
			w->seen[i].detail);
	for (unsigned i = 0; i < w->phone_count; i++)
		if (w->phones[i] != NULL)
			fprintf(stderr,
				"  phone %s: %u channels open, %u of %u replies, closed %u times "
				"(%s)\n",
				w->phones[i]->context_id, w->phones[i]->opened,
				w->phones[i]->complete, w->phones[i]->asked, w->phones[i]->closed,
				close_name(w->phones[i]->reason));
	take_down(w);
	free(w);
	for (unsigned i = 0; i < COUNTER_MAX; i++)
		if (counter_info[i].is_gauge)
			counter_value[i] = 0; /* the next test shall not fail for this one */
}

void world_fixture(TCase *tc)
{
	tcase_add_checked_fixture(tc, NULL, leave_evidence);
	tcase_set_timeout(tc, 0);
}

static void send_nowhere(void *arg, struct span packet)
{
	(void)arg;
	(void)packet;
}

/* What the layers allocate once a program is there before a test counts. */
static void warm_up(void)
{
	struct assoc_config config = { .local_port = 5000,
		.remote_port = 5000,
		.mtu = 1163,
		.max_streams = 16,
		.send_buffer = 65536,
		.receive_buffer = 65536,
		.local_max_message = 1024,
		.output = send_nowhere };

	assoc_destroy(assoc_create(&config, sim_now()));
	for (unsigned i = 0; i < 8; i++)
		world_identity(i);
}

int world_main(const char *name, void (*add)(TCase *tc))
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner;
	int failed;

	log_set_level(getenv("FLOW_LOG") ? LOG_DEBUG : LOG_ERROR);
	if (!sctp_start())
		return 1;
	warm_up();
	world_fixture(tc);
	add(tc);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	for (unsigned i = 0; i < 8; i++)
		dtls_ctx_unref(world_identity(i));
	if (!sctp_stop()) {
		fprintf(stderr, "%s: the SCTP stack does not let go\n", name);
		failed++;
	}
	return failed != 0;
}

/* ---- what happened ---- */

static bool is_about(const struct seen *s, const struct phone *p, enum relay_event_type type)
{
	return s->type == type && (p == NULL || strcmp(s->context_id, p->context_id) == 0);
}

unsigned world_count(const struct world *w, const struct phone *p, enum relay_event_type type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->seen_count; i++)
		n += is_about(&w->seen[i], p, type);
	return n;
}

const struct seen *world_last(
	const struct world *w, const struct phone *p, enum relay_event_type type)
{
	for (unsigned i = w->seen_count; i-- > 0;)
		if (is_about(&w->seen[i], p, type))
			return &w->seen[i];
	return NULL;
}

/* ---- conditions ---- */

static bool every_phone(struct world *w, bool (*is)(const struct phone *p))
{
	for (unsigned i = 0; i < w->phone_count; i++)
		if (w->phones[i] != NULL && !is(w->phones[i]))
			return false;
	return true;
}

static bool has_all_replies(const struct phone *p)
{
	return p->complete >= p->asked;
}

static bool is_closed(const struct phone *p)
{
	return p->closed > 0;
}

bool all_up(struct world *w)
{
	return every_phone(w, phone_is_up);
}

bool all_answered(struct world *w)
{
	return every_phone(w, has_all_replies);
}

bool all_closed(struct world *w)
{
	return every_phone(w, is_closed);
}

bool nothing_left(struct world *w)
{
	return relay_context_count(w->relay) == 0 && w->ports_open == 0;
}

/* ---- memory that runs out ---- */

#define SWEEP_MAX 20000

void world_sweep(struct world *w, void (*call)(struct world *w, const void *arg), const void *arg,
	unsigned at_least)
{
	size_t contexts = relay_context_count(w->relay);
	uint32_t ports = w->ports_open;
	unsigned n;

	call(w, arg); /* what grows once and stays has grown then */
	for (n = 1; n < SWEEP_MAX; n++) {
		long live = mem_live();

		w->fail_at = n;
		w->failed = false;
		call(w, arg);
		w->fail_at = 0;
		w->seen_count = 0;
		if (!w->failed)
			break;
		ck_assert_msg(relay_context_count(w->relay) == contexts && w->ports_open == ports,
			"left over after failure %u", n);
		ck_assert_msg(mem_live() <= live, "%ld allocations leak after failure %u",
			mem_live() - live, n);
	}
	ck_assert_uint_gt(n, at_least);
	ck_assert_uint_lt(n, SWEEP_MAX);
}
