/* test_document.c: what a MediaContext document may say, in both shapes. */
#include <stdio.h>
#include <string.h>

#include "control/json.h"
#include "control/patch.h"
#include "tests/unit/control/document/document_samples.h"
#include "tests/unit/control/fake_relay.h"
#include "tests/unit/main.h"

#define BOARD "{\"1000\":{\"streamId\":1000}}"
#define PROXY_MODE(proxy, mode)                                                        \
	"[{\"op\":\"add\",\"path\":\"" D "\",\"value\":{\"mediaProxyConfig\":\"" proxy \
	"\",\"streams\":" BOARD "}},{\"op\":\"add\",\"path\":\"" M                     \
	"/dcmf\",\"value\":{\"securityMode\":\"" mode "\"}}]"

/* As many as may be, none of which is ever matched. */
#define WEAK4 "\"" SHA1 "\",\"" SHA1 "\",\"" SHA1 "\",\"" SHA1 "\""
#define WEAK8 WEAK4 "," WEAK4

/* What is accepted; each has its rejection below. */
static const char *const accepted[] = {
	"",
	ADD("/contextId", "\"0-abc\""),
	ADD("/dcmf", "{\"owner\":\"alice\",\"thirdParty\":\"app.example\"}"),
	ADD("/terminations/0/dcmf", "{}"),
	ADD(M "/mediaId", "\"audio0\""),
	ADD(M "/associatedMediaId", "\"m1\""),
	ADD(M "/localMbEndpoint",
		"{\"ip\":{\"ipv6Addr\":\"2001:db8::1\"},\"transport\":\"UDP\",\"portNumber\":1}"),
	ADD(M "/remoteMbEndpoint", "{\"ip\":{\"ipv6Addr\":\"2001:db8::1\"},\"transport\":\"UDP\","
				   "\"portNumber\":65535}"),
	REMOVE(M "/remoteMbEndpoint"),
	REMOVE(D "/remoteDcEndpoint"),
	REMOVE(D "/replaceHttpUrl"),
	PROXY("DC_APPLICATION_PROXY", BOARD, ""),
	PROXY("DC_APPLICATION_PROXY", "{\"100\":{\"streamId\":100}}", ""),
	PROXY("UDP_PROXY", BOARD, ""),
	PROXY("UDP_PROXY", "{}", ""),
	PROXY_MODE("UDP_PROXY", "E2E"),
	PROXY_MODE("DC_APPLICATION_PROXY", "E2AE"),
	ADD(D "/maxMessageSize", "0"),
	ADD(D "/maxMessageSize", "1"),
	ADD(D "/streams/10", "{\"streamId\":10,\"order\":false,\"maxRetry\":3,\"priority\":65535}"),
	ADD(D "/streams/2047", "{\"streamId\":2047,\"maxTime\":100}"),
	ADD(D "/streams/0/subprotocol", "\"MSRP\""),
	ADD(D "/streams/10", "{\"streamId\":10,\"maxRetry\":0,\"maxTime\":0}"),
	ADD(D "/streams/10", "{\"streamId\":10,\"maxRetry\":0,\"maxTime\":5}"),
	ADD(D "/replaceHttpUrl/0", "{\"replaceHttpUrl\":\"https://[2001:db8::1]:8443/x?y=1\"}"),
	ADD(D "/mdc1Info",
		"{\"remoteMdc1Endpoint\":{\"ip\":{\"ipv4Addr\":\"127.0.0.1\"},\"portNumber\":80}}"),
	ADD(D "/mdc1Info", "{\"localMdc1Endpoint\":{\"ip\":{\"ipv4Addr\":\"127.0.0.1\"},"
			   "\"portNumber\":80,\"sctpPort\":1}}"),
	ADD(D "/localDcEndpoint",
		"{\"sctpPort\":5000,\"fingerprints\":[\"" FP "\"],\"securitySetup\":\"PASSIVE\"}"),
	ADD(D "/remoteDcEndpoint", "{}"),
	ADD(D "/remoteDcEndpoint", "{\"fingerprint\":\"" FP_LOWER "\"}"),
	ADD(D "/remoteDcEndpoint/fingerprints", "[\"" SHA1 "\",\"" FP "\"]"),
	ADD(D "/remoteDcEndpoint/securitySetup", "\"PASSIVE\""),
	ADD(D "/remoteDcEndpoint/tlsId", "\"+/_-ABCDEFGHIJKLMNOP9\""),
	ADD(M "/dcmf", "{\"ice\":{}}"),
	ADD(M "/dcmf", "{\"ice\":{\"ufrag\":\"abcd\",\"pwd\":\"aaaaaaaaaaaaaaaaaaaaaa\",\"lite\":"
		       "false,\"restart\":true,"
		       "\"candidates\":[\"candidate:1 1 UDP 1 192.0.2.1 4000 typ host\"]}}"),
	ADD(M "/dcmf", "{\"securityMode\":\"E2AE\",\"status\":{\"whatever\":[1]},\"labels\":{\"0\":"
		       "\"local-bdc\"},"
		       "\"maxMessageSize\":1024,\"interface\":\"access\",\"acceptDcep\":true}"),
	ADD(M "/dcmf", "{\"setup\":\"ACTIVE\",\"fingerprintHash\":\"SHA-512\"}"),
	"[{\"op\":\"add\",\"path\":\"" M
	"/dcmf\",\"value\":{\"acceptDcep\":true}},{\"op\":\"remove\",\"path\":\"" D "/streams\"}]",
	"[{\"op\":\"add\",\"path\":\"" M
	"/dcmf\",\"value\":{\"ice\":{}}},{\"op\":\"replace\",\"path\":\"" D
	"/streams\",\"value\":{}}]",
};

