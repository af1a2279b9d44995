/* test_document.c: what a MediaContext document may say, what it becomes for the relay, and what controllers are shown of it. */
#include <stdio.h>
#include <string.h>

#include "control/document.h"
#include "control/json.h"
#include "control/patch.h"
#include "control/policy.h"
#include "dcmf/base/alloc.h"
#include "fake_relay.h"
#include "tests/unit/main.h"

#define FP                                                                                        \
	"SHA-256 "                                                                                \
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:" \
	"DD:EE:FF"
#define FP_LOWER                                                                                  \
	"sha-256 "                                                                                \
	"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:" \
	"dd:ee:ff"
#define SHA1 "SHA-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33"
#define MD5  "MD5 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"

/* A bootstrap media of a phone without ICE; most cases are this with a patch. */
static const char base[] = "{\"terminations\":[{\"terminationId\":\"ue\",\"medias\":[{\"mediaId\":"
			   "\"m0\",\"mediaResourceType\":\"DC\","
			   "\"remoteMbEndpoint\":{\"ip\":{\"ipv4Addr\":\"192.0.2.1\"},"
			   "\"transport\":\"UDP\",\"portNumber\":4000},"
			   "\"dcMedia\":{\"mediaProxyConfig\":\"HTTP_PROXY\",\"streams\":{\"0\":{"
			   "\"streamId\":0,\"subprotocol\":\"http\"}},"
			   "\"replaceHttpUrl\":{\"0\":{\"streamId\":0,\"replaceHttpUrl\":\"http://"
			   "127.0.0.1/alice\"}},\"maxMessageSize\":64,"
			   "\"remoteDcEndpoint\":{\"sctpPort\":5000,\"fingerprints\":[\"" FP
			   "\"],\"tlsId\":\"abcdefghijklmnopqrst\","
			   "\"securitySetup\":\"ACTPASS\"}}}]}]}";

/* In patches: M is the media, D its dcMedia. */
#define M "/terminations/0/medias/0"
#define D M "/dcMedia"

static const struct document_rules rules = {
	.max_streams = 2048, .max_message = 262144, .mdc1_plain_loopback = true
};

static json_t *load(const char *text)
{
	json_error_t e;
	json_t *value = json_loads(text, 0, &e);

	ck_assert_msg(value != NULL, "%s: %s", e.text, text);
	return value;
}

/* The base document with operations: "add /path value", one a line. */
static json_t *changed(const char *operations)
{
	json_t *doc = load(base), *patch, *result;
	struct problem p = { .kind = PROBLEM_NONE };

	if (operations[0] == '\0')
		return doc;
	patch = load(operations);
	result = patch_apply(doc, patch, &p);
	ck_assert_msg(result != NULL, "%s: %s", operations, p.detail);
	json_decref(doc);
	json_decref(patch);
	return result;
}

#define ADD(path, value) "[{\"op\":\"add\",\"path\":\"" path "\",\"value\":" value "}]"
#define REMOVE(path)     "[{\"op\":\"remove\",\"path\":\"" path "\"}]"
#define TEXT256                                                            \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

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
	"[{\"op\":\"add\",\"path\":\"" M
	"/dcmf\",\"value\":{\"acceptDcep\":true}},{\"op\":\"remove\",\"path\":\"" D "/streams\"}]",
	"[{\"op\":\"add\",\"path\":\"" M
	"/dcmf\",\"value\":{\"ice\":{}}},{\"op\":\"replace\",\"path\":\"" D
	"/streams\",\"value\":{}}]",
};

