/* sdp_samples.h: offers as clients write them. */
#pragma once

#include <stdio.h>

#include "control/json.h"
#include "control/sdp/sdp.h"
#include "tests/unit/control/sdp/sdp_gateway.h"

#define FP_A                                                                                      \
	"2B:6F:0C:91:7D:3E:AA:54:18:C2:9F:60:E1:77:05:BD:42:8A:D3:1C:66:F9:0E:B5:20:74:CB:39:58:" \
	"EF:13:A7"
#define FP_B    GATEWAY_FINGERPRINT
#define FP_SHA1 "2B:6F:0C:91:7D:3E:AA:54:18:C2:9F:60:E1:77:05:BD:42:8A:D3:1C"

/* createDataChannel() and createOffer() before any candidate is known. */
#define CHROMIUM                                               \
	"v=0\r\n"                                              \
	"o=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n"       \
	"s=-\r\n"                                              \
	"t=0 0\r\n"                                            \
	"a=group:BUNDLE 0\r\n"                                 \
	"a=extmap-allow-mixed\r\n"                             \
	"a=msid-semantic: WMS\r\n"                             \
	"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" \
	"c=IN IP4 0.0.0.0\r\n"                                 \
	"a=ice-ufrag:Q5Wo\r\n"                                 \
	"a=ice-pwd:7pEqTU3yHcrQNXxe7TTDwL8p\r\n"               \
	"a=ice-options:trickle\r\n"                            \
	"a=fingerprint:sha-256 " FP_A "\r\n"                   \
	"a=setup:actpass\r\n"                                  \
	"a=mid:0\r\n"                                          \
	"a=sctp-port:5000\r\n"                                 \
	"a=max-message-size:262144\r\n"

/* Session-level fingerprint and ice-options, host names and TCP among the candidates. */
#define FIREFOX                                                                                  \
	"v=0\r\n"                                                                                \
	"o=mozilla...THIS_IS_SDPARTA-99.0 6208340404518475286 0 IN IP4 0.0.0.0\r\n"              \
	"s=-\r\n"                                                                                \
	"t=0 0\r\n"                                                                              \
	"a=fingerprint:sha-256 " FP_A "\r\n"                                                     \
	"a=group:BUNDLE 0\r\n"                                                                   \
	"a=ice-options:trickle ice2\r\n"                                                         \
	"a=msid-semantic:WMS *\r\n"                                                              \
	"m=application 51556 UDP/DTLS/SCTP webrtc-datachannel\r\n"                               \
	"c=IN IP4 198.51.100.77\r\n"                                                             \
	"a=candidate:0 1 UDP 2122252543 3c6f1cd5-0b1d-4c6e-a5c2-8f64d8d3a7d0.local 51556 typ "   \
	"host\r\n"                                                                               \
	"a=candidate:1 1 TCP 2105524479 192.168.1.5 9 typ host tcptype active\r\n"               \
	"a=candidate:2 1 UDP 1686052863 198.51.100.77 51556 typ srflx raddr 0.0.0.0 rport 0\r\n" \
	"a=candidate:3 1 UDP 92217087 203.0.113.99 61000 typ relay raddr 203.0.113.99 rport "    \
	"61000\r\n"                                                                              \
	"a=sendrecv\r\n"                                                                         \
	"a=end-of-candidates\r\n"                                                                \
	"a=ice-pwd:4bb3a1ea2d7b0ad0f22a3f5c3b0f6bf1\r\n"                                         \
	"a=ice-ufrag:aa83f71c\r\n"                                                               \
	"a=mid:0\r\n"                                                                            \
	"a=setup:actpass\r\n"                                                                    \
	"a=sctp-port:5000\r\n"                                                                   \
	"a=max-message-size:1073741823\r\n"

