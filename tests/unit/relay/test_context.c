/*
 * test_context.c: contexts made and changed as a whole or not at all, in a world
 * of counted ports and remembered events.
 */
#include "dcmf/relay/relay.h"

#include <stdio.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "tests/unit/main.h"

enum { PORTS_MAX = 64, EVENTS_MAX = 64 };

/* ---- the world ---- */

static struct {
	bool open[PORTS_MAX];
	unsigned ports, opened; /* now, ever */
	unsigned fail_at;       /* the n-th port from now cannot be had; 0: none */
	enum err error;
	char interface[32]; /* of the last one */
	struct {
		enum relay_event_type type;
		enum close_reason reason;
		char context[16], owner[16], detail[160];
	} events[EVENTS_MAX];
	unsigned event_count, datagrams;
} world;

static struct relay *relay;
static struct relay_config config;
static const tick_t now = { 1000000 };

static enum err port_open(void *arg, const char *interface, enum addr_family family, bool ice,
	struct path *at, struct addr *advertise)
{
	(void)arg;
	(void)ice;
	if (world.fail_at > 0 && --world.fail_at == 0)
		return world.error;
	ck_assert_uint_lt(world.opened, PORTS_MAX - 1);
	snprintf(world.interface, sizeof(world.interface), "%s", interface ? interface : "");
	*at = (struct path){ .port = ++world.opened };
	addr_parse_ip(family == ADDR_IPV6 ? SPAN_LIT("2001:db8::1") : SPAN_LIT("203.0.113.1"),
		(uint16_t)(20000 + at->port), &at->local);
	*advertise = at->local;
	world.open[at->port] = true;
	world.ports++;
	return ERR_OK;
}

static void port_close(void *arg, uint32_t number)
{
	(void)arg;
	ck_assert(number < PORTS_MAX && world.open[number]);
	world.open[number] = false;
	world.ports--;
}

static void send_datagram(void *arg, const struct path *path, struct span dgram)
{
	(void)arg;
	(void)path;
	(void)dgram;
	world.datagrams++;
}

static void on_event(void *arg, const struct relay_event *ev)
{
	unsigned i = world.event_count++;

	(void)arg;
	ck_assert_uint_lt(i, EVENTS_MAX);
	world.events[i].type = ev->type;
	world.events[i].reason = ev->reason;
	snprintf(world.events[i].context, sizeof(world.events[i].context), "%s", ev->context_id);
	snprintf(world.events[i].owner, sizeof(world.events[i].owner), "%s",
		ev->owner ? ev->owner : "");
}

static const struct relay_ops ops = {
	.port_open = port_open, .port_close = port_close, .send = send_datagram, .event = on_event
};

static struct dtls_ctx *identity(void)
{
	static struct dtls_ctx *ctx;

	if (ctx == NULL) {
		struct cert *cert = cert_generate(1);

		ctx = dtls_ctx_create(cert);
		cert_unref(cert);
	}
	return ctx;
}

static long live_before;

static void set_up(void)
{
	log_set_level(LOG_ERROR);
	memset(&world, 0, sizeof(world));
	relay_config_init(&config);
	config.ops = &ops;
	config.dtls = identity();
	live_before = mem_live();
	relay = relay_create(&config, now);
	ck_assert_ptr_nonnull(relay);
}

static void tear_down(void)
{
	mem_fail_at(0);
	relay_destroy(relay);
	ck_assert_uint_eq(world.ports, 0);
	ck_assert_int_eq(mem_live(), live_before);
	for (unsigned i = 0; i < COUNTER_MAX; i++)
		ck_assert(!counter_info[i].is_gauge || counter_value[i] == 0);
}

/* ---- wishes ---- */

/*
 * "ue:0 ue:1 as:0": terminations and medias; a '+' behind one: with ICE, a '!': an
 * application channel, '6': an IPv6 peer, 'A', 'P': we are to be active or passive,
 * 'a', 'p': the peer is.
 */
