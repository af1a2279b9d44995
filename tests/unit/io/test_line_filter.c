/*
 * test_line_filter.c: lines through TLS on loopback: good peers, slow ones, silent
 * ones, and those that speak something else.
 */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/line.h"
#include "tests/unit/io/cast.h"
#include "tests/unit/io/later.h"
#include "tests/unit/io/loopback.h"
#include "tests/unit/io/turn.h"
#include "tests/unit/main.h"

enum { MAX_LINE = 40000, MAX_QUEUED = 8 << 20, SERVER = 0, CLIENT = 1 };

struct side {
	struct line_conn *conn;
	unsigned opened, lines, too_long, closed;
	size_t bytes;
	char last[MAX_LINE + 1];
	char peer[512], failure[512];
	bool echo, pause, destroy_when_open;
};

static struct loop *loop;
static struct side side[2];
static struct filter_factory *factory[2];
static int fd[2];
static long live;

static void on_opened(void *arg, struct line_conn *c)
{
	struct side *s = arg;

	s->opened++;
	ck_assert_uint_eq(s->lines, 0);
	snprintf(s->peer, sizeof(s->peer), "%s", line_peer(c));
	if (s->destroy_when_open) {
		line_conn_destroy(c);
		s->conn = NULL;
	}
}

static void on_line(void *arg, struct line_conn *c, struct span line)
{
	struct side *s = arg;

	ck_assert_uint_eq(s->opened, 1);
	s->lines++;
	s->bytes += line.len;
	memcpy(s->last, line.p, line.len);
	s->last[line.len] = '\0';
	if (s->echo)
		line_send(c, line);
	if (s->pause)
		line_pause(c, true);
}

static void on_too_long(void *arg, struct line_conn *c)
{
	((struct side *)arg)->too_long++;
}

static void on_closed(void *arg, struct line_conn *c)
{
	struct side *s = arg;

	s->closed++;
	snprintf(s->failure, sizeof(s->failure), "%s", line_failure(c));
	s->conn = NULL;
}

static const struct line_ops ops = {
	.line = on_line, .too_long = on_too_long, .closed = on_closed, .opened = on_opened
};

/* Two ends of a TCP connection on loopback. */
static void tcp_pair(void)
{
	struct addr at;
	int listener = loopback_bind(SOCK_STREAM, &at);

	ck_assert_int_eq(listen(listener, 1), 0);
	fd[CLIENT] = loopback_connect(&at);
	fd[SERVER] = accept(listener, NULL, NULL);
	close(listener);
}

static void open_side(int i)
{
	const struct line_config config = {
		.max_line = MAX_LINE,
		.max_queued = MAX_QUEUED,
		.ops = &ops,
		.arg = &side[i],
		.filter = factory[i],
	};

	side[i].conn = line_conn_create(loop, fd[i], &config);
	fd[i] = -1;
}

static void setup(void)
{
	live = mem_live();
	skipped_s = 0;
	memset(side, 0, sizeof(side));
	loop = loop_create();
	factory[SERVER] = cast_factory(TLS_SERVER, &cast_server);
	factory[CLIENT] = cast_factory(TLS_CLIENT, &cast_client);
	tcp_pair();
}

static void teardown(void)
{
	for (int i = 0; i < 2; i++) {
		line_conn_destroy(side[i].conn);
		tls_factory_destroy(factory[i]);
		if (fd[i] >= 0)
			close(fd[i]);
	}
	loop_destroy(loop);
	ck_assert_int_eq(mem_live(), live);
}

static bool is_over(void *arg)
{
	return ((struct side *)arg)->closed > 0;
}

static bool is_open(void *arg)
{
	return ((struct side *)arg)->opened > 0;
}

static unsigned wanted;

static bool has_lines(void *arg)
{
	return ((struct side *)arg)->lines >= wanted;
}

static void wait_lines(int i, unsigned n)
{
	wanted = n;
	turn_until(loop, has_lines, &side[i]);
}

START_TEST(lines_pass_both_ways_and_both_peers_are_named)
{
	open_side(SERVER);
	open_side(CLIENT);
	ck_assert(line_send(side[CLIENT].conn, SPAN_LIT("said before anybody is known")));
	side[SERVER].echo = true;
	wait_lines(CLIENT, 1);
	ck_assert_str_eq(side[CLIENT].last, "said before anybody is known");
	ck_assert(span_starts(SPAN_STR(side[SERVER].peer), SPAN_LIT("127.0.0.1:")));
	ck_assert_str_eq(strchr(side[SERVER].peer, ' '), " CN=as1.example DNS:as1.example");
	ck_assert_str_eq(strchr(side[CLIENT].peer, ' '), " CN=mf1.example DNS:mf1.example");
}
END_TEST

