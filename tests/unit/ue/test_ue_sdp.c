/*
 * test_ue_sdp.c: the offer of the test UE, read by the gateway's own parser,
 * and answers it has to take or refuse.
 */
#include "tests/unit/main.h"

#include <stdio.h>

#include "control/sdp/sdp.h"
#include "dcmf/base/alloc.h"
#include "tools/ue/ue_sdp.h"

#define PRINT                                                                                     \
	"SHA-256 "                                                                                \
	"2B:6F:0C:91:7D:3E:AA:54:18:C2:9F:60:E1:77:05:BD:42:8A:D3:1C:66:F9:0E:B5:20:74:CB:39:58:" \
	"EF:13:A7"

static struct ue_media media(enum ue_style style, bool ice)
{
	struct ue_media m = { .style = style,
		.ice = ice,
		.credentials = { "ufrag123", "passwordOf24LettersOrSo/" },
		.setup = SETUP_ACTPASS,
		.tls_id = "q3Zr81kVw0sXm5TnHc2b",
		.sctp_port = 5000,
		.max_message = 1024,
		.streams = { { .sid = 0, .protocol = "http" }, { .sid = 10, .protocol = "http" } },
		.stream_count = 2 };

	addr_parse_ip(SPAN_LIT("198.51.100.10"), 50500, &m.local);
	ck_assert_int_eq(fingerprint_parse(SPAN_LIT(PRINT), &m.fingerprint), ERR_OK);
	return m;
}

static struct sdp *gateway_reads(const struct ue_media *medias, unsigned count, bool speech)
{
	struct problem p = { 0 };
	char *text = ue_sdp_write_offer(medias, count, speech);
	struct sdp *s = sdp_parse(SPAN_STR(text), &p);

	mem_free(text);
	ck_assert_msg(s != NULL, "%s", p.detail);
	return s;
}

START_TEST(the_gateway_reads_what_a_phone_offers)
{
	struct ue_media m[2] = { media(UE_STYLE_IMS, _i), media(UE_STYLE_IMS, _i) };
	struct sdp *s;
	const struct sdp_media *got;

	m[1].streams[0].sid = 100;
	m[1].streams[1].sid = 110;
	s = gateway_reads(m, 2, true);
	ck_assert_uint_eq(s->media_count, 3);
	for (unsigned i = 0; i < 2; i++) {
		got = &s->medias[1 + i];
		ck_assert(got->is_datachannel);
		ck_assert(addr_eq(&got->connection, &m[i].local));
		ck_assert_int_eq(got->setup, SETUP_ACTPASS);
		ck_assert_uint_eq(got->sctp_port, 5000);
		ck_assert_uint_eq(got->max_message, 1024);
		ck_assert_uint_eq(got->fingerprint_count, 1);
		ck_assert(fingerprint_eq(&got->fingerprint[0], &m[i].fingerprint));
		ck_assert(span_eq(got->tls_id, SPAN_STR(m[i].tls_id)));
		ck_assert_uint_eq(got->dcmap_count, 2);
		ck_assert_uint_eq(got->dcmaps[1].sid, m[i].streams[1].sid);
		ck_assert_int_eq(got->ice_pwd.len > 0, _i);
	}
	sdp_destroy(s);
}
END_TEST

START_TEST(the_gateway_reads_what_a_browser_offers)
{
	struct ue_media m = media(UE_STYLE_WEBRTC, true);
	struct sdp *s = gateway_reads(&m, 1, false);
	const struct sdp_media *got = &s->medias[0];

	ck_assert_uint_eq(s->media_count, 1);
	ck_assert(got->is_datachannel);
	ck_assert(!addr_is_set(&got->connection));
	ck_assert(addr_eq(&got->candidate, &m.local));
	ck_assert(span_eq(got->ice_ufrag, SPAN_STR(m.credentials.ufrag)));
	ck_assert(span_eq(got->mid, SPAN_LIT("0")));
	ck_assert_uint_eq(got->dcmap_count, 0);
	sdp_destroy(s);
}
END_TEST

#define HEAD  "v=0\r\no=- 1 1 IN IP4 203.0.113.5\r\ns=-\r\nt=0 0\r\n"
#define LINE  "m=application 30010 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 203.0.113.5\r\n"
#define BASIC "a=setup:passive\r\na=fingerprint:" PRINT "\r\n"

