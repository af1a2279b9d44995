/* test_sdp_dialog.c: calls of two sides through the gateway, byte for byte. */
#include "dcmf/base/alloc.h"
#include "tests/unit/control/sdp/dialog_play.h"

/* ---- IMS phones ------------------------------------------------------------------------- */

/* audio, local and remote bootstrap, an application */
#define IMS_A          \
	A_HEAD("1")    \
	AUDIO("49170") \
	M("50500")     \
	AS A_DTLS LOCAL_BDC M("50502") AS A_DTLS REMOTE_BDC M("50504") AS A_DTLS BOARD POINTER APP
/* toward B the local bootstrap line is gone, and our legs are the clients there */
#define IMS_TO_B                                                                  \
	A_HEAD("1")                                                               \
	AUDIO("49170") M("20102") OUR_C AS DTLS("65536", "active", FP_OURS, TO_B) \
	REMOTE_BDC                                                                \
	M("20103") OUR_C AS DTLS("65536", "active", FP_OURS, TO_B)                \
	BOARD POINTER APP
/* B takes one of the two application channels */
#define IMS_B       \
	B_HEAD("5") \
	AUDIO("30000") M("40502") B_DTLS REMOTE_BDC M("40504") B_DTLS BOARD APP
/* and A gets its bootstrap line back, answered by us */
#define LOCAL_ANSWER(port) M(port) OUR_LINE("262144", "passive", TO_A) LOCAL_BDC
#define IMS_TO_A                                                                      \
	B_HEAD("5")                                                                   \
	AUDIO("30000")                                                                \
	LOCAL_ANSWER("20001") M("20002") OUR_C DTLS("1024", "passive", FP_OURS, TO_A) \
	REMOTE_BDC M("20003") OUR_C DTLS("1024", "passive", FP_OURS, TO_A)            \
	BOARD APP

static const json_t *streams_of(const struct call *c, const char *termination, const char *id)
{
	return json_object_get(
		json_object_get(gateway_media(c->doc, termination, id), "dcMedia"), "streams");
}

static const char *proxy_of(const struct call *c, const char *termination, const char *id)
{
	return js_get_text(json_object_get(gateway_media(c->doc, termination, id), "dcMedia"),
		"mediaProxyConfig");
}

START_TEST(a_call_of_ims_phones_is_bridged)
{
	struct call c = { 0 };

	offer(&c, IMS_A, nothing_said, IMS_TO_B);
	ck_assert_str_eq(proxy_of(&c, "a", "1"), "HTTP_PROXY");
	ck_assert_ptr_null(gateway_media(c.doc, "b", "1"));
	ck_assert_str_eq(proxy_of(&c, "a", "3"), "DC_APPLICATION_PROXY");
	ck_assert_ptr_null(gateway_remote(gateway_media(c.doc, "b", "3")));
	answer(&c, IMS_B, IMS_TO_A);
	ck_assert_uint_eq(json_object_size(streams_of(&c, "a", "3")), 1);
	ck_assert_uint_eq(json_object_size(streams_of(&c, "b", "3")), 1);
	ck_assert_str_eq(
		js_get_text(gateway_remote(gateway_media(c.doc, "b", "3")), "tlsId"), TLS_B);
	/* the same answer again, as a 200 after a 183 */
	answer(&c, IMS_B, IMS_TO_A);
	hang_up(&c);
}
END_TEST

START_TEST(dtls_of_applications_passes_where_that_is_asked_and_bootstrap_never_does)
{
	struct call c = { 0 };
	struct sdp_wish e2e = { .security_mode = "E2E" };

	offer(&c, IMS_A, e2e,
		A_HEAD("1") AUDIO("49170") M("20102") OUR_C AS DTLS("65536", "active", FP_OURS,
			TO_B) REMOTE_BDC M("20103") OUR_C AS A_DTLS BOARD POINTER APP);
	ck_assert_str_eq(proxy_of(&c, "b", "3"), "UDP_PROXY");
	ck_assert_str_eq(proxy_of(&c, "b", "2"), "DC_APPLICATION_PROXY");
	answer(&c, IMS_B,
		B_HEAD("5") AUDIO("30000") LOCAL_ANSWER("20001") M("20002") OUR_C DTLS("1024",
			"passive", FP_OURS, TO_A) REMOTE_BDC M("20003") OUR_C B_DTLS BOARD APP);
	/* it stays so without being said again, and what is said again counts */
	ck_assert(carry(&c, IMS_A, &nothing_said));
	ck_assert_str_eq(proxy_of(&c, "a", "3"), "UDP_PROXY");
	ck_assert(carry(&c, IMS_A, &(struct sdp_wish){ .security_mode = "E2AE" }));
	ck_assert_str_eq(proxy_of(&c, "a", "3"), "DC_APPLICATION_PROXY");
	hang_up(&c);
}
END_TEST