START_TEST(what_the_standard_and_the_extension_say_is_accepted)
{
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		json_t *doc = sample_changed(accepted[i]);
		struct problem p = { .kind = PROBLEM_NONE };
		bool rel18 = true;

		ck_assert_msg(document_check(doc, &sample_rules, &rel18, &p), "%s: %s", accepted[i],
			p.detail);
		ck_assert_msg(!rel18, "%s", accepted[i]);
		json_decref(doc);
	}
}
END_TEST

static const struct {
	const char *operations;
	enum problem_kind kind;
	const char *param;
} refused[] = {
	/* MediaContext, TerminationInfo */
	{ ADD("/colour", "1"), PROBLEM_OPTIONAL_INCORRECT, "/colour" },
	{ ADD("/contextId", "5"), PROBLEM_OPTIONAL_INCORRECT, "/contextId" },
	{ REMOVE("/terminations"), PROBLEM_IE_MISSING, "/terminations" },
	{ ADD("/terminations", "[]"), PROBLEM_IE_INCORRECT, "/terminations" },
	{ ADD("/terminations", "{}"), PROBLEM_IE_INCORRECT, "/terminations" },
	{ ADD("/terminations/0", "7"), PROBLEM_IE_INCORRECT, "/terminations/0" },
	{ REMOVE("/terminations/0/terminationId"), PROBLEM_IE_MISSING,
		"/terminations/0/terminationId" },
	{ ADD("/terminations/0/terminationId", "\"\""), PROBLEM_IE_INCORRECT,
		"/terminations/0/terminationId" },
	{ ADD("/terminations/0/terminationId", "\"a\\u0001\""), PROBLEM_IE_INCORRECT,
		"/terminations/0/terminationId" },
	{ ADD("/terminations/0/terminationId", "\"" TEXT256 "\""), PROBLEM_IE_INCORRECT,
		"/terminations/0/terminationId" },
	{ "[{\"op\":\"copy\",\"from\":\"/terminations/0\",\"path\":\"/terminations/-\"}]",
		PROBLEM_IE_INCORRECT, "/terminations" },
	{ ADD("/terminations/0/medias", "[]"), PROBLEM_IE_INCORRECT, "/terminations/0/medias" },
	{ "[{\"op\":\"copy\",\"from\":\"" M "\",\"path\":\"/terminations/0/medias/-\"}]",
		PROBLEM_IE_INCORRECT, "/terminations/0/medias" },
	{ ADD("/dcmf", "{\"owner\":3}"), PROBLEM_OPTIONAL_INCORRECT, "/dcmf/owner" },
	{ ADD("/dcmf", "{\"thirdparty\":\"x\"}"), PROBLEM_OPTIONAL_INCORRECT, "/dcmf/thirdparty" },
	{ ADD("/terminations/0/dcmf", "{\"x\":1}"), PROBLEM_OPTIONAL_INCORRECT,
		"/terminations/0/dcmf/x" },
	/* MediaInfo */
	{ REMOVE(M "/mediaId"), PROBLEM_IE_MISSING, M "/mediaId" },
	{ ADD(M "/mediaId", "5"), PROBLEM_IE_INCORRECT, M "/mediaId" },
	{ ADD(M "/associatedMediaId", "5"), PROBLEM_OPTIONAL_INCORRECT, M "/associatedMediaId" },
	{ REMOVE(M "/mediaResourceType"), PROBLEM_IE_MISSING, M "/mediaResourceType" },
	{ ADD(M "/mediaResourceType", "\"AUDIO\""), PROBLEM_NOT_BUILT, M "/mediaResourceType" },
	{ ADD(M "/mediaResourceType", "\"AR\""), PROBLEM_NOT_BUILT, M "/mediaResourceType" },
	{ ADD(M "/mediaResourceType", "\"SMELL\""), PROBLEM_NOT_BUILT, M "/mediaResourceType" },
	{ REMOVE(M "/dcMedia"), PROBLEM_IE_MISSING, M "/dcMedia" },
	{ ADD(M "/localMbEndpoint",
		  "{\"ip\":{\"ipv6Addr\":\"x\"},\"transport\":\"UDP\",\"portNumber\":1}"),
		PROBLEM_OPTIONAL_INCORRECT, M "/localMbEndpoint/ip/ipv6Addr" },
	{ REMOVE(M "/remoteMbEndpoint/ip"), PROBLEM_IE_MISSING, M "/remoteMbEndpoint/ip" },
	{ ADD(M "/remoteMbEndpoint/ip", "{}"), PROBLEM_IE_INCORRECT, M "/remoteMbEndpoint/ip" },
	{ ADD(M "/remoteMbEndpoint/ip", "{\"ipv4Addr\":\"192.0.2.1\",\"ipv6Addr\":\"::1\"}"),
		PROBLEM_IE_INCORRECT, M "/remoteMbEndpoint/ip" },
	{ ADD(M "/remoteMbEndpoint/ip", "{\"ipv6Prefix\":\"2001:db8::/64\"}"), PROBLEM_IE_INCORRECT,
		M "/remoteMbEndpoint/ip/ipv6Prefix" },
	{ ADD(M "/remoteMbEndpoint/ip/ipv4Addr", "\"ue.example\""), PROBLEM_OPTIONAL_INCORRECT,
		M "/remoteMbEndpoint/ip/ipv4Addr" },
	{ ADD(M "/remoteMbEndpoint/ip/ipv4Addr", "\"::1\""), PROBLEM_OPTIONAL_INCORRECT,
		M "/remoteMbEndpoint/ip/ipv4Addr" },
	{ ADD(M "/remoteMbEndpoint/portNumber", "65536"), PROBLEM_IE_INCORRECT,
		M "/remoteMbEndpoint/portNumber" },
	{ ADD(M "/remoteMbEndpoint/portNumber", "1.5"), PROBLEM_IE_INCORRECT,
		M "/remoteMbEndpoint/portNumber" },
	{ ADD(M "/remoteMbEndpoint/transport", "\"TCP\""), PROBLEM_NOT_BUILT,
		M "/remoteMbEndpoint/transport" },
	{ ADD(M "/arMedia", "{}"), PROBLEM_IE_MISSING, M "/arMedia/mediaProcessingSpec" },
	{ ADD(M "/arMedia", "{\"mediaProcessingSpec\":\"x\"}"), PROBLEM_NOT_BUILT, M "/arMedia" },
	{ ADD(M "/avatarMedia", "{\"renderingMode\":\"NET_CENTRIC_MF\"}"), PROBLEM_NOT_BUILT,
		M "/avatarMedia" },
	{ ADD(M "/avatarMedia", "{\"avatarId\":\"x\"}"), PROBLEM_IE_MISSING,
		M "/avatarMedia/renderingMode" },
	{ ADD(M "/mdc2AVEndpoint", "{}"), PROBLEM_NOT_BUILT, M "/mdc2AVEndpoint" },
	{ ADD(M "/localNonDcMedia", "{\"sdpmLine\":\"x\",\"sdpaLines\":[\"y\"]}"),
		PROBLEM_NOT_BUILT, M "/localNonDcMedia" },
	{ ADD(M "/remoteNonDcMedia", "{\"sdpmLine\":\"x\",\"sdpaLines\":[3]}"),
		PROBLEM_IE_INCORRECT, M "/remoteNonDcMedia/sdpaLines/0" },
	{ ADD(M "/mediaProcessingUri", "\"http://x/\""), PROBLEM_NOT_BUILT,
		M "/mediaProcessingUri" },
	/* DcMedia */
	{ REMOVE(D "/mediaProxyConfig"), PROBLEM_IE_MISSING, D "/mediaProxyConfig" },
	{ ADD(D "/mediaProxyConfig", "\"TELEPATHY\""), PROBLEM_NOT_BUILT, D "/mediaProxyConfig" },
	{ REMOVE(D "/streams"), PROBLEM_IE_MISSING, D "/streams" },
	{ ADD(D "/streams", "{}"), PROBLEM_IE_MISSING, D "/streams" },
	{ ADD(D "/streams", "[]"), PROBLEM_OPTIONAL_INCORRECT, D "/streams" },
	{ ADD(D "/streams/x", "{\"streamId\":1}"), PROBLEM_OPTIONAL_INCORRECT, D "/streams/x" },
	{ ADD(D "/streams/01", "{\"streamId\":1}"), PROBLEM_OPTIONAL_INCORRECT, D "/streams/01" },
	{ ADD(D "/streams/a~1b~0c", "{\"streamId\":1}"), PROBLEM_OPTIONAL_INCORRECT,
		D "/streams/a~1b~0c" },
	{ ADD(D "/streams/10", "{\"streamId\":11}"), PROBLEM_IE_INCORRECT,
		D "/streams/10/streamId" },
	{ ADD(D "/streams/10", "{}"), PROBLEM_IE_MISSING, D "/streams/10/streamId" },
	{ ADD(D "/streams/2048", "{\"streamId\":2048}"), PROBLEM_IE_INCORRECT, D "/streams/2048" },
	{ ADD(D "/streams/10", "{\"streamId\":10,\"maxRetry\":1,\"maxTime\":1}"),
		PROBLEM_OPTIONAL_INCORRECT, D "/streams/10" },
	{ ADD(D "/streams/10", "{\"streamId\":10,\"maxRetry\":-1}"), PROBLEM_OPTIONAL_INCORRECT,
		D "/streams/10/maxRetry" },
	{ ADD(D "/streams/10", "{\"streamId\":10,\"maxTime\":\"1\"}"), PROBLEM_OPTIONAL_INCORRECT,
		D "/streams/10/maxTime" },
	{ ADD(D "/streams/10", "{\"streamId\":10,\"priority\":65536}"), PROBLEM_OPTIONAL_INCORRECT,
		D "/streams/10/priority" },
	{ ADD(D "/streams/10", "{\"streamId\":10,\"order\":1}"), PROBLEM_OPTIONAL_INCORRECT,
		D "/streams/10/order" },
	{ ADD(D "/streams/0/subprotocol", "\"" TEXT256 "\""), PROBLEM_OPTIONAL_INCORRECT,
		D "/streams/0/subprotocol" },
	{ ADD(D "/replaceHttpUrl", "{}"), PROBLEM_OPTIONAL_INCORRECT, D "/replaceHttpUrl" },
	{ ADD(D "/replaceHttpUrl/0", "{}"), PROBLEM_IE_MISSING,
		D "/replaceHttpUrl/0/replaceHttpUrl" },
	{ ADD(D "/replaceHttpUrl/0/replaceHttpUrl", "\"ftp://x/\""), PROBLEM_IE_INCORRECT,
		D "/replaceHttpUrl/0/replaceHttpUrl" },
	{ ADD(D "/replaceHttpUrl/0/replaceHttpUrl", "\"/alice\""), PROBLEM_IE_INCORRECT,
		D "/replaceHttpUrl/0/replaceHttpUrl" },
	{ ADD(D "/replaceHttpUrl/0/streamId", "4"), PROBLEM_IE_INCORRECT,
		D "/replaceHttpUrl/0/streamId" },
	{ ADD(D "/maxMessageSize", "65"), PROBLEM_OPTIONAL_INCORRECT, D "/maxMessageSize" },
	{ ADD(D "/maxMessageSize", "-1"), PROBLEM_OPTIONAL_INCORRECT, D "/maxMessageSize" },
	{ ADD(D "/mdc1Info", "{\"remoteMdc1Endpoint\":{\"ip\":{\"ipv4Addr\":\"127.0.0.1\"},"
			     "\"portNumber\":0}}"),
		PROBLEM_IE_INCORRECT, D "/mdc1Info/remoteMdc1Endpoint/portNumber" },
	{ ADD(D "/mdc1Info", "{\"remoteMdc1Endpoint\":{\"ip\":{\"ipv4Addr\":\"127.0.0.1\"},"
			     "\"portNumber\":80,\"sctpPort\":5}}"),
		PROBLEM_OPTIONAL_INCORRECT, D "/mdc1Info/remoteMdc1Endpoint/sctpPort" },
	{ ADD(D "/mdc1Info", "{\"remoteMdc1Endpoint\":{\"ip\":{\"ipv4Addr\":\"127.0.0.1\"},"
			     "\"portNumber\":80,\"transport\":\"TCP\"}}"),
		PROBLEM_OPTIONAL_INCORRECT, D "/mdc1Info/remoteMdc1Endpoint/transport" },
	{ ADD(D "/mdc2Info", "{\"mdc2Protocol\":\"PIGEON\"}"), PROBLEM_NOT_BUILT,
		D "/mdc2Info/mdc2Protocol" },
	{ ADD(D "/mdc2Info", "{\"remoteMdc2Endpoint\":{\"ip\":{\"ipv4Addr\":\"127.0.0.1\"},"
			     "\"portNumber\":80,\"transport\":\"TCP\"}}"),
		PROBLEM_OPTIONAL_INCORRECT, D "/mdc2Info/remoteMdc2Endpoint/transport" },
	{ ADD(D "/mdc2Info", "{\"mdc2Protocol\":1}"), PROBLEM_OPTIONAL_INCORRECT,
		D "/mdc2Info/mdc2Protocol" },
	{ ADD(D "/interworkingInfo", "{\"transcodeMode\":\"DC_TO_VIDEO\"}"), PROBLEM_NOT_BUILT,
		D "/interworkingInfo" },
	{ ADD(D "/interworkingInfo", "{}"), PROBLEM_IE_MISSING,
		D "/interworkingInfo/transcodeMode" },
	{ ADD(D "/localDcEndpoint", "{\"sctpPort\":70000}"), PROBLEM_OPTIONAL_INCORRECT,
		D "/localDcEndpoint/sctpPort" },
	{ ADD(D "/remoteDcEndpoint/sctpPort", "0"), PROBLEM_OPTIONAL_INCORRECT,
		D "/remoteDcEndpoint/sctpPort" },
	{ ADD(D "/remoteDcEndpoint/fingerprints", "[]"), PROBLEM_OPTIONAL_INCORRECT,
		D "/remoteDcEndpoint/fingerprints" },
	{ ADD(D "/remoteDcEndpoint/fingerprints", "[\"SHA-256 00\"]"), PROBLEM_OPTIONAL_INCORRECT,
		D "/remoteDcEndpoint/fingerprints/0" },
	{ ADD(D "/remoteDcEndpoint/fingerprints", "[\"" SHA1 "\"]"), PROBLEM_SECURITY_POLICY,
		D "/remoteDcEndpoint/fingerprints" },
	{ ADD(D "/remoteDcEndpoint", "{\"fingerprint\":\"" FP "\",\"fingerprints\":[" WEAK8 "]}"),
		PROBLEM_OPTIONAL_INCORRECT, D "/remoteDcEndpoint/fingerprint" },
	{ ADD(D "/remoteDcEndpoint", "{\"fingerprint\":\"" MD5 "\"}"), PROBLEM_SECURITY_POLICY,
		D "/remoteDcEndpoint/fingerprint" },
	{ ADD(D "/remoteDcEndpoint/tlsId", "\"tooshort\""), PROBLEM_OPTIONAL_INCORRECT,
		D "/remoteDcEndpoint/tlsId" },
	{ ADD(D "/remoteDcEndpoint/tlsId", "\"abcdefghijklmnopqrs!\""), PROBLEM_OPTIONAL_INCORRECT,
		D "/remoteDcEndpoint/tlsId" },
	{ ADD(D "/remoteDcEndpoint/securitySetup", "\"HOLDCONN\""), PROBLEM_NOT_BUILT,
		D "/remoteDcEndpoint/securitySetup" },
	/* dcmf of a media */
	{ ADD(M "/dcmf", "{\"ice\":{\"ufrag\":\"abcd\"}}"), PROBLEM_OPTIONAL_INCORRECT,
		M "/dcmf/ice" },
	{ ADD(M "/dcmf", "{\"ice\":{\"ufrag\":\"abc\",\"pwd\":\"aaaaaaaaaaaaaaaaaaaaaa\"}}"),
		PROBLEM_OPTIONAL_INCORRECT, M "/dcmf/ice/ufrag" },
	{ ADD(M "/dcmf", "{\"ice\":{\"ufrag\":\"abcd\",\"pwd\":\"short\"}}"),
		PROBLEM_OPTIONAL_INCORRECT, M "/dcmf/ice/pwd" },
	{ ADD(M "/dcmf", "{\"ice\":{\"ufrag\":\"ab d\",\"pwd\":\"aaaaaaaaaaaaaaaaaaaaaa\"}}"),
		PROBLEM_OPTIONAL_INCORRECT, M "/dcmf/ice/ufrag" },
	{ ADD(M "/dcmf", "{\"ice\":{\"candidates\":[1]}}"), PROBLEM_OPTIONAL_INCORRECT,
		M "/dcmf/ice/candidates/0" },
	{ ADD(M "/dcmf", "{\"ice\":{\"lite\":\"yes\"}}"), PROBLEM_OPTIONAL_INCORRECT,
		M "/dcmf/ice/lite" },
	{ ADD(M "/dcmf", "{\"securityMode\":\"E2E\"}"), PROBLEM_SECURITY_POLICY,
		M "/dcmf/securityMode" },
	{ ADD(M "/dcmf", "{\"labels\":{\"x\":\"a\"}}"), PROBLEM_OPTIONAL_INCORRECT,
		M "/dcmf/labels/x" },
	{ ADD(M "/dcmf", "{\"labels\":{\"0\":1}}"), PROBLEM_OPTIONAL_INCORRECT,
		M "/dcmf/labels/0" },
	{ ADD(M "/dcmf", "{\"applications\":{\"1000\":1}}"), PROBLEM_OPTIONAL_INCORRECT,
		M "/dcmf/applications/1000" },
	{ ADD(M "/dcmf", "{\"maxMessageSize\":4294967296}"), PROBLEM_OPTIONAL_INCORRECT,
		M "/dcmf/maxMessageSize" },
	{ ADD(M "/dcmf", "{\"interface\":\"\"}"), PROBLEM_OPTIONAL_INCORRECT, M "/dcmf/interface" },
	{ ADD(M "/dcmf", "{\"setup\":1}"), PROBLEM_OPTIONAL_INCORRECT, M "/dcmf/setup" },
	{ ADD(M "/dcmf", "{\"setup\":\"ACTPASS\"}"), PROBLEM_NOT_BUILT, M "/dcmf/setup" },
	{ ADD(M "/dcmf", "{\"fingerprintHash\":\"SHA-1\"}"), PROBLEM_NOT_BUILT,
		M "/dcmf/fingerprintHash" },
	{ ADD(M "/dcmf", "{\"acceptDcep\":1}"), PROBLEM_OPTIONAL_INCORRECT, M "/dcmf/acceptDcep" },
	{ ADD(M "/dcmf", "{\"dcep\":true}"), PROBLEM_OPTIONAL_INCORRECT, M "/dcmf/dcep" },
	{ "[{\"op\":\"add\",\"path\":\"" M "/dcmf\",\"value\":{\"ice\":{},\"acceptDcep\":false}},"
	  "{\"op\":\"remove\",\"path\":\"" D "/streams\"}]",
		PROBLEM_IE_MISSING, D "/streams" },
};