/* python3-aiortc: LF only, the SCTP port in the old form too, three hashes. */
#define AIORTC                                                           \
	"v=0\n"                                                          \
	"o=- 3936104220 3936104220 IN IP4 0.0.0.0\n"                     \
	"s=-\n"                                                          \
	"t=0 0\n"                                                        \
	"a=group:BUNDLE 0\n"                                             \
	"a=msid-semantic:WMS *\n"                                        \
	"m=application 38412 DTLS/SCTP 5000\n"                           \
	"c=IN IP4 192.0.2.33\n"                                          \
	"a=mid:0\n"                                                      \
	"a=sctpmap:5000 webrtc-datachannel 65535\n"                      \
	"a=max-message-size:65536\n"                                     \
	"a=candidate:1c3 1 udp 2130706431 192.0.2.33 38412 typ host\n"   \
	"a=candidate:5f2 1 udp 2130706430 2001:db8::33 38413 typ host\n" \
	"a=end-of-candidates\n"                                          \
	"a=ice-ufrag:eUzC\n"                                             \
	"a=ice-pwd:qmP5VJRFXpz1uF0JRVlxtz\n"                             \
	"a=fingerprint:sha-1 " FP_SHA1 "\n"                              \
	"a=fingerprint:SHA-256 " FP_A "\n"                               \
	"a=setup:actpass\n"

/* An IMS UE's first INVITE: local and remote bootstrap channels, no ICE. */
#define IMS_UE                                                     \
	"v=0\r\n"                                                  \
	"o=- 3918 1 IN IP4 198.51.100.10\r\n"                      \
	"s=-\r\n"                                                  \
	"c=IN IP4 198.51.100.10\r\n"                               \
	"t=0 0\r\n"                                                \
	"m=audio 49170 RTP/AVP 96\r\n"                             \
	"a=rtpmap:96 EVS/16000\r\n"                                \
	"m=application 50500 UDP/DTLS/SCTP webrtc-datachannel\r\n" \
	"b=AS:500\r\n"                                             \
	"a=max-message-size:1024\r\n"                              \
	"a=sctp-port:5001\r\n"                                     \
	"a=setup:actpass\r\n"                                      \
	"a=fingerprint:SHA-256 " FP_A "\r\n"                       \
	"a=tls-id: q3Zr81kVw0sXm5TnHc2b\r\n"                       \
	"a=dcmap:0 subprotocol=\"http\"\r\n"                       \
	"a=dcmap:10 subprotocol=\"http\";label=\"local-bdc\"\r\n"  \
	"a=dcsa:0 3gpp-note:a\r\n"                                 \
	"a=dcsa:10 3gpp-note:b\r\n"                                \
	"a=3gpp-qos-hint:loss=0.01;latency=150\r\n"                \
	"m=application 50502 UDP/DTLS/SCTP webrtc-datachannel\r\n" \
	"b=AS:500\r\n"                                             \
	"a=max-message-size:65536\r\n"                             \
	"a=sctp-port:5000\r\n"                                     \
	"a=setup:active\r\n"                                       \
	"a=fingerprint:SHA-256 " FP_A "\r\n"                       \
	"a=tlsId:Yp7Lq0eD4uJf9RkAhW6x\r\n"                         \
	"a=dcmap:100 subprotocol=\"http\"\r\n"                     \
	"a=dcmap:110 subprotocol=\"http\"\r\n"                     \
	"a=3gpp-bdc-used-by:sender\r\n"

/* One data channel section with the given lines; the fingerprint is theirs to bring. */
#define ONE(lines)                                                                  \
	"v=0\r\no=- 1 7 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" \
	"m=application 4000 UDP/DTLS/SCTP webrtc-datachannel\r\n" lines
#define FINGERPRINT "a=fingerprint:sha-256 " FP_A "\r\n"

static inline struct sdp *parsed(const char *text)
{
	struct problem p = { PROBLEM_NONE };
	struct sdp *s = sdp_parse(span_str(text), &p);

	ck_assert_msg(s != NULL, "refused: %s", p.detail);
	return s;
}

/* Single quotes stand for double ones. NULL in, NULL out. */
static inline json_t *json_of(const char *text)
{
	char plain[8192];
	json_t *o;

	if (text == NULL)
		return NULL;
	ck_assert_uint_lt(strlen(text), sizeof(plain));
	for (size_t i = 0; i <= strlen(text); i++)
		plain[i] = (char)(text[i] == '\'' ? '"' : text[i]);
	o = json_loads(plain, 0, NULL);
	ck_assert_msg(o != NULL, "no JSON: %s", plain);
	return o;
}
