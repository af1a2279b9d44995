/*
 * sbi.h: Nmf_MRM (TS 29.176), the standard service of a Media Function, as a thin translation onto
 * the desk: HTTP requests in, answers out, at once or later. No sockets, no HTTP/2.
 *
 *     sbi_request(s, now, &origin, &request)     answered by ops->answer(), perhaps in here
 *     sbi_gone(s, conn, stream)                  nobody waits for that answer any more
 *     sbi_closed(s, conn)                        nor for any of that connection
 *     sbi_expire(s, now)                         at sbi_deadline(s)
 *
 * How the service maps is told in README.md.
 */
#pragma once

#include "control/client.h"
#include "control/desk/desk.h"
#include "control/problem.h"
#include "control/sbi/sbi_headers.h"

struct sbi;

/* Who sends a request; valid during the call. */
struct sbi_origin {
	uint64_t conn;
	const char *names; /* client.h: those of its certificate; "": it came plainly */
};

/* May the request be served? Zeroed: yes, and what it makes belongs to nobody. */
struct sbi_access {
	enum problem_kind refused; /* PROBLEM_NONE: it may */
	char detail[160];          /* of the refusal */
	const char *challenge;     /* of the refusal, for WWW-Authenticate; static. NULL: none */
	char identity[CLIENT_IDENTITY_MAX]; /* whose contexts it makes and may change */
};

struct sbi_ops {
	void (*answer)(void *arg, uint64_t conn, int32_t stream, const struct h2_answer *answer);
	/* Has that connection been closed, if only sbi_closed() was not called yet? */
	bool (*has_hung_up)(void *arg, uint64_t conn);
	/* Asked for each request, before anything is done for it. */
	void (*authorize)(void *arg, const struct sbi_origin *from, const struct h2_request *r,
		struct sbi_access *out);
	unsigned (*load)(void *arg);   /* of the node, 0 to 100 */
	int64_t (*wall_us)(void *arg); /* microseconds since the epoch */
	void *arg;
};

struct sbi_config {
	struct desk *desk;
	const struct sbi_ops *ops;
	const char *nf_instance_id; /* copied */
	unsigned most; /* requests under way; when it is near, urgent ones come first */
};

struct sbi *sbi_create(const struct sbi_config *config); /* NULL: out of memory */
/* Nobody is answered any more. Before the desk; NULL is fine. */
void sbi_destroy(struct sbi *s);

/*
 * drain.peer: where consumers are sent while this node drains, an apiRoot; "": nowhere. False: out
 * of memory, the old one stays.
 */
bool sbi_set_peer(struct sbi *s, const char *api_root);

void sbi_request(
	struct sbi *s, tick_t now, const struct sbi_origin *from, const struct h2_request *request);
void sbi_gone(struct sbi *s, uint64_t conn, int32_t stream);
void sbi_closed(struct sbi *s, uint64_t conn);
unsigned sbi_under_way(const struct sbi *s);

tick_t sbi_deadline(const struct sbi *s);
void sbi_expire(struct sbi *s, tick_t now);
