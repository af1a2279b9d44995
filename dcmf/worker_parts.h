/* worker_parts.h: what the files of a worker share. */
#pragma once

#include "control/agent.h"
#include "dcmf/base/map.h"
#include "dcmf/config.h"
#include "dcmf/io/line.h"
#include "dcmf/io/loop.h"
#include "dcmf/io/ports.h"
#include "dcmf/io/udp.h"
#include "dcmf/io/upstream.h"
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
	struct upstream_tls mdc1_tls; /* texts are ours */
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

/* worker_upstream.c */
bool worker_upstream_open(struct worker *w, const struct agent_start *s, char failed[256]);
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