static void wish(struct context_spec *spec, const char *text)
{
	struct span rest = span_str(text);

	*spec = (struct context_spec){ .owner = mem_strdup("me") };
	spec->terminations = mem_zalloc(8 * sizeof(*spec->terminations));
	while (rest.len > 0) {
		struct span word = span_cut(&rest, ' ');
		struct span name = span_cut(&word, ':');
		struct termination_spec *t = NULL;
		struct media_spec *m;

		if (spec->termination_count > 0)
			t = &spec->terminations[spec->termination_count - 1];
		if (t == NULL || !span_eq(span_str(t->termination_id), name)) {
			t = &spec->terminations[spec->termination_count++];
			t->termination_id = mem_span_dup(name);
			t->medias = mem_zalloc(8 * sizeof(*t->medias));
		}
		m = &t->medias[t->media_count++];
		m->media_id = mem_span_dup(SPAN(word.p, 1));
		m->remote_sctp_port = 5000;
		for (size_t i = 1; i < word.len; i++) {
			m->has_ice |= word.p[i] == '+';
			m->proxy = word.p[i] == '!' ? PROXY_UDP : m->proxy;
			m->setup = word.p[i] == 'A'   ? SETUP_ACTIVE
				   : word.p[i] == 'P' ? SETUP_PASSIVE
						      : m->setup;
			m->remote_setup = word.p[i] == 'a'   ? SETUP_ACTIVE
					  : word.p[i] == 'p' ? SETUP_PASSIVE
							     : m->remote_setup;
			if (word.p[i] == '4' || word.p[i] == '6')
				addr_parse_ip(word.p[i] == '6' ? SPAN_LIT("2001:db8::99")
							       : SPAN_LIT("198.51.100.9"),
					5060, &m->remote);
		}
	}
}

static struct relay_refusal refusal;

static struct relay_context *create(const char *id, const char *text)
{
	struct relay_context *c;
	struct context_spec spec;

	wish(&spec, text);
	memset(&refusal, 'x', sizeof(refusal)); /* all of it has to be filled in */
	c = relay_context_create(relay, now, id, &spec, &refusal);
	context_spec_finish(&spec);
	return c;
}

static bool update(struct relay_context *c, const char *text)
{
	struct context_spec spec;
	bool done;

	wish(&spec, text);
	memset(&refusal, 'x', sizeof(refusal));
	done = relay_context_update(relay, now, c, &spec, &refusal);
	context_spec_finish(&spec);
	return done;
}

static uint16_t port_of(const struct relay_context *c, unsigned t, unsigned m)
{
	struct media_view view;

	ck_assert(relay_media_view(relay, c, t, m, &view));
	return view.local.port;
}

static unsigned events_of(enum relay_event_type type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < world.event_count; i++)
		n += world.events[i].type == type;
	return n;
}

/* ---- creating ---- */

START_TEST(a_context_takes_a_port_a_media_and_gives_them_back)
{
	struct relay_context *c = create("0-1", "ue:0 ue:1+ as:0");

	ck_assert_ptr_nonnull(c);
	ck_assert_str_eq(relay_context_id(c), "0-1");
	ck_assert_ptr_eq(relay_context_find(relay, "0-1"), c);
	ck_assert_uint_eq(world.ports, 3);
	ck_assert_int_eq(counter_value[CNT_legs], 3);
	relay_context_delete(relay, now, c, CLOSE_LOCAL);
	ck_assert_ptr_null(relay_context_find(relay, "0-1"));
	relay_turn_end(relay, now);
	ck_assert_uint_eq(world.ports, 0);
}
END_TEST

START_TEST(a_media_tells_what_was_decided_for_it)
{
	struct relay_context *c = create("0-1", "ue:0 ue:1+");
	struct media_view view;

	ck_assert(relay_media_view(relay, c, 0, 0, &view));
	ck_assert_ptr_null(view.ice_ufrag);
	ck_assert_int_eq(view.setup, SETUP_ACTPASS);
	ck_assert_int_eq(view.state, LEG_WAITING);
	ck_assert_uint_ge(strlen(view.tls_id), 20);
	ck_assert(relay_media_view(relay, c, 0, 1, &view));
	ck_assert_uint_ge(strlen(view.ice_ufrag), 4);
	ck_assert_uint_ge(strlen(view.ice_pwd), 22);
	ck_assert_ptr_null(view.path);
	ck_assert(!relay_media_view(relay, c, 0, 2, &view));
	ck_assert(!relay_media_view(relay, c, 1, 0, &view));
}
END_TEST

