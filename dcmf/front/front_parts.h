/* front_parts.h: what the front_*.c files share. */
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include "control/desk/desk.h"
#include "control/sbi/sbi.h"
#include "control/sbi/token.h"
#include "control/json.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/list.h"
#include "dcmf/base/slots.h"
#include "dcmf/config/config.h"
#include "dcmf/io/httpd.h"
#include "dcmf/io/line.h"
#include "dcmf/io/loop.h"
#include "dcmf/io/resolve.h"

#define FRONT_WORKERS_MAX 64
/* Deaths that are remembered: the sixth in 10 s makes the next life wait. */
#define FRONT_RECENT 6

struct front;
struct front_nrf;

enum worker_state {
	WORKER_DOWN,     /* no process; `restart` may be armed */
	WORKER_STARTING, /* it was told how to start and has not answered */
	WORKER_UP,
	WORKER_DYING, /* the process or its connection has gone, the other has not yet */
};

struct front_worker {
	struct front *f;
	unsigned index;
	enum worker_state state;
	bool was_up;            /* in this life */
	pid_t pid;              /* 0: no process */
	int wait_status;        /* of the last process */
	double past_cpu;        /* seconds, of the processes before this one */
	struct line_conn *conn; /* NULL: none */
	int64_t *counters;      /* shared with the process; COUNTER_MAX values, NULL: none */
	unsigned starts;
	tick_t died[FRONT_RECENT]; /* a ring */
	unsigned deaths;
	struct alarm *restart;
};

struct front_dcsf {
	pid_t pid;
	int ready_fd; /* -1: nothing to wait for */
	struct watch *ready;
	struct alarm *restart;
	struct addr addr; /* where it listens; kept over its lives, since contexts know it */
	bool has_been_ready;
};

/* Trust and identity toward servers, PEM; NULL: not configured. The key is wiped when freed. */
struct front_pem {
	char *ca, *certificate, *key;
};

/* What workers are told anew; NULL, false: as it is. */
struct front_news {
	const char *certificate; /* and key */
	const char *log_level;
	bool mdc; /* mdc1.tls and mdc2.tls, as the front has them */
};

enum front_stage { FRONT_STARTING, FRONT_READY, FRONT_DRAINING, FRONT_LINGERING, FRONT_ENDING };

struct front {
	struct config config;
	const char *path; /* NULL: embedded defaults */
	enum front_stage stage;
	int status;

	struct loop *loop;
	struct desk *desk;
	struct desk_ops desk_ops;
	char nf_instance_id[NF_INSTANCE_MAX];
	struct resolver *resolver;
	struct alarm *desk_alarm;  /* the desk's next deadline */
	struct alarm *stage_alarm; /* of starting and of stopping */
	tick_t linger_until;
	struct watch *signals[4];

	struct front_worker workers[FRONT_WORKERS_MAX];
	unsigned worker_count;
	int64_t past[COUNTER_MAX]; /* counters of lives that have ended; gauges end with the life */

	char *certificate; /* and key, PEM: a secret; wiped when freed */
	char fingerprint[256];
	struct alarm *rotate;
	struct front_pem mdc1, mdc2;

	struct front_dcsf dcsf;
	char *embedded_root; /* URL for streams that are given none; NULL: none */
	struct addr embedded_addr;

	struct slots controllers;
	struct list_node asked; /* controllers that have asked something; see control_turn() */
	unsigned unix_controllers, tcp_controllers;
	bool is_crowded; /* there were too many, and that was told */
	struct line_listener *unix_listener, *tcp_listener;
	struct filter_factory *control_tls; /* of the TCP listener; NULL: plain, on loopback */
	unsigned handshakes;                /* controllers over TLS that are not known yet */
	char socket_path[108];
	struct sbi *sbi; /* NULL, as the next two: there is no SBI */
	struct sbi_ops sbi_ops;
	struct h2_server *h2;
	struct tokens *tokens;          /* NULL: no access token is asked for */
	struct front_nrf *nrf;          /* NULL: there is none */
	struct filter_factory *sbi_tls; /* NULL: h2c, on loopback */
	struct httpd *httpd;
	struct front_ng *ng; /* NULL: not configured */
};

