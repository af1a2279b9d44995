/* test_ng_tell.c: what the ng tells of calls: query, list, statistics, and how much of it. */
#include <stdio.h>

#include "dcmf/base/counters.h"
#include "tests/unit/control/ng/ng_play.h"

/* Phones make up their Call-IDs and tags, and each INVITE is an offer. */
START_TEST(what_phones_say_of_a_call_has_bounds)
{
	char text[1024], id[514], fork[16];

	memset(id, 'x', 513);
	id[513] = '\0';
	snprintf(text, sizeof(text),
		"{\"command\":\"offer\",\"call-id\":\"%s\",\"from-tag\":\"a\",\"sdp\":\"v=0\"}",
		id);
	assert_says(asked_for(text), "call-id: longer than 512 bytes");
	for (int i = 0; i <= 64; i++) {
		snprintf(fork, sizeof(fork), "fork%d", i);
		snprintf(text, sizeof(text),
			"{\"command\":\"offer\",\"call-id\":\"%s\",\"from-tag\":\"%s\","
			"\"supports\":[\"load limit\"],\"sdp\":\"" NG_SDP("1", "") "\"}",
			id + 1, fork);
		assert_says(asked_for(text),
			i < 64 ? "\"result\":\"ok\"" : "\"result\":\"load limit\"");
	}
	assert_says(asked_for(NG_OFFER("other", "a", "", NG_SDP("1", ""))), "\"result\":\"ok\"");
}
END_TEST

START_TEST(a_query_tells_of_sides_and_traffic)
{
	const char *answer;

	asked_for(NG_OFFER("call", "alice", "\"label\":\"caller\",\"metadata\":\"shop=7\",",
		NG_SDP("1", NG_LINE("5000", "1000"))));
	asked_for(ANSWER);
	answer = asked_for("{\"command\":\"query\",\"call-id\":\"call\"}");
	assert_says(answer, "\"totals\":{\"RTP\":{\"packets\":7,\"bytes\":700,\"errors\":0}");
	assert_says(answer, "\"alice\":{\"tag\":\"alice\",\"label\":\"caller\",");
	assert_says(answer, "\"in dialogue with\":\"bob\"");
	assert_says(answer, "\"metadata\":\"shop=7\"");
	assert_says(answer,
		"\"endpoint\":{\"family\":\"IPv4\",\"address\":\"192.0.2.1\",\"port\":5000}");
	assert_says(answer, "\"dcmf\":[{\"contextId\":\"0-1\"");
	assert_says(answer, "\"created\":1700001000");
	answer = asked_for("{\"command\":\"query\",\"call-id\":\"call\",\"from-tag\":\"carol\"}");
	assert_says(answer, "\"tags\":{}");
}
END_TEST

static void assert_figure(const char *text, const char *name, enum counter which)
{
	char figure[80];

	snprintf(figure, sizeof(figure), "\"%s\":%d", name, 1000 + (int)which);
	assert_says(text, figure);
}

START_TEST(statistics_have_the_counters)
{
	const char *answer, *control;

	asked_for(OFFER);
	answer = asked_for("{\"command\":\"statistics\"}");
	assert_says(answer, "\"currentstatistics\":{\"sessionsown\":1,\"sessionsforeign\":0,"
			    "\"sessionstotal\":1,\"transcodedmedia\":0}");
	assert_says(answer, "\"totalstatistics\":{\"managedsessions\":");
	assert_figure(answer, "managedsessions", CNT_contexts_created_total);
	assert_figure(answer, "rejectedsessions", CNT_contexts_refused_total);
	assert_figure(answer, "relayedpackets", CNT_datagrams_received_total);
	control = strstr(answer, "\"controlstatistics\":{");
	ck_assert_ptr_nonnull(control);
	assert_figure(control, "totalmessagecount", CNT_ng_messages_total);
	assert_figure(control, "totalerrorcount", CNT_ng_refused_total);
	assert_says(answer, "\"dcmf\":{");
	assert_figure(answer, "ng_messages_total", CNT_ng_messages_total);
}
END_TEST

START_TEST(an_answer_that_fits_into_no_datagram_is_an_error)
{
	static char offer[66000];
	size_t len;

	len = (size_t)snprintf(offer, sizeof(offer),
		"{\"command\":\"offer\",\"call-id\":\"c\",\"from-tag\":\"a\",\"sdp\":\""
		"v=0\\r\\no=- 1 1 IN IP4 192.0.2.1\\r\\ns=");
	memset(offer + len, 'x', 65500);
	strcpy(offer + len + 65500, "\\r\\nt=0 0\\r\\n\"}");
	assert_says(asked_for(offer), "does not fit into a datagram");
}
END_TEST

static Suite *make_suite(void)
{
	TCase *t;
	Suite *s = ng_suite("ng_tell", &t);

	tcase_add_test(t, what_phones_say_of_a_call_has_bounds);
	tcase_add_test(t, a_query_tells_of_sides_and_traffic);
	tcase_add_test(t, statistics_have_the_counters);
	tcase_add_test(t, an_answer_that_fits_into_no_datagram_is_an_error);
	return s;
}

UNIT_MAIN(make_suite)