START_TEST(our_role_is_what_was_wished_for_unless_the_peer_has_taken_it)
{
	static const struct {
		const char *wish;
		enum setup setup;
	} rows[] = {
		{ "ue:0A", SETUP_ACTIVE },
		{ "ue:0P", SETUP_PASSIVE },
		{ "ue:0Aa", SETUP_PASSIVE },
		{ "ue:0Pa", SETUP_PASSIVE },
		{ "ue:0Ap", SETUP_ACTIVE },
		{ "ue:0Pp", SETUP_ACTIVE },
	};
	struct relay_context *c = create("0-1", rows[_i].wish);
	struct media_view view;

	ck_assert(relay_media_view(relay, c, 0, 0, &view));
	ck_assert_int_eq(view.setup, rows[_i].setup);
}
END_TEST

START_TEST(an_id_that_is_taken_is_refused)
{
	struct relay_context *c = create("0-1", "ue:0");

	ck_assert_ptr_null(create("0-1", "ue:0"));
	ck_assert_int_eq(refusal.err, ERR_EXISTS);
	ck_assert_int_eq(refusal.termination, -1);
	ck_assert_uint_eq(world.ports, 1);
	relay_context_delete(relay, now, c, CLOSE_LOCAL);
	ck_assert_ptr_nonnull(create("0-1", "ue:0")); /* free at once */
}
END_TEST

START_TEST(the_same_id_twice_in_one_wish_is_refused)
{
	struct relay_context *c;

	ck_assert_ptr_null(create("0-1", "ue:0 ue:1 ue:0"));
	ck_assert_int_eq(refusal.err, ERR_EXISTS);
	ck_assert_int_eq(refusal.termination, 0);
	ck_assert_int_eq(refusal.media, 2);
	ck_assert_ptr_null(create("0-1", "ue:0 as:0 ue:1"));
	ck_assert_int_eq(refusal.err, ERR_EXISTS);
	ck_assert_int_eq(refusal.termination, 2);
	ck_assert_int_eq(refusal.media, -1);
	ck_assert_uint_eq(world.ports, 0);
	c = create("0-1", "ue:0 as:0"); /* the same mediaId elsewhere is another media */
	ck_assert_ptr_nonnull(c);
	ck_assert(!update(c, "ue:0 ue:0"));
	ck_assert_uint_eq(world.ports, 2);
}
END_TEST

START_TEST(a_media_that_goes_nowhere_is_refused_with_its_place_and_a_sentence)
{
	ck_assert_ptr_null(create("0-1", "ue:0 as:0 as:1!"));
	ck_assert_int_eq(refusal.err, ERR_UNSUPPORTED);
	ck_assert_int_eq(refusal.termination, 1);
	ck_assert_int_eq(refusal.media, 1);
	ck_assert_ptr_nonnull(strstr(refusal.detail, "needs a server"));
	ck_assert_uint_eq(world.ports, 0);
	ck_assert_uint_eq(world.event_count, 0);
}
END_TEST

START_TEST(a_port_that_cannot_be_had_is_told_with_its_own_error)
{
	static const enum err errors[] = { ERR_NO_PORT, ERR_ADDRESS };

	for (unsigned i = 0; i < 2; i++) {
		for (unsigned n = 1; n <= 3; n++) {
			world.fail_at = n;
			world.error = errors[i];
			ck_assert_ptr_null(create("0-1", "ue:0 ue:1 ue:2"));
			ck_assert_int_eq(refusal.err, errors[i]);
			ck_assert_int_eq(refusal.media, (int)n - 1);
			ck_assert_str_eq(refusal.detail, err_text(errors[i]));
			ck_assert_uint_eq(world.ports, 0);
		}
	}
	ck_assert_ptr_nonnull(create("0-1", "ue:0 ue:1 ue:2"));
}
END_TEST

