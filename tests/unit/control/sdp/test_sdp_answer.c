/* test_sdp_answer.c: the gateway's answers, byte for byte. */
#include "tests/unit/main.h"

#include "dcmf/base/alloc.h"
#include "tests/unit/control/sdp/sdp_samples.h"

/* What the gateway at `ip` answers; mem_alloc'ed. */
static char *answer(const char *offer, const char *dc_media, const char *ip)
{
	struct problem p = { PROBLEM_NONE };
	struct sdp *s = parsed(offer);
	json_t *dc = json_of(dc_media), *doc = sdp_document(s, dc, NULL, &p);
	char *text;

	ck_assert_msg(doc != NULL, "refused: %s", p.detail);
	ck_assert(fill(doc, ip));
	text = sdp_answer(s, doc, &p);
	ck_assert_msg(text != NULL, "no answer: %s", p.detail);
	json_decref(doc);
	json_decref(dc);
	sdp_destroy(s);
	return text;
}

static void assert_answer(
	const char *offer, const char *dc_media, const char *ip, const char *wanted)
{
	char *text = answer(offer, dc_media, ip);

	ck_assert_str_eq(text, wanted);
	sdp_destroy(parsed(text)); /* we understand ourselves */
	mem_free(text);
}

/* o= with the session id of context "0-c0ffee". */
#define ORIGIN(version, address)                                                           \
	"v=0\r\no=- 517444199681673655 " version " IN " address "\r\ns=-\r\nc=IN " address \
	"\r\nt=0 0\r\n"
#define DTLS(setup) "a=setup:" setup "\r\na=fingerprint:sha-256 " FP_B "\r\n"
#define ICE         "a=ice-ufrag:gwUfrag1\r\na=ice-pwd:gwPasswordgwPasswordgwPa\r\n"

START_TEST(chromium_is_answered)
{
	assert_answer(CHROMIUM, "{'*':{}}", "203.0.113.5",
		ORIGIN("2", "IP4 203.0.113.5") "a=group:BUNDLE 0\r\n"
					       "a=ice-lite\r\n"
					       "m=application 20000 UDP/DTLS/SCTP "
					       "webrtc-datachannel\r\n"
					       "c=IN IP4 203.0.113.5\r\n"
					       "a=mid:0\r\n"
					       "a=sctp-port:5000\r\n"
					       "a=max-message-size:262144\r\n" DTLS("passive") ICE
		"a=candidate:1 1 UDP 2130706431 203.0.113.5 20000 typ host\r\n"
		"a=end-of-candidates\r\n");
}
END_TEST

START_TEST(firefox_is_answered_over_ipv6_with_ice2)
{
	assert_answer(FIREFOX, "{'0':{}}", "2001:db8::5",
		ORIGIN("0", "IP6 2001:db8::5") "a=group:BUNDLE 0\r\n"
					       "a=ice-lite\r\n"
					       "m=application 20000 UDP/DTLS/SCTP "
					       "webrtc-datachannel\r\n"
					       "c=IN IP6 2001:db8::5\r\n"
					       "a=mid:0\r\n"
					       "a=sctp-port:5000\r\n"
					       "a=max-message-size:262144\r\n" DTLS("passive") ICE
		"a=ice-options:ice2\r\n"
		"a=candidate:1 1 UDP 2130706431 2001:db8::5 20000 typ host\r\n"
		"a=end-of-candidates\r\n");
}
END_TEST

START_TEST(the_older_form_is_answered_in_its_own_proto)
{
	assert_answer(AIORTC, "{'*':{}}", "203.0.113.5",
		ORIGIN("3936104220",
			"IP4 203.0.113.5") "a=group:BUNDLE 0\r\n"
					   "a=ice-lite\r\n"
					   "m=application 20000 DTLS/SCTP 5000\r\n"
					   "c=IN IP4 203.0.113.5\r\n"
					   "a=mid:0\r\n"
					   "a=sctpmap:5000 webrtc-datachannel 65535\r\n"
					   "a=sctp-port:5000\r\n"
					   "a=max-message-size:262144\r\n" DTLS("passive") ICE
		"a=candidate:1 1 UDP 2130706431 203.0.113.5 20000 typ host\r\n"
		"a=end-of-candidates\r\n");
}
END_TEST

