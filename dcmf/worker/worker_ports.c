/*
 * worker_ports.c: which socket a media gets: one of its own from the worker's
 * part of the range, or the shared one.
 */
#include <stdio.h>

#include "dcmf/worker/worker_parts.h"

enum {
	REST_S = 5, /* ours: packets of the old call have died away by then */
	TRIES = 32, /* ours: ports of other programs that we pass over */
};

static struct addr with_port(struct addr a, uint16_t port)
{
	a.port = port;
	return a;
}

static bool open_interface(struct worker *w, struct worker_interface *i, unsigned index,
	unsigned workers, char failed[256])
{
	char text[ADDR_TEXT_MAX];
	struct config_ports part;
	struct addr shared;
	enum err err;

	config_ports_of(i->config, index, workers, &part);
	if ((i->ports = ports_create(part.first, part.last, TICK_S(REST_S))) == NULL) {
		snprintf(failed, 256, "media %s: out of memory", i->config->name);
		return false;
	}
	if (i->config->shared_port == 0)
		return true;
	shared = with_port(i->config->address, (uint16_t)(i->config->shared_port + index));
	if ((err = udp_open_shared(w->udp, &shared, &i->shared)) == ERR_OK)
		return true;
	snprintf(failed, 256, "media %s: shared port %s: %s", i->config->name,
		addr_text(&shared, text),
		err == ERR_EXISTS ? "another program has it" : err_text(err));
	return false;
}

bool worker_ports_open(struct worker *w, unsigned index, unsigned workers, char failed[256])
{
	for (unsigned i = 0; i < w->config.media_count; i++) {
		struct worker_interface *interface = &w->interfaces[w->interface_count++];

		interface->config = &w->config.media[i];
		if (!open_interface(w, interface, index, workers, failed))
			return false;
	}
	return true;
}

void worker_ports_close(struct worker *w)
{
	struct worker_port *p, *next;

	HASH_ITER (hh, w->by_number, p, next) {
		HASH_DEL(w->by_number, p);
		mem_free(p);
	}
	for (unsigned i = 0; i < w->interface_count; i++)
		ports_destroy(w->interfaces[i].ports);
	w->interface_count = 0;
}

/* By name, else the first of the peer's family, else the first. */
static struct worker_interface *choose(struct worker *w, const char *name, enum addr_family family)
{
	for (unsigned i = 0; i < w->interface_count; i++) {
		const struct config_media *c = w->interfaces[i].config;

		if (name != NULL ? strcmp(c->name, name) == 0
				 : family == ADDR_NONE || c->address.family == family)
			return &w->interfaces[i];
	}
	return NULL;
}

static enum err open_own(struct worker *w, struct worker_interface *i, struct path *at)
{
	tick_t now = loop_now(w->loop);

	for (int tries = 0; tries < TRIES; tries++) {
		struct worker_port *p;
		struct addr local;
		uint32_t number;
		enum err err;
		uint16_t port;

		if ((port = ports_take(i->ports, now)) == 0)
			return ERR_NO_PORT;
		local = with_port(i->config->address, port);
		if ((err = udp_open(w->udp, &local, &number)) != ERR_OK) {
			ports_give(i->ports, port, now);
			if (err == ERR_EXISTS)
				continue; /* another program's: it rests with the freed ones */
			return err;
		}
		if ((p = mem_zalloc(sizeof(*p))) != NULL) {
			*p = (struct worker_port){ .number = number, .port = port, .interface = i };
			HASH_ADD(hh, w->by_number, number, sizeof(p->number), p);
		}
		if (p == NULL || !map_has(p)) {
			mem_free(p);
			udp_close(w->udp, number);
			ports_give(i->ports, port, now);
			return ERR_NO_MEMORY;
		}
		*at = (struct path){ .port = number, .local = local };
		return ERR_OK;
	}
	return ERR_NO_PORT;
}

enum err worker_port_open(void *world, const char *interface, enum addr_family family, bool ice,
	struct path *at, struct addr *advertise)
{
	struct worker *w = world;
	struct worker_interface *i = choose(w, interface, family);
	enum err err = ERR_OK;

	if (i == NULL)
		return interface != NULL ? ERR_NOT_FOUND : ERR_ADDRESS;
	if (ice && i->shared != 0)
		*at = (struct path){ .port = i->shared, .local = with_port(i->config->address, 0) };
	else
		err = open_own(w, i, at);
	if (err != ERR_OK)
		return err;
	if (i->shared != 0 && at->port == i->shared)
		at->local.port = (uint16_t)(i->config->shared_port + w->index);
	*advertise = with_port(
		addr_is_any(&i->config->advertise) || i->config->advertise.family == ADDR_NONE
			? i->config->address
			: i->config->advertise,
		at->local.port);
	return ERR_OK;
}

void worker_port_close(void *world, uint32_t number)
{
	struct worker *w = world;
	struct worker_port *p;

	HASH_FIND(hh, w->by_number, &number, sizeof(number), p);
	if (p == NULL)
		return; /* a shared one stays */
	HASH_DEL(w->by_number, p);
	udp_close(w->udp, number);
	ports_give(p->interface->ports, p->port, loop_now(w->loop));
	mem_free(p);
}