START_TEST(what_the_standard_and_the_extension_say_is_accepted)
{
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		json_t *doc = changed(accepted[i]);
		struct problem p = { .kind = PROBLEM_NONE };
		bool rel18 = true;

		ck_assert_msg(
			document_check(doc, &rules, &rel18, &p), "%s: %s", accepted[i], p.detail);
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
	{ ADD(D "/mediaProxyConfig", "\"UDP_PROXY\""), PROBLEM_SECURITY_POLICY,
		D "/mediaProxyConfig" },
	{ "[{\"op\":\"add\",\"path\":\"" D "/mediaProxyConfig\",\"value\":\"UDP_PROXY\"},"
	  "{\"op\":\"replace\",\"path\":\"" D
	  "/streams\",\"value\":{\"1000\":{\"streamId\":1000}}}]",
		PROBLEM_NOT_BUILT, D "/mediaProxyConfig" },
	{ ADD(D "/mediaProxyConfig", "\"DC_APPLICATION_PROXY\""), PROBLEM_NOT_BUILT,
		D "/mediaProxyConfig" },
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
		PROBLEM_NOT_BUILT, D "/mdc1Info/remoteMdc1Endpoint/sctpPort" },
	{ ADD(D "/mdc1Info", "{\"remoteMdc1Endpoint\":{\"ip\":{\"ipv4Addr\":\"127.0.0.1\"},"
			     "\"portNumber\":80,\"transport\":\"TCP\"}}"),
		PROBLEM_OPTIONAL_INCORRECT, D "/mdc1Info/remoteMdc1Endpoint/transport" },
	{ ADD(D "/mdc2Info", "{\"mdc2Protocol\":\"TCP\"}"), PROBLEM_NOT_BUILT, D "/mdc2Info" },
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
	{ ADD(M "/dcmf", "{\"maxMessageSize\":4294967296}"), PROBLEM_OPTIONAL_INCORRECT,
		M "/dcmf/maxMessageSize" },
	{ ADD(M "/dcmf", "{\"interface\":\"\"}"), PROBLEM_OPTIONAL_INCORRECT, M "/dcmf/interface" },
	{ ADD(M "/dcmf", "{\"acceptDcep\":1}"), PROBLEM_OPTIONAL_INCORRECT, M "/dcmf/acceptDcep" },
	{ ADD(M "/dcmf", "{\"dcep\":true}"), PROBLEM_OPTIONAL_INCORRECT, M "/dcmf/dcep" },
	{ "[{\"op\":\"add\",\"path\":\"" M "/dcmf\",\"value\":{\"ice\":{},\"acceptDcep\":false}},"
	  "{\"op\":\"remove\",\"path\":\"" D "/streams\"}]",
		PROBLEM_IE_MISSING, D "/streams" },
};

START_TEST(everything_else_is_refused_and_named)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		json_t *doc = changed(refused[i].operations);
		struct problem p = { .kind = PROBLEM_NONE };
		const char *param;
		bool rel18;

		ck_assert_msg(
			!document_check(doc, &rules, &rel18, &p), "%s", refused[i].operations);
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
	json_t *doc =
		changed("[{\"op\":\"add\",\"path\":\"" M "/mediaProcessingUri\",\"value\":\"x\"},"
			"{\"op\":\"add\",\"path\":\"" D "/maxMessageSize\",\"value\":99},"
			"{\"op\":\"remove\",\"path\":\"" M "/mediaId\"},"
			"{\"op\":\"add\",\"path\":\"" M "/colour\",\"value\":1}]");
	struct problem p = { .kind = PROBLEM_NONE };
	bool rel18;

	ck_assert(!document_check(doc, &rules, &rel18, &p));
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
		ck_assert_msg(!document_check(doc, &rules, &rel18, &p), "%s", texts[i]);
		ck_assert_int_eq(problem_status(p.kind), 400);
		problem_finish(&p);
		json_decref(doc);
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "x%d", i);
		json_object_set_new(many, key, json_integer(i));
	}
	ck_assert(!document_check(many, &rules, &rel18, &p));
	ck_assert_uint_eq(json_array_size(p.invalid_params), 16);
	problem_finish(&p);
	json_decref(many);
}
END_TEST

/* Into wishes */

static const char *wish_by(const char *operations, const struct document_rules *r,
	const char *resolved, struct problem *p)
{
	static char buf[FAKE_WISH_MAX];
	json_t *doc = changed(operations), *hosts = resolved != NULL ? load(resolved) : NULL;
	struct context_spec spec;
	bool rel18;

	ck_assert_msg(document_check(doc, r, &rel18, p), "%s: %s", operations, p->detail);
	buf[0] = '\0';
	if (document_decode(doc, r, hosts, &spec, p)) {
		fake_wish(&spec, buf);
		context_spec_finish(&spec);
	}
	json_decref(doc);
	json_decref(hosts);
	return buf;
}

static void expect_wish(const char *operations, const char *part)
{
	struct problem p = { .kind = PROBLEM_NONE };
	const char *wish = wish_by(operations, &rules, NULL, &p);

	ck_assert_msg(strstr(wish, part) != NULL, "%s\n%s\n%s", operations, wish, p.detail);
}

START_TEST(a_document_becomes_a_wish)
{
	expect_wish("", "owner=- ue{m0 http if=- remote=192.0.2.1:4000 ice=- fp=1 setup=actpass "
			"sctp=5000 max=65536 "
			"tls=abcdefghijklmnopqrst dcep=no 0[ordered reliable 256 label=- http] "
			"0>http://127.0.0.1/alice@127.0.0.1:80}");
	expect_wish(ADD("/dcmf", "{\"owner\":\"alice\"}"), "owner=alice ");
}
END_TEST

