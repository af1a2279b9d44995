/* test_sdp_dialog_browser.c: calls of browsers through the gateway: ICE, bundles, fingerprints. */
#include "tests/unit/control/sdp/dialog_play.h"

#define OUR_ICE(side, port)                                                                   \
	"a=ice-ufrag:gwUfrag" side "\r\na=ice-pwd:gwPassword" side "gwPassword" side "24\r\n" \
	"a=candidate:1 1 UDP 2130706431 203.0.113.5 " port " typ host\r\n"                    \
	"a=end-of-candidates\r\n"
#define BROWSER_HEAD(session, group, more)                                    \
	"v=0\r\no=- " session " 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" group \
	"a=extmap-allow-mixed\r\n" more
#define THEIR_ICE \
	"a=ice-ufrag:Q5Wo\r\na=ice-pwd:7pEqTU3yHcrQNXxe7TTDwL8p\r\na=ice-options:trickle\r\n"
#define FP_LINE(fp) "a=fingerprint:sha-256 " fp "\r\n"
#define DATA(mid)   "a=mid:" mid "\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"
#define ANY_C       "c=IN IP4 0.0.0.0\r\n"

#define BROWSER_ANSWER                                  \
	BROWSER_HEAD("222", "a=group:BUNDLE 0\r\n", "") \
	M("9") ANY_C THEIR_ICE FP_LINE(FP_C) "a=setup:passive\r\n" DATA("0")

START_TEST(browsers_are_bridged_with_opposite_roles_and_ice_on_both_legs)
{
	struct call c = { 0 };

	offer(&c, CHROMIUM, nothing_said,
		BROWSER_HEAD("4611731400430051336", "a=group:BUNDLE 0\r\n",
			"a=msid-semantic: WMS\r\na=ice-lite\r\n") M("20100") OUR_C OUR_ICE("B",
			"20100") FP_LINE(GATEWAY_FINGERPRINT) "a=setup:active\r\n" DATA("0"));
	ck_assert(json_is_true(json_object_get(
		json_object_get(gateway_media(c.doc, "b", "0"), "dcmf"), "acceptDcep")));
	answer(&c, BROWSER_ANSWER,
		BROWSER_HEAD("222", "a=group:BUNDLE 0\r\n", "a=ice-lite\r\n") M("20000")
			OUR_C OUR_ICE("A", "20000")
				FP_LINE(GATEWAY_FINGERPRINT) "a=setup:passive\r\n" DATA("0"));
	hang_up(&c);
}
END_TEST

START_TEST(browsers_see_each_others_fingerprints_where_dtls_passes)
{
	struct call c = { 0 };

	offer(&c, CHROMIUM, (struct sdp_wish){ .security_mode = "E2E" },
		BROWSER_HEAD("4611731400430051336", "a=group:BUNDLE 0\r\n",
			"a=msid-semantic: WMS\r\na=ice-lite\r\n") M("20100")
			OUR_C OUR_ICE("B", "20100") FP_LINE(FP_A) "a=setup:actpass\r\n" DATA("0"));
	answer(&c, BROWSER_ANSWER,
		BROWSER_HEAD("222", "a=group:BUNDLE 0\r\n", "a=ice-lite\r\n") M("20000")
			OUR_C OUR_ICE("A", "20000") FP_LINE(FP_C) "a=setup:passive\r\n" DATA("0"));
	hang_up(&c);
}
END_TEST

START_TEST(an_answer_without_ice_to_an_offer_with_it_is_refused)
{
	struct call c = { 0 };

	ck_assert(carry(&c, CHROMIUM, &nothing_said));
	refused(&c, carry(&c, B_HEAD("5") M("40504") B_DTLS, NULL), PROBLEM_NOT_BUILT,
		"answered without checks");
	hang_up(&c);
}
END_TEST

#define BUNDLED_AUDIO                                                  \
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" ANY_C THEIR_ICE FP_LINE( \
		FP_A) "a=setup:actpass\r\na=mid:0\r\n"
#define BUNDLED(group) BROWSER_HEAD("1", group, "") BUNDLED_AUDIO

START_TEST(a_line_of_ours_leaves_the_bundle_it_shares)
{
	struct call c = { 0 };

	offer(&c,
		BUNDLED("a=group:BUNDLE 0 1 2\r\n") M("9") ANY_C THEIR_ICE FP_LINE(
			FP_A) "a=setup:actpass\r\n" DATA("1") "m=video 0 RTP/AVP 31\r\na=mid:2\r\n",
		nothing_said,
		BROWSER_HEAD("1", "a=group:BUNDLE 0 2\r\n", "a=ice-lite\r\n")
			BUNDLED_AUDIO M("20101") OUR_C OUR_ICE("B", "20101")
				FP_LINE(GATEWAY_FINGERPRINT) "a=setup:active\r\n" DATA(
					"1") "m=video 0 RTP/AVP 31\r\na=mid:2\r\n");
	hang_up(&c);
}
END_TEST

START_TEST(a_line_without_a_transport_of_its_own_is_not_anchored)
{
	struct call c = { 0 };

	offer(&c,
		BUNDLED("a=group:BUNDLE 0 1\r\n") "m=application 0 UDP/DTLS/SCTP "
						  "webrtc-datachannel\r\na=bundle-only\r\n" DATA(
							  "1") M("7") ANY_C FP_LINE(FP_A) DATA("2"),
		nothing_said,
		BROWSER_HEAD("1", "a=group:BUNDLE 0\r\n", "") BUNDLED_AUDIO M("0") "a=mid:1\r\n" M(
			"20102") OUR_C FP_LINE(GATEWAY_FINGERPRINT) DATA("2") "a=setup:active\r\n");
	hang_up(&c);
}
END_TEST

START_TEST(mids_of_both_sides_must_not_collide)
{
	struct call c = { 0 };
	struct sdp_wish add = { .add_bootstrap = true };

	offer(&c, A_HEAD("1") M("50504") A_DTLS "a=mid:x\r\n" BOARD, add,
		A_HEAD("1") M("20199") OUR_C DTLS(
			"65536", "active", FP_OURS, TO_B) "a=mid:x\r\n" BOARD M("20199") OUR_C
		"a=mid:bootstrap\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"
		"a=setup:actpass\r\na=fingerprint:" FP_OURS "\r\na=tls-id:" TO_B
		"\r\na=dcmap:0 subprotocol=\"http\"\r\n");
	refused(&c,
		carry(&c,
			A_HEAD("2") M("50504") A_DTLS
			"a=mid:x\r\n" BOARD AUDIO("1") "a=mid:bootstrap\r\n",
			&nothing_said),
		PROBLEM_CONFLICT, "bootstrap");
	hang_up(&c);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sdp_dialog_browser");
	TCase *t = tcase_create("sdp_dialog_browser");

	tcase_add_test(t, browsers_are_bridged_with_opposite_roles_and_ice_on_both_legs);
	tcase_add_test(t, browsers_see_each_others_fingerprints_where_dtls_passes);
	tcase_add_test(t, an_answer_without_ice_to_an_offer_with_it_is_refused);
	tcase_add_test(t, a_line_of_ours_leaves_the_bundle_it_shares);
	tcase_add_test(t, a_line_without_a_transport_of_its_own_is_not_anchored);
	tcase_add_test(t, mids_of_both_sides_must_not_collide);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
