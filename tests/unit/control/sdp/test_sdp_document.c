/* test_sdp_document.c: offers as documents: what is claimed, what is in them, what is refused. */
#include "tests/unit/main.h"

#include "control/document/document.h"
#include "dcmf/base/alloc.h"
#include "tests/unit/control/sdp/sdp_samples.h"

/* The document, or NULL and *p. */
static json_t *document(const char *sdp, const char *dc_media, const char *owner, struct problem *p)
{
	struct sdp *s = parsed(sdp);
	json_t *dc = json_of(dc_media), *doc = sdp_document(s, dc, owner, p);

	json_decref(dc);
	sdp_destroy(s);
	return doc;
}

static json_t *taken(const char *sdp, const char *dc_media)
{
	struct problem p = { PROBLEM_NONE };
	json_t *doc = document(sdp, dc_media, NULL, &p);

	ck_assert_msg(doc != NULL, "refused: %s", p.detail);
	ck_assert_int_eq(p.kind, PROBLEM_NONE);
	return doc;
}

static void assert_refused(
	const char *sdp, const char *dc_media, enum problem_kind kind, const char *words)
{
	struct problem p = { PROBLEM_NONE };

	ck_assert_ptr_null(document(sdp, dc_media, NULL, &p));
	ck_assert_msg(p.kind == kind, "kind %d: %s", p.kind, p.detail);
	ck_assert_msg(strstr(p.detail, words) != NULL, "\"%s\" lacks \"%s\"", p.detail, words);
	problem_finish(&p);
}

static json_t *medias(const json_t *doc)
{
	return json_object_get(json_array_get(json_object_get(doc, "terminations"), 0), "medias");
}

/* The mediaIds of the document, in order: "0 2". */
static void assert_claims(const char *sdp, const char *dc_media, const char *ids)
{
	json_t *doc = taken(sdp, dc_media), *media;
	char is[256] = "";
	size_t i;

	json_array_foreach (medias(doc), i, media)
		snprintf(is + strlen(is), sizeof(is) - strlen(is), "%s%s", i ? " " : "",
			js_get_text(media, "mediaId"));
	ck_assert_str_eq(is, ids);
	json_decref(doc);
}

static void assert_json(const json_t *is, const char *text)
{
	json_t *wanted = json_of(text);
	char *shown = json_dumps(is, JSON_ENCODE_ANY);

	ck_assert_msg(json_equal(is, wanted), "is %s", shown);
	mem_free(shown);
	json_decref(wanted);
}

/* ---- whole documents -------------------------------------------------------------------- */

START_TEST(chromium_offer_becomes_a_document)
{
	json_t *doc = taken(CHROMIUM, "{'*':{}}");

	assert_json(doc,
		"{'terminations':[{'terminationId':'ue','medias':[{'mediaId':'0','"
		"mediaResourceType':'DC',"
		"'dcMedia':{'mediaProxyConfig':'HTTP_PROXY','streams':{},'maxMessageSize':64,"
		"'remoteDcEndpoint':{'sctpPort':5000,'fingerprints':['SHA-256 " FP_A
		"'],'securitySetup':'ACTPASS'}},"
		"'dcmf':{'maxMessageSize':262144,'acceptDcep':true,"
		"'ice':{'ufrag':'Q5Wo','pwd':'7pEqTU3yHcrQNXxe7TTDwL8p','lite':false,'candidates':["
		"]}}}]}]}");
	json_decref(doc);
}
END_TEST