START_TEST(many_long_lines_pass_while_the_reader_pauses_now_and_then)
{
	static uint8_t text[MAX_LINE];
	enum { LINES = 100 };

	memset(text, 'x', sizeof(text));
	open_side(SERVER);
	open_side(CLIENT);
	side[SERVER].pause = true;
	for (unsigned i = 0; i < LINES; i++)
		ck_assert(line_send(side[CLIENT].conn, SPAN_OF(text)));
	for (unsigned i = 1; i <= LINES; i++) {
		wait_lines(SERVER, i);
		ck_assert_uint_eq(side[SERVER].lines, i);
		if (i == 10)
			turn_for(loop, 30); /* it is full now, up to the sender */
		line_pause(side[SERVER].conn, false);
	}
	ck_assert_uint_eq(side[SERVER].bytes, LINES * sizeof(text));
	ck_assert_uint_eq(side[SERVER].too_long, 0);
}
END_TEST

START_TEST(line_that_is_too_long_leaves_the_connection_usable)
{
	static uint8_t text[5 * MAX_LINE];

	memset(text, 'y', sizeof(text));
	open_side(SERVER);
	open_side(CLIENT);
	line_send(side[CLIENT].conn, SPAN_OF(text));
	line_send(side[CLIENT].conn, SPAN_LIT("short"));
	wait_lines(SERVER, 1);
	ck_assert_str_eq(side[SERVER].last, "short");
	ck_assert_uint_eq(side[SERVER].too_long, 1);
}
END_TEST

START_TEST(what_was_said_before_the_end_arrives_and_the_end_is_no_failure)
{
	open_side(SERVER);
	open_side(CLIENT);
	turn_until(loop, is_open, &side[SERVER]);
	line_send(side[CLIENT].conn, SPAN_LIT("one"));
	line_send(side[CLIENT].conn, SPAN_LIT("last"));
	line_conn_destroy(side[CLIENT].conn);
	side[CLIENT].conn = NULL;
	wait_lines(SERVER, 2);
	skipped_s = 3; /* answers may come for 2 s */
	turn_until(loop, is_over, &side[SERVER]);
	ck_assert_str_eq(side[SERVER].last, "last");
	ck_assert_str_eq(side[SERVER].failure, "");
}
END_TEST

START_TEST(
	peer_that_stopped_sending_is_waited_for_by_an_owner_that_pauses_and_two_seconds_after_each_answer)
{
	char some[64];

	tls_factory_destroy(factory[SERVER]);
	factory[SERVER] = NULL; /* plain, so that the peer can stop sending and stay */
	open_side(SERVER);
	line_pause(side[SERVER].conn, true);
	turn_for(loop, 5);
	line_pause(side[SERVER].conn, false);
	ck_assert_int_eq(shutdown(fd[CLIENT], SHUT_WR), 0);
	turn_for(loop, 20);
	line_pause(side[SERVER].conn, true); /* what was asked is worked on */
	skipped_s = 3;
	turn_for(loop, 20);
	ck_assert_uint_eq(side[SERVER].closed, 0);
	line_pause(side[SERVER].conn, false);
	skipped_s = 4;
	ck_assert(line_send(side[SERVER].conn, SPAN_LIT("an answer")));
	turn_for(loop, 20);
	ck_assert_int_eq(recv(fd[CLIENT], some, sizeof(some), MSG_DONTWAIT), 10);
	skipped_s = 5;
	turn_for(loop, 20);
	ck_assert_uint_eq(side[SERVER].closed, 0);
	skipped_s = 7;
	turn_until(loop, is_over, &side[SERVER]);
}
END_TEST

START_TEST(owner_may_hang_up_on_whom_it_learns_of)
{
	side[SERVER].destroy_when_open = true;
	open_side(SERVER);
	open_side(CLIENT);
	line_send(side[CLIENT].conn, SPAN_LIT("let me in"));
	turn_until(loop, is_open, &side[SERVER]);
	skipped_s = 3;
	turn_until(loop, is_over, &side[CLIENT]);
	ck_assert_uint_eq(side[SERVER].opened, 1);
	ck_assert_uint_eq(side[SERVER].lines, 0);
	ck_assert_uint_eq(side[SERVER].closed, 0);
}
END_TEST

START_TEST(stranger_is_refused_and_hears_why)
{
	tls_factory_destroy(factory[CLIENT]);
	factory[CLIENT] = cast_factory(TLS_CLIENT, &cast_stranger);
	open_side(SERVER);
	open_side(CLIENT);
	turn_until(loop, is_over, &side[SERVER]);
	turn_until(loop, is_over, &side[CLIENT]);
	ck_assert_uint_eq(side[SERVER].opened, 0);
	ck_assert_str_eq(side[SERVER].failure,
		"the peer's certificate is refused: unable to get local issuer certificate");
	ck_assert_str_eq(side[CLIENT].failure, "the peer refused: unknown CA");
}
END_TEST