/* A foreign session line, an unknown attribute, bandwidth and line ends are not ours. */
#define ODD_HEAD                                                                            \
	"v=0\no=alice 1 1 IN IP4 198.51.100.10\ns= a  b\ni=about\nc=IN IP4 198.51.100.10\n" \
	"t=0 0\na=x-session: kept \n"
#define ODD_VIDEO "m=video 51372/2 RTP/AVP 31 \nk=prompt\na=x-odd\n"

START_TEST(what_is_not_ours_survives_byte_for_byte)
{
	struct call c = { 0 };

	offer(&c,
		ODD_HEAD ODD_VIDEO
		"m=application 50504 UDP/DTLS/SCTP webrtc-datachannel\ni=channels\n"
		"c=IN IP4 198.51.100.11\nb=AS:12\na=x-kept:  1\na=fingerprint:sha-256 " FP_A
		"\na=setup:actpass\na=dcsa:1000 x y\na=dcmap:1000\na=x-last",
		(struct sdp_wish){ .security_mode = "E2E" },
		ODD_HEAD ODD_VIDEO
		"m=application 20101 UDP/DTLS/SCTP webrtc-datachannel\ni=channels\n"
		"c=IN IP4 203.0.113.5\nb=AS:12\na=x-kept:  1\na=fingerprint:sha-256 " FP_A
		"\na=setup:actpass\na=dcsa:1000 x y\na=dcmap:1000\na=x-last\n");
	hang_up(&c);
}
END_TEST

START_TEST(the_answering_phone_gets_a_bootstrap_line_of_its_own)
{
	struct call c = { 0 };
	json_t *dc = json_of("{'bootstrap':{'replaceHttpUrl':{'0':{'streamId':0,'replaceHttpUrl':"
			     "'http://dcsf.example/bob'}}}}");
	struct sdp_wish add = { .add_bootstrap = true, .dc_media = dc };

	offer(&c, IMS_A, add,
		IMS_TO_B M("20199")
			OUR_LINE("262144", "actpass", TO_B) "a=dcmap:0 subprotocol=\"http\"\r\n");
	ck_assert_str_eq(proxy_of(&c, "b", "bootstrap"), "HTTP_PROXY");
	ck_assert_ptr_nonnull(
		json_object_get(json_object_get(gateway_media(c.doc, "b", "bootstrap"), "dcMedia"),
			"replaceHttpUrl"));
	answer(&c, IMS_B M("40506") B_DTLS "a=dcmap:0 subprotocol=\"http\"\r\n", IMS_TO_A);
	ck_assert_str_eq(js_get_text(gateway_remote(gateway_media(c.doc, "b", "bootstrap")),
				 "securitySetup"),
		"PASSIVE");
	/* A offers again: the line is still in its place toward B, and answered as before */
	offer(&c, IMS_A, nothing_said,
		IMS_TO_B M("20199")
			OUR_LINE("262144", "active", TO_B) "a=dcmap:0 subprotocol=\"http\"\r\n");
	/* B does not want it any more */
	answer(&c, IMS_B M("0"), IMS_TO_A);
	ck_assert_ptr_null(gateway_media(c.doc, "b", "bootstrap"));
	offer(&c, IMS_A, nothing_said, IMS_TO_B M("0"));
	json_decref(dc);
	hang_up(&c);
}
END_TEST

