/*
 * test_stream.c: connections that we make, plain and through TLS: peers that answer, refuse, hang,
 * are slow, or leave.
 */
#include <event2/event.h>
#include <stdio.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/stream.h"
#include "tests/unit/io/cast.h"
#include "tests/unit/io/later.h"
#include "tests/unit/io/loopback.h"
#include "tests/unit/io/turn.h"
#include "tests/unit/main.h"

enum { MAX_QUEUED = 200000, OURS = 0, THEIRS = 1 };

struct side {
	struct stream *s;
	unsigned opened, ended, writable, closed;
	size_t bytes, empty;
	char text[256]; /* the first of what came */
	char peer[512], protection[128], failure[512];
	bool is_refused, echo, pause;
	bool destroy_when_open, destroy_on_input, finish_on_input;
};

static struct loop *loop;
static struct side side[2];
static struct filter_factory *factory[2];
static int listener;
static struct addr at;
static struct watch *watch;
static long live;

static void on_opened(void *arg, struct stream *s)
{
	struct side *d = arg;

	d->opened++;
	ck_assert_uint_eq(d->bytes, 0);
	snprintf(d->peer, sizeof(d->peer), "%s", stream_peer(s));
	snprintf(d->protection, sizeof(d->protection), "%s", stream_protection(s));
	if (d->destroy_when_open) {
		d->s = NULL;
		stream_destroy(s);
	}
}

static void on_input(void *arg, struct stream *s, struct span bytes)
{
	struct side *d = arg;
	size_t room = sizeof(d->text) - 1 - (d->bytes < sizeof(d->text) ? d->bytes : 0);

	ck_assert_uint_le(bytes.len, STREAM_CHUNK);
	if (d->bytes < sizeof(d->text) - 1 && bytes.len > 0)
		memcpy(d->text + d->bytes, bytes.p, bytes.len < room ? bytes.len : room);
	d->bytes += bytes.len;
	d->empty += bytes.len == 0;
	if (d->echo)
		stream_write(s, bytes);
	if (d->pause)
		stream_pause(s, true);
	if (d->finish_on_input)
		stream_finish(s);
	if (d->destroy_on_input) {
		d->s = NULL;
		stream_destroy(s);
	}
}

static void on_writable(void *arg, struct stream *s)
{
	((struct side *)arg)->writable++;
	ck_assert_uint_ge(stream_room(s), MAX_QUEUED / 2);
}

static void on_closed(void *arg, struct stream *s)
{
	struct side *d = arg;

	d->closed++;
	d->is_refused = stream_is_refused(s);
	snprintf(d->failure, sizeof(d->failure), "%s", stream_failure(s));
	ck_assert(stream_is_over(s));
	ck_assert(!stream_write(s, SPAN_LIT("anybody?")));
	d->s = NULL;
}

static const struct stream_ops ops = {
	.opened = on_opened, .input = on_input, .writable = on_writable, .closed = on_closed
};

static const struct stream_config *config(int i)
{
	static struct stream_config c;

	c = (struct stream_config){
		.ops = &ops, .arg = &side[i], .max_queued = MAX_QUEUED, .filter = factory[i]
	};
	return &c;
}

static void on_connection(void *arg, tick_t now)
{
	int fd = accept(listener, NULL, NULL);

	if (fd >= 0)
		side[THEIRS].s = stream_adopt(loop, fd, config(THEIRS));
}

static void use_tls(const struct pki_cert *server, const struct pki_cert *client)
{
	factory[THEIRS] = cast_factory(TLS_SERVER, server);
	factory[OURS] = cast_factory(TLS_CLIENT, client);
}

static void listen_on_loopback(void)
{
	listener = loopback_bind(SOCK_STREAM | SOCK_NONBLOCK, &at);
	ck_assert_int_eq(listen(listener, 1), 0);
	watch = loop_watch(loop, listener, on_connection, NULL);
}

static void setup(void)
{
	live = mem_live();
	skipped_s = 0;
	memset(side, 0, sizeof(side));
	memset(factory, 0, sizeof(factory));
	loop = loop_create();
	listen_on_loopback();
}

