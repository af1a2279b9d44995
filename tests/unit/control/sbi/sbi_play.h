/*
 * sbi_play.h: Nmf_MRM on a desk whose workers a test plays itself (desk_play.h).
 *
 *     id = send(POST("/nmf-mrm/v1/contexts", DOCUMENT));
 *     asked(1); tell(1, RESULT("{..}"));
 *     replies[id].status, header(id, "location"), replies[id].body
 */
#pragma once

#include "control/sbi/sbi.h"
#include "tests/unit/control/desk/desk_play.h"

#define CONTEXTS "/nmf-mrm/v1/contexts"
#define JSON     "application/json"
#define PATCHING "application/json-patch+json"

#define WISH_HEADERS 6

struct wish {
	const char *method, *path, *content_type, *body;
	const char *headers[WISH_HEADERS][2];
	enum h2_excess excess;
	uint64_t conn; /* 0: 1 */
};

#define WISH(what, where, type, text) \
	.method = (what), .path = (where), .content_type = (type), .body = (text)
#define POST(where, text)  ((struct wish){ WISH("POST", where, JSON, text) })
#define PATCH(where, text) ((struct wish){ WISH("PATCH", where, PATCHING, text) })
#define DELETE(where)      ((struct wish){ WISH("DELETE", where, NULL, NULL) })
#define ASK(what, where)   ((struct wish){ WISH(what, where, NULL, NULL) })

#define REPLIES 2048

struct reply {
	unsigned count; /* answers; more than one is a fault */
	int status;
	char headers[2048]; /* "name: value\n" each */
	char body[4096];
};

extern struct sbi *sbi;
extern struct reply replies[REPLIES];
extern unsigned sbi_load;
extern int64_t sbi_wall_us;
extern struct sbi_access access; /* what authorize() says */
extern bool conn_has_gone;

void open_sbi(void); /* and the desk; the mailboxes */
void close_sbi(void);
int32_t send_wish(struct wish w);
/* The value of an answer's header; "": it is not there. */
const char *header(int32_t id, const char *name);