START_TEST(a_line_that_is_refused_ends_its_pair_and_no_other)
{
	struct call c = { 0 };

	ck_assert(carry(&c, IMS_A, &nothing_said));
	answer(&c, B_HEAD("5") AUDIO("30000") M("0") M("40504") B_DTLS BOARD APP,
		B_HEAD("5") AUDIO("30000") LOCAL_ANSWER("20001") M("0") M("20003")
			OUR_C DTLS("1024", "passive", FP_OURS, TO_A) BOARD APP);
	ck_assert_ptr_null(gateway_media(c.doc, "a", "2"));
	ck_assert_ptr_null(gateway_media(c.doc, "b", "2"));
	ck_assert_ptr_nonnull(gateway_media(c.doc, "b", "3"));
	hang_up(&c);
}
END_TEST

START_TEST(when_all_is_refused_the_context_stays_and_may_serve_again)
{
	struct call c = { 0 };

	offer(&c, A_HEAD("1") AUDIO("49170") M("50504") A_DTLS BOARD, nothing_said,
		A_HEAD("1") AUDIO("49170") M("20101") OUR_C DTLS("65536", "active", FP_OURS, TO_B)
			BOARD);
	answer(&c, B_HEAD("5") AUDIO("30000") M("0"), B_HEAD("5") AUDIO("30000") M("0"));
	ck_assert_ptr_null(gateway_remote(gateway_media(c.doc, "a", "1")));
	ck_assert_ptr_null(gateway_remote(gateway_media(c.doc, "b", "1")));
	offer(&c, A_HEAD("2") AUDIO("49170") M("50504") A_DTLS BOARD, nothing_said,
		A_HEAD("2") AUDIO("49170") M("20101") OUR_C DTLS("65536", "active", FP_OURS, TO_B)
			BOARD);
	hang_up(&c);
}
END_TEST

START_TEST(lines_and_channels_come_and_go_with_new_offers)
{
	struct call c = { 0 };

	ck_assert(carry(&c, IMS_A, &nothing_said));
	ck_assert(carry(&c, IMS_B, NULL));
	/*
	 * A stops its local bootstrap and the remote one, opens channel 1004, and adds a line: its
	 * fifth, B's fourth
	 */
	offer(&c,
		A_HEAD("2") AUDIO("49170") M("0") M("0") M("50504") AS A_DTLS BOARD
		"a=dcmap:1004\r\n" APP M("50506") A_DTLS "a=dcmap:2000\r\n",
		nothing_said,
		A_HEAD("2") AUDIO("49170") M("0") M("20103") OUR_C AS DTLS(
			"65536", "active", FP_OURS, TO_B) BOARD "a=dcmap:1004\r\n" APP M("20104")
			OUR_C DTLS("65536", "active", FP_OURS, TO_B) "a=dcmap:2000\r\n");
	ck_assert_ptr_null(gateway_media(c.doc, "a", "1"));
	ck_assert_ptr_null(gateway_media(c.doc, "b", "2"));
	ck_assert_ptr_nonnull(json_object_get(streams_of(&c, "b", "3"), "1004"));
	ck_assert_ptr_nonnull(gateway_remote(gateway_media(c.doc, "b", "3")));
	answer(&c,
		B_HEAD("6") AUDIO("30000") M("0") M("40504") B_DTLS BOARD
		"a=dcmap:1004\r\n" APP M("40508") B_DTLS "a=dcmap:2000\r\n",
		B_HEAD("6") AUDIO("30000") M("0") M("0") M("20003") OUR_C DTLS(
			"1024", "passive", FP_OURS, TO_A) BOARD "a=dcmap:1004\r\n" APP M("20004")
			OUR_C DTLS("1024", "passive", FP_OURS, TO_A) "a=dcmap:2000\r\n");
	hang_up(&c);
}
END_TEST

START_TEST(the_other_side_may_offer_too)
{
	struct call c = { 0 };

	ck_assert(carry(&c, IMS_A, &nothing_said));
	ck_assert(carry(&c, IMS_B, NULL));
	/*
	 * B drops the remote bootstrap line and adds one: toward A all stand in A's places, its
	 * local line offered by us
	 */
	offer(&c,
		B_HEAD("6") AUDIO("30000") M("0") M("40504") B_DTLS BOARD APP M("40510") B_DTLS
		"a=dcmap:3000\r\n",
		nothing_said,
		B_HEAD("6") AUDIO("30000") LOCAL_ANSWER("20001") M("0") M("20003")
			OUR_C DTLS("1024", "passive", FP_OURS, TO_A) BOARD APP M("20003")
				OUR_C DTLS("1024", "passive", FP_OURS, TO_A) "a=dcmap:3000\r\n");
	hang_up(&c);
}
END_TEST