START_TEST(everything_else_is_refused_and_named)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		json_t *doc = sample_changed(refused[i].operations);
		struct problem p = { .kind = PROBLEM_NONE };
		const char *param;
		bool rel18;

		ck_assert_msg(!document_check(doc, &sample_rules, &rel18, &p), "%s",
			refused[i].operations);
		param = js_get_text(json_array_get(p.invalid_params, 0), "param");
		ck_assert_msg(p.kind == refused[i].kind, "%s: %d %s", refused[i].operations, p.kind,
			p.detail);
		ck_assert_msg(strcmp(param, refused[i].param) == 0, "%s: %s", refused[i].operations,
			p.detail);
		problem_finish(&p);
		json_decref(doc);
	}
}
END_TEST

START_TEST(every_fault_is_listed_and_what_is_wrong_wins_over_what_is_not_built)
{
	json_t *doc = sample_changed(
		"[{\"op\":\"add\",\"path\":\"" M "/mediaProcessingUri\",\"value\":\"x\"},"
		"{\"op\":\"add\",\"path\":\"" D "/maxMessageSize\",\"value\":99},"
		"{\"op\":\"remove\",\"path\":\"" M "/mediaId\"},"
		"{\"op\":\"add\",\"path\":\"" M "/colour\",\"value\":1}]");
	struct problem p = { .kind = PROBLEM_NONE };
	bool rel18;

	ck_assert(!document_check(doc, &sample_rules, &rel18, &p));
	ck_assert_int_eq(problem_status(p.kind), 400);
	ck_assert_uint_eq(json_array_size(p.invalid_params), 3);
	problem_finish(&p);
	json_decref(doc);
}
END_TEST