static void teardown(void)
{
	for (int i = 0; i < 2; i++) {
		stream_destroy(side[i].s);
		tls_factory_destroy(factory[i]);
	}
	loop_unwatch(watch);
	close(listener);
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

static size_t wanted;

static bool has_bytes(void *arg)
{
	return ((struct side *)arg)->bytes >= wanted;
}

static void wait_bytes(int i, size_t n)
{
	wanted = n;
	turn_until(loop, has_bytes, &side[i]);
}

static void go(void)
{
	side[OURS].s = stream_connect(loop, &at, config(OURS));
	ck_assert_ptr_nonnull(side[OURS].s);
	ck_assert_uint_eq(side[OURS].opened + side[OURS].closed, 0);
}

static const uint8_t zeros[MAX_QUEUED];

START_TEST(plain_connection_says_what_was_written_before_it_was_there)
{
	struct addr local;

	side[THEIRS].echo = true;
	go();
	ck_assert(stream_write(side[OURS].s, SPAN_LIT("hello")));
	wait_bytes(OURS, 5);
	ck_assert_str_eq(side[OURS].text, "hello");
	ck_assert_str_eq(side[OURS].protection, "none");
	ck_assert(span_starts(SPAN_STR(side[OURS].peer), SPAN_LIT("127.0.0.1:")));
	ck_assert(stream_local(side[OURS].s, &local) && local.port != 0);
	ck_assert_uint_eq(side[THEIRS].opened, 0); /* it was from the start */
}
END_TEST

START_TEST(connection_through_tls_names_peer_and_protection)
{
	use_tls(&cast_server, &cast_client);
	side[THEIRS].echo = true;
	go();
	ck_assert(stream_write(side[OURS].s, SPAN_LIT("hello")));
	wait_bytes(OURS, 5);
	ck_assert_str_eq(strchr(side[OURS].peer, ' '), " CN=mf1.example DNS:mf1.example");
	ck_assert(span_starts(SPAN_STR(side[OURS].protection), SPAN_LIT("TLSv1.3 TLS_")));
	ck_assert_str_eq(strchr(side[THEIRS].peer, ' '), " CN=as1.example DNS:as1.example");
}
END_TEST

START_TEST(server_that_is_not_there_refuses)
{
	loop_unwatch(watch);
	watch = NULL;
	close(listener);
	listener = -1;
	go();
	turn_until(loop, is_over, &side[OURS]);
	ck_assert_str_eq(side[OURS].failure, "connection refused");
	ck_assert(!side[OURS].is_refused);
}
END_TEST

START_TEST(address_that_cannot_be_reached_is_told_by_a_callback_too)
{
	ck_assert(addr_parse(SPAN_LIT("255.255.255.255:9"), &at));
	go();
	turn_until(loop, is_over, &side[OURS]);
	ck_assert_str_ne(side[OURS].failure, "");
}
END_TEST

START_TEST(server_that_does_not_answer_has_five_seconds)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&at, &ss);
	int full[4];

	/* nobody takes what waits, so the kernel answers no more */
	loop_unwatch(watch);
	watch = NULL;
	for (int i = 0; i < 4; i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(full[i], (struct sockaddr *)&ss, len);
	}
	go();
	turn_for(loop, 20);
	ck_assert_uint_eq(side[OURS].opened + side[OURS].closed, 0);
	skipped_s = 6;
	turn_until(loop, is_over, &side[OURS]);
	ck_assert_str_eq(side[OURS].failure, "no answer in 5 s");
	for (int i = 0; i < 4; i++)
		close(full[i]);
}
END_TEST

START_TEST(server_with_the_wrong_certificate_is_not_spoken_to)
{
	use_tls(&cast_stranger, &cast_client);
	go();
	stream_write(side[OURS].s, SPAN_LIT("secret"));
	turn_until(loop, is_over, &side[OURS]);
	ck_assert_uint_eq(side[OURS].opened + side[THEIRS].opened + side[THEIRS].bytes, 0);
	ck_assert(side[OURS].is_refused);
	ck_assert_str_eq(side[OURS].failure,
		"the peer's certificate is refused: unable to get local issuer certificate");
}
END_TEST