START_TEST(firefox_offer_has_its_best_candidate_as_remote_endpoint)
{
	json_t *doc = taken(FIREFOX, "{'0':{'streams':{'0':{'streamId':0,'subprotocol':'http'}}}}");
	json_t *media = json_array_get(medias(doc), 0);

	assert_json(json_object_get(media, "remoteMbEndpoint"),
		"{'ip':{'ipv4Addr':'198.51.100.77'},'transport':'UDP','portNumber':51556}");
	assert_json(json_object_get(json_object_get(media, "dcMedia"), "streams"),
		"{'0':{'streamId':0,'subprotocol':'http'}}");
	assert_json(json_object_get(media, "dcmf"),
		"{'maxMessageSize':1073741823,'acceptDcep':true,'ice':{'ufrag':'aa83f71c',"
		"'pwd':'4bb3a1ea2d7b0ad0f22a3f5c3b0f6bf1','lite':false,'candidates':["
		"'candidate:0 1 UDP 2122252543 3c6f1cd5-0b1d-4c6e-a5c2-8f64d8d3a7d0.local 51556 "
		"typ host',"
		"'candidate:1 1 TCP 2105524479 192.168.1.5 9 typ host tcptype active',"
		"'candidate:2 1 UDP 1686052863 198.51.100.77 51556 typ srflx raddr 0.0.0.0 rport "
		"0',"
		"'candidate:3 1 UDP 92217087 203.0.113.99 61000 typ relay raddr 203.0.113.99 rport "
		"61000']}}");
	json_decref(doc);
}
END_TEST

START_TEST(ims_offer_becomes_a_document_with_both_sections)
{
	struct problem p = { PROBLEM_NONE };
	json_t *doc = document(IMS_UE,
		"{'*':{'replaceHttpUrl':{'0':{'streamId':0,'replaceHttpUrl':'https://dcsf.example/"
		"alice'},"
		"'100':{'streamId':100,'replaceHttpUrl':'https://dcsf.example/net'}},"
		"'mdc1Info':{'remoteMdc1Endpoint':{'ip':{'ipv4Addr':'192.0.2.80'},'portNumber':443}"
		"}}}",
		"call 17", &p);

	ck_assert_msg(doc != NULL, "%s", p.detail);
	assert_json(doc,
		"{'dcmf':{'owner':'call 17'},'terminations':[{'terminationId':'ue','medias':["
		"{'mediaId':'1','mediaResourceType':'DC',"
		"'remoteMbEndpoint':{'ip':{'ipv4Addr':'198.51.100.10'},'transport':'UDP','"
		"portNumber':50500},"
		"'dcMedia':{'mediaProxyConfig':'HTTP_PROXY','streams':{'0':{'streamId':0,'"
		"subprotocol':'http'},"
		"'10':{'streamId':10,'subprotocol':'http'}},"
		"'replaceHttpUrl':{'0':{'streamId':0,'replaceHttpUrl':'https://dcsf.example/"
		"alice'}},"
		"'mdc1Info':{'remoteMdc1Endpoint':{'ip':{'ipv4Addr':'192.0.2.80'},'portNumber':443}"
		"},"
		"'maxMessageSize':1,"
		"'remoteDcEndpoint':{'sctpPort':5001,'fingerprints':['SHA-256 " FP_A "'],"
		"'tlsId':'q3Zr81kVw0sXm5TnHc2b','securitySetup':'ACTPASS'}},"
		"'dcmf':{'maxMessageSize':1024,'acceptDcep':false,'labels':{'10':'local-bdc'}}},"
		"{'mediaId':'2','mediaResourceType':'DC',"
		"'remoteMbEndpoint':{'ip':{'ipv4Addr':'198.51.100.10'},'transport':'UDP','"
		"portNumber':50502},"
		"'dcMedia':{'mediaProxyConfig':'HTTP_PROXY','streams':{'100':{'streamId':100,'"
		"subprotocol':'http'},"
		"'110':{'streamId':110,'subprotocol':'http'}},"
		"'replaceHttpUrl':{'100':{'streamId':100,'replaceHttpUrl':'https://dcsf.example/"
		"net'}},"
		"'mdc1Info':{'remoteMdc1Endpoint':{'ip':{'ipv4Addr':'192.0.2.80'},'portNumber':443}"
		"},"
		"'maxMessageSize':64,"
		"'remoteDcEndpoint':{'sctpPort':5000,'fingerprints':['SHA-256 " FP_A "'],"
		"'tlsId':'Yp7Lq0eD4uJf9RkAhW6x','securitySetup':'ACTIVE'}},"
		"'dcmf':{'maxMessageSize':65536,'acceptDcep':false}}]}]}");
	json_decref(doc);
}
END_TEST