START_TEST(hostile_documents_are_bounded)
{
	static const char *const texts[] = { "[]", "5", "null", "\"x\"", "{\"terminations\":[[]]}",
		"{\"terminations\":[{\"terminationId\":{},\"medias\":[{\"dcMedia\":[],\"dcmf\":3}]}"
		"]}",
		"{\"terminations\":{\"medias\":[{\"dcMedia\":{\"streams\":[1],\"remoteDcEndpoint\":"
		"3}}]}}" };
	json_t *doc, *many = json_object();
	struct problem p = { .kind = PROBLEM_NONE };
	char key[16];
	bool rel18;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		doc = json_loads(texts[i], JSON_DECODE_ANY, NULL);
		ck_assert_msg(!document_check(doc, &sample_rules, &rel18, &p), "%s", texts[i]);
		ck_assert_int_eq(problem_status(p.kind), 400);
		problem_finish(&p);
		json_decref(doc);
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "x%d", i);
		json_object_set_new(many, key, json_integer(i));
	}
	ck_assert(!document_check(many, &sample_rules, &rel18, &p));
	ck_assert_uint_eq(json_array_size(p.invalid_params), 16);
	problem_finish(&p);
	json_decref(many);
}
END_TEST

/* The early shape */

START_TEST(the_early_shape_is_taken_and_means_the_same)
{
	json_t *doc = sample_load(sample_early);
	struct problem p = { .kind = PROBLEM_NONE };
	struct context_spec spec;
	char wish[FAKE_WISH_MAX];
	const json_t *dc;
	bool rel18 = false;

	ck_assert_msg(document_check(doc, &sample_rules, &rel18, &p), "%s", p.detail);
	ck_assert(rel18);
	ck_assert(document_decode(doc, &sample_rules, NULL, &spec, &p));
	ck_assert_str_eq(fake_wish(&spec, wish),
		"owner=- ue{m0 http if=- remote=- ice=- fp=1 setup=active sctp=5001 max=65536 "
		"tls=- dcep=no "
		"0[ordered reliable 256 label=- http] 0>https://dcsf.example/@192.0.2.5:443}");
	context_spec_finish(&spec);
	dc = json_object_get(
		json_array_get(
			json_object_get(
				json_array_get(json_object_get(doc, "terminations"), 0), "medias"),
			0),
		"dcMedia");
	ck_assert_str_eq(js_get_text(dc, "mediaProxyConfig"), "HTTP_PROXY");
	ck_assert_ptr_null(json_object_get(dc, "remoteMdc1Endpoint"));
	ck_assert_ptr_null(json_object_get(dc, "securitySetup"));
	ck_assert_ptr_nonnull(
		json_object_get(json_object_get(dc, "mdc1Info"), "remoteMdc1Endpoint"));
	json_decref(doc);
}
END_TEST

