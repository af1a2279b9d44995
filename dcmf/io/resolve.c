/* resolve.c: host names to addresses, without blocking (libevent's evdns). */
#include "dcmf/io/resolve.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/util.h>
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/list.h"

struct resolver {
	struct loop *loop;
	struct evdns_base *dns;
	struct list_node questions;
};

struct question {
	struct resolver *resolver; /* NULL: gone, nobody waits for the answer */
	struct list_node on_resolver;
	struct event answer; /* the answer is told from here, never from inside resolver_ask() */
	struct evdns_getaddrinfo_request *lookup; /* NULL: none under way */
	struct addr addr;                         /* family ADDR_NONE: none found */
	uint16_t port;
	char failed[200];
	void (*done)(void *arg, const struct addr *addr, const char *failed);
	void *arg;
};

struct resolver *resolver_create(struct loop *l)
{
	struct resolver *r = mem_zalloc(sizeof(*r));

	if (r == NULL)
		return NULL;
	r->loop = l;
	list_init(&r->questions);
	if ((r->dns = evdns_base_new(loop_base(l), EVDNS_BASE_DISABLE_WHEN_INACTIVE)) == NULL) {
		mem_free(r);
		return NULL;
	}
	/* either file may be missing; then there are just no servers or no hosts in it */
	evdns_base_resolv_conf_parse(r->dns,
		DNS_OPTION_SEARCH | DNS_OPTION_NAMESERVERS | DNS_OPTION_MISC, "/etc/resolv.conf");
	evdns_base_load_hosts(r->dns, "/etc/hosts");
	/* ours: an operator who waits for an answer gets one, if only a "no" */
	evdns_base_set_option(r->dns, "timeout:", "2");
	evdns_base_set_option(r->dns, "attempts:", "2");
	return r;
}

static void question_free(struct question *q)
{
	list_unlink(&q->on_resolver);
	event_del(&q->answer);
	mem_free(q);
}

void resolver_destroy(struct resolver *r)
{
	if (r == NULL)
		return;
	list_for_each_safe (n, tmp, &r->questions) {
		struct question *q = container_of(n, struct question, on_resolver);

		list_unlink(&q->on_resolver);
		q->resolver = NULL;
		event_del(&q->answer);
		if (q->lookup == NULL)
			question_free(q);
	}
	/* calls back for what is pending, in the loop's next turn: on_found() frees those */
	evdns_base_free(r->dns, 1);
	mem_free(r);
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct question *q = arg;
	const struct addr *addr = q->addr.family != ADDR_NONE ? &q->addr : NULL;

	list_unlink(&q->on_resolver);
	q->done(q->arg, addr, addr != NULL ? NULL : q->failed);
	question_free(q);
}

static const struct evutil_addrinfo *first_of(const struct evutil_addrinfo *list, int family)
{
	while (list != NULL && list->ai_family != family)
		list = list->ai_next;
	return list;
}

static void on_found(int error, struct evutil_addrinfo *found, void *arg)
{
	struct question *q = arg;
	const struct evutil_addrinfo *best = first_of(found, AF_INET);

	q->lookup = NULL;
	if (best == NULL)
		best = first_of(found, AF_INET6);
	if (best != NULL && addr_from_sockaddr(best->ai_addr, &q->addr))
		q->addr.port = q->port;
	else
		snprintf(q->failed, sizeof(q->failed), "name not resolved: %s",
			error != 0 ? evutil_gai_strerror(error) : "no address");
	if (found != NULL)
		evutil_freeaddrinfo(found);
	if (q->resolver == NULL)
		question_free(q);
	else
		event_active(&q->answer, 0, 0);
}

static void look_up(struct question *q, const char *host)
{
	struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct evdns_getaddrinfo_request *lookup =
		evdns_getaddrinfo(q->resolver->dns, host, NULL, &hints, on_found, q);

	/* NULL: on_found() was called already */
	q->lookup = lookup;
}

bool resolver_ask(struct resolver *r, const char *host, uint16_t port,
	void (*done)(void *arg, const struct addr *addr, const char *failed), void *arg)
{
	struct question *q = mem_zalloc(sizeof(*q));

	if (q == NULL)
		return false;
	q->resolver = r;
	q->port = port;
	q->done = done;
	q->arg = arg;
	list_init(&q->on_resolver);
	list_append(&r->questions, &q->on_resolver);
	event_assign(&q->answer, loop_base(r->loop), -1, 0, on_answer, q);
	if (addr_parse_ip(SPAN_STR(host), port, &q->addr))
		event_active(&q->answer, 0, 0);
	else
		look_up(q, host);
	return true;
}