START_TEST(server_of_another_name_is_not_spoken_to)
{
	use_tls(&cast_client, &cast_client);
	go();
	turn_until(loop, is_over, &side[OURS]);
	ck_assert(side[OURS].is_refused);
	ck_assert_str_eq(
		side[OURS].failure, "the peer's certificate is refused: hostname mismatch");
}
END_TEST

START_TEST(server_that_speaks_no_tls_is_refused_and_a_silent_one_has_ten_seconds)
{
	use_tls(&cast_server, &cast_client);
	tls_factory_destroy(factory[THEIRS]);
	factory[THEIRS] = NULL;
	side[THEIRS].echo = _i == 0; /* our own ClientHello */
	go();
	turn_for(loop, 20);
	skipped_s = _i == 0 ? 0 : 11;
	turn_until(loop, is_over, &side[OURS]);
	ck_assert(side[OURS].is_refused);
	ck_assert_str_ne(side[OURS].failure, "");
	if (_i == 1)
		ck_assert_str_eq(side[OURS].failure, "the handshake was not finished in 10 s");
}
END_TEST

START_TEST(peer_that_leaves_is_told_and_so_is_one_that_resets)
{
	struct linger now = { 1, 0 };
	int fd;

	go();
	loop_unwatch(watch);
	watch = NULL;
	turn_until(loop, is_open, &side[OURS]);
	fd = accept(listener, NULL, NULL);
	if (_i == 1)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	turn_until(loop, is_over, &side[OURS]);
	ck_assert_str_eq(side[OURS].failure,
		_i == 0 ? "the peer closed the connection" : "the peer reset the connection");
}
END_TEST

START_TEST(queue_is_bounded_and_room_is_told)
{
	size_t sent = 0;

	side[THEIRS].pause = true;
	if (_i == 1)
		use_tls(&cast_server, &cast_client);
	go();
	ck_assert(!stream_write(side[OURS].s, SPAN(zeros, MAX_QUEUED + 1)));
	turn_until(loop, is_open, &side[OURS]);
	while (stream_write(side[OURS].s, SPAN(zeros, 10000))) {
		sent += 10000;
		turn_for(loop, 1);
		ck_assert_uint_le(stream_queued(side[OURS].s), MAX_QUEUED);
		ck_assert_uint_lt(sent, 64 << 20);
	}
	side[OURS].writable = 0;
	turn_for(loop, 20);
	ck_assert_uint_eq(side[OURS].writable, 0);
	side[THEIRS].pause = false;
	stream_pause(side[THEIRS].s, false);
	wait_bytes(THEIRS, sent);
	ck_assert_uint_eq(side[OURS].writable, 1);
	ck_assert(stream_write(side[OURS].s, SPAN(zeros, 10000)));
	wait_bytes(THEIRS, sent + 10000);
}
END_TEST

START_TEST(paused_stream_reads_nothing_and_forgets_nothing)
{
	if (_i == 1)
		use_tls(&cast_server, &cast_client);
	go();
	turn_until(loop, is_open, &side[OURS]);
	turn_for(loop, 10);
	side[OURS].pause = true;
	stream_write(side[THEIRS].s, SPAN(zeros, 100000));
	wait_bytes(OURS, 1);
	turn_for(loop, 20);
	ck_assert_uint_le(side[OURS].bytes, STREAM_CHUNK);
	ck_assert_uint_eq(side[OURS].empty, 0);
	side[OURS].pause = false;
	stream_pause(side[OURS].s, false);
	wait_bytes(OURS, 100000);
	ck_assert_uint_eq(side[OURS].empty, 1);
}
END_TEST

START_TEST(what_was_written_before_the_finish_arrives)
{
	if (_i == 1)
		use_tls(&cast_server, &cast_client);
	go();
	turn_until(loop, is_open, &side[OURS]);
	side[THEIRS].echo = true; /* what comes back is thrown away */
	for (int i = 0; i < 20; i++)
		ck_assert(stream_write(side[OURS].s, SPAN(zeros, MAX_QUEUED / 20)));
	stream_finish(side[OURS].s);
	ck_assert(!stream_write(side[OURS].s, SPAN_LIT("x")));
	turn_until(loop, is_over, &side[OURS]);
	wait_bytes(THEIRS, MAX_QUEUED);
	turn_until(loop, is_over, &side[THEIRS]);
	ck_assert_uint_eq(side[OURS].bytes, 0);
	ck_assert_str_eq(side[OURS].failure, "finished");
	ck_assert_str_eq(side[THEIRS].failure, "the peer closed the connection");
}
END_TEST