START_TEST(qualities_of_channels_become_stream_attributes)
{
	json_t *doc = taken(
		ONE(FINGERPRINT "a=dcmap:1002 ordered=false;max-retr=0;label=\"pointer\"\r\n"
				"a=dcmap:1000 max-time=150;priority=512;subprotocol=\"x.y\"\r\n"),
		"{'0':{'mediaProxyConfig':'DC_APPLICATION_PROXY'}}");
	json_t *media = json_array_get(medias(doc), 0), *dc = json_object_get(media, "dcMedia");

	assert_json(json_object_get(dc, "streams"),
		"{'1000':{'streamId':1000,'subprotocol':'x.y','maxTime':150,'priority':512},"
		"'1002':{'streamId':1002,'order':false,'maxRetry':0}}");
	assert_json(
		json_object_get(json_object_get(media, "dcmf"), "labels"), "{'1002':'pointer'}");
	ck_assert_str_eq(js_get_text(dc, "mediaProxyConfig"), "DC_APPLICATION_PROXY");
	json_decref(doc);
}
END_TEST

START_TEST(an_ice_lite_peer_is_told_as_one_and_found_at_its_default_address)
{
	json_t *doc = taken("v=0\r\no=- 1 1 IN IP6 2001:db8::9\r\ns=-\r\nc=IN IP6 "
			    "2001:db8::9\r\nt=0 0\r\na=ice-lite\r\n"
			    "m=application 4000 UDP/DTLS/SCTP webrtc-datachannel\r\n" FINGERPRINT
			    "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=dcmap:0\r\n"
			    "a=candidate:1 1 UDP 9 2001:db8::a 4001 typ host\r\n",
		NULL);
	json_t *media = json_array_get(medias(doc), 0);

	assert_json(json_object_get(media, "remoteMbEndpoint"),
		"{'ip':{'ipv6Addr':'2001:db8::9'},'transport':'UDP','portNumber':4000}");
	ck_assert(json_is_true(
		json_object_get(json_object_get(json_object_get(media, "dcmf"), "ice"), "lite")));
	ck_assert_str_eq(
		js_get_text(json_object_get(json_object_get(media, "dcMedia"), "remoteDcEndpoint"),
			"securitySetup"),
		"ACTIVE"); /* what no a=setup means */
	json_decref(doc);
}
END_TEST

