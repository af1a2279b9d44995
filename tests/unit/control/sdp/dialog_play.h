/*
 * dialog_play.h: a call of two sides through the gateway, as a test plays it, byte for byte.
 *
 *     offer(&c, text, wish, wanted)     a side says that, and the other side gets `wanted`
 *     answer(&c, text, wanted)
 */
#pragma once

#include "tests/unit/main.h"

#include "control/sdp/sdp_dialog.h"
#include "tests/unit/control/sdp/dialog_gateway.h"
#include "tests/unit/control/sdp/sdp_samples.h"

/* A call that one test plays. */
struct call {
	struct sdp_dialog *stored;
	json_t *doc; /* of the last message that was taken */
	char *text;  /* what went on */
	struct problem p;
};

void hang_up(struct call *c);
/* As the desk does it; `wish` NULL: it is an answer. False: refused, or memory ran out. */
bool carry(struct call *c, const char *text, const struct sdp_wish *wish);
void offer(struct call *c, const char *text, struct sdp_wish wish, const char *wanted);
void answer(struct call *c, const char *text, const char *wanted);
/* `done` is what carry() said. */
void refused(struct call *c, bool done, enum problem_kind kind, const char *word);

extern const struct sdp_wish nothing_said;

/* ---- lines ---- */

#define TLS_A "q3Zr81kVw0sXm5TnHc2b"
#define TLS_B "Bp7Lq0eD4uJf9RkAhW6x"
#define FP_C                                                                                      \
	"C4:90:0C:91:7D:3E:AA:54:18:C2:9F:60:E1:77:05:BD:42:8A:D3:1C:66:F9:0E:B5:20:74:CB:39:58:" \
	"EF:13:A7"

#define HEAD(session, version, ip)                                                       \
	"v=0\r\no=- " session " " version " IN IP4 " ip "\r\ns=-\r\nc=IN IP4 " ip "\r\n" \
	"t=0 0\r\n"
#define AUDIO(port) "m=audio " port " RTP/AVP 96\r\na=rtpmap:96 EVS/16000\r\n"
#define M(port)     "m=application " port " UDP/DTLS/SCTP webrtc-datachannel\r\n"
#define DTLS(max, setup, fp, tls)                                                                  \
	"a=max-message-size:" max "\r\na=sctp-port:5000\r\na=setup:" setup "\r\na=fingerprint:" fp \
	"\r\na=tls-id:" tls "\r\n"
#define LOCAL_BDC  "a=dcmap:0 subprotocol=\"http\"\r\na=dcmap:10 subprotocol=\"http\"\r\n"
#define REMOTE_BDC "a=dcmap:100 subprotocol=\"http\"\r\na=3gpp-bdc-used-by:sender\r\n"
#define BOARD      "a=dcmap:1000 label=\"whiteboard\"\r\n"
#define POINTER    "a=dcmap:1002 ordered=false;max-retr=0;label=\"pointer\"\r\n"
#define APP        "a=3gpp-req-app:whiteboard.example\r\n"
#define AS         "b=AS:500\r\n"
#define A_DTLS     DTLS("65536", "actpass", "SHA-256 " FP_A, TLS_A)
#define B_DTLS     DTLS("1024", "passive", "SHA-256 " FP_C, TLS_B)
/* ours in the other's lines, and in lines of our own */
#define OUR_C   "c=IN IP4 203.0.113.5\r\n"
#define TO_A    "TowardA0aa11bb22cc33dd"
#define TO_B    "TowardB0aa11bb22cc33dd"
#define FP_OURS "sha-256 " GATEWAY_FINGERPRINT
#define OUR_LINE(max, setup, tls)                                                \
	OUR_C "a=sctp-port:5000\r\na=max-message-size:" max "\r\na=setup:" setup \
	      "\r\na=fingerprint:" FP_OURS "\r\na=tls-id:" tls "\r\n"

#define A_HEAD(version) HEAD("3918", version, "198.51.100.10")
#define B_HEAD(version) HEAD("7711", version, "192.0.2.77")
