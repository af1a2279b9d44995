/*
 * test_document_show.c: what controllers are shown of a document,
 * and what it is when it comes back.
 */
#include <string.h>

#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "tests/unit/control/document/document_samples.h"
#include "tests/unit/control/fake_relay.h"
#include "tests/unit/main.h"

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
	s->doc = sample_changed(operations);
	ck_assert_msg(document_check(s->doc, &sample_rules, &rel18, &p), "%s", p.detail);
	ck_assert_msg(document_decode(s->doc, &sample_rules, NULL, &spec, &p), "%s", p.detail);
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
	wanted = sample_load("{\"ip\":{\"ipv4Addr\":\"198.51.100.7\"},\"transport\":\"UDP\","
			     "\"portNumber\":20000}");
	ck_assert(json_equal(json_object_get(media, "localMbEndpoint"), wanted));
	json_decref(wanted);
	wanted = sample_load(
		"{\"sctpPort\":5000,\"fingerprints\":[\"SHA-256 "
		"AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:"
		"AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\"],\"tlsId\":\"0123456789abcdef01234567\","
		"\"securitySetup\":\"PASSIVE\"}");
	ck_assert(json_equal(
		json_object_get(json_object_get(media, "dcMedia"), "localDcEndpoint"), wanted));
	json_decref(wanted);
	wanted = sample_load(
		"{\"ice\":{\"ufrag\":\"oursoursours\",\"pwd\":\"ourpasswordourpassword24\","
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

START_TEST(the_fingerprint_has_the_hash_that_was_wished_for)
{
	struct shown s;
	json_t *doc, *end;

	show_begin(&s, ADD(M "/dcmf", "{\"fingerprintHash\":\"SHA-384\"}"));
	doc = document_show(s.doc, s.relay, s.context);
	end = json_object_get(json_object_get(media_of(doc), "dcMedia"), "localDcEndpoint");
	ck_assert_int_eq(
		strncmp(json_string_value(json_array_get(json_object_get(end, "fingerprints"), 0)),
			"SHA-384 AB:", 11),
		0);
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

START_TEST(where_dtls_passes_the_far_side_is_shown_once_it_is_told)
{
	static const char passing[] = JOINED("m0", "UDP_PROXY", "");
	char far_tls_id[] = "FarFarFarFarFarFar20";
	struct fingerprint print = { .hash = HASH_SHA256, .len = 32 };
	struct media_spec far = { .fingerprints = &print,
		.remote_setup = SETUP_ACTPASS,
		.remote_sctp_port = 5001,
		.remote_max_message = 2048,
		.remote_tls_id = far_tls_id };
	struct shown s;
	json_t *doc, *media, *status, *wanted;

	show_begin(&s, passing);
	fake_relay(s.relay)->far = &far;
	doc = document_show(s.doc, s.relay, s.context);
	media = media_of(doc);
	ck_assert_ptr_nonnull(json_object_get(media, "localMbEndpoint"));
	ck_assert_str_eq(js_get_text(json_object_get(media, "dcmf"), "securityMode"), "E2E");
	ck_assert_ptr_null(json_object_get(json_object_get(media, "dcMedia"), "localDcEndpoint"));
	json_decref(doc);

	far.fingerprint_count = 1;
	doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
	media = media_of(doc);
	wanted = sample_load(
		"{\"sctpPort\":5001,\"fingerprints\":[\"SHA-256 "
		"00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:"
		"00:00:00:00:00\"],\"tlsId\":\"FarFarFarFarFarFar20\","
		"\"securitySetup\":\"ACTPASS\"}");
	ck_assert(json_equal(
		json_object_get(json_object_get(media, "dcMedia"), "localDcEndpoint"), wanted));
	json_decref(wanted);
	ck_assert_int_eq(js_get_integer(json_object_get(media, "dcmf"), "maxMessageSize", 0), 2048);
	ck_assert_int_eq(js_get_integer(json_object_get(media, "dcMedia"), "maxMessageSize", 0), 2);

	status = json_object_get(json_object_get(media, "dcmf"), "status");
	wanted = sample_load("[{\"hop\":\"Mb\",\"protocol\":\"DTLS of the peers\","
			     "\"endToEnd\":true}]");
	ck_assert(json_equal(json_object_get(status, "protection"), wanted));
	ck_assert_ptr_null(json_object_get(status, "dtls"));
	ck_assert_ptr_nonnull(json_object_get(status, "traffic"));
	json_decref(wanted);
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
	ck_assert_msg(document_check(echo, &sample_rules, &rel18, &p), "%s", p.detail);
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
		"fingerprint\",\"self\":\"certificate fingerprint\"},{\"hop\":\"MDC1\","
		"\"protocol\":\"none\"}],\"traffic\":{\"datagramsIn\":0,\"datagramsOut\":0,"
		"\"bytesIn\":0,\"bytesOut\":0}}";
	struct shown s;
	struct fake_relay *fake;
	json_t *doc, *wanted = sample_load(open), *status;

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
	json_t *doc = json_loads(sample_early, 0, NULL), *shown, *back = NULL;
	struct problem p = { .kind = PROBLEM_NONE };
	struct context_spec spec;
	bool rel18;

	if (doc != NULL && document_check(doc, &sample_rules, &rel18, &p) &&
		document_decode(doc, &sample_rules, NULL, &spec, &p))
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
	Suite *s = suite_create("document_show");
	TCase *t = tcase_create("document_show");

	control_init();
	tcase_add_test(t, controllers_are_shown_the_gateways_side);
	tcase_add_test(t, the_fingerprint_has_the_hash_that_was_wished_for);
	tcase_add_test(t, without_ice_none_is_shown);
	tcase_add_test(t, where_dtls_passes_the_far_side_is_shown_once_it_is_told);
	tcase_add_test(t, what_was_shown_can_be_sent_back_without_harm);
	tcase_add_test(t, new_values_beside_an_echo_are_kept);
	tcase_add_test(t, the_status_tells_how_every_hop_fares);
	tcase_add_test(t, without_memory_nothing_leaks);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
