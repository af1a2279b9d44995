/*
 * ng_calls.h: which call of a SIP proxy is which context: Call-ID, then the branches of the call
 * (one where nothing forks), each with the tags of its two sides.
 *
 * Side 0 is who offered first. A branch may stand for a call without data channels, which has no
 * context: its offers and answers pass untouched, and it is forgotten when nothing is heard of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dcmf/base/list.h"
#include "dcmf/base/map.h"

/*
 * Ours: branches at once, of all calls and of one; each costs 1 KiB or two, data channels or not.
 */
#define NG_BRANCHES_MAX 131072
#define NG_FORKS_MAX    64
#define NG_TAGS_MAX     16 /* ours: of a branch; where more phones ring, the last ones are known */

struct ng_request;

struct ng_tag {
	char *text, *label; /* label may be NULL */
	uint8_t side;
	int64_t created_us;
};

struct ng_branch {
	struct ng_call *call;
	struct list_node on_call, on_all;
	char *via;           /* via-branch of the first offer; NULL: none was given */
	char context_id[64]; /* "": no data channels, or not made yet */
	char *metadata;      /* NULL: none */
	struct ng_tag tags[NG_TAGS_MAX];
	unsigned tag_count;
	uint8_t offerer;          /* side of the last offer */
	struct ng_request *busy;  /* its offer or answer under way */
	struct list_node waiting; /* those that wait for it to end */
	unsigned waiting_count;
	int64_t created_us, last_us; /* since the epoch */
};

struct ng_call {
	char *id;
	struct list_node branches;
	unsigned branch_count;
	UT_hash_handle hh;
};

struct ng_calls {
	struct ng_call *by_id;
	struct list_node all; /* branches, those that were looked at longest ago first */
	unsigned branch_count;
};

/* What a message says of the call it belongs to; to_tag and via may be NULL. */
struct ng_dialog {
	const char *call_id, *from_tag, *to_tag, *via;
};

void ng_calls_init(struct ng_calls *cs);
void ng_calls_finish(struct ng_calls *cs);

/* NULL: none. */
struct ng_call *ng_call_find(const struct ng_calls *cs, const char *id);
/* The branch that an offer, or an answer, goes on with; NULL: none. */
struct ng_branch *ng_branch_of_offer(const struct ng_calls *cs, const struct ng_dialog *d);
struct ng_branch *ng_branch_of_answer(const struct ng_calls *cs, const struct ng_dialog *d);
/* Does a delete or query, in which all but the call_id may be NULL, speak of the branch? */
bool ng_branch_is_meant(const struct ng_branch *b, const struct ng_dialog *d);

/* Is there room for one more branch of that call? */
bool ng_calls_have_room(const struct ng_calls *cs, const char *call_id);
/* Of a call that may be new too. NULL: out of memory. */
struct ng_branch *ng_branch_new(struct ng_calls *cs, const struct ng_dialog *d, int64_t now_us);
/* The call goes with its last branch. Nobody may be busy with it, or wait. */
void ng_branch_forget(struct ng_calls *cs, struct ng_branch *b);

/* The side of a tag; -1: not known. */
int ng_branch_side(const struct ng_branch *b, const char *tag);
/* Takes note of a tag. NULL: out of memory. */
struct ng_tag *ng_branch_tag(struct ng_branch *b, const char *tag, unsigned side, int64_t now_us);