START_TEST(an_ims_ue_is_answered_without_ice_and_audio_is_refused)
{
	assert_answer(IMS_UE, "{'*':{}}", "203.0.113.5",
		ORIGIN("1",
			"IP4 203.0.113.5") "m=audio 0 RTP/AVP 96\r\n"
					   "m=application 20000 UDP/DTLS/SCTP "
					   "webrtc-datachannel\r\n"
					   "c=IN IP4 203.0.113.5\r\n"
					   "a=sctp-port:5000\r\n"
					   "a=max-message-size:262144\r\n" DTLS(
						   "passive") "a=tls-id:Mf0aa11bb22cc33dd44ee5\r\n"
							      "a=dcmap:0 subprotocol=\"http\"\r\n"
							      "a=dcmap:10 "
							      "subprotocol=\"http\";label=\"local-"
							      "bdc\"\r\n"
							      "a=dcsa:0 3gpp-note:a\r\n"
							      "a=dcsa:10 3gpp-note:b\r\n"
							      "a=3gpp-qos-hint:loss=0.01;latency="
							      "150\r\n"
							      "m=application 20001 UDP/DTLS/SCTP "
							      "webrtc-datachannel\r\n"
							      "c=IN IP4 203.0.113.5\r\n"
							      "a=sctp-port:5000\r\n"
							      "a=max-message-size:262144\r\n" DTLS(
								      "passive") "a=tls-id:"
										 "Mf0aa11bb22cc33dd"
										 "44ee5\r\n"
										 "a=dcmap:100 "
										 "subprotocol="
										 "\"http\"\r\n"
										 "a=dcmap:110 "
										 "subprotocol="
										 "\"http\"\r\n"
										 "a=3gpp-bdc-used-"
										 "by:sender\r\n");
}
END_TEST

START_TEST(channels_and_sections_that_do_not_end_here_are_not_repeated)
{
	assert_answer(IMS_UE, "{'1':{'streams':{'0':{}}}}", "203.0.113.5",
		ORIGIN("1",
			"IP4 203.0.113.5") "m=audio 0 RTP/AVP 96\r\n"
					   "m=application 20000 UDP/DTLS/SCTP "
					   "webrtc-datachannel\r\n"
					   "c=IN IP4 203.0.113.5\r\n"
					   "a=sctp-port:5000\r\n"
					   "a=max-message-size:262144\r\n" DTLS(
						   "passive") "a=tls-id:Mf0aa11bb22cc33dd44ee5\r\n"
							      "a=dcmap:0 subprotocol=\"http\"\r\n"
							      "a=dcsa:0 3gpp-note:a\r\n"
							      "a=3gpp-qos-hint:loss=0.01;latency="
							      "150\r\n"
							      "m=application 0 UDP/DTLS/SCTP "
							      "webrtc-datachannel\r\n");
}
END_TEST

START_TEST(an_ice_lite_ue_is_answered_without_ice)
{
	assert_answer("v=0\r\no=- 1 5 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 "
		      "0\r\na=ice-lite\r\n"
		      "m=application 4000 UDP/DTLS/SCTP webrtc-datachannel\r\n" FINGERPRINT
		      "a=setup:passive\r\na=ice-options:ice2\r\na=ice-ufrag:abcd\r\na=ice-pwd:"
		      "abcdefghijklmnopqrstuv\r\n"
		      "a=candidate:1 1 UDP 9 192.0.2.1 4000 typ host\r\na=dcmap:0\r\n",
		NULL, "203.0.113.5",
		ORIGIN("5", "IP4 203.0.113.5") "m=application 20000 UDP/DTLS/SCTP "
					       "webrtc-datachannel\r\n"
					       "c=IN IP4 203.0.113.5\r\n"
					       "a=sctp-port:5000\r\n"
					       "a=max-message-size:262144\r\n" DTLS(
						       "active") "a=dcmap:0\r\n");
}
END_TEST

