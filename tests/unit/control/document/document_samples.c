/* document_samples.c: documents that the tests of documents begin with. */
#include "tests/unit/control/document/document_samples.h"

#include <check.h>

#include "control/patch.h"

const struct document_rules sample_rules = {
	.max_streams = 2048, .max_message = 262144, .mdc1_plain.loopback = true
};

const char sample_base[] = "{\"terminations\":[{\"terminationId\":\"ue\",\"medias\":[{\"mediaId\":"
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

const char sample_early[] =
	"{\"terminations\":[{\"terminationId\":\"ue\",\"medias\":[{\"mediaId\":\"m0\","
	"\"mediaResourceType\":\"DC\","
	"\"dcMedia\":{\"mediaProxyConfig\":\"HTTP\",\"streams\":{\"0\":{\"subprotocol\":\"http\","
	"\"appBindingInfo\":\"x\"}},"
	"\"replaceHttpUrl\":{\"0\":{\"replaceHttpUrl\":\"https://dcsf.example/\"}},"
	"\"remoteMdc1Endpoint\":{\"ip\":{\"ipv4Addr\":\"192.0.2.5\"},\"transport\":\"TCP\","
	"\"portNumber\":443},"
	"\"remoteDcEndpoint\":{\"sctpPort\":5001,\"fingerprint\":\"" FP_LOWER
	"\"},\"securitySetup\":\"ACTIVE\"}}]}]}";

json_t *sample_load(const char *text)
{
	json_error_t e;
	json_t *value = json_loads(text, 0, &e);

	ck_assert_msg(value != NULL, "%s: %s", e.text, text);
	return value;
}

json_t *sample_changed(const char *operations)
{
	json_t *doc = sample_load(sample_base), *patch, *result;
	struct problem p = { .kind = PROBLEM_NONE };

	if (operations[0] == '\0')
		return doc;
	patch = sample_load(operations);
	result = patch_apply(doc, patch, &p);
	ck_assert_msg(result != NULL, "%s: %s", operations, p.detail);
	json_decref(doc);
	json_decref(patch);
	return result;
}