static const char *const garbage[] = {
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"node.info\"}\n",
	"GET / HTTP/1.0\r\n\r\n",
	"\x16\x03\x01\xff\xff\xff\xff\xff\xff\xff",
};

START_TEST(peer_that_speaks_no_tls_is_closed_with_a_reason)
{
	ssize_t len = (ssize_t)strlen(garbage[_i]);

	open_side(SERVER);
	ck_assert_int_eq(write(fd[CLIENT], garbage[_i], (size_t)len), len);
	turn_until(loop, is_over, &side[SERVER]);
	ck_assert_uint_eq(side[SERVER].opened + side[SERVER].lines, 0);
	ck_assert_str_ne(side[SERVER].failure, "");
}
END_TEST

START_TEST(peer_that_leaves_during_the_handshake_is_noticed)
{
	open_side(SERVER);
	ck_assert_int_eq(write(fd[CLIENT], "\x16\x03\x01", 3), 3);
	turn_for(loop, 5);
	ck_assert_uint_eq(side[SERVER].closed, 0);
	close(fd[CLIENT]);
	fd[CLIENT] = -1;
	turn_until(loop, is_over, &side[SERVER]);
	ck_assert_str_eq(side[SERVER].failure, "the peer left during the handshake");
}
END_TEST

START_TEST(handshake_has_ten_seconds_and_not_more)
{
	open_side(SERVER);
	turn_for(loop, 5);
	skipped_s = 9;
	/* a byte now and then does not help */
	ck_assert_int_eq(write(fd[CLIENT], "\x16\x03\x01", 3), 3);
	turn_for(loop, 20);
	ck_assert_uint_eq(side[SERVER].closed, 0);
	skipped_s = 11;
	turn_until(loop, is_over, &side[SERVER]);
	ck_assert_str_eq(side[SERVER].failure, "the handshake was not finished in 10 s");
}
END_TEST

START_TEST(finished_handshake_has_no_deadline_any_more)
{
	open_side(SERVER);
	open_side(CLIENT);
	turn_until(loop, is_open, &side[SERVER]);
	skipped_s = 3600;
	turn_for(loop, 20);
	line_send(side[CLIENT].conn, SPAN_LIT("still here"));
	wait_lines(SERVER, 1);
	ck_assert_uint_eq(side[SERVER].closed + side[CLIENT].closed, 0);
}
END_TEST

static void meet(void)
{
	for (int i = 0; i < 2; i++) {
		factory[i] = cast_factory(i == SERVER ? TLS_SERVER : TLS_CLIENT,
			i == SERVER ? &cast_server : &cast_client);
		if (factory[i] != NULL)
			open_side(i);
	}
	if (side[CLIENT].conn != NULL)
		line_send(side[CLIENT].conn, SPAN_LIT("hello"));
	for (int i = 0; i < 500; i++) /* turns that allocate nothing themselves */
		event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
}

START_TEST(every_failed_allocation_is_survived_and_nothing_leaks)
{
	teardown();
	for (unsigned long n = 1;; n++) {
		live = mem_live();
		memset(side, 0, sizeof(side));
		loop = loop_create();
		tcp_pair();
		mem_fail_at(n);
		meet();
		if (!mem_failed()) {
			ck_assert_str_eq(side[SERVER].last, "hello");
			break;
		}
		mem_fail_at(0);
		teardown();
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io/line_filter");
	TCase *t = tcase_create("TLS");

	tcase_add_unchecked_fixture(t, cast_make, cast_free);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, lines_pass_both_ways_and_both_peers_are_named);
	tcase_add_test(t, many_long_lines_pass_while_the_reader_pauses_now_and_then);
	tcase_add_test(t, line_that_is_too_long_leaves_the_connection_usable);
	tcase_add_test(t, what_was_said_before_the_end_arrives_and_the_end_is_no_failure);
	tcase_add_test(t,
		peer_that_stopped_sending_is_waited_for_by_an_owner_that_pauses_and_two_seconds_after_each_answer);
	tcase_add_test(t, owner_may_hang_up_on_whom_it_learns_of);
	tcase_add_test(t, stranger_is_refused_and_hears_why);
	tcase_add_loop_test(t, peer_that_speaks_no_tls_is_closed_with_a_reason, 0,
		sizeof(garbage) / sizeof(*garbage));
	tcase_add_test(t, peer_that_leaves_during_the_handshake_is_noticed);
	tcase_add_test(t, handshake_has_ten_seconds_and_not_more);
	tcase_add_test(t, finished_handshake_has_no_deadline_any_more);
	tcase_add_test(t, every_failed_allocation_is_survived_and_nothing_leaks);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