START_TEST(what_is_not_told_is_not_known)
{
	expect_wish("[{\"op\":\"remove\",\"path\":\"" M
		    "/remoteMbEndpoint\"},{\"op\":\"remove\",\"path\":\"" D
		    "/remoteDcEndpoint\"},{\"op\":\"remove\",\"path\":\"" D "/maxMessageSize\"}]",
		"remote=- ice=- fp=0 setup=none sctp=5000 max=65536 tls=-");
	expect_wish(ADD(M "/remoteMbEndpoint/portNumber", "0"), "remote=- ");
	expect_wish(ADD(M "/remoteMbEndpoint/ip/ipv4Addr", "\"0.0.0.0\""), "remote=- ");
}
END_TEST

START_TEST(message_sizes_count_in_kib_unless_told_exactly)
{
	expect_wish(ADD(D "/maxMessageSize", "1"), "max=1024 ");
	expect_wish(ADD(D "/maxMessageSize", "0"), "max=0 ");
	expect_wish(ADD(M "/dcmf", "{\"maxMessageSize\":1000}"), "max=1000 ");
	expect_wish(ADD(M "/dcmf", "{\"maxMessageSize\":0}"), "max=0 ");
}
END_TEST

START_TEST(reliability_copes_with_written_defaults)
{
	expect_wish(ADD(D "/streams/10", "{\"streamId\":10}"), "10[ordered reliable 256");
	expect_wish(ADD(D "/streams/10", "{\"streamId\":10,\"maxRetry\":0,\"maxTime\":0}"),
		"10[ordered reliable 256");
	expect_wish(
		ADD(D "/streams/10", "{\"streamId\":10,\"maxRetry\":0}"), "10[ordered retr=0 256");
	expect_wish(
		ADD(D "/streams/10", "{\"streamId\":10,\"maxTime\":0}"), "10[ordered time=0 256");
	expect_wish(ADD(D "/streams/10", "{\"streamId\":10,\"maxRetry\":0,\"maxTime\":7}"),
		"10[ordered time=7 256");
	expect_wish(ADD(D "/streams/10", "{\"streamId\":10,\"maxRetry\":7,\"maxTime\":0,\"order\":"
					 "false,\"priority\":1}"),
		"10[unordered retr=7 1 ");
}
END_TEST

START_TEST(streams_are_ordered_by_id_and_carry_their_labels)
{
	expect_wish("[{\"op\":\"replace\",\"path\":\"" D
		    "/streams\",\"value\":{\"110\":{\"streamId\":110},\"10\":{\"streamId\":10}}},"
		    "{\"op\":\"add\",\"path\":\"" M
		    "/dcmf\",\"value\":{\"labels\":{\"110\":\"remote\"},\"interface\":\"core\"}}]",
		"10[ordered reliable 256 label=- -] 110[ordered reliable 256 label=remote -]");
	expect_wish(ADD(M "/dcmf", "{\"interface\":\"core\"}"), "if=core ");
}
END_TEST

START_TEST(ice_is_asked_for_by_its_presence_but_not_by_a_lite_peer)
{
	expect_wish(ADD(M "/dcmf", "{\"ice\":{}}"), "ice=: fp=1");
	expect_wish(ADD(M "/dcmf", "{\"ice\":{}}"), "dcep=yes");
	expect_wish(ADD(M "/dcmf", "{\"ice\":{},\"acceptDcep\":false}"), "dcep=no");
	expect_wish(ADD(M "/dcmf", "{\"ice\":{\"ufrag\":\"abcd\",\"pwd\":"
				   "\"aaaaaaaaaaaaaaaaaaaaaa\",\"restart\":true}}"),
		"ice=abcd:aaaaaaaaaaaaaaaaaaaaaa! ");
	expect_wish(ADD(M "/dcmf", "{\"ice\":{\"ufrag\":\"abcd\",\"pwd\":"
				   "\"aaaaaaaaaaaaaaaaaaaaaa\",\"lite\":true}}"),
		"ice=- fp=1 setup=actpass sctp=5000 max=65536 tls=abcdefghijklmnopqrst dcep=no");
	expect_wish(ADD(M "/dcmf", "{\"acceptDcep\":true}"), "dcep=yes");
}
END_TEST

START_TEST(weak_fingerprints_are_never_matched)
{
	expect_wish(ADD(D "/remoteDcEndpoint/fingerprints", "[\"" SHA1 "\",\"" FP "\"]"), "fp=1 ");
	expect_wish(ADD(D "/remoteDcEndpoint",
			    "{\"fingerprint\":\"" FP_LOWER "\",\"fingerprints\":[\"" FP "\"]}"),
		"fp=1 ");
}
END_TEST