START_TEST(a_context_that_finds_no_memory_leaves_nothing)
{
	unsigned n;

	for (n = 1;; n++) {
		long live = mem_live();
		struct context_spec spec;
		struct relay_context *c;

		wish(&spec, "ue:0 ue:1+ as:0");
		mem_fail_at(n);
		c = relay_context_create(relay, now, "0-1", &spec, &refusal);
		if (!mem_failed()) {
			mem_fail_at(0);
			context_spec_finish(&spec);
			break;
		}
		mem_fail_at(0);
		context_spec_finish(&spec);
		ck_assert_ptr_null(c);
		ck_assert_int_eq(refusal.err, ERR_NO_MEMORY);
		ck_assert_uint_eq(world.ports, 0);
		ck_assert_ptr_null(relay_context_find(relay, "0-1"));
		ck_assert_int_le(mem_live(), live + 1); /* the heap of the timers stays */
	}
	ck_assert_uint_gt(n, 20);
}
END_TEST

START_TEST(a_relay_that_finds_no_memory_is_not_there)
{
	for (unsigned n = 1;; n++) {
		long live = mem_live();
		struct relay *r;

		mem_fail_at(n);
		r = relay_create(&config, now);
		mem_fail_at(0);
		if (r != NULL) {
			relay_destroy(r);
			break;
		}
		ck_assert_int_eq(mem_live(), live);
	}
}
END_TEST

/* ---- changing ---- */

START_TEST(what_stays_the_same_is_not_disturbed)
{
	struct relay_context *c = create("0-1", "ue:0 ue:1+ as:0");
	struct media_view before, after;

	ck_assert(relay_media_view(relay, c, 0, 1, &before));
	ck_assert(update(c, "ue:0 ue:1+ as:0"));
	ck_assert_uint_eq(world.opened, 3);
	ck_assert(relay_media_view(relay, c, 0, 1, &after));
	ck_assert_str_eq(before.ice_ufrag, after.ice_ufrag);
	ck_assert_uint_eq(before.local.port, after.local.port);
}
END_TEST

START_TEST(medias_come_go_and_change_places)
{
	struct relay_context *c = create("0-1", "ue:0 ue:1 ue:2");
	uint16_t first = port_of(c, 0, 0), last = port_of(c, 0, 2);

	ck_assert(update(c, "as:0 ue:2 ue:0 ue:3"));
	ck_assert_uint_eq(port_of(c, 1, 0), last);
	ck_assert_uint_eq(port_of(c, 1, 1), first);
	ck_assert_uint_eq(world.opened, 5);
	relay_turn_end(relay, now);
	ck_assert_uint_eq(world.ports, 4);
}
END_TEST

START_TEST(an_id_that_was_removed_begins_anew)
{
	struct relay_context *c = create("0-1", "ue:0 ue:1");
	uint16_t first = port_of(c, 0, 1);

	ck_assert(update(c, "ue:0"));
	ck_assert(update(c, "ue:0 ue:1")); /* while the old one is still going */
	ck_assert_uint_ne(port_of(c, 0, 1), first);
	relay_turn_end(relay, now);
	ck_assert_uint_eq(world.ports, 2);
}
END_TEST

START_TEST(another_kind_of_port_is_another_port)
{
	static const struct {
		const char *before, *after;
		bool stays;
	} cases[] = {
		{ "ue:0", "ue:0+", false }, { "ue:0+", "ue:0", false },
		{ "ue:0", "ue:04", true },  /* it was an IPv4 port, and fits */
		{ "ue:0", "ue:06", false }, /* the peer turns out to be elsewhere */
		{ "ue:06", "ue:04", false }, { "ue:06", "ue:0", true },
		{ "ue:0+", "ue:0+6", true }, /* ICE finds its way */
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct relay_context *c = create("0-1", cases[i].before);
		uint16_t port = port_of(c, 0, 0);
		struct media_view view;

		ck_assert(update(c, cases[i].after));
		ck_assert_msg((port_of(c, 0, 0) == port) == cases[i].stays, "%s to %s",
			cases[i].before, cases[i].after);
		ck_assert(relay_media_view(relay, c, 0, 0, &view));
		ck_assert(view.path == NULL || view.path->remote.family == view.bound.family);
		relay_context_delete(relay, now, c, CLOSE_LOCAL);
		relay_turn_end(relay, now);
		ck_assert_uint_eq(world.ports, 0);
	}
}
END_TEST