START_TEST(refused_sections_keep_their_place_mid_and_format)
{
	assert_answer(
		"v=0\r\no=- 1 nonsense IN IP4 0\r\na=group:LS v d\r\na=group:BUNDLE v d "
		"t\r\n" FINGERPRINT "c=IN IP4 192.0.2.1\r\n"
		"m=video 5000/2 UDP/TLS/RTP/SAVPF 96 97 98\r\na=mid:v\r\na=rtpmap:96 VP8/90000\r\n"
		"m=application 6000 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=dcmap:0\r\n"
		"m=application 6001 TCP/DTLS/SCTP webrtc-datachannel\r\na=mid:t\r\na=3gpp-x:y\r\n"
		"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:gone\r\n",
		NULL, "203.0.113.5",
		ORIGIN("1", "IP4 203.0.113.5") "a=group:BUNDLE d\r\n"
					       "m=video 0 UDP/TLS/RTP/SAVPF 96 97 98\r\n"
					       "a=mid:v\r\n"
					       "m=application 20000 UDP/DTLS/SCTP "
					       "webrtc-datachannel\r\n"
					       "c=IN IP4 203.0.113.5\r\n"
					       "a=mid:d\r\n"
					       "a=sctp-port:5000\r\n"
					       "a=max-message-size:262144\r\n" DTLS(
						       "passive") "a=dcmap:0\r\n"
								  "m=application 0 TCP/DTLS/SCTP "
								  "webrtc-datachannel\r\n"
								  "a=mid:t\r\n"
								  "m=application 0 UDP/DTLS/SCTP "
								  "webrtc-datachannel\r\n"
								  "a=mid:gone\r\n");
}
END_TEST

static bool has(const char *offer, const char *dc_media, const char *words)
{
	char *text = answer(offer, dc_media, "203.0.113.5");
	bool found = strstr(text, words) != NULL;

	mem_free(text);
	return found;
}

#define PAIR                                                                 \
	"v=0\r\nc=IN IP4 192.0.2.1\r\n" FINGERPRINT "a=group:BUNDLE a b\r\n" \
	"m=application 1 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:a\r\n"    \
	"m=application 2 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:b\r\n"

START_TEST(a_bundle_with_two_accepted_sections_is_answered_as_none)
{
	ck_assert(!has(PAIR, "{'*':{}}", "a=group"));
	ck_assert(has(PAIR, "{'a':{}}", "a=group:BUNDLE a\r\n"));
	ck_assert(has(PAIR, "{'b':{}}", "a=group:BUNDLE b\r\n"));
}
END_TEST

START_TEST(tls_id_and_ice_options_are_answered_only_where_they_were_offered)
{
	ck_assert(!has(CHROMIUM, "{'*':{}}", "a=tls-id"));
	ck_assert(!has(CHROMIUM, "{'*':{}}", "a=ice-options"));
	ck_assert(has(IMS_UE, NULL, "a=tls-id:Mf0aa11bb22cc33dd44ee5\r\n"));
	ck_assert(has(FIREFOX, "{'*':{}}", "a=ice-options:ice2\r\n"));
}
END_TEST