/* front.c */
/* Ends with status 1; the sentence goes to the log. */
__attribute__((format(printf, 2, 3))) void front_fail(struct front *f, const char *fmt, ...);
void front_workers_are_up(struct front *f); /* each of them, for the first time */
void front_root_is_known(struct front *f);  /* where streams without a URL go: workers may start */
void front_all_gone(struct front *f);       /* no child is left */
bool front_is_stopping(const struct front *f); /* no worker is replaced any more */

/* front_workers.c */
bool workers_open(struct front *f);
void workers_start(struct front *f);
/* worker.reload */
void workers_tell(struct front *f, const struct front_news *news);
/* False: it was none of them. */
bool worker_reaped(
	struct front *f, pid_t pid, int wait_status, const struct rusage *used, tick_t now);
void workers_hang_up(struct front *f); /* they end when their connection does */
void workers_kill(struct front *f);
unsigned workers_alive(const struct front *f);
void workers_close(struct front *f);
int64_t front_counter(void *front, int counter);
bool front_worker_info(void *front, unsigned worker, struct desk_worker_info *out);
bool front_to_worker(void *front, unsigned worker, struct span line);

/* front_cert.c */
bool cert_open(struct front *f, char error[CONFIG_ERROR_MAX]);
/*
 * The files again, where there are any; `is_other_option`: the configuration names others.
 * True: there is a new certificate, and the workers have been told. False: the old one
 * stays, and `error` says why, or is empty.
 */
bool cert_reload(struct front *f, bool is_other_option, char error[CONFIG_ERROR_MAX]);
void cert_close(struct front *f);

/* front_dcsf.c */
/*
 * Finds out what streams without a URL get, then calls front_root_is_known().
 * False: it cannot be, `error` says why.
 */
bool dcsf_open(struct front *f, char error[CONFIG_ERROR_MAX]);
bool dcsf_reaped(struct front *f, pid_t pid, int wait_status, tick_t now);
void dcsf_stop(struct front *f);
void dcsf_close(struct front *f);
/*
 * The folder of applications: as configured, or where they were installed. False: there is
 * none, `error` says where it was looked for.
 */
bool dcsf_find_apps(const struct config *c, char path[512], char error[CONFIG_ERROR_MAX]);
/* Host and port of mdc1.url. False: there are none, `error` says so. */
bool dcsf_split_url(
	const struct config *c, char host[256], uint16_t *port, char error[CONFIG_ERROR_MAX]);
/* mdc1.allow_plain, for mdc1.url whose host is there. False: `error` says that it is forbidden. */
bool dcsf_may_be_asked(const struct config *c, const struct addr *at, char error[CONFIG_ERROR_MAX]);
bool dcsf_find_program(char path[512], char error[CONFIG_ERROR_MAX]);

/* front_control.c */
bool control_open(struct front *f, char error[CONFIG_ERROR_MAX]);
void control_close(struct front *f);
/* At the end of each turn: who had to wait may ask again. */
void control_turn(struct front *f);
bool front_controller_has_hung_up(void *front, uint64_t controller);
void front_to_controller(void *front, uint64_t controller, struct span line);
void front_resolve(void *front, const char *host, uint16_t port, uint64_t ticket);
/* Where the control socket goes: as configured, or the first usual place that can be made. */
bool control_socket_path(const struct config *c, char path[108], char error[CONFIG_ERROR_MAX]);

/* front_tls.c */
/*
 * The files of control.tcp.tls or sbi.tls. NULL: `error` names one and says why. `protocol`: what is
 * spoken inside, NULL: nothing is said of it. `*doubt`: what clients may not like, NULL: nothing.
 */