START_TEST(another_interface_is_another_port)
{
	struct relay_context *c = create("0-1", "ue:0");
	struct context_spec spec;

	wish(&spec, "ue:0");
	spec.terminations[0].medias[0].interface = mem_strdup("core");
	ck_assert(relay_context_update(relay, now, c, &spec, &refusal));
	ck_assert_uint_eq(world.opened, 2);
	ck_assert_str_eq(world.interface, "core");
	ck_assert(relay_context_update(relay, now, c, &spec, &refusal));
	ck_assert_uint_eq(world.opened, 2);
	context_spec_finish(&spec);
}
END_TEST

/* Ports, places and credentials are what they were. */
static void is_untouched(const struct relay_context *c, const uint16_t ports[3], const char *ufrag)
{
	struct media_view view;

	ck_assert_uint_eq(world.ports, 3);
	ck_assert_uint_eq(port_of(c, 0, 0), ports[0]);
	ck_assert_uint_eq(port_of(c, 0, 1), ports[1]);
	ck_assert_uint_eq(port_of(c, 1, 0), ports[2]);
	ck_assert(relay_media_view(relay, c, 0, 1, &view));
	ck_assert_str_eq(view.ice_ufrag, ufrag);
	ck_assert(!relay_media_view(relay, c, 0, 2, &view));
	ck_assert(!relay_media_view(relay, c, 2, 0, &view));
	ck_assert_int_eq(counter_value[CNT_legs], 3);
}

#define BEFORE "ue:0 ue:1+ as:0"
#define AFTER  "ue:2 ue:1+ ue:3+ xx:0 xx:1"

START_TEST(an_update_that_finds_no_memory_changes_nothing)
{
	struct relay_context *c = create("0-1", BEFORE);
	const uint16_t ports[3] = { port_of(c, 0, 0), port_of(c, 0, 1), port_of(c, 1, 0) };
	struct media_view view;
	char ufrag[64];
	unsigned n;

	ck_assert(relay_media_view(relay, c, 0, 1, &view));
	snprintf(ufrag, sizeof(ufrag), "%s", view.ice_ufrag);
	for (n = 1;; n++) {
		struct context_spec spec;
		bool done;

		wish(&spec, AFTER);
		world.opened = 10; /* the world has ports enough */
		mem_fail_at(n);
		done = relay_context_update(relay, now, c, &spec, &refusal);
		if (!mem_failed()) {
			mem_fail_at(0);
			context_spec_finish(&spec);
			ck_assert(done);
			break;
		}
		mem_fail_at(0);
		context_spec_finish(&spec);
		ck_assert(!done);
		ck_assert_int_eq(refusal.err, ERR_NO_MEMORY);
		is_untouched(c, ports, ufrag);
	}
	ck_assert_uint_gt(n, 20);
	relay_turn_end(relay, now);
	ck_assert_uint_eq(world.ports, 5);
}
END_TEST

START_TEST(an_update_that_finds_no_port_changes_nothing)
{
	struct relay_context *c = create("0-1", BEFORE);
	const uint16_t ports[3] = { port_of(c, 0, 0), port_of(c, 0, 1), port_of(c, 1, 0) };
	struct media_view view;
	char ufrag[64];

	ck_assert(relay_media_view(relay, c, 0, 1, &view));
	snprintf(ufrag, sizeof(ufrag), "%s", view.ice_ufrag);
	for (unsigned n = 1; n <= 4; n++) {
		world.fail_at = n;
		world.error = ERR_NO_PORT;
		ck_assert(!update(c, AFTER));
		ck_assert_int_eq(refusal.err, ERR_NO_PORT);
		is_untouched(c, ports, ufrag);
	}
	ck_assert(update(c, AFTER));
	relay_turn_end(relay, now);
	ck_assert_uint_eq(world.ports, 5);
}
END_TEST

/* ---- telling ---- */

START_TEST(the_life_of_a_context_is_told_once_to_its_owner)
{
	struct relay_context *c = create("0-1", "ue:0 ue:1+");

	ck_assert_uint_eq(events_of(RELAY_EVENT_CONTEXT_CREATED), 1);
	ck_assert_str_eq(world.events[0].owner, "me");
	ck_assert(update(c, "ue:0"));
	relay_turn_end(relay, now);
	relay_context_delete(relay, now, c, CLOSE_IDLE);
	relay_turn_end(relay, now);
	ck_assert_uint_eq(events_of(RELAY_EVENT_CONTEXT_DELETED), 1);
	ck_assert_int_eq(world.events[world.event_count - 1].reason, CLOSE_IDLE);
	ck_assert_uint_eq(world.event_count, 2); /* medias that never lived have nothing to tell */
}
END_TEST