START_TEST(message_sizes_in_kib_are_between_1_and_64)
{
	static const struct {
		const char *bytes;
		int64_t kib;
	} rows[] = { { "0", 64 }, { "1", 1 }, { "1023", 1 }, { "1024", 1 }, { "2047", 1 },
		{ "65535", 63 }, { "65536", 64 }, { "262144", 64 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[1024];
		json_t *doc, *media;

		snprintf(text, sizeof(text), "%sa=dcmap:0\r\na=max-message-size:%s\r\n",
			ONE(FINGERPRINT), rows[i].bytes);
		doc = taken(text, NULL);
		media = json_array_get(medias(doc), 0);
		ck_assert_int_eq(
			js_get_integer(json_object_get(media, "dcMedia"), "maxMessageSize", -1),
			rows[i].kib);
		ck_assert_int_eq(
			js_get_integer(json_object_get(media, "dcmf"), "maxMessageSize", -1),
			atoll(rows[i].bytes));
		json_decref(doc);
	}
}
END_TEST

START_TEST(documents_of_offers_are_right_for_the_one_validator)
{
	static const char *const samples[] = { CHROMIUM, FIREFOX, AIORTC, IMS_UE };
	const struct document_rules rules = {
		.max_streams = 2048, .max_message = 262144, .mdc1_plain.always = true
	};

	for (size_t i = 0; i < 4; i++) {
		json_t *doc = taken(samples[i], "{'*':{}}");
		struct problem p = { PROBLEM_NONE };
		bool rel18 = true;

		ck_assert_msg(
			document_check(doc, &rules, &rel18, &p), "sample %zu: %s", i, p.detail);
		ck_assert(!rel18);
		json_decref(doc);
	}
}
END_TEST

/* ---- claims ----------------------------------------------------------------------------- */

START_TEST(sections_are_claimed_by_the_controller_or_as_local_bootstrap)
{
	static const char three[] =
		"v=0\r\nc=IN IP4 192.0.2.1\r\n" FINGERPRINT
		"m=application 1 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:a\r\na=dcmap:0\r\n"
		"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:gone\r\na=dcmap:0\r\n"
		"m=application 3 TCP/DTLS/SCTP webrtc-datachannel\r\na=mid:tcp\r\n"
		"m=application 4 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:w\r\n"
		"m=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\n"
		"a=dcmap:0\r\na=dcmap:100\r\n";

	assert_claims(IMS_UE, NULL, "1");
	assert_claims(IMS_UE, "{}", "1");
	assert_claims(IMS_UE, "{'2':{}}", "1 2");
	assert_claims(IMS_UE, "{'1':null,'2':{}}", "2");
	assert_claims(IMS_UE, "{'*':{}}", "1 2");
	assert_claims(IMS_UE, "{'*':{},'1':null}", "2");
	assert_claims(IMS_UE, "{'*':null,'2':{}}", "2");
	assert_claims(three, NULL, "a");
	assert_claims(three, "{'*':{}}", "a w 4");
	assert_claims(three, "{'w':{},'gone':{}}", "a w");
	assert_refused(IMS_UE, "{'1':null}", PROBLEM_BAD_SDP, "no m=application line");
	assert_refused(CHROMIUM, NULL, PROBLEM_BAD_SDP, "no m=application line");
	assert_refused("v=0\r\n", "{'*':{}}", PROBLEM_BAD_SDP, "no m=application line");
}
END_TEST

START_TEST(a_controller_may_take_some_of_the_offered_channels)
{
	json_t *doc = taken(IMS_UE, "{'1':{'streams':{'10':{},'0700':{}}},'2':null}");
	json_t *media = json_array_get(medias(doc), 0);

	assert_json(json_object_get(json_object_get(media, "dcMedia"), "streams"),
		"{'10':{'streamId':10,'subprotocol':'http'}}");
	assert_json(
		json_object_get(json_object_get(media, "dcmf"), "labels"), "{'10':'local-bdc'}");
	json_decref(doc);
	assert_claims(IMS_UE, "{'*':{'streams':{'110':{}}}}", "2");
	assert_refused(IMS_UE, "{'1':{'streams':{'110':{}}}}", PROBLEM_IE_INCORRECT,
		"/dcMedia/1/streams: none of these");
}
END_TEST

START_TEST(roots_of_a_named_section_are_kept_as_they_are)
{
	json_t *doc = taken(
		IMS_UE, "{'1':{'replaceHttpUrl':{'7':{'replaceHttpUrl':'https://x.example/'}}}}");

	assert_json(json_object_get(json_object_get(json_array_get(medias(doc), 0), "dcMedia"),
			    "replaceHttpUrl"),
		"{'7':{'replaceHttpUrl':'https://x.example/'}}"); /* the validator will name it */
	json_decref(doc);
}
END_TEST

/* Section c has this port and these lines. */
#define BUNDLE(port, lines)                                                                \
	"v=0\r\nc=IN IP4 192.0.2.1\r\n" FINGERPRINT "a=group:BUNDLE a b c\r\n"             \
	"m=application 1 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:a\r\n"                  \
	"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:b\r\na=bundle-only\r\n" \
	"m=application " port " UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:c\r\n" lines

START_TEST(a_bundle_only_section_ends_here_alone_or_not_at_all)
{
	assert_claims(BUNDLE("2", ""), "{'*':{}}", "a c");
	assert_claims(BUNDLE("0", ""), "{'*':{},'a':null}", "b");
	assert_claims(BUNDLE("2", ""), "{'*':{},'a':null}", "c");
	assert_claims(BUNDLE("0", "a=bundle-only\r\n"), "{'*':{},'a':null}", "b");
	assert_claims(BUNDLE("0", ""), "{'b':{}}", "b");
	assert_refused(BUNDLE("2", ""), "{'a':{},'b':{}}", PROBLEM_IE_INCORRECT,
		"/dcMedia/b: bundle-only beside");
}
END_TEST

/* ---- servers ---------------------------------------------------------------------------- */

#define ADC     FINGERPRINT "a=setup:actpass\r\na=dcmap:1000 label=\"board\"\r\n"
#define AT      "'ip':{'ipv4Addr':'10.0.0.7'},'portNumber':4000"
#define ENDS(m) "'mdc2Info':{'mdc2Protocol':'UDP/DTLS/SCTP','remoteMdc2Endpoint':{" AT m "}}"
#define PRINT                                                                                    \
	",'fingerprints':['SHA-256 2B:6F:0C:91:7D:3E:AA:54:18:C2:9F:60:E1:77:05:BD:42:8A:D3:1C:" \
	"66:F9:0E:B5:20:74:CB:39:58:EF:13:A7']"

START_TEST(an_application_line_may_end_at_a_server)
{
	json_t *doc = taken(ONE(ADC), "{'0':{'mediaProxyConfig':'DC_APPLICATION_PROXY'," ENDS(
					      "") ",'dcmf':{'mdc2':{'ice':"
						  "{'ufrag':'abcd','pwd':'abcdefghijklmnopqrstuv'}}"
						  ",'applications':{'1000':'board'}}}"
						  "}");
	const struct document_rules rules = { .max_streams = 2048, .max_message = 262144 };
	json_t *media = json_array_get(medias(doc), 0), *dcmf = json_object_get(media, "dcmf");
	struct problem p = { PROBLEM_NONE };
	bool rel18;

	ck_assert_ptr_null(json_object_get(json_object_get(media, "dcMedia"), "dcmf"));
	assert_json(json_object_get(dcmf, "mdc2"),
		"{'ice':{'ufrag':'abcd','pwd':'abcdefghijklmnopqrstuv'}}");
	assert_json(json_object_get(dcmf, "applications"), "{'1000':'board'}");
	assert_json(json_object_get(dcmf, "labels"), "{'1000':'board'}");
	ck_assert_msg(document_check(doc, &rules, &rel18, &p), "%s", p.detail);
	json_decref(doc);
}
END_TEST

START_TEST(what_passes_is_answered_with_the_words_of_the_server)
{
	assert_claims(ONE(ADC),
		"{'0':{'mediaProxyConfig':'UDP_PROXY'," ENDS(
			PRINT ",'securitySetup':'PASSIVE'") "}}",
		"0");
	assert_claims(ONE(FINGERPRINT "a=setup:active\r\na=dcmap:1000\r\n"),
		"{'0':{'mediaProxyConfig':'UDP_PROXY'," ENDS(PRINT) "}}", "0");
	assert_refused(ONE(ADC), "{'0':{'mediaProxyConfig':'UDP_PROXY'," ENDS("") "}}",
		PROBLEM_IE_MISSING, "/dcMedia/0/mdc2Info: the answer needs the fingerprints");
	assert_refused(ONE(ADC), "{'0':{'mediaProxyConfig':'UDP_PROXY'," ENDS(PRINT) "}}",
		PROBLEM_IE_MISSING, "/dcMedia/0/mdc2Info: the answer needs the securitySetup");
	assert_refused(ONE(ADC), "{'0':{'mediaProxyConfig':'UDP_PROXY'}}", PROBLEM_IE_MISSING,
		"/dcMedia/0/mdc2Info: the answer needs the fingerprints");
}
END_TEST

START_TEST(what_the_sdp_says_is_not_said_beside_it)
{
	assert_refused(ONE(ADC),
		"{'0':{'mediaProxyConfig':'DC_APPLICATION_PROXY'," ENDS(
			"") ",'dcmf':{'labels':{}}}}",
		PROBLEM_OPTIONAL_INCORRECT, "/dcMedia/0/dcmf/labels: the SDP says this");
	assert_refused(ONE(ADC),
		"{'0':{'mediaProxyConfig':'DC_APPLICATION_PROXY'," ENDS("") ",'dcmf':7}}",
		PROBLEM_OPTIONAL_INCORRECT, "/dcMedia/0/dcmf: an object");
}
END_TEST

/* ---- refusals --------------------------------------------------------------------------- */

START_TEST(what_a_controller_gets_wrong_is_named)
{
	assert_refused(IMS_UE, "[]", PROBLEM_IE_INCORRECT, "/dcMedia: ");
	assert_refused(IMS_UE, "{'1':7}", PROBLEM_IE_INCORRECT, "/dcMedia/1: an object");
	assert_refused(IMS_UE, "{'1':{'streams':[]}}", PROBLEM_IE_INCORRECT,
		"/dcMedia/1/streams: an object");
	assert_refused(IMS_UE, "{'9':{}}", PROBLEM_IE_INCORRECT,
		"/dcMedia/9: the SDP has no such section");
	assert_refused(IMS_UE, "{'a/b~c':{}}", PROBLEM_IE_INCORRECT, "/dcMedia/a~1b~0c: the SDP");
	assert_refused(IMS_UE, "{'0':{}}", PROBLEM_IE_INCORRECT,
		"/dcMedia/0: line 6 of the SDP is no data channel");
	assert_refused(ONE(FINGERPRINT "a=dcmap:1000\r\n"), "{'*':{}}", PROBLEM_IE_MISSING,
		"/dcMedia/0/mediaProxyConfig: ");
	assert_refused(ONE(FINGERPRINT "a=dcmap:0\r\na=dcmap:500\r\n"), "{'*':{}}",
		PROBLEM_IE_MISSING, "/dcMedia/0/mediaProxyConfig: ");
	assert_claims(ONE(FINGERPRINT "a=dcmap:0\r\na=dcmap:500 subprotocol=\"http\"\r\n"),
		"{'*':{}}", "0");
}
END_TEST

START_TEST(fingerprints_below_sha256_are_refused_unless_a_strong_one_is_there)
{
	assert_refused(ONE("a=dcmap:0\r\na=fingerprint:sha-1 " FP_SHA1 "\r\n"), NULL,
		PROBLEM_SECURITY_POLICY, "line 8: fingerprint: ");
	assert_refused(ONE("a=dcmap:0\r\na=fingerprint:sha4-256 AA:BB\r\n"), NULL,
		PROBLEM_SECURITY_POLICY, "line 8: fingerprint: ");
	assert_claims(
		ONE("a=dcmap:0\r\na=fingerprint:sha-1 " FP_SHA1 "\r\n" FINGERPRINT), NULL, "0");
	assert_refused(ONE("a=dcmap:0\r\n"), NULL, PROBLEM_BAD_SDP,
		"line 6: m=application without a=fingerprint");
}
END_TEST

START_TEST(half_of_ice_credentials_is_refused)
{
	assert_refused(ONE(FINGERPRINT "a=dcmap:0\r\na=ice-ufrag:abcd\r\n"), NULL, PROBLEM_BAD_SDP,
		"ice-pwd");
	assert_refused(ONE(FINGERPRINT "a=dcmap:0\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"), NULL,
		PROBLEM_BAD_SDP, "ice-ufrag");
}
END_TEST

START_TEST(candidates_that_are_no_text_are_left_out)
{
	json_t *doc = taken(
		ONE(FINGERPRINT
			"a=dcmap:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"
			"a=candidate:\xff 1 UDP 9 192.0.2.9 4001 typ host\r\n"),
		NULL);
	json_t *ice =
		json_object_get(json_object_get(json_array_get(medias(doc), 0), "dcmf"), "ice");

	ck_assert_uint_eq(json_array_size(json_object_get(ice, "candidates")), 0);
	json_decref(doc);
}
END_TEST

START_TEST(running_out_of_memory_is_said_and_leaks_nothing)
{
	static const char *const samples[] = { FIREFOX, IMS_UE };
	json_t *dc = json_of("{'*':{'replaceHttpUrl':{'0':{'streamId':0,'replaceHttpUrl':'https://"
			     "d.example/'}}}}");
	long live = mem_live();

	for (size_t i = 0; i < 2; i++) {
		struct sdp *s = parsed(samples[i]);
		struct problem none = { PROBLEM_NONE };
		json_t *whole = sdp_document(s, dc, "owner", &none);

		for (unsigned long n = 1;; n++) {
			struct problem p = { PROBLEM_NONE };
			json_t *doc;

			mem_fail_at(n);
			doc = sdp_document(s, dc, "owner", &p);
			if (doc != NULL)
				ck_assert_msg(json_equal(doc, whole), "allocation %lu", n);
			else
				ck_assert_int_eq(p.kind, PROBLEM_NO_RESOURCES);
			json_decref(doc);
			problem_finish(&p);
			if (!mem_failed())
				break;
		}
		mem_fail_at(0);
		json_decref(whole);
		sdp_destroy(s);
	}
	ck_assert_int_eq(mem_live(), live);
	json_decref(dc);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sdp_document");
	TCase *t = tcase_create("documents");

	control_init();
	tcase_add_test(t, chromium_offer_becomes_a_document);
	tcase_add_test(t, firefox_offer_has_its_best_candidate_as_remote_endpoint);
	tcase_add_test(t, ims_offer_becomes_a_document_with_both_sections);
	tcase_add_test(t, qualities_of_channels_become_stream_attributes);
	tcase_add_test(t, an_ice_lite_peer_is_told_as_one_and_found_at_its_default_address);
	tcase_add_test(t, message_sizes_in_kib_are_between_1_and_64);
	tcase_add_test(t, candidates_that_are_no_text_are_left_out);
	tcase_add_test(t, documents_of_offers_are_right_for_the_one_validator);
	suite_add_tcase(s, t);

	t = tcase_create("claims");
	tcase_add_test(t, sections_are_claimed_by_the_controller_or_as_local_bootstrap);
	tcase_add_test(t, a_controller_may_take_some_of_the_offered_channels);
	tcase_add_test(t, roots_of_a_named_section_are_kept_as_they_are);
	tcase_add_test(t, a_bundle_only_section_ends_here_alone_or_not_at_all);
	suite_add_tcase(s, t);

	t = tcase_create("refusals");
	tcase_add_test(t, an_application_line_may_end_at_a_server);
	tcase_add_test(t, what_passes_is_answered_with_the_words_of_the_server);
	tcase_add_test(t, what_the_sdp_says_is_not_said_beside_it);
	tcase_add_test(t, what_a_controller_gets_wrong_is_named);
	tcase_add_test(t, fingerprints_below_sha256_are_refused_unless_a_strong_one_is_there);
	tcase_add_test(t, half_of_ice_credentials_is_refused);
	tcase_add_test(t, running_out_of_memory_is_said_and_leaks_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