START_TEST(finish_waits_two_seconds_for_a_peer_that_does_not_read)
{
	side[THEIRS].pause = true;
	go();
	turn_until(loop, is_open, &side[OURS]);
	while (stream_write(side[OURS].s, SPAN(zeros, 10000)))
		turn_for(loop, 1);
	stream_finish(side[OURS].s);
	turn_for(loop, 20);
	ck_assert_uint_eq(side[OURS].closed, 0);
	skipped_s = 3;
	turn_until(loop, is_over, &side[OURS]);
	ck_assert_str_eq(side[OURS].failure, "finished");
}
END_TEST

START_TEST(owner_may_end_it_from_inside_any_callback)
{
	side[OURS].destroy_when_open = _i == 0;
	side[OURS].destroy_on_input = _i == 1;
	side[OURS].finish_on_input = _i == 2;
	if (_i == 3) {
		use_tls(&cast_server, &cast_client);
		side[OURS].destroy_when_open = true;
	}
	side[THEIRS].echo = true;
	go();
	stream_write(side[OURS].s, SPAN_LIT("hello"));
	turn_until(loop, is_over, &side[THEIRS]);
	turn_for(loop, 10);
	ck_assert_ptr_null(side[OURS].s);
	ck_assert_uint_eq(side[OURS].closed, _i == 2);
}
END_TEST

START_TEST(stream_that_its_owner_gives_up_is_closed_with_the_owners_words)
{
	go();
	turn_until(loop, is_open, &side[OURS]);
	stream_fail(side[OURS].s, "it speaks nonsense");
	stream_fail(side[OURS].s, "and more of it");
	ck_assert_uint_eq(side[OURS].closed, 0);
	turn_until(loop, is_over, &side[OURS]);
	ck_assert_str_eq(side[OURS].failure, "it speaks nonsense");
}
END_TEST

/* A Unix stream of ours, into which little fits, whose other end the test holds. */
static int adopt_one_end(void)
{
	int fd[2], small = 4096;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	side[OURS].s = stream_adopt(loop, fd[0], config(OURS));
	ck_assert_ptr_nonnull(side[OURS].s);
	return fd[1];
}

START_TEST(peer_that_takes_no_more_is_heard_and_given_up_though_it_stays)
{
	int peer = adopt_one_end();

	ck_assert_int_eq(write(peer, "sorry", 5), 5);
	ck_assert_int_eq(shutdown(peer, SHUT_RD), 0);
	ck_assert(stream_write(side[OURS].s, SPAN_LIT("hello")));
	turn_until(loop, is_over, &side[OURS]);
	ck_assert_str_eq(side[OURS].text, "sorry");
	ck_assert_str_eq(side[OURS].failure, "the peer closed the connection");
	close(peer);
}
END_TEST

START_TEST(peer_that_only_stopped_sending_has_not_hung_up)
{
	int peer = adopt_one_end();

	ck_assert(!stream_has_hung_up(side[OURS].s));
	ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
	ck_assert(!stream_has_hung_up(side[OURS].s) && stream_is_half_closed(side[OURS].s));
	close(peer);
	ck_assert(stream_has_hung_up(side[OURS].s) && !stream_is_half_closed(side[OURS].s));
}
END_TEST

