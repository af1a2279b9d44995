/*
 * ng_play.h: a SIP proxy, the ng, the desk and one worker, all played by a test.
 *
 *     say("1", "{...}")     the proxy sends a message with that cookie
 *     heard()               the dictionary of the next answer, as the proxy sees it, cookie and all
 *     work()                the worker does what it was asked; how many requests that were
 */
#pragma once

#include "tests/unit/main.h"

#include "control/desk/desk.h"
#include "control/json.h"
#include "control/ng/ng.h"

extern struct desk *ng_desk;
extern struct ng *ng;
extern tick_t ng_now;
extern json_t *ng_asked;     /* params.context of the last document the worker got; NULL: none */
extern unsigned ng_contexts; /* in the worker */

/* The ng's suite: what it logs goes nowhere unless LOUD is set. */
Suite *ng_suite(const char *name, TCase **t);
/* False: out of memory. */
bool open_ng(void);
void close_ng(void);

/* A proxy of its own address; 1 unless it matters. */
void say_from(unsigned proxy, const char *cookie, const char *dictionary);
void say(const char *cookie, const char *dictionary);
void say_bytes(struct span message);
/* "(nothing)": no answer came. Valid until the next one. */
const char *heard(void);
unsigned work(void);
/* say, work, heard, all at once, with a cookie of its own. */
const char *asked_for(const char *dictionary);
/* The text of a member of an answer that is JSON, or "(none)". */
const char *member(const char *answer, const char *name);

/* An SDP as it stands in JSON, for the session and its m= lines. */
#define NG_SDP(session, lines)                                                  \
	"v=0\\r\\no=- " session                                                 \
	" 1 IN IP4 192.0.2.1\\r\\ns=-\\r\\nc=IN IP4 192.0.2.1\\r\\nt=0 0\\r\\n" \
	"m=audio 4000 RTP/AVP 0\\r\\na=sendrecv\\r\\n" lines
#define NG_FINGERPRINT                                                     \
	"a=fingerprint:SHA-256 2B:6F:0C:91:7D:3E:AA:54:18:C2:9F:60:E1:77:" \
	"05:BD:42:8A:D3:1C:66:F9:0E:B5:20:74:CB:39:58:EF:13:A7\\r\\n"
#define NG_LINE(port, sid)                                                                   \
	"m=application " port " UDP/DTLS/SCTP webrtc-datachannel\\r\\na=setup:actpass\\r\\n" \
	"a=sctp-port:5000\\r\\n" NG_FINGERPRINT "a=dcmap:" sid "\\r\\n"
#define NG_OFFER(call, from, more, sdp)                                                   \
	"{\"command\":\"offer\",\"call-id\":\"" call "\",\"from-tag\":\"" from "\"," more \
	"\"sdp\":\"" sdp "\"}"
#define NG_ANSWER(call, from, to, sdp)                                          \
	"{\"command\":\"answer\",\"call-id\":\"" call "\",\"from-tag\":\"" from \
	"\",\"to-tag\":\"" to "\",\"sdp\":\"" sdp "\"}"
#define NG_DELETE(call, from) \
	"{\"command\":\"delete\",\"call-id\":\"" call "\",\"from-tag\":\"" from "\"}"
/* The usual call. */
#define OFFER  NG_OFFER("call", "alice", "", NG_SDP("1", NG_LINE("5000", "1000")))
#define ANSWER NG_ANSWER("call", "alice", "bob", NG_SDP("2", NG_LINE("6000", "1000")))

#define assert_says(text, part)                                                                \
	do {                                                                                   \
		const char *said = (text);                                                     \
		ck_assert_msg(strstr(said, part) != NULL, "%s is not in %.3000s", part, said); \
	} while (0)
#define assert_lacks(text, part)                                                           \
	do {                                                                               \
		const char *said = (text);                                                 \
		ck_assert_msg(strstr(said, part) == NULL, "%s is in %.3000s", part, said); \
	} while (0)
