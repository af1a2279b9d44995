/* worker_parts.h: what the files of a worker share. */
#pragma once

#include "control/agent.h"
#include "dcmf/base/map.h"
#include "dcmf/config/config.h"
#include "dcmf/io/line.h"
#include "dcmf/io/loop.h"
#include "dcmf/io/ports.h"
#include "dcmf/io/udp.h"
#include "dcmf/io/upstream.h"
#include "dcmf/base/slots.h"
#include "dcmf/relay/relay.h"

/* One configured media interface (Mb), this worker's part of it. */
struct worker_interface {
	const struct config_media *config;
	struct ports *ports;
	uint32_t shared; /* number of the socket all ICE media share; 0: a port a media */
};

/* A port that is one media's alone. */
struct worker_port {
	uint32_t number; /* of the socket; the key */
	uint16_t port;
	struct worker_interface *interface;
	UT_hash_handle hh;
};

/* Trust and identity toward the servers of one reference point. */
struct worker_tls {
	struct upstream_tls http;       /* texts are ours */
	struct filter_factory *streams; /* to be turned toward a server */
	/* What was there before a reload: requests under way still point into it. */
	struct worker_tls *older;
};

struct worker {
	struct loop *loop;
	struct line_conn *front;
	struct agent *agent;
	struct alarm *alarm;
	struct udp *udp;
	struct upstream *upstream;
	struct relay *relay;
	struct config config;
	struct worker_interface interfaces[CONFIG_MEDIA_MAX];
	unsigned interface_count;
	struct worker_port *by_number;
	struct worker_tls *tls[HOP_MDC2 + 1]; /* by hop: MDC1, MDC2 */
	struct slots links;                   /* struct worker_link */
	char *embedded_root;
	unsigned index; /* of this worker */
	bool sctp_started;
};

/* worker_ports.c */
bool worker_ports_open(struct worker *w, unsigned index, unsigned workers, char failed[256]);
void worker_ports_close(struct worker *w);
enum err worker_port_open(void *world, const char *interface, enum addr_family family, bool ice,
	struct path *at, struct addr *advertise);
void worker_port_close(void *world, uint32_t number);

/* worker_tls.c */
/* In place of what was there. False: that stays, and `failed` says why. */
bool worker_tls_set(struct worker *w, enum hop hop, const struct agent_tls *pem, char failed[256]);
void worker_tls_close(struct worker *w);

/* worker_link.c */
void worker_links_close(struct worker *w);
uint64_t worker_link_open(void *world, uint64_t tag, const struct link_spec *to);
bool worker_link_write(void *world, uint64_t link, struct span head, struct span body);
void worker_link_pause(void *world, uint64_t link, bool pause);
void worker_link_close(void *world, uint64_t link);

/* worker_upstream.c */
bool worker_upstream_open(struct worker *w, char failed[256]);
void worker_upstream_close(struct worker *w);
uint64_t worker_request_start(void *world, const struct relay_request *request);
size_t worker_request_write(void *world, uint64_t request, struct span bytes);
void worker_request_finish(void *world, uint64_t request);
void worker_request_resume(void *world, uint64_t request);
void worker_request_cancel(void *world, uint64_t request);

/*
 * worker_sandbox.c: from here on no files, no programs, no listeners, no other
 * user's rights. False: `failed` says why.
 */
bool worker_sandbox(char failed[256]);