START_TEST(a_root_is_at_its_endpoint_or_its_resolved_or_literal_host)
{
	static const char named[] =
		ADD(D "/replaceHttpUrl/0/replaceHttpUrl", "\"https://dcsf.example/a\"");
	struct problem p = { .kind = PROBLEM_NONE };

	ck_assert_ptr_nonnull(
		strstr(wish_by(named, &rules, "{\"dcsf.example:443\":\"192.0.2.80:443\"}", &p),
			"0>https://dcsf.example/a@192.0.2.80:443"));
	ck_assert_str_eq(wish_by(named, &rules, NULL, &p), "");
	ck_assert_int_eq(p.kind, PROBLEM_OPTIONAL_INCORRECT);
	ck_assert_ptr_nonnull(strstr(p.detail, "dcsf.example"));
	problem_finish(&p);
	expect_wish("[{\"op\":\"add\",\"path\":\"" D
		    "/replaceHttpUrl/0/replaceHttpUrl\",\"value\":\"https://dcsf.example/a\"},"
		    "{\"op\":\"add\",\"path\":\"" D "/mdc1Info\",\"value\":{\"remoteMdc1Endpoint\":"
						    "{\"ip\":{\"ipv4Addr\":\"192.0.2.9\"},"
		    "\"portNumber\":8443}}}]",
		"0>https://dcsf.example/a@192.0.2.9:8443");
	expect_wish(ADD(D "/replaceHttpUrl/0/replaceHttpUrl", "\"https://[2001:db8::1]/a\""),
		"0>https://[2001:db8::1]/a@[2001:db8::1]:443");
}
END_TEST

static struct document_rules with_embedded(void)
{
	struct document_rules r = rules;

	r.embedded_root = "http://127.0.0.1:9999/";
	addr_parse(SPAN_LIT("127.0.0.1:9999"), &r.embedded_addr);
	return r;
}

START_TEST(streams_without_a_root_get_the_embedded_one)
{
	struct document_rules r = with_embedded();
	struct problem p = { .kind = PROBLEM_NONE };
	const char *wish;

	wish = wish_by(ADD(D "/streams/10", "{\"streamId\":10}"), &r, NULL, &p);
	ck_assert_ptr_nonnull(strstr(wish, " 0>http://127.0.0.1/alice@127.0.0.1:80 "
					   "10>http://127.0.0.1:9999/@127.0.0.1:9999}"));
	wish = wish_by(ADD(M "/dcmf", "{\"acceptDcep\":true}"), &r, NULL, &p);
	ck_assert_ptr_nonnull(
		strstr(wish, "@127.0.0.1:80 65535>http://127.0.0.1:9999/@127.0.0.1:9999}"));
	r.mdc1_plain_loopback = false; /* it is a part of the node */
	wish = wish_by(REMOVE(D "/replaceHttpUrl"), &r, NULL, &p);
	ck_assert_ptr_nonnull(strstr(wish, "0>http://127.0.0.1:9999/@127.0.0.1:9999}"));
	/* another MDC1 endpoint was named: the embedded one is not meant */
	wish = wish_by("[{\"op\":\"remove\",\"path\":\"" D
		       "/replaceHttpUrl\"},{\"op\":\"add\",\"path\":\"" D
		       "/mdc1Info\",\"value\":{\"remoteMdc1Endpoint\":{\"ip\":{\"ipv4Addr\":\"127."
		       "0.0.1\"},\"portNumber\":80}}}]",
		&r, NULL, &p);
	ck_assert_ptr_null(strchr(wish, '>'));
	/* and without an embedded one there is none */
	ck_assert_ptr_null(strchr(wish_by(REMOVE(D "/replaceHttpUrl"), &rules, NULL, &p), '>'));
	ck_assert_int_eq(p.kind, PROBLEM_NONE);
}
END_TEST

START_TEST(plain_http_is_fetched_only_where_it_is_allowed)
{
	static const char *const urls[] = { "http://127.0.0.1/", "http://10.1.2.3/",
		"http://192.0.2.1/", "https://192.0.2.1/" };
	/* by mdc1.allow_plain: never, loopback, operator, always */
	static const bool allowed[4][4] = { { 0, 0, 0, 1 }, { 1, 0, 0, 1 }, { 1, 1, 0, 1 },
		{ 1, 1, 1, 1 } };
	struct policy policy = { 0 };
	const char *why;

	ck_assert(policy_add_network(&policy, SPAN_LIT("10.0.0.0/8"), &why));
	for (int plain = 0; plain < 4; plain++) {
		struct document_rules r = { .max_streams = 2048,
			.mdc1_plain_loopback = plain >= 1,
			.mdc1_plain_operator = plain >= 2,
			.mdc1_plain_always = plain >= 3,
			.policy = &policy };

		for (int u = 0; u < 4; u++) {
			struct problem p = { .kind = PROBLEM_NONE };
			char change[256];
			bool granted;

			snprintf(change, sizeof(change),
				ADD(D "/replaceHttpUrl/0/replaceHttpUrl", "\"%s\""), urls[u]);
			granted = wish_by(change, &r, NULL, &p)[0] != '\0';
			ck_assert_msg(granted == allowed[plain][u], "%d %s: %s", plain, urls[u],
				p.detail);
			if (!granted) {
				ck_assert_int_eq(p.kind, PROBLEM_SECURITY_POLICY);
				ck_assert_ptr_nonnull(strstr(p.detail, "mdc1.allow_plain"));
			}
			problem_finish(&p);
		}
	}
	policy_finish(&policy);
}
END_TEST

