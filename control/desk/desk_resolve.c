/*
 * desk_resolve.c: names of servers in a document become addresses before a
 * worker sees it; workers never resolve.
 */
#include <stdlib.h>

#include "control/desk/desk_private.h"
#include "control/document/document.h"

static bool is_known(const struct desk_request *r, const char *name)
{
	for (unsigned i = 0; i < r->host_count; i++) {
		if (strcmp(r->hosts[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Called by document_hosts() for each. */
static void collect(void *arg, const char *host, uint16_t port)
{
	struct desk_request *r = arg;
	char *name = mem_printf("%s:%u", host, port);

	if (name != NULL && !is_known(r, name) && r->host_count < DESK_HOSTS_MAX) {
		r->hosts[r->host_count++].name = name;
		return;
	}
	if (name == NULL)
		problem_set(r->hosts_problem, PROBLEM_NO_RESOURCES, "out of memory");
	else if (!is_known(r, name))
		problem_set(r->hosts_problem, PROBLEM_TOO_LARGE, "more than %d different servers",
			DESK_HOSTS_MAX);
	mem_free(name);
}

static bool note_address(struct desk_request *r, const char *name, const struct addr *addr)
{
	char text[ADDR_TEXT_MAX];

	return js_put_text(r->resolved, name, addr_text(addr, text));
}

static slot_id take_ticket(struct desk *d, struct desk_request *r, unsigned host)
{
	struct desk_ticket *t = mem_alloc(sizeof(*t));

	if (t == NULL)
		return 0;
	*t = (struct desk_ticket){ r->id, host };
	r->hosts[host].ticket = slots_add(&d->tickets, t);
	if (r->hosts[host].ticket == 0)
		mem_free(t);
	return r->hosts[host].ticket;
}

static void drop_ticket(struct desk *d, slot_id id)
{
	mem_free(slots_get(&d->tickets, id));
	slots_remove(&d->tickets, id);
}

void request_drop_tickets(struct desk *d, struct desk_request *r)
{
	for (unsigned i = 0; i < r->host_count; i++) {
		if (r->hosts[i].ticket != 0)
			drop_ticket(d, r->hosts[i].ticket);
		mem_free(r->hosts[i].name);
	}
	r->host_count = r->resolving = 0;
}

static bool ask(struct desk *d, struct desk_request *r, unsigned host)
{
	const char *name = r->hosts[host].name, *colon = strrchr(name, ':');
	char *bare = mem_span_dup(SPAN(name, (size_t)(colon - name)));

	if (bare != NULL && take_ticket(d, r, host) != 0) {
		r->resolving++;
		d->ops->resolve(
			d->ops->front, bare, (uint16_t)atoi(colon + 1), r->hosts[host].ticket);
	}
	mem_free(bare);
	return r->hosts[host].ticket != 0;
}

static void send_resolved(struct desk *d, tick_t now, struct desk_request *r)
{
	struct problem p = { PROBLEM_NONE };
	int worker = r->target >= 0 ? r->target : worker_least_loaded(d);

	if (json_object_size(r->resolved) > 0 &&
		json_object_set(r->params, "resolved", r->resolved) != 0) {
		problem_set(&p, PROBLEM_NO_RESOURCES, "out of memory");
		request_refuse(d, r, &p);
		return;
	}
	request_send(d, now, r, worker);
}

void request_resolve_and_send(
	struct desk *d, tick_t now, struct desk_request *r, const json_t *value, int worker)
{
	struct problem p = { PROBLEM_NONE };

	r->target = worker;
	r->resolved = json_object();
	r->hosts_problem = &p;
	document_hosts(value, collect, r);
	r->hosts_problem = NULL;
	for (unsigned i = 0; i < r->host_count && r->resolved != NULL && p.kind == PROBLEM_NONE;
		i++) {
		if (!ask(d, r, i))
			problem_set(&p, PROBLEM_NO_RESOURCES, "out of memory");
	}
	if (r->resolved == NULL)
		problem_set(&p, PROBLEM_NO_RESOURCES, "out of memory");
	if (p.kind != PROBLEM_NONE)
		request_refuse(d, r, &p);
	else if (r->resolving == 0)
		send_resolved(d, now, r);
}

void desk_resolved(
	struct desk *d, tick_t now, uint64_t ticket, const struct addr *addr, const char *failed)
{
	struct desk_ticket *t = slots_get(&d->tickets, ticket);
	struct desk_request *r = t != NULL ? slots_get(&d->requests, t->request) : NULL;
	struct problem p = { PROBLEM_NONE };
	struct desk_host *host;

	if (r == NULL)
		return; /* nobody waits for it any more */
	host = &r->hosts[t->host];
	drop_ticket(d, host->ticket);
	host->ticket = 0;
	r->resolving--;
	if (addr == NULL)
		problem_set(&p, PROBLEM_FAILURE, "%s: %s", host->name, failed);
	else if (!note_address(r, host->name, addr))
		problem_set(&p, PROBLEM_NO_RESOURCES, "out of memory");
	if (p.kind != PROBLEM_NONE)
		request_refuse(d, r, &p);
	else if (r->resolving == 0)
		send_resolved(d, now, r);
	node_check_drained(d);
}