START_TEST(an_answer_is_read)
{
	static const char text[] =
		HEAD "m=audio 0 RTP/AVP 96\r\n" LINE
		     "a=max-message-size:65535\r\na=sctp-port:5001\r\n" BASIC
		     "a=tls-id:Mf0aa11bb22cc33dd44ee5\r\na=dcmap:0 subprotocol=\"http\"\r\n"
		     "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n";
	struct ue_remote r[2];
	unsigned count = 2;
	char ip[ADDR_TEXT_MAX];

	ck_assert_ptr_null(ue_sdp_read_answer(SPAN_STR(text), r, &count));
	ck_assert_uint_eq(count, 2);
	ck_assert(r[0].accepted && !r[1].accepted);
	ck_assert_str_eq(addr_text(&r[0].addr, ip), "203.0.113.5:30010");
	ck_assert_int_eq(r[0].setup, SETUP_PASSIVE);
	ck_assert_uint_eq(r[0].sctp_port, 5001);
	ck_assert_uint_eq(r[0].max_message, 65535);
	ck_assert_str_eq(r[0].tls_id, "Mf0aa11bb22cc33dd44ee5");
	ck_assert_uint_eq(r[0].stream_count, 1);
	ck_assert(!r[0].ice);
}
END_TEST

/* Names and TCP are passed over; of each address family the best is known, whatever the order. */
START_TEST(of_candidates_the_best_of_each_family_is_taken)
{
	static const char text[] =
		HEAD LINE BASIC "a=candidate:1 1 udp 100 203.0.113.9 9 typ host\r\n"
				"a=candidate:2 1 udp 900 0c3f.local 9 typ host\r\n"
				"a=candidate:3 1 udp 300 203.0.113.7 7 typ host\r\n"
				"a=candidate:4 1 tcp 999 203.0.113.1 9 typ host\r\n"
				"a=candidate:5 1 udp 400 2001:db8::5 5 typ host\r\n"
				"a=candidate:6 1 udp 200 203.0.113.8 8 typ host\r\n"
				"a=candidate:7 1 udp 150 2001:db8::6 6 typ host\r\n";
	struct ue_remote r[1];
	unsigned count = 1;
	char ip[ADDR_TEXT_MAX];

	ck_assert_ptr_null(ue_sdp_read_answer(SPAN_STR(text), r, &count));
	ck_assert_str_eq(addr_text(&r[0].addr, ip), "203.0.113.7:7");
	ck_assert_str_eq(addr_text(&r[0].other, ip), "[2001:db8::5]:5");
}
END_TEST

static const char *const wrong[] = {
	"",
	"hello",
	HEAD LINE BASIC "a=candidate:1 1 udp many 203.0.113.9 9 typ host\r\n",
	HEAD LINE BASIC "a=candidate:1 1 udp 1 203.0.113.9 99999 typ host\r\n",
	HEAD LINE "a=fingerprint:" PRINT "\r\n",
	HEAD LINE "a=setup:passive\r\n",
	HEAD LINE "a=setup:actpass\r\na=fingerprint:" PRINT "\r\n",
	HEAD LINE BASIC "a=ice-ufrag:abcd\r\n",
	HEAD LINE BASIC "a=sctp-port:70000\r\n",
	HEAD "m=application 30010 TCP/DTLS/SCTP webrtc-datachannel\r\n" BASIC,
	HEAD "m=application 30010 UDP/DTLS/SCTP webrtc-datachannel\r\n" BASIC,
	HEAD LINE BASIC LINE BASIC,
};

START_TEST(an_answer_that_cannot_be_used_is_refused)
{
	struct ue_remote r[1];
	unsigned count = 1;

	ck_assert_msg(ue_sdp_read_answer(SPAN_STR(wrong[_i]), r, &count) != NULL,
		"answer %d was taken", _i);
}
END_TEST

/* ---- answering ---- */

static const char browser_offer[] =
	"v=0\r\no=- 1 1 IN IP4 203.0.113.5\r\ns=-\r\nt=0 0\r\na=group:BUNDLE data\r\n"
	"m=audio 40000 RTP/AVP 96\r\na=mid:sound\r\nm=video 40002 RTP/AVP 97\r\n" LINE
	"a=mid:data\r\na=setup:actpass\r\na=fingerprint:" PRINT "\r\n"
	"a=dcmap:1000 subprotocol=\"chat;1\";label=\"a "
	"b\";ordered=false;max-retr=3;priority=128\r\n"
	"a=dcmap:1002 max-time=500;label=\"late\"\r\na=dcmap:1004\r\n" LINE
	"a=setup:active\r\na=fingerprint:" PRINT "\r\n";