START_TEST(a_context_of_no_media_leaves_nothing)
{
	struct relay_context *c = create("0-1", "");
	long live;

	ck_assert_ptr_nonnull(c);
	relay_context_delete(relay, now, c, CLOSE_LOCAL);
	live = mem_live();
	c = create("0-2", "ue:0");
	ck_assert(update(c, ""));
	relay_turn_end(relay, now);
	relay_context_delete(relay, now, c, CLOSE_LOCAL);
	relay_turn_end(relay, now);
	ck_assert_int_le(mem_live(), live + 1); /* the heap of the timers */
}
END_TEST

START_TEST(all_contexts_are_walked)
{
	static const char *const ids[] = { "0-1", "0-2", "0-3" };
	unsigned seen = 0;
	size_t at = 0;
	const struct relay_context *c;

	for (unsigned i = 0; i < 3; i++)
		create(ids[i], "ue:0");
	ck_assert_uint_eq(relay_context_count(relay), 3);
	while ((c = relay_context_next(relay, &at)) != NULL)
		seen |= 1u << (relay_context_id(c)[2] - '1');
	ck_assert_uint_eq(seen, 7);
	relay_destroy(relay); /* with all of them */
	ck_assert_uint_eq(world.ports, 0);
	ck_assert_uint_eq(events_of(RELAY_EVENT_CONTEXT_DELETED), 3);
	relay = NULL;
}
END_TEST

/* ---- strangers ---- */

START_TEST(a_datagram_for_nobody_is_counted)
{
	int64_t unknown = counter_value[CNT_datagrams_unknown_total];
	int64_t other = counter_value[CNT_datagrams_other_total];
	struct path path = { .port = 1 };
	const uint8_t noise[] = { 200, 1, 2 };

	addr_parse_ip(SPAN_LIT("192.0.2.66"), 1000, &path.remote);
	relay_input(relay, now, &path, SPAN_OF(noise));
	ck_assert_int_eq(counter_value[CNT_datagrams_unknown_total], unknown + 1);
	create("0-1", "ue:0");
	relay_input(relay, now, &path, SPAN_OF(noise));
	relay_input(relay, now, &path, SPAN_NONE);
	ck_assert_int_eq(counter_value[CNT_datagrams_other_total], other + 2);
	ck_assert_uint_eq(world.datagrams, 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("relay/context");
	TCase *tc = tcase_create("context");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_context_takes_a_port_a_media_and_gives_them_back);
	tcase_add_test(tc, a_media_tells_what_was_decided_for_it);
	tcase_add_loop_test(tc, our_role_is_what_was_wished_for_unless_the_peer_has_taken_it, 0, 6);
	tcase_add_test(tc, an_id_that_is_taken_is_refused);
	tcase_add_test(tc, the_same_id_twice_in_one_wish_is_refused);
	tcase_add_test(tc, a_media_that_goes_nowhere_is_refused_with_its_place_and_a_sentence);
	tcase_add_test(tc, a_port_that_cannot_be_had_is_told_with_its_own_error);
	tcase_add_test(tc, a_context_that_finds_no_memory_leaves_nothing);
	tcase_add_test(tc, a_relay_that_finds_no_memory_is_not_there);
	tcase_add_test(tc, what_stays_the_same_is_not_disturbed);
	tcase_add_test(tc, medias_come_go_and_change_places);
	tcase_add_test(tc, an_id_that_was_removed_begins_anew);
	tcase_add_test(tc, another_kind_of_port_is_another_port);
	tcase_add_test(tc, another_interface_is_another_port);
	tcase_add_test(tc, an_update_that_finds_no_memory_changes_nothing);
	tcase_add_test(tc, an_update_that_finds_no_port_changes_nothing);
	tcase_add_test(tc, the_life_of_a_context_is_told_once_to_its_owner);
	tcase_add_test(tc, a_context_of_no_media_leaves_nothing);
	tcase_add_test(tc, all_contexts_are_walked);
	tcase_add_test(tc, a_datagram_for_nobody_is_counted);
	return s;
}

UNIT_MAIN(make_suite)
