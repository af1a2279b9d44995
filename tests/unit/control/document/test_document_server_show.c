/* test_document_server_show.c: what is shown of the side toward a server, in both shapes. */
#include <string.h>

#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "tests/unit/control/document/server_play.h"

/* ---- the early shape ---- */

START_TEST(the_early_shape_says_it_flat_and_is_answered_so)
{
	struct problem p = { .kind = PROBLEM_NONE };
	json_t *doc =
		document("'mediaProxyConfig':'UDP'," STREAM ",'mdc2Protocol':'UDP/DTLS/SCTP',"
			 "'remoteMdc2Endpoint':{'ip':{'ipv4Addr':'203.0.113.9'},'transport':'UDP',"
			 "'portNumber':4000}",
			"");
	json_t *early, *dc;
	struct context_spec spec;
	char wish[FAKE_WISH_MAX];

	ck_assert_msg(wish_of(doc, &spec, &p), "%s", p.detail);
	fake_wish(&spec, wish);
	ck_assert_ptr_nonnull(strstr(wish, FAR("udp", "203.0.113.9:4000")));
	context_spec_finish(&spec);
	js_put(json_object_get(json_object_get(media_of(doc), "dcMedia"), "mdc2Info"),
		"localMdc2Endpoint", load("{" TOLD "'PASSIVE'}"));
	early = document_to_rel18(doc);
	dc = json_object_get(media_of(early), "dcMedia");
	ck_assert_str_eq(js_get_text(dc, "mdc2Protocol"), "UDP/DTLS/SCTP");
	ck_assert_str_eq(
		js_get_text(json_object_get(dc, "remoteMdc2Endpoint"), "transport"), "UDP");
	ck_assert_str_eq(js_get_text(json_object_get(dc, "localMdc2Endpoint"), "transport"), "UDP");
	ck_assert_str_eq(js_get_text(json_object_get(dc, "localMdc2Endpoint"), "fingerprint"), FP);
	ck_assert_ptr_null(json_object_get(dc, "mdc2Info"));
	json_decref(early);
	json_decref(doc);
}
END_TEST