START_TEST(room_is_told_when_half_of_the_queue_has_left_and_not_before)
{
	int peer = adopt_one_end();
	size_t queued = MAX_QUEUED;
	uint8_t some[4096];

	ck_assert(stream_write(side[OURS].s, SPAN(zeros, MAX_QUEUED)));
	ck_assert(!stream_write(side[OURS].s, SPAN_LIT("one too many")));
	for (int i = 0; i < 1000 && side[OURS].writable == 0; i++) {
		queued = stream_queued(side[OURS].s);
		recv(peer, some, sizeof(some), MSG_DONTWAIT);
		turn_for(loop, 1); /* on_writable() looks at the room */
	}
	ck_assert_uint_eq(side[OURS].writable, 1);
	ck_assert_uint_gt(queued, MAX_QUEUED / 2);
	close(peer);
}
END_TEST

START_TEST(paused_stream_that_finishes_hears_that_its_peer_has_left)
{
	int peer = adopt_one_end();
	char some[8];

	stream_pause(side[OURS].s, true);
	ck_assert(stream_write(side[OURS].s, SPAN_LIT("bye")));
	stream_finish(side[OURS].s);
	turn_for(loop, 20);
	ck_assert_int_eq(recv(peer, some, sizeof(some), MSG_DONTWAIT), 3);
	ck_assert_int_eq(recv(peer, some, sizeof(some), MSG_DONTWAIT), 0);
	ck_assert_uint_eq(side[OURS].closed, 0);
	close(peer);
	ck_assert(turn_until_ms(loop, 1000, is_over, &side[OURS]));
	ck_assert_str_eq(side[OURS].failure, "finished");
}
END_TEST

static void meet(void)
{
	use_tls(&cast_server, &cast_client);
	if (factory[OURS] == NULL || factory[THEIRS] == NULL)
		return;
	side[THEIRS].echo = true;
	side[OURS].s = stream_connect(loop, &at, config(OURS));
	if (side[OURS].s != NULL)
		stream_write(side[OURS].s, SPAN_LIT("hello"));
	for (int i = 0; i < 500; i++) /* turns that allocate nothing themselves */
		event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
}

START_TEST(every_failed_allocation_is_survived_and_nothing_leaks)
{
	teardown();
	for (unsigned long n = 1;; n++) {
		setup();
		mem_fail_at(n);
		meet();
		if (!mem_failed()) {
			ck_assert_str_eq(side[OURS].text, "hello");
			break;
		}
		mem_fail_at(0);
		teardown();
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io/stream");
	TCase *t = tcase_create("stream");

	tcase_add_unchecked_fixture(t, cast_make, cast_free);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, plain_connection_says_what_was_written_before_it_was_there);
	tcase_add_test(t, connection_through_tls_names_peer_and_protection);
	tcase_add_test(t, server_that_is_not_there_refuses);
	tcase_add_test(t, address_that_cannot_be_reached_is_told_by_a_callback_too);
	tcase_add_test(t, server_that_does_not_answer_has_five_seconds);
	tcase_add_test(t, server_with_the_wrong_certificate_is_not_spoken_to);
	tcase_add_test(t, server_of_another_name_is_not_spoken_to);
	tcase_add_loop_test(
		t, server_that_speaks_no_tls_is_refused_and_a_silent_one_has_ten_seconds, 0, 2);
	tcase_add_loop_test(t, peer_that_leaves_is_told_and_so_is_one_that_resets, 0, 2);
	tcase_add_loop_test(t, queue_is_bounded_and_room_is_told, 0, 2);
	tcase_add_loop_test(t, paused_stream_reads_nothing_and_forgets_nothing, 0, 2);
	tcase_add_loop_test(t, what_was_written_before_the_finish_arrives, 0, 2);
	tcase_add_test(t, finish_waits_two_seconds_for_a_peer_that_does_not_read);
	tcase_add_loop_test(t, owner_may_end_it_from_inside_any_callback, 0, 4);
	tcase_add_test(t, stream_that_its_owner_gives_up_is_closed_with_the_owners_words);
	tcase_add_test(t, room_is_told_when_half_of_the_queue_has_left_and_not_before);
	tcase_add_test(t, paused_stream_that_finishes_hears_that_its_peer_has_left);
	tcase_add_test(t, peer_that_takes_no_more_is_heard_and_given_up_though_it_stays);
	tcase_add_test(t, peer_that_only_stopped_sending_has_not_hung_up);
	tcase_add_test(t, every_failed_allocation_is_survived_and_nothing_leaks);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
