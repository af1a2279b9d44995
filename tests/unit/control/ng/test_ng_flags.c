/* test_ng_flags.c: what a proxy may ask for beside a description, and what becomes of it. */
#include "tests/unit/control/ng/ng_play.h"

static const json_t *asked_media(const char *termination)
{
	const json_t *t;
	size_t i;

	json_array_foreach (json_object_get(ng_asked, "terminations"), i, t) {
		if (strcmp(js_get_text(t, "terminationId"), termination) == 0)
			return json_array_get(json_object_get(t, "medias"), 0);
	}
	return NULL;
}

static const char *asked_dcmf(const char *termination, const char *key)
{
	const char *text = js_get_text(json_object_get(asked_media(termination), "dcmf"), key);

	return text != NULL ? text : "nothing";
}

START_TEST(flags_become_what_the_document_says)
{
	asked_for(NG_OFFER("call", "alice",
		"\"direction\":[\"access\",\"core\"],\"DTLS\":\"passive\",\"DTLS-reverse\":"
		"\"active\","
		"\"DTLS fingerprint\":\"sha-384\",\"dcmf-mode\":\"e2e\",",
		NG_SDP("1", NG_LINE("5000", "1000"))));
	ck_assert_str_eq(asked_dcmf("a", "interface"), "access");
	ck_assert_str_eq(asked_dcmf("a", "setup"), "ACTIVE");
	ck_assert_str_eq(asked_dcmf("b", "interface"), "core");
	ck_assert_str_eq(asked_dcmf("b", "setup"), "PASSIVE");
	ck_assert_str_eq(asked_dcmf("b", "fingerprintHash"), "SHA-384");
	ck_assert_str_eq(
		js_get_text(json_object_get(asked_media("a"), "dcMedia"), "mediaProxyConfig"),
		"UDP_PROXY");
}
END_TEST

START_TEST(flags_may_stand_in_the_list_as_kamailio_puts_what_it_does_not_know)
{
	asked_for(NG_OFFER("call", "alice",
		"\"flags\":[\"dcmf-mode=e2e\",\"address-family=IP6\",\"DTLS=active\",\"trust-"
		"address\","
		"\"loop-protect\",\"no=such=flag\",\"ICE\"],",
		NG_SDP("1", NG_LINE("5000", "1000"))));
	ck_assert_str_eq(asked_dcmf("b", "interface"), "six");
	ck_assert_str_eq(asked_dcmf("b", "setup"), "ACTIVE");
	ck_assert_str_eq(
		js_get_text(json_object_get(asked_media("a"), "dcMedia"), "mediaProxyConfig"),
		"UDP_PROXY");
}
END_TEST

START_TEST(a_root_is_for_the_bootstrap_channels_that_end_here)
{
	const json_t *dc, *root;

	asked_for(NG_OFFER("call", "alice",
		"\"dcmf-root\":\"https://dcsf.example/alice\",\"dcmf-bootstrap\":\"add\","
		"\"dcmf-bootstrap-root\":\"https://dcsf.example/bob\",",
		NG_SDP("1", NG_LINE("5000", "0") NG_LINE("5002", "1000"))));
	dc = json_object_get(asked_media("a"), "dcMedia");
	root = json_object_get(json_object_get(dc, "replaceHttpUrl"), "0");
	ck_assert_str_eq(js_get_text(root, "replaceHttpUrl"), "https://dcsf.example/alice");
	ck_assert_uint_eq(json_object_size(json_object_get(dc, "replaceHttpUrl")), 1);
	dc = json_object_get(
		json_array_get(json_object_get(
				       json_array_get(json_object_get(ng_asked, "terminations"), 1),
				       "medias"),
			1),
		"dcMedia");
	root = json_object_get(json_object_get(dc, "replaceHttpUrl"), "0");
	ck_assert_str_eq(js_get_text(root, "replaceHttpUrl"), "https://dcsf.example/bob");
}
END_TEST

START_TEST(the_session_part_has_our_address_where_it_is_asked_for)
{
	const char *sdp =
		member(asked_for(NG_OFFER("call", "alice",
			       "\"replace\":[\"origin\",\"session connection\",\"username\"],",
			       NG_SDP("1", NG_LINE("5000", "1000")))),
			"sdp");

	assert_says(sdp, "o=- 1 1 IN IP4 203.0.113.5\r\ns=-\r\nc=IN IP4 203.0.113.5\r\nt=0 0\r\n");
	/* audio stays where it was */
	assert_says(sdp, "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\na=sendrecv\r\n");
	assert_says(sdp,
		"m=application 20101 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 203.0.113.5\r\n");
}
END_TEST

START_TEST(ice_is_taken_out_or_put_in)
{
	const char *sdp = member(asked_for(NG_OFFER("call", "alice", "\"ICE\":\"force\",",
					 NG_SDP("1", NG_LINE("5000", "1000")))),
		"sdp");

	assert_says(sdp, "a=ice-lite\r\n");
	assert_says(sdp, "a=ice-ufrag:gwUfragB\r\n");
	sdp = member(
		asked_for(NG_OFFER("other", "alice", "\"ICE\":\"remove\",",
			NG_SDP("1",
				NG_LINE("5000", "1000") "a=ice-ufrag:abcd\\r\\n"
							"a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa\\r\\n"))),
		"sdp");
	assert_lacks(sdp, "ice-");
}
END_TEST

static Suite *make_suite(void)
{
	TCase *t;
	Suite *s = ng_suite("ng_flags", &t);

	tcase_add_test(t, flags_become_what_the_document_says);
	tcase_add_test(t, flags_may_stand_in_the_list_as_kamailio_puts_what_it_does_not_know);
	tcase_add_test(t, a_root_is_for_the_bootstrap_channels_that_end_here);
	tcase_add_test(t, the_session_part_has_our_address_where_it_is_asked_for);
	tcase_add_test(t, ice_is_taken_out_or_put_in);
	return s;
}

UNIT_MAIN(make_suite)