START_TEST(an_offer_is_read)
{
	struct ue_remote r[2];
	const struct ue_stream *s = r[0].streams;
	unsigned count = 2;

	ck_assert_ptr_null(ue_sdp_read_offer(SPAN_STR(browser_offer), r, &count));
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(r[0].setup, SETUP_ACTPASS);
	ck_assert_int_eq(r[1].setup, SETUP_ACTIVE);
	ck_assert_uint_eq(r[0].stream_count, 3);
	ck_assert_str_eq(s[0].protocol, "chat;1");
	ck_assert_str_eq(s[0].label, "a b");
	ck_assert(s[0].quality.unordered && s[0].quality.reliability == MAX_RETRANSMITS);
	ck_assert_uint_eq(s[0].quality.limit, 3);
	ck_assert_uint_eq(s[0].quality.priority, 128);
	ck_assert(!s[1].quality.unordered && s[1].quality.reliability == MAX_LIFETIME);
	ck_assert_uint_eq(s[1].quality.limit, 500);
	ck_assert(s[2].sid == 1004 && s[2].quality.priority == 256);
	ck_assert(ue_sdp_read_answer(SPAN_STR(browser_offer), r, &(unsigned){ 2 }) != NULL);
}
END_TEST

static const char *const wrong_maps[] = {
	"a=dcmap:70000\r\n",
	"a=dcmap:1000 max-retr=1;max-time=1\r\n",
	"a=dcmap:1000 ordered=perhaps\r\n",
	"a=dcmap:1000 label=bare\r\n",
	"a=dcmap:1000 max-time=\r\n",
};

START_TEST(an_offer_with_a_wrong_channel_is_refused)
{
	struct ue_remote r[1];
	unsigned count = 1;
	char text[1024];

	snprintf(text, sizeof(text), HEAD LINE BASIC "%s", wrong_maps[_i]);
	ck_assert(ue_sdp_read_offer(SPAN_STR(text), r, &count) != NULL);
}
END_TEST

/* Every line of the offer is answered in its place: speech taken, video not, one of two data channel lines. */
START_TEST(an_answer_fits_its_offer)
{
	struct ue_media m = media(_i ? UE_STYLE_WEBRTC : UE_STYLE_IMS, _i);
	struct problem p = { 0 };
	struct sdp *s;
	char *text;

	m.setup = SETUP_ACTIVE;
	m.streams[0] = (struct ue_stream){ .sid = 1000,
		.quality = { true, MAX_RETRANSMITS, 128, 3 },
		.label = "a b",
		.protocol = "chat;1" };
	text = ue_sdp_write_answer(SPAN_STR(browser_offer), &m, 1);
	s = sdp_parse(SPAN_STR(text), &p);
	ck_assert_msg(s != NULL, "%s", p.detail);
	ck_assert_uint_eq(s->media_count, 4);
	ck_assert(!s->medias[0].is_datachannel && !s->medias[1].is_datachannel);
	ck_assert(strstr(text, "m=audio 49172 RTP/AVP 96\r\n") != NULL);
	ck_assert(strstr(text, "m=video 0 RTP/AVP 97\r\n") != NULL);
	ck_assert(strstr(text, "m=application 0 ") != NULL);
	ck_assert(strstr(text, "a=group:BUNDLE data\r\n") != NULL);
	ck_assert(span_eq(s->medias[2].mid, SPAN_LIT("data")));
	ck_assert_int_eq(s->medias[2].setup, SETUP_ACTIVE);
	ck_assert_uint_eq(s->medias[2].dcmap_count, _i ? 0 : 2);
	ck_assert(_i || strstr(text, "a=dcmap:1000 subprotocol=\"chat;1\";label=\"a b\";ordered="
				     "false;max-retr=3;priority=128\r\n") != NULL);
	sdp_destroy(s);
	mem_free(text);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ue/sdp");
	TCase *tc = tcase_create("sdp");

	tcase_add_loop_test(tc, the_gateway_reads_what_a_phone_offers, 0, 2);
	tcase_add_test(tc, the_gateway_reads_what_a_browser_offers);
	tcase_add_test(tc, an_answer_is_read);
	tcase_add_test(tc, of_candidates_the_best_of_each_family_is_taken);
	tcase_add_loop_test(
		tc, an_answer_that_cannot_be_used_is_refused, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tc, an_offer_is_read);
	tcase_add_loop_test(tc, an_offer_with_a_wrong_channel_is_refused, 0,
		sizeof(wrong_maps) / sizeof(wrong_maps[0]));
	tcase_add_loop_test(tc, an_answer_fits_its_offer, 0, 2);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