START_TEST(the_early_shape_survives_the_way_there_and_back)
{
	json_t *doc = sample_load(sample_early), *back, *again;
	struct problem p = { .kind = PROBLEM_NONE };
	bool rel18;

	ck_assert(document_check(doc, &sample_rules, &rel18, &p));
	back = document_to_rel18(doc);
	again = json_deep_copy(back);
	ck_assert_msg(document_check(again, &sample_rules, &rel18, &p), "%s", p.detail);
	ck_assert(rel18);
	ck_assert(json_equal(again, doc));
	json_decref(again);
	again = document_to_rel18(doc);
	ck_assert(json_equal(again, back));
	json_decref(doc);
	json_decref(back);
	json_decref(again);
}
END_TEST

START_TEST(the_proxy_may_be_absent_only_in_the_early_shape)
{
	static const char plain[] =
		"{\"terminations\":[{\"terminationId\":\"ue\",\"medias\":[{\"mediaId\":\"m0\","
		"\"mediaResourceType\":\"DC\","
		"\"dcMedia\":{\"streams\":{\"0\":{}},\"remoteDcEndpoint\":{\"fingerprint\":\"" FP
		"\"}}}]}]}";
	json_t *doc = sample_load(plain);
	struct problem p = { .kind = PROBLEM_NONE };
	bool rel18;

	ck_assert_msg(document_check(doc, &sample_rules, &rel18, &p), "%s", p.detail);
	ck_assert(rel18);
	json_decref(doc);
	doc = sample_changed(REMOVE(D "/mediaProxyConfig"));
	ck_assert(!document_check(doc, &sample_rules, &rel18, &p));
	ck_assert_int_eq(p.kind, PROBLEM_IE_MISSING);
	problem_finish(&p);
	json_decref(doc);
}
END_TEST

