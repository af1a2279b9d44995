/* world.c: what surrounds a relay under test: counted ports, remembered events. */
#include "tests/unit/relay/world.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"

struct world world;
struct relay *relay;
struct relay_config config;
const tick_t now = { 1000000 };

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

void world_start(void)
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

void world_end(void)
{
	mem_fail_at(0);
	relay_destroy(relay);
	ck_assert_uint_eq(world.ports, 0);
	ck_assert_int_eq(mem_live(), live_before);
	for (unsigned i = 0; i < COUNTER_MAX; i++)
		ck_assert(!counter_info[i].is_gauge || counter_value[i] == 0);
}

unsigned events_of(enum relay_event_type type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < world.event_count; i++)
		n += world.events[i].type == type;
	return n;
}