START_TEST(who_speaks_is_told_by_the_origin_and_strangers_are_refused)
{
	struct call c = { 0 };

	ck_assert(carry(&c, IMS_A, &nothing_said));
	refused(&c,
		carry(&c, HEAD("9999", "1", "192.0.2.9") AUDIO("1") M("2") A_DTLS BOARD,
			&nothing_said),
		PROBLEM_CONFLICT, "neither side");
	ck_assert(carry(&c, IMS_B, NULL));
	refused(&c, carry(&c, A_HEAD("2") AUDIO("1"), &nothing_said), PROBLEM_BAD_SDP,
		"1 m= lines, and there were 4 before");
	/* and nothing of it sticks */
	ck_assert(carry(&c, IMS_A, &nothing_said));
	ck_assert_str_eq(c.text, IMS_TO_B);
	hang_up(&c);
}
END_TEST

START_TEST(answers_that_do_not_fit_are_refused)
{
	static const struct {
		const char *answer;
		enum problem_kind kind;
		const char *word;
	} rows[] = {
		{ "nonsense", PROBLEM_BAD_SDP, "line 1" },
		{ B_HEAD("5") AUDIO("30000"), PROBLEM_BAD_SDP, "1 m= lines, and 3 were offered" },
		{ B_HEAD("5") AUDIO("1") AUDIO("2") AUDIO("3"), PROBLEM_BAD_SDP,
			"a data channel line was offered here" },
		{ B_HEAD("5") AUDIO("1") M("40502") REMOTE_BDC M("0"), PROBLEM_BAD_SDP,
			"without a=fingerprint" },
		{ B_HEAD("5") AUDIO("1") M("40502") "a=fingerprint:sha-1 " FP_SHA1 "\r\n" M("0"),
			PROBLEM_SECURITY_POLICY, "SHA-256" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct call c = { 0 };

		ck_assert(carry(&c, IMS_A, &nothing_said));
		refused(&c, carry(&c, rows[i].answer, NULL), rows[i].kind, rows[i].word);
		answer(&c, IMS_B, IMS_TO_A);
		hang_up(&c);
	}
}
END_TEST

#define PASSING_SERVER \
	"{'remoteMdc2Endpoint':{'securitySetup':'PASSIVE','fingerprints':['SHA-256 " FP_C "']}}"

START_TEST(the_controller_decides_line_by_line)
{
	static const struct {
		const char *dc_media, *a1, *b1, *a3, *b3; /* proxies of lines 1 and 3; NULL: none */
	} rows[] = {
		{ "{'3':{'mediaProxyConfig':'UDP_PROXY'}}", "HTTP_PROXY", NULL, "UDP_PROXY",
			"UDP_PROXY" },
		{ "{'3':{'mediaProxyConfig':'HTTP_PROXY'}}", "HTTP_PROXY", NULL, "HTTP_PROXY",
			NULL },
		{ "{'1':{'mediaProxyConfig':'DC_APPLICATION_PROXY'}}", "DC_APPLICATION_PROXY",
			"DC_APPLICATION_PROXY", "DC_APPLICATION_PROXY", "DC_APPLICATION_PROXY" },
		{ "{'3':{'mediaProxyConfig':'DC_APPLICATION_PROXY','mdc2Info':{}}}", "HTTP_PROXY",
			NULL, "DC_APPLICATION_PROXY", NULL },
		{ "{'3':{'mediaProxyConfig':'UDP_PROXY','mdc2Info':" PASSING_SERVER "}}",
			"HTTP_PROXY", NULL, "UDP_PROXY", NULL },
		{ "{'3':null}", "HTTP_PROXY", NULL, NULL, NULL },
		{ "{'*':{'mediaProxyConfig':'UDP_PROXY'},'1':{}}", "HTTP_PROXY", NULL, "UDP_PROXY",
			"UDP_PROXY" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct call c = { 0 };
		json_t *dc = json_of(rows[i].dc_media);
		const char *wanted[] = { rows[i].a1, rows[i].b1, rows[i].a3, rows[i].b3 };

		ck_assert(carry(&c, IMS_A, &(struct sdp_wish){ .dc_media = dc }));
		for (int again = 0; again < 2; again++) {
			for (int k = 0; k < 4; k++) {
				const char *is = proxy_of(&c, k % 2 ? "b" : "a", k < 2 ? "1" : "3");

				ck_assert_msg((is == NULL) == (wanted[k] == NULL) &&
						      (is == NULL || strcmp(is, wanted[k]) == 0),
					"row %zu: %s", i, is);
			}
			ck_assert(carry(&c, IMS_A, &nothing_said)); /* it holds */
		}
		json_decref(dc);
		hang_up(&c);
	}
}
END_TEST

/* The other side never hears of it; the gateway answers in the server's place. */
START_TEST(a_line_with_a_server_ends_here)
{
	struct call c = { 0 };
	json_t *dc = json_of("{'3':{'mediaProxyConfig':'DC_APPLICATION_PROXY','mdc2Info':"
			     "{'mdc2Protocol':'TCP'},'dcmf':{'applications':{'1000':'board'}}}}");

	offer(&c, IMS_A, (struct sdp_wish){ .dc_media = dc },
		A_HEAD("1") AUDIO("49170") M("20102")
			OUR_C AS DTLS("65536", "active", FP_OURS, TO_B) REMOTE_BDC);
	answer(&c, B_HEAD("5") AUDIO("30000") M("40502") B_DTLS REMOTE_BDC,
		B_HEAD("5") AUDIO("30000") LOCAL_ANSWER("20001") M("20002")
			OUR_C DTLS("1024", "passive", FP_OURS, TO_A) REMOTE_BDC M("20003")
				OUR_LINE("262144", "passive", TO_A) BOARD POINTER APP);
	ck_assert_str_eq(
		js_get_text(json_object_get(json_object_get(gateway_media(c.doc, "a", "3"), "dcmf"),
				    "applications"),
			"1000"),
		"board");
	json_decref(dc);
	hang_up(&c);
}
END_TEST

/* An answer needs the words of the server where DTLS passes. */
START_TEST(a_line_that_passes_to_a_server_without_words_is_refused)
{
	struct call c = { 0 };
	json_t *dc = json_of("{'3':{'mediaProxyConfig':'UDP_PROXY','mdc2Info':{}}}");

	refused(&c, carry(&c, IMS_A, &(struct sdp_wish){ .dc_media = dc }), PROBLEM_IE_MISSING,
		"/dcMedia/3/mdc2Info: the answer needs the fingerprints");
	json_decref(dc);
	hang_up(&c);
}
END_TEST

START_TEST(a_line_that_is_left_alone_is_not_touched)
{
	struct call c = { 0 };
	json_t *dc = json_of("{'*':null,'1':{}}");

	offer(&c, IMS_A, (struct sdp_wish){ .dc_media = dc },
		A_HEAD("1") AUDIO("49170") M("50502") AS A_DTLS REMOTE_BDC M("50504")
			AS A_DTLS BOARD POINTER APP);
	json_decref(dc);
	hang_up(&c);
}
END_TEST

START_TEST(decisions_that_make_no_sense_are_refused)
{
	static const char *const rows[] = {
		"{'9':{}}",
		"{'0':{}}",
		"{'3':5}",
		"{'3':{'mediaProxyConfig':'TELEPATHY'}}",
		"{'bootstrap':{}}",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct call c = { 0 };
		json_t *dc = json_of(rows[i]);

		refused(&c, carry(&c, IMS_A, &(struct sdp_wish){ .dc_media = dc }),
			PROBLEM_IE_INCORRECT, "/dcMedia/");
		json_decref(dc);
		hang_up(&c);
	}
}
END_TEST

START_TEST(channels_that_the_controller_does_not_take_do_not_go_on)
{
	struct call c = { 0 };
	json_t *dc = json_of("{'3':{'streams':{'1000':{}}}}");

	offer(&c, IMS_A, (struct sdp_wish){ .dc_media = dc },
		A_HEAD("1") AUDIO("49170") M("20102")
			OUR_C AS DTLS("65536", "active", FP_OURS, TO_B) REMOTE_BDC M("20103")
				OUR_C AS DTLS("65536", "active", FP_OURS, TO_B) BOARD APP);
	ck_assert_uint_eq(json_object_size(streams_of(&c, "a", "3")), 1);
	json_decref(dc);
	hang_up(&c);
}
END_TEST

/* ---- none at all ----------------------------------------------------------------------- */

START_TEST(an_offer_without_channels_is_none_of_ours)
{
	struct call c = { 0 };
	struct sdp_wish add = { .add_bootstrap = true };

	refused(&c, carry(&c, A_HEAD("1") AUDIO("49170"), &nothing_said), PROBLEM_BAD_SDP,
		"no m=application line");
	/* unless the answering phone is to have one */
	offer(&c, A_HEAD("1") AUDIO("49170") "\r\n", add,
		A_HEAD("1") AUDIO("49170") M("20199")
			OUR_LINE("262144", "actpass", TO_B) "a=dcmap:0 subprotocol=\"http\"\r\n");
	answer(&c, B_HEAD("5") AUDIO("30000") M("40506") B_DTLS "a=dcmap:0\r\n",
		B_HEAD("5") AUDIO("30000"));
	hang_up(&c);
}
END_TEST

static bool whole_call(struct call *c)
{
	struct sdp_wish add = { .add_bootstrap = true, .owner = "call-1" };

	return carry(c, IMS_A, &add) &&
	       carry(c, IMS_B M("40506") B_DTLS "a=dcmap:0 subprotocol=\"http\"\r\n", NULL) &&
	       carry(c, IMS_A, &nothing_said);
}

START_TEST(running_out_of_memory_is_said_and_leaks_nothing)
{
	long live = mem_live();

	for (unsigned long n = 1;; n++) {
		struct call c = { 0 };
		bool done;

		mem_fail_at(n);
		done = whole_call(&c);
		if (!mem_failed()) {
			ck_assert(done);
			ck_assert_uint_gt(n, 1000);
			hang_up(&c);
			break;
		}
		ck_assert(!done || c.p.kind == PROBLEM_NONE);
		ck_assert(done || c.p.kind == PROBLEM_NONE || c.p.kind == PROBLEM_NO_RESOURCES);
		hang_up(&c);
	}
	mem_fail_at(0);
	ck_assert_int_eq(mem_live(), live);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sdp_dialog");
	TCase *t = tcase_create("calls");

	control_init();
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_call_of_ims_phones_is_bridged);
	tcase_add_test(t, dtls_of_applications_passes_where_that_is_asked_and_bootstrap_never_does);
	tcase_add_test(t, what_is_not_ours_survives_byte_for_byte);
	tcase_add_test(t, the_answering_phone_gets_a_bootstrap_line_of_its_own);
	tcase_add_test(t, a_line_that_is_refused_ends_its_pair_and_no_other);
	tcase_add_test(t, when_all_is_refused_the_context_stays_and_may_serve_again);
	tcase_add_test(t, lines_and_channels_come_and_go_with_new_offers);
	tcase_add_test(t, the_other_side_may_offer_too);
	tcase_add_test(t, who_speaks_is_told_by_the_origin_and_strangers_are_refused);
	tcase_add_test(t, answers_that_do_not_fit_are_refused);
	tcase_add_test(t, the_controller_decides_line_by_line);
	tcase_add_test(t, a_line_with_a_server_ends_here);
	tcase_add_test(t, a_line_that_passes_to_a_server_without_words_is_refused);
	tcase_add_test(t, a_line_that_is_left_alone_is_not_touched);
	tcase_add_test(t, decisions_that_make_no_sense_are_refused);
	tcase_add_test(t, channels_that_the_controller_does_not_take_do_not_go_on);
	tcase_add_test(t, an_offer_without_channels_is_none_of_ours);
	tcase_add_test(t, running_out_of_memory_is_said_and_leaks_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