START_TEST(faults_of_the_early_shape_point_into_the_early_shape)
{
	static const struct {
		const char *operations;
		enum problem_kind kind;
		const char *param;
	} cases[] = {
		{ ADD(D "/remoteMdc1Endpoint/portNumber", "0"), PROBLEM_IE_INCORRECT,
			D "/remoteMdc1Endpoint/portNumber" },
		{ ADD(D "/remoteMdc1Endpoint/transport", "\"UDP\""), PROBLEM_NOT_BUILT,
			D "/remoteMdc1Endpoint/transport" },
		{ ADD(D "/securitySetup", "\"X\""), PROBLEM_NOT_BUILT, D "/securitySetup" },
		{ ADD(D "/mdc2Protocol", "\"PIGEON\""), PROBLEM_NOT_BUILT, D "/mdc2Protocol" },
		{ ADD(D "/streams/0/appBindingInfo", "1"), PROBLEM_OPTIONAL_INCORRECT,
			D "/streams/0/appBindingInfo" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *doc = sample_load(sample_early), *patch = sample_load(cases[i].operations),
		       *bad;
		struct problem p = { .kind = PROBLEM_NONE };
		bool rel18;

		bad = patch_apply(doc, patch, &p);
		ck_assert(!document_check(bad, &sample_rules, &rel18, &p));
		ck_assert_msg(p.kind == cases[i].kind, "%s", p.detail);
		ck_assert_str_eq(
			js_get_text(json_array_get(p.invalid_params, 0), "param"), cases[i].param);
		problem_finish(&p);
		json_decref(doc);
		json_decref(patch);
		json_decref(bad);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("document");
	TCase *t = tcase_create("document");

	control_init();
	tcase_add_test(t, what_the_standard_and_the_extension_say_is_accepted);
	tcase_add_test(t, everything_else_is_refused_and_named);
	tcase_add_test(t, every_fault_is_listed_and_what_is_wrong_wins_over_what_is_not_built);
	tcase_add_test(t, hostile_documents_are_bounded);
	tcase_add_test(t, the_early_shape_is_taken_and_means_the_same);
	tcase_add_test(t, the_early_shape_survives_the_way_there_and_back);
	tcase_add_test(t, the_proxy_may_be_absent_only_in_the_early_shape);
	tcase_add_test(t, faults_of_the_early_shape_point_into_the_early_shape);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