START_TEST(setup_follows_the_document_or_what_the_offer_leaves)
{
	static const struct {
		const char *offered, *resolved, *answered;
	} rows[] = {
		{ "actpass", "ACTIVE", "active" },
		{ "actpass", "PASSIVE", "passive" },
		{ "actpass", "ACTPASS", "passive" },
		{ "passive", "ACTPASS", "active" },
		{ "active", "ACTPASS", "passive" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char offer[1024], wanted[64];
		struct problem p = { PROBLEM_NONE };
		json_t *doc, *media;
		struct sdp *s;
		char *text;

		snprintf(offer, sizeof(offer), "%sa=setup:%s\r\na=dcmap:0\r\n", ONE(FINGERPRINT),
			rows[i].offered);
		snprintf(wanted, sizeof(wanted), "a=setup:%s\r\n", rows[i].answered);
		s = parsed(offer);
		doc = sdp_document(s, NULL, NULL, &p);
		ck_assert(fill(doc, "192.0.2.1"));
		media = json_array_get(
			json_object_get(
				json_array_get(json_object_get(doc, "terminations"), 0), "medias"),
			0);
		ck_assert(js_put_text(
			json_object_get(json_object_get(media, "dcMedia"), "localDcEndpoint"),
			"securitySetup", rows[i].resolved));
		text = sdp_answer(s, doc, &p);
		ck_assert_msg(text != NULL && strstr(text, wanted) != NULL, "row %zu", i);
		mem_free(text);
		json_decref(doc);
		sdp_destroy(s);
	}
}
END_TEST

START_TEST(a_document_without_the_gateways_side_gets_no_answer)
{
	static const char *const parts[] = { "localMbEndpoint", "localDcEndpoint" };

	for (size_t i = 0; i < 2; i++) {
		struct problem p = { PROBLEM_NONE };
		struct sdp *s = parsed(IMS_UE);
		json_t *doc = sdp_document(s, NULL, NULL, &p), *media;

		ck_assert(fill(doc, "192.0.2.1"));
		media = json_array_get(
			json_object_get(
				json_array_get(json_object_get(doc, "terminations"), 0), "medias"),
			0);
		json_object_del(media, parts[i]);
		json_object_del(json_object_get(media, "dcMedia"), parts[i]);
		ck_assert_ptr_null(sdp_answer(s, doc, &p));
		ck_assert_int_eq(p.kind, PROBLEM_FAILURE);
		json_decref(doc);
		sdp_destroy(s);
	}
}
END_TEST

START_TEST(running_out_of_memory_is_said_and_leaks_nothing)
{
	struct problem p = { PROBLEM_NONE };
	struct sdp *s = parsed(FIREFOX);
	json_t *dc = json_of("{'*':{}}"), *doc = sdp_document(s, dc, NULL, &p);
	long live;

	ck_assert(fill(doc, "192.0.2.1"));
	live = mem_live();
	for (unsigned long n = 1;; n++) {
		struct problem why = { PROBLEM_NONE };
		char *text;

		mem_fail_at(n);
		text = sdp_answer(s, doc, &why);
		if (!mem_failed()) {
			ck_assert_ptr_nonnull(text);
			ck_assert_uint_gt(n, 1);
			mem_free(text);
			break;
		}
		ck_assert_ptr_null(text);
		ck_assert_int_eq(why.kind, PROBLEM_NO_RESOURCES);
	}
	mem_fail_at(0);
	ck_assert_int_eq(mem_live(), live);
	json_decref(doc);
	json_decref(dc);
	sdp_destroy(s);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sdp_answer");
	TCase *t = tcase_create("answers");

	control_init();
	tcase_add_test(t, chromium_is_answered);
	tcase_add_test(t, firefox_is_answered_over_ipv6_with_ice2);
	tcase_add_test(t, the_older_form_is_answered_in_its_own_proto);
	tcase_add_test(t, an_ims_ue_is_answered_without_ice_and_audio_is_refused);
	tcase_add_test(t, channels_and_sections_that_do_not_end_here_are_not_repeated);
	tcase_add_test(t, an_ice_lite_ue_is_answered_without_ice);
	tcase_add_test(t, refused_sections_keep_their_place_mid_and_format);
	tcase_add_test(t, a_bundle_with_two_accepted_sections_is_answered_as_none);
	tcase_add_test(t, tls_id_and_ice_options_are_answered_only_where_they_were_offered);
	tcase_add_test(t, setup_follows_the_document_or_what_the_offer_leaves);
	tcase_add_test(t, a_document_without_the_gateways_side_gets_no_answer);
	tcase_add_test(t, running_out_of_memory_is_said_and_leaks_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