/* What it says is taken back. */
START_TEST(the_early_shape_of_a_server_is_accepted_again)
{
	static const struct {
		const char *dc, *dcmf, *at, *transport;
	} rows[] = {
		{ ENDED MDC1(AT), "'mdc1':{'protocol':'TCP/TLS'}", "remoteMdc1Endpoint", "TCP" },
		{ ENDED MDC1(AT), "'mdc1':{'protocol':'UDP'}", "remoteMdc1Endpoint", "UDP" },
		{ ENDED MDC1(AT), "", "remoteMdc1Endpoint", "UDP" },
		{ FETCHED MDC1(AT), "", "remoteMdc1Endpoint", "TCP" },
		{ ENDED MDC2("TCP", AT), "", "remoteMdc2Endpoint", "TCP" },
		{ ENDED MDC2("UDP/DTLS/SCTP", AT), "", "remoteMdc2Endpoint", "UDP" },
		{ FETCHED MDC2("TCP/TLS", AT), "", "remoteMdc2Endpoint", "TCP" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *doc = document(rows[i].dc, rows[i].dcmf), *early;
		struct problem p = { .kind = PROBLEM_NONE };
		bool rel18;

		ck_assert_msg(document_check(doc, &rules, &rel18, &p), "%s", p.detail);
		early = document_to_rel18(doc);
		ck_assert_str_eq(
			js_get_text(json_object_get(json_object_get(media_of(early), "dcMedia"),
					    rows[i].at),
				"transport"),
			rows[i].transport);
		ck_assert_msg(document_check(early, &rules, &rel18, &p), "%zu: %s", i, p.detail);
		json_decref(early);
		json_decref(doc);
	}
}
END_TEST

START_TEST(the_transport_of_the_early_shape_must_fit)
{
	expect_refused("'mediaProxyConfig':'UDP'," STREAM ",'remoteMdc2Endpoint':{" AT
		       ",'transport':'TCP'}",
		"", PROBLEM_NOT_BUILT,
		"/dcMedia/remoteMdc2Endpoint/transport: the server is reached over UDP");
	expect_refused("'mediaProxyConfig':'HTTP'," STREAM ",'remoteMdc1Endpoint':{" AT
		       ",'transport':'UDP'}",
		"", PROBLEM_NOT_BUILT,
		"/dcMedia/remoteMdc1Endpoint/transport: the server is reached over TCP");
}
END_TEST

/* ---- what is shown ---- */

struct shown {
	struct relay *relay;
	struct relay_context *context;
	json_t *doc;
};

static void show_begin(struct shown *s, const char *dc, const char *dcmf)
{
	struct problem p = { .kind = PROBLEM_NONE };
	struct relay_refusal refusal;
	struct context_spec spec;

	s->relay = fake_relay_create();
	s->doc = document(dc, dcmf);
	ck_assert_msg(wish_of(s->doc, &spec, &p), "%s", p.detail);
	s->context = relay_context_create(s->relay, (tick_t){ 0 }, "3-abc", &spec, &refusal);
	context_spec_finish(&spec);
}

static void show_end(struct shown *s)
{
	json_decref(s->doc);
	fake_relay_destroy(s->relay);
}

static void is_json(const json_t *value, const char *text)
{
	json_t *wanted = load(text);

	ck_assert_msg(json_equal(value, wanted), "%s", json_dumps(value, 0));
	json_decref(wanted);
}

#define GATEWAY_FP                                                                               \
	"SHA-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:" \
	"AB:AB:AB:AB:AB:AB"

START_TEST(the_server_is_told_our_side_toward_it)
{
	struct shown s;
	json_t *doc, *media;

	show_begin(&s, ENDED MDC2("UDP/DTLS/SCTP", TOLD "'ACTIVE'"),
		"'mdc2':{" ICE "},'maxMessageSize':9000,'interface':'core'}");
	doc = document_show(s.doc, s.relay, s.context);
	media = media_of(doc);
	is_json(json_object_get(json_object_get(json_object_get(media, "dcMedia"), "mdc2Info"),
			"localMdc2Endpoint"),
		"{'ip':{'ipv4Addr':'198.51.100.7'},'portNumber':20100,'sctpPort':5000,"
		"'fingerprints':['" GATEWAY_FP "'],'tlsId':'0123456789abcdef01234567',"
		"'securitySetup':'PASSIVE'}");
	is_json(json_object_get(json_object_get(media, "dcmf"), "mdc2"),
		"{'ice':{'ufrag':'oursoursours','pwd':'ourpasswordourpassword24','lite':true,"
		"'candidates':['candidate:1 1 UDP 2130706431 198.51.100.7 20100 typ host']},"
		"'maxMessageSize':262144,'interface':'core'}");
	json_decref(doc);
	show_end(&s);
}
END_TEST

START_TEST(toward_a_lite_server_we_are_not_lite)
{
	struct shown s;
	json_t *doc;

	show_begin(&s, ENDED MDC2("UDP/DTLS/SCTP", AT), "'mdc2':{" ICE ",'lite':true}}");
	doc = document_show(s.doc, s.relay, s.context);
	ck_assert(json_is_false(json_object_get(
		json_object_get(
			json_object_get(json_object_get(media_of(doc), "dcmf"), "mdc2"), "ice"),
		"lite")));
	json_decref(doc);
	show_end(&s);
}
END_TEST

START_TEST(what_was_shown_of_a_server_can_be_sent_back_without_harm)
{
	struct problem p = { .kind = PROBLEM_NONE };
	struct shown s;
	json_t *doc, *echo;
	bool rel18;

	show_begin(&s, ENDED MDC2("UDP/DTLS/SCTP", TOLD "'ACTIVE'"),
		_i ? "'mdc2':{" ICE "},'maxMessageSize':9000,'interface':'core'}" : "");
	doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
	echo = json_deep_copy(doc);
	ck_assert(document_forget_echo(echo, s.doc, doc));
	ck_assert_msg(document_check(echo, &rules, &rel18, &p), "%s", p.detail);
	json_object_del(json_object_get(media_of(echo), "dcMedia"), "maxMessageSize");
	ck_assert_msg(json_equal(json_object_get(media_of(echo), "dcMedia"),
			      json_object_get(media_of(s.doc), "dcMedia")),
		"%s", json_dumps(echo, 0));
	ck_assert(json_equal(json_object_get(json_object_get(media_of(echo), "dcmf"), "mdc2"),
			  json_object_get(json_object_get(media_of(s.doc), "dcmf"), "mdc2")) ||
		  !_i);
	json_decref(echo);
	json_decref(doc);
	show_end(&s);
}
END_TEST

START_TEST(the_status_tells_both_sides_and_what_protects_each_hop)
{
	struct shown s;
	json_t *doc, *status, *server;

	show_begin(&s, ENDED MDC2("UDP/DTLS/SCTP", TOLD "'ACTIVE'"), "");
	fake_relay(s.relay)->state = LEG_OPEN;
	fake_relay(s.relay)->secured = true;
	doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
	status = json_object_get(json_object_get(media_of(doc), "dcmf"), "status");
	server = json_object_get(status, "server");
	ck_assert_str_eq(js_get_text(server, "hop"), "MDC2");
	ck_assert_str_eq(js_get_text(server, "state"), "open");
	ck_assert_str_eq(
		js_get_text(json_object_get(server, "endpoints"), "bound"), "127.0.0.1:20100");
	ck_assert_uint_eq(json_array_size(json_object_get(server, "channels")), 1);
	is_json(json_object_get(status, "protection"),
		"[{'hop':'Mb','protocol':'DTLSv1.2','cipher':'ECDHE-ECDSA-AES128-GCM-SHA256',"
		"'peer':'certificate fingerprint','self':'certificate fingerprint'},"
		"{'hop':'MDC2','protocol':'DTLSv1.2','cipher':'ECDHE-ECDSA-AES128-GCM-SHA256',"
		"'peer':'certificate fingerprint','self':'certificate fingerprint'}]");
	json_decref(doc);
	show_end(&s);
}
END_TEST

START_TEST(a_connection_is_told_with_both_ends_and_what_guards_it)
{
	struct fingerprint print = { .hash = HASH_SHA256, .len = 32 };
	struct addr local = { .ip = { 10, 1, 2, 9 }, .port = 40000, .family = ADDR_IPV4 };
	struct link_spec spec = { .protocol = LINK_TLS,
		.hop = HOP_MDC2,
		.remote = { .ip = { 10, 1, 2, 3 }, .port = 4000, .family = ADDR_IPV4 },
		.fingerprints = &print,
		.fingerprint_count = 1 };
	struct link_view link = { .spec = &spec,
		.state = LINK_OPEN,
		.local = &local,
		.protection = "TLSv1.3 TLS_AES_128_GCM_SHA256 certificate",
		.messages_in = 1,
		.messages_out = 2,
		.bytes_in = 3,
		.bytes_out = 4 };
	struct shown s;
	json_t *doc, *status;

	show_begin(&s, ENDED MDC2("TCP/TLS", AT "," PRINTS), "");
	fake_relay(s.relay)->link = &link;
	doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
	status = json_object_get(json_object_get(media_of(doc), "dcmf"), "status");
	is_json(json_object_get(status, "server"),
		"{'hop':'MDC2','protocol':'TCP/TLS','state':'open','endpoints':{'remote':"
		"'10.1.2.3:4000','local':'10.1.2.9:40000'},'traffic':{'messagesIn':1,"
		"'messagesOut':2,'bytesIn':3,'bytesOut':4}}");
	is_json(json_array_get(json_object_get(status, "protection"), 1),
		"{'hop':'MDC2','protocol':'TLSv1.3','cipher':'TLS_AES_128_GCM_SHA256','peer':"
		"'certificate fingerprint','self':'certificate'}");
	is_json(json_object_get(
			json_object_get(json_object_get(media_of(doc), "dcMedia"), "mdc2Info"),
			"localMdc2Endpoint"),
		"{'ip':{'ipv4Addr':'10.1.2.9'},'portNumber':40000}");
	json_decref(doc);
	link.state = LINK_WAITING;
	link.local = NULL;
	link.protection = NULL;
	link.failure = "connection refused";
	doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
	status = json_object_get(json_object_get(media_of(doc), "dcmf"), "status");
	ck_assert_str_eq(
		js_get_text(json_object_get(status, "server"), "reasonText"), "connection refused");
	is_json(json_array_get(json_object_get(status, "protection"), 1),
		"{'hop':'MDC2','protocol':'not established'}");
	json_decref(doc);
	show_end(&s);
}
END_TEST

START_TEST(https_is_told_with_who_knows_whom)
{
	static const struct {
		const char *upstream, *told;
	} rows[] = {
		{ "none", "{'hop':'MDC1','protocol':'none'}" },
		{ "TLSv1.3 TLS_AES_256_GCM_SHA384",
			"{'hop':'MDC1','protocol':'TLSv1.3','cipher':'TLS_AES_256_GCM_SHA384',"
			"'peer':'certificate authority and host name'}" },
		{ "TLSv1.3 TLS_AES_256_GCM_SHA384 certificate",
			"{'hop':'MDC1','protocol':'TLSv1.3','cipher':'TLS_AES_256_GCM_SHA384',"
			"'peer':'certificate authority and host name','self':'certificate'}" },
	};
	struct shown s;
	json_t *doc, *status;

	show_begin(&s, FETCHED MDC2("TCP/TLS", AT), "");
	fake_relay(s.relay)->upstream_protection = rows[_i].upstream;
	doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
	status = json_object_get(json_object_get(media_of(doc), "dcmf"), "status");
	is_json(json_array_get(json_object_get(status, "protection"), 1), rows[_i].told);
	ck_assert_ptr_null(json_object_get(status, "server"));
	json_decref(doc);
	show_end(&s);
}
END_TEST

/* ---- memory ---- */

START_TEST(any_allocation_may_fail)
{
	struct shown s;
	json_t *doc;

	show_begin(&s, ENDED MDC2("UDP/DTLS/SCTP", TOLD "'ACTIVE'"), "'mdc2':{" ICE "}}");
	for (unsigned long n = 1;; n++) {
		struct problem p = { .kind = PROBLEM_NONE };
		struct context_spec spec;
		long live = mem_live();
		bool done;

		mem_fail_at(n);
		done = document_decode(s.doc, &rules, NULL, &spec, &p);
		if (done)
			context_spec_finish(&spec);
		doc = document_with_status(s.doc, s.relay, s.context, (tick_t){ 5000 });
		ck_assert(done || p.kind == PROBLEM_NO_RESOURCES);
		json_decref(doc);
		problem_finish(&p);
		ck_assert_int_eq(mem_live(), live);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
	show_end(&s);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("document_server_show");
	TCase *t = tcase_create("document_server_show");

	control_init();
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, the_early_shape_says_it_flat_and_is_answered_so);
	tcase_add_test(t, the_early_shape_of_a_server_is_accepted_again);
	tcase_add_test(t, the_transport_of_the_early_shape_must_fit);
	tcase_add_test(t, the_server_is_told_our_side_toward_it);
	tcase_add_test(t, toward_a_lite_server_we_are_not_lite);
	tcase_add_loop_test(t, what_was_shown_of_a_server_can_be_sent_back_without_harm, 0, 2);
	tcase_add_test(t, the_status_tells_both_sides_and_what_protects_each_hop);
	tcase_add_test(t, a_connection_is_told_with_both_ends_and_what_guards_it);
	tcase_add_loop_test(t, https_is_told_with_who_knows_whom, 0, 3);
	tcase_add_test(t, any_allocation_may_fail);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