struct filter_factory *listener_tls_load(const struct config_tls *tls, const char *protocol,
	const char **doubt, char error[CONFIG_ERROR_MAX]);
/* Do certificate, key and authorities toward servers fit, as far as they are configured? */
bool mdc_tls_check(const struct config_tls *tls, const char **doubt, char error[CONFIG_ERROR_MAX]);
bool control_tls_open(struct front *f, char error[CONFIG_ERROR_MAX]);
/* The files again, for connections to come; says in the log how it went. False: there are none. */
bool control_tls_reload(struct front *f);
void control_tls_close(struct front *f);

/* front_pem.c */
/*
 * The files as they are now; they must fit one another. `key`: what the configuration calls them.
 * False: *pem is empty, `error` says why.
 */
bool pem_read(const char *key, const struct config_tls *tls, struct front_pem *pem,
	char error[CONFIG_ERROR_MAX]);
void pem_finish(struct front_pem *pem);

/* front_mdc.c */
/* The files of mdc1.tls and mdc2.tls. */
bool mdc_open(struct front *f, char error[CONFIG_ERROR_MAX]);
/* The files again, for connections to come; says in the log how it went. True: something is new. */
bool mdc_reload(struct front *f);
/* For worker.start and worker.reload. False: out of memory. */
bool mdc_put(const struct front *f, json_t *params);
void mdc_close(struct front *f);

/* front_sbi.c */
#define SBI_PROTOCOL "h2"
/* True too where none is configured. */
bool sbi_open(struct front *f, char error[CONFIG_ERROR_MAX]);
/* The files and drain.peer again; says in the log how it went. False: nothing was read. */
bool sbi_reload(struct front *f);
void sbi_bow_out(struct front *f); /* consumers finish what is under way */
tick_t sbi_next(const struct front *f);
void sbi_due(struct front *f, tick_t now);
void sbi_close(struct front *f);
/* By the names of its certificate: does authorization.clients let it in? */
bool front_lets_in(const struct front *f, const char *names);
/* 0 to 100: contexts, ports, handshakes, requests: whatever is used up most. */
unsigned front_load(struct front *f);

/* front_ng.c */
bool front_ng_open(struct front *f, char error[CONFIG_ERROR_MAX]);
void front_ng_close(struct front *f); /* right before the desk goes */

/* front_oauth.c */
/* As sbi.oauth2 says; true too where no token is required. */
bool oauth_open(struct front *f, char error[CONFIG_ERROR_MAX]);
/* The file again; says in the log how it went. False: there is nothing to read. */
bool oauth_reload(struct front *f);
void oauth_close(struct front *f);
/* NULL: `error` names the file and says why. */
struct token_keys *oauth_keys_load(
	const char *path, unsigned *passed_over, char error[CONFIG_ERROR_MAX]);
/* May the request be served, and for whom? Where no token is required *out stays as it is. */
void oauth_authorize(struct front *f, const struct sbi_origin *from, const struct h2_request *r,
	struct sbi_access *out);
/* A key that an NRF has told; taken over. `kid` "": for tokens without one. */
void oauth_learn(struct front *f, const char *issuer, const char *kid, struct public_key *key);

/* front_nrf.c */
/* True too where none is configured. */
bool front_nrf_open(struct front *f, char error[CONFIG_ERROR_MAX]);
void front_nrf_reload(struct front *f); /* the certificates toward NRFs */
void front_nrf_close(struct front *f);
/* At the end of each turn: we want to be found while we take new contexts. */
void front_nrf_turn(struct front *f, tick_t now);
/* No NRF has to be told any more that we leave. */
bool front_nrf_is_out(const struct front *f);
/* The answer goes to oauth_learn(). */
void front_ask_key(struct front *f, const char *issuer, const char *kid, const char *algorithm);
/* Who vouches for NRFs, and what they are shown. */
struct config_tls nrf_tls_of(const struct config *c);

/* front_admin.c */
bool admin_open(struct front *f, char error[CONFIG_ERROR_MAX]);