START_TEST(a_policy_rule_can_refuse_a_root)
{
	struct policy policy = { 0 };
	struct document_rules r = rules;
	struct problem p = { .kind = PROBLEM_NONE };
	const char *why;

	ck_assert_ptr_nonnull(policy_add_rule(&policy));
	ck_assert(policy_rule_match(&policy.rules[0], "third_party", "evil.example", &why));
	r.policy = &policy;
	ck_assert_str_ne(wish_by("", &r, NULL, &p), "");
	ck_assert_str_eq(
		wish_by(ADD("/dcmf", "{\"thirdParty\":\"evil.example\"}"), &r, NULL, &p), "");
	ck_assert_int_eq(p.kind, PROBLEM_SECURITY_POLICY);
	ck_assert_ptr_nonnull(strstr(p.detail, "policy.rules[0]"));
	problem_finish(&p);
	policy_finish(&policy);
}
END_TEST

static void collect(void *arg, const char *host, uint16_t port)
{
	char *text = arg;

	sprintf(text + strlen(text), "%s:%u ", host, port);
}

START_TEST(hosts_to_resolve_are_found_in_documents_and_patches)
{
	static const struct {
		const char *json, *hosts;
	} cases[] = {
		{ "{\"replaceHttpUrl\":{\"0\":{\"replaceHttpUrl\":\"https://a.example/"
		  "x\"},\"10\":{\"replaceHttpUrl\":"
		  "\"http://b.example:81\"}}}",
			"a.example:443 b.example:81 " },
		{ "{\"mdc1Info\":{\"remoteMdc1Endpoint\":{}},\"replaceHttpUrl\":{\"0\":{"
		  "\"replaceHttpUrl\":\"https://a/\"}}}",
			"" },
		{ "{\"remoteMdc1Endpoint\":{},\"replaceHttpUrl\":{\"0\":{\"replaceHttpUrl\":"
		  "\"https://a/\"}}}",
			"" },
		{ "[{\"op\":\"add\",\"path\":\"/a/replaceHttpUrl/"
		  "0\",\"value\":{\"replaceHttpUrl\":\"http://c/\"}}]",
			"c:80 " },
		{ "[{\"op\":\"replace\",\"path\":\"/a/replaceHttpUrl/0/"
		  "replaceHttpUrl\",\"value\":\"http://d/\"}]",
			"d:80 " },
		{ "[{\"op\":\"replace\",\"path\":\"/a/colour\",\"value\":\"http://d/\"}]", "" },
		{ "{\"replaceHttpUrl\":\"http://192.0.2.1/\"}", "" },
		{ "{\"replaceHttpUrl\":\"nonsense\"}", "" },
		{ "[1,\"x\",null]", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *value = load(cases[i].json);
		char hosts[256] = "";

		document_hosts(value, collect, hosts);
		ck_assert_str_eq(hosts, cases[i].hosts);
		json_decref(value);
	}
}
END_TEST

/* The early shape */

static const char early[] =
	"{\"terminations\":[{\"terminationId\":\"ue\",\"medias\":[{\"mediaId\":\"m0\","
	"\"mediaResourceType\":\"DC\","
	"\"dcMedia\":{\"mediaProxyConfig\":\"HTTP\",\"streams\":{\"0\":{\"subprotocol\":\"http\","
	"\"appBindingInfo\":\"x\"}},"
	"\"replaceHttpUrl\":{\"0\":{\"replaceHttpUrl\":\"https://dcsf.example/\"}},"
	"\"remoteMdc1Endpoint\":{\"ip\":{\"ipv4Addr\":\"192.0.2.5\"},\"transport\":\"TCP\","
	"\"portNumber\":443},"
	"\"remoteDcEndpoint\":{\"sctpPort\":5001,\"fingerprint\":\"" FP_LOWER
	"\"},\"securitySetup\":\"ACTIVE\"}}]}]}";

START_TEST(the_early_shape_is_taken_and_means_the_same)
{
	json_t *doc = load(early);
	struct problem p = { .kind = PROBLEM_NONE };
	struct context_spec spec;
	char wish[FAKE_WISH_MAX];
	const json_t *dc;
	bool rel18 = false;

	ck_assert_msg(document_check(doc, &rules, &rel18, &p), "%s", p.detail);
	ck_assert(rel18);
	ck_assert(document_decode(doc, &rules, NULL, &spec, &p));
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
	json_t *doc = load(early), *back, *again;
	struct problem p = { .kind = PROBLEM_NONE };
	bool rel18;

	ck_assert(document_check(doc, &rules, &rel18, &p));
	back = document_to_rel18(doc);
	again = json_deep_copy(back);
	ck_assert_msg(document_check(again, &rules, &rel18, &p), "%s", p.detail);
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
	json_t *doc = load(plain);
	struct problem p = { .kind = PROBLEM_NONE };
	bool rel18;

	ck_assert_msg(document_check(doc, &rules, &rel18, &p), "%s", p.detail);
	ck_assert(rel18);
	json_decref(doc);
	doc = changed(REMOVE(D "/mediaProxyConfig"));
	ck_assert(!document_check(doc, &rules, &rel18, &p));
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
		{ ADD(D "/mdc2Protocol", "\"TCP\""), PROBLEM_NOT_BUILT, D "/mdc2Protocol" },
		{ ADD(D "/mediaProxyConfig", "\"UDP\""), PROBLEM_SECURITY_POLICY,
			D "/mediaProxyConfig" },
		{ ADD(D "/streams/0/appBindingInfo", "1"), PROBLEM_OPTIONAL_INCORRECT,
			D "/streams/0/appBindingInfo" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *doc = load(early), *patch = load(cases[i].operations), *bad;
		struct problem p = { .kind = PROBLEM_NONE };
		bool rel18;

		bad = patch_apply(doc, patch, &p);
		ck_assert(!document_check(bad, &rules, &rel18, &p));
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

/* Shown documents */

struct shown {
	struct relay *relay;
	struct relay_context *context;
	json_t *doc;
};

static void show_begin(struct shown *s, const char *operations)
{
	struct relay_refusal refusal;
	struct problem p = { .kind = PROBLEM_NONE };
	struct context_spec spec;
	bool rel18;

	s->relay = fake_relay_create();
	s->doc = changed(operations);
	ck_assert_msg(document_check(s->doc, &rules, &rel18, &p), "%s", p.detail);
	ck_assert_msg(document_decode(s->doc, &rules, NULL, &spec, &p), "%s", p.detail);
	s->context = relay_context_create(s->relay, (tick_t){ 0 }, "3-abc", &spec, &refusal);
	context_spec_finish(&spec);
}

static void show_end(struct shown *s)
{
	json_decref(s->doc);
	fake_relay_destroy(s->relay);
}

static json_t *media_of(const json_t *doc)
{
	return json_array_get(
		json_object_get(json_array_get(json_object_get(doc, "terminations"), 0), "medias"),
		0);
}

static const char remote_ice[] =
	ADD(M "/dcmf", "{\"ice\":{\"ufrag\":\"abcd\",\"pwd\":\"aaaaaaaaaaaaaaaaaaaaaa\"},"
		       "\"maxMessageSize\":1024}");

START_TEST(controllers_are_shown_the_gateways_side)
{
	struct shown s;
	json_t *doc, *media, *wanted;

	show_begin(&s, remote_ice);
	doc = document_show(s.doc, s.relay, s.context);
	ck_assert_str_eq(js_get_text(doc, "contextId"), "3-abc");
	media = media_of(doc);
	wanted = load("{\"ip\":{\"ipv4Addr\":\"198.51.100.7\"},\"transport\":\"UDP\","
		      "\"portNumber\":20000}");
	ck_assert(json_equal(json_object_get(media, "localMbEndpoint"), wanted));
	json_decref(wanted);
	wanted = load("{\"sctpPort\":5000,\"fingerprints\":[\"SHA-256 "
		      "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:"
		      "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\"],\"tlsId\":\"0123456789abcdef01234567\","
		      "\"securitySetup\":\"PASSIVE\"}");
	ck_assert(json_equal(
		json_object_get(json_object_get(media, "dcMedia"), "localDcEndpoint"), wanted));
	json_decref(wanted);
	wanted = load("{\"ice\":{\"ufrag\":\"oursoursours\",\"pwd\":\"ourpasswordourpassword24\","
		      "\"lite\":true,\"candidates\":["
		      "\"candidate:1 1 UDP 2130706431 198.51.100.7 20000 typ "
		      "host\"]},\"maxMessageSize\":262144,"
		      "\"securityMode\":\"E2AE\"}");
	ck_assert_msg(
		json_equal(json_object_get(media, "dcmf"), wanted), "%s", json_dumps(media, 0));
	json_decref(wanted);
	ck_assert_int_eq(js_get_integer(json_object_get(media, "dcMedia"), "maxMessageSize", 0), 1);
	json_decref(doc);
	show_end(&s);
}
END_TEST

START_TEST(without_ice_none_is_shown)
{
	struct shown s;
	json_t *doc;

	show_begin(&s, ADD(M "/dcmf", "{\"ice\":{\"ufrag\":\"abcd\",\"pwd\":"
				      "\"aaaaaaaaaaaaaaaaaaaaaa\",\"lite\":true}}"));
	doc = document_show(s.doc, s.relay, s.context);
	ck_assert_ptr_null(json_object_get(json_object_get(media_of(doc), "dcmf"), "ice"));
	json_decref(doc);
	show_end(&s);
}
END_TEST

START_TEST(what_was_shown_can_be_sent_back_without_harm)
{
	struct shown s;
	struct problem p = { .kind = PROBLEM_NONE };
	json_t *doc, *echo;
	bool rel18;

	show_begin(&s, remote_ice);
	doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
	echo = json_deep_copy(doc);
	ck_assert(document_forget_echo(echo, s.doc, doc));
	ck_assert_msg(document_check(echo, &rules, &rel18, &p), "%s", p.detail);
	json_object_del(json_object_get(media_of(s.doc), "dcMedia"), "maxMessageSize");
	json_object_del(json_object_get(media_of(echo), "dcMedia"), "maxMessageSize");
	ck_assert_msg(json_equal(echo, s.doc), "%s", json_dumps(echo, 0));
	json_decref(echo);
	json_decref(doc);
	show_end(&s);
}
END_TEST

START_TEST(new_values_beside_an_echo_are_kept)
{
	struct shown s;
	json_t *doc, *echo, *dcmf;

	show_begin(&s, remote_ice);
	doc = document_show(s.doc, s.relay, s.context);
	echo = json_deep_copy(doc);
	dcmf = json_object_get(media_of(echo), "dcmf");
	json_object_set_new(json_object_get(dcmf, "ice"), "ufrag", json_string("anew"));
	json_object_set_new(dcmf, "maxMessageSize", json_integer(2048));
	ck_assert(document_forget_echo(echo, s.doc, doc));
	ck_assert_str_eq(js_get_text(json_object_get(dcmf, "ice"), "ufrag"), "anew");
	ck_assert_int_eq(js_get_integer(dcmf, "maxMessageSize", 0), 2048);
	json_decref(echo);
	/* a fresh media of the remote side that happens to take as much as we do */
	echo = json_deep_copy(s.doc);
	dcmf = json_object_get(media_of(echo), "dcmf");
	json_object_set_new(dcmf, "maxMessageSize", json_integer(262144));
	ck_assert(document_forget_echo(echo, s.doc, doc));
	ck_assert_int_eq(js_get_integer(dcmf, "maxMessageSize", 0), 262144);
	json_decref(echo);
	json_decref(doc);
	show_end(&s);
}
END_TEST

START_TEST(the_status_tells_how_every_hop_fares)
{
	static const char open[] =
		"{\"state\":\"open\",\"endpoints\":{\"advertised\":\"198.51.100.7:20000\","
		"\"bound\":\"127.0.0.1:20000\","
		"\"remote\":\"192.0.2.99:4444\"},\"ice\":{\"state\":\"connected\",\"lastCheckMs\":"
		"4},"
		"\"dtls\":{\"state\":\"open\",\"version\":\"DTLSv1.2\",\"cipher\":\"ECDHE-ECDSA-"
		"AES128-GCM-SHA256\",\"group\":"
		"\"X25519\",\"peerFingerprint\":\"SHA-256 "
		"00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:"
		"00:00:00:00:00:00:00\"},\"sctp\":{\"state\":\"open\",\"unsentBytes\":17},"
		"\"channels\":[{\"streamId\":0,\"state\":"
		"\"open\",\"label\":\"list\",\"subprotocol\":\"http\",\"openedBy\":\"agreement\","
		"\"order\":true,\"priority\":256,"
		"\"messagesIn\":3,\"messagesOut\":4,\"bytesIn\":300,\"bytesOut\":4000}],"
		"\"protection\":[{\"hop\":\"Mb\",\"protocol\":"
		"\"DTLSv1.2\",\"cipher\":\"ECDHE-ECDSA-AES128-GCM-SHA256\",\"peer\":\"certificate "
		"fingerprint\"},{\"hop\":\"MDC1\","
		"\"protocol\":\"none\"}],\"traffic\":{\"datagramsIn\":0,\"datagramsOut\":0,"
		"\"bytesIn\":0,\"bytesOut\":0}}";
	struct shown s;
	struct fake_relay *fake;
	json_t *doc, *wanted = load(open), *status;

	show_begin(&s, remote_ice);
	fake = fake_relay(s.relay);
	doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
	status = json_object_get(json_object_get(media_of(doc), "dcmf"), "status");
	ck_assert_str_eq(js_get_text(status, "state"), "waiting");
	ck_assert_str_eq(js_get_text(json_object_get(status, "ice"), "state"), "waiting");
	ck_assert_uint_eq(json_array_size(json_object_get(status, "channels")), 0);
	json_decref(doc);

	fake->state = LEG_OPEN;
	fake->secured = true;
	fake->upstream_protection = "none";
	doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
	status = json_object_get(json_object_get(media_of(doc), "dcmf"), "status");
	ck_assert_msg(json_equal(status, wanted), "%s", json_dumps(status, 0));
	json_decref(doc);

	fake->state = LEG_CLOSED;
	fake->reason = CLOSE_PATH_LOSS;
	doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
	status = json_object_get(json_object_get(media_of(doc), "dcmf"), "status");
	ck_assert_str_eq(js_get_text(status, "reason"), "PATH_LOSS");
	json_decref(doc);
	json_decref(wanted);
	show_end(&s);
}
END_TEST

/* Memory */

static void whole_way(struct shown *s)
{
	json_t *doc = json_loads(early, 0, NULL), *shown, *back = NULL;
	struct problem p = { .kind = PROBLEM_NONE };
	struct context_spec spec;
	bool rel18;

	if (doc != NULL && document_check(doc, &rules, &rel18, &p) &&
		document_decode(doc, &rules, NULL, &spec, &p))
		context_spec_finish(&spec);
	shown = document_with_status(s->doc, s->relay, s->context, (tick_t){ 1 });
	if (shown != NULL) {
		document_forget_echo(shown, s->doc, shown);
		back = document_to_rel18(shown);
	}
	json_decref(back);
	json_decref(shown);
	json_decref(doc);
	problem_finish(&p);
}

START_TEST(without_memory_nothing_leaks)
{
	struct shown s;
	long before;

	show_begin(&s, remote_ice);
	fake_relay(s.relay)->state = LEG_OPEN;
	fake_relay(s.relay)->secured = true;
	before = mem_live();
	for (unsigned long n = 1;; n++) {
		int failed;

		mem_fail_at(n);
		whole_way(&s);
		failed = mem_failed();
		mem_fail_at(0);
		ck_assert_int_eq(mem_live(), before);
		if (!failed)
			break;
	}
	show_end(&s);
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
	tcase_add_test(t, a_document_becomes_a_wish);
	tcase_add_test(t, what_is_not_told_is_not_known);
	tcase_add_test(t, message_sizes_count_in_kib_unless_told_exactly);
	tcase_add_test(t, reliability_copes_with_written_defaults);
	tcase_add_test(t, streams_are_ordered_by_id_and_carry_their_labels);
	tcase_add_test(t, ice_is_asked_for_by_its_presence_but_not_by_a_lite_peer);
	tcase_add_test(t, weak_fingerprints_are_never_matched);
	tcase_add_test(t, a_root_is_at_its_endpoint_or_its_resolved_or_literal_host);
	tcase_add_test(t, streams_without_a_root_get_the_embedded_one);
	tcase_add_test(t, plain_http_is_fetched_only_where_it_is_allowed);
	tcase_add_test(t, a_policy_rule_can_refuse_a_root);
	tcase_add_test(t, hosts_to_resolve_are_found_in_documents_and_patches);
	tcase_add_test(t, the_early_shape_is_taken_and_means_the_same);
	tcase_add_test(t, the_early_shape_survives_the_way_there_and_back);
	tcase_add_test(t, the_proxy_may_be_absent_only_in_the_early_shape);
	tcase_add_test(t, faults_of_the_early_shape_point_into_the_early_shape);
	tcase_add_test(t, controllers_are_shown_the_gateways_side);
	tcase_add_test(t, without_ice_none_is_shown);
	tcase_add_test(t, what_was_shown_can_be_sent_back_without_harm);
	tcase_add_test(t, new_values_beside_an_echo_are_kept);
	tcase_add_test(t, the_status_tells_how_every_hop_fares);
	tcase_add_test(t, without_memory_nothing_leaks);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
