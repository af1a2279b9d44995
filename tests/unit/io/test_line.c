/* test_line.c: lines on Unix sockets, TCP and socket pairs: long ones, slow ones, gone ones. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/line.h"
#include "tests/unit/io/loopback.h"
#include "tests/unit/io/turn.h"
#include "tests/unit/main.h"

enum { MAX_LINE = 40000, MAX_QUEUED = 100000 };

static struct loop *loop;
static long live;
static int accepted_fd;
static struct line_conn *conn;
static int other; /* the peer's end */

static struct {
	unsigned lines, too_long, closed;
	char last[MAX_LINE + 1];
	size_t last_len;
	bool echo, pause, destroy;
} got;

static void on_line(void *arg, struct line_conn *c, struct span line)
{
	got.lines++;
	got.last_len = line.len;
	memcpy(got.last, line.p, line.len);
	got.last[line.len] = '\0';
	if (got.echo)
		line_send(c, line);
	if (got.pause)
		line_pause(c, true);
	if (got.destroy) {
		conn = NULL;
		line_conn_destroy(c);
	}
}

static void on_too_long(void *arg, struct line_conn *c)
{
	got.too_long++;
}

static void on_closed(void *arg, struct line_conn *c)
{
	got.closed++;
	ck_assert(!line_send(c, SPAN_LIT("anybody?")));
	conn = NULL;
}

static const struct line_ops ops = {
	.line = on_line, .too_long = on_too_long, .closed = on_closed
};
static const struct line_config config = {
	.max_line = MAX_LINE, .max_queued = MAX_QUEUED, .ops = &ops
};

static void setup(void)
{
	int fd[2];

	live = mem_live();
	memset(&got, 0, sizeof(got));
	loop = loop_create();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	conn = line_conn_create(loop, fd[0], &config);
	other = fd[1];
}

static void teardown(void)
{
	line_conn_destroy(conn);
	close(other);
	loop_destroy(loop);
	ck_assert_int_eq(mem_live(), live);
}

static bool counted(void *arg)
{
	return *(unsigned *)arg > 0;
}

static bool is_big_enough(void *arg)
{
	unsigned *want = arg;

	return got.lines >= *want;
}

static void wait_lines(unsigned n)
{
	turn_until(loop, is_big_enough, &n);
}

static void say(const char *text)
{
	ck_assert_int_eq(write(other, text, strlen(text)), strlen(text));
}

/* `n` bytes of 'x', without blocking us: the loop reads meanwhile. */
static void say_much(size_t n)
{
	char block[4096];

	memset(block, 'x', sizeof(block));
	while (n > 0) {
		size_t part = n < sizeof(block) ? n : sizeof(block);

		ck_assert_int_eq(write(other, block, part), part);
		n -= part;
		turn_for(loop, 1);
	}
}

START_TEST(lines_come_whole_whether_together_or_in_pieces)
{
	say("one\ntwo\r\n\nth");
	wait_lines(3);
	ck_assert_uint_eq(got.last_len, 0);
	turn_for(loop, 10);
	ck_assert_uint_eq(got.lines, 3);
	say("ree\n");
	wait_lines(4);
	ck_assert_str_eq(got.last, "three");
}
END_TEST

START_TEST(longest_line_passes_and_one_more_byte_is_too_long_but_the_connection_goes_on)
{
	say_much(MAX_LINE);
	say("\n");
	wait_lines(1);
	ck_assert_uint_eq(got.last_len, MAX_LINE);
	ck_assert_uint_eq(got.too_long, 0);
	say_much(MAX_LINE + 1);
	turn_until(loop, counted, &got.too_long);
	say_much(5 * MAX_LINE);
	say("tail\nafter\n");
	wait_lines(2);
	ck_assert_str_eq(got.last, "after");
	ck_assert_uint_eq(got.too_long, 1);
}
END_TEST

START_TEST(paused_connection_hands_over_nothing_and_forgets_nothing)
{
	got.pause = true;
	say("one\ntwo\nthree\n");
	wait_lines(1);
	turn_for(loop, 20);
	ck_assert_uint_eq(got.lines, 1);
	line_pause(conn, false);
	ck_assert_uint_eq(got.lines, 1);
	wait_lines(2);
	got.pause = false;
	line_pause(conn, false);
	wait_lines(3);
	ck_assert_str_eq(got.last, "three");
}
END_TEST

START_TEST(answers_leave_in_order)
{
	char buf[64] = { 0 };

	got.echo = true;
	say("a\nb\nc\n");
	wait_lines(3);
	turn_for(loop, 5);
	ck_assert_int_eq(read(other, buf, sizeof(buf)), 6);
	ck_assert_str_eq(buf, "a\nb\nc\n");
}
END_TEST

START_TEST(reader_that_does_not_read_is_given_up_and_a_slow_one_is_not)
{
	static char text[1000];
	size_t taken = 0;
	unsigned sent = 0;
	char buf[8192];
	ssize_t n;

	memset(text, 'y', sizeof(text));
	/* slow: more than the kernel holds, less than the limit on top */
	for (size_t queued = 0; queued < 60; queued++, sent++)
		ck_assert(line_send(conn, SPAN_OF(text)));
	fcntl(other, F_SETFL, O_NONBLOCK);
	while (taken < sent * (sizeof(text) + 1)) {
		turn_for(loop, 1);
		while ((n = read(other, buf, sizeof(buf))) > 0)
			taken += (size_t)n;
	}
	ck_assert_uint_eq(got.closed, 0);
	for (int i = 0; i < 10000 && line_send(conn, SPAN_OF(text)); i++) {
		if (i % 50 == 0)
			turn_for(loop, 1);
	}
	ck_assert(!line_send(conn, SPAN_LIT("more")));
	ck_assert_uint_eq(got.closed, 0);
	turn_until(loop, counted, &got.closed);
}
END_TEST

START_TEST(peer_that_goes_is_noticed_after_its_last_line)
{
	say("last\nhalf");
	close(other);
	other = -1;
	turn_until(loop, counted, &got.closed);
	ck_assert_uint_eq(got.lines, 1);
	ck_assert_uint_eq(got.closed, 1);
}
END_TEST

START_TEST(peer_that_only_stops_sending_still_gets_its_answer)
{
	char buf[16] = { 0 };

	say("question\n");
	shutdown(other, SHUT_WR);
	wait_lines(1);
	turn_for(loop, 20);
	ck_assert_uint_eq(got.closed, 0);
	ck_assert(line_send(conn, SPAN_LIT("answer")));
	turn_for(loop, 5);
	ck_assert_int_eq(read(other, buf, sizeof(buf)), 7);
	ck_assert_str_eq(buf, "answer\n");
	turn_until(loop, counted, &got.closed);
}
END_TEST

START_TEST(peer_that_leaves_before_its_answer_is_given_up_at_once)
{
	say("question\n");
	shutdown(other, SHUT_WR);
	wait_lines(1);
	turn_for(loop, 20);
	shutdown(other, SHUT_RD);
	ck_assert(line_send(conn, SPAN_LIT("answer")));
	ck_assert(turn_until_ms(loop, 1000, counted, &got.closed));
}
END_TEST

START_TEST(connection_destroyed_from_inside_line_says_no_more)
{
	char buf[16] = { 0 };

	got.destroy = got.echo = true;
	say("one\ntwo\n");
	wait_lines(1);
	turn_for(loop, 10);
	ck_assert_uint_eq(got.lines, 1);
	ck_assert_uint_eq(got.closed, 0);
	ck_assert_int_eq(read(other, buf, sizeof(buf)), 4); /* what was queued left first */
	ck_assert_int_eq(read(other, buf, sizeof(buf)), 0);
}
END_TEST

START_TEST(peer_of_a_unix_socket_is_named_by_its_credentials)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "unix uid %u pid %d", getuid(), getpid());
	ck_assert_str_eq(line_peer(conn), expected);
}
END_TEST

/* ---- listeners ---- */

static char folder[] = "/tmp/dcmf-line-XXXXXX";
static char path[128];

static void on_accepted(void *arg, int fd)
{
	accepted_fd = fd;
}

static bool was_accepted(void *arg)
{
	return accepted_fd >= 0;
}

static int connect_unix(const char *to)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(un.sun_path, to);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void setup_listener(void)
{
	live = mem_live();
	loop = loop_create();
	accepted_fd = -1;
	strcpy(folder, "/tmp/dcmf-line-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/sub/control.sock", folder);
}

static void teardown_listener(void)
{
	char sub[64];

	if (accepted_fd >= 0)
		close(accepted_fd);
	unlink(path);
	snprintf(sub, sizeof(sub), "%s/sub", folder);
	rmdir(sub);
	ck_assert_int_eq(rmdir(folder), 0);
	loop_destroy(loop);
	ck_assert_int_eq(mem_live(), live);
}

START_TEST(unix_listener_makes_folder_and_file_with_its_mode_and_removes_the_file)
{
	char failed[256];
	struct line_listener *ls = line_listen_unix(loop, path, 0660, on_accepted, NULL, failed);
	struct stat st;
	int fd;

	ck_assert_msg(ls != NULL, "%s", failed);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0660);
	ck_assert_int_ge(fd = connect_unix(path), 0);
	turn_until(loop, was_accepted, NULL);
	close(fd);
	line_listener_destroy(ls);
	ck_assert_int_ne(stat(path, &st), 0);
}
END_TEST

START_TEST(stale_socket_file_is_replaced_and_a_living_one_is_not)
{
	char failed[256];
	struct line_listener *ls, *second;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char sub[64];

	snprintf(sub, sizeof(sub), "%s/sub", folder);
	mkdir(sub, 0755);
	strcpy(un.sun_path, path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd); /* the file stays, nobody listens */
	ls = line_listen_unix(loop, path, 0600, on_accepted, NULL, failed);
	ck_assert_msg(ls != NULL, "%s", failed);
	second = line_listen_unix(loop, path, 0600, on_accepted, NULL, failed);
	ck_assert_ptr_null(second);
	ck_assert_msg(strstr(failed, path) && strstr(failed, "in use"), "%s", failed);
	ck_assert_int_ge(fd = connect_unix(path), 0);
	close(fd);
	line_listener_destroy(ls);
}
END_TEST

START_TEST(listening_where_it_cannot_be_names_the_culprit)
{
	char failed[256], long_path[200];
	struct addr foreign;

	ck_assert_ptr_null(
		line_listen_unix(loop, "/proc/nothing/x.sock", 0600, on_accepted, NULL, failed));
	ck_assert_msg(strstr(failed, "/proc/nothing/x.sock") != NULL, "%s", failed);
	ck_assert_ptr_null(line_listen_unix(loop, folder, 0600, on_accepted, NULL, failed));
	ck_assert_msg(strstr(failed, "not a socket") != NULL, "%s", failed);
	memset(long_path, 'p', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	ck_assert_ptr_null(line_listen_unix(loop, long_path, 0600, on_accepted, NULL, failed));
	ck_assert(addr_parse(SPAN_LIT("192.0.2.1:9"), &foreign));
	ck_assert_ptr_null(line_listen_tcp(loop, &foreign, on_accepted, NULL, failed));
	ck_assert_msg(strstr(failed, "192.0.2.1:9") != NULL, "%s", failed);
}
END_TEST

START_TEST(socket_file_of_a_successor_is_left_alone)
{
	char failed[256];
	struct line_listener *old = line_listen_unix(loop, path, 0600, on_accepted, NULL, failed),
			     *new;
	struct stat st;

	unlink(path);
	new = line_listen_unix(loop, path, 0600, on_accepted, NULL, failed);
	ck_assert_ptr_nonnull(new);
	line_listener_destroy(old);
	ck_assert_int_eq(stat(path, &st), 0);
	line_listener_destroy(new);
}
END_TEST

START_TEST(tcp_listener_hands_connections_over_and_peers_are_named_by_address)
{
	char failed[256];
	struct addr at;
	struct line_listener *ls;
	struct line_conn *c;
	int fd;

	loopback_find_port(SOCK_STREAM, &at);
	ls = line_listen_tcp(loop, &at, on_accepted, NULL, failed);
	ck_assert_msg(ls != NULL, "%s", failed);
	fd = loopback_connect(&at);
	turn_until(loop, was_accepted, NULL);
	c = line_conn_create(loop, accepted_fd, &config);
	accepted_fd = -1;
	ck_assert(span_starts(SPAN_STR(line_peer(c)), SPAN_LIT("127.0.0.1:")));
	line_conn_destroy(c);
	line_listener_destroy(ls);
	close(fd);
}
END_TEST

START_TEST(creation_survives_every_failed_allocation)
{
	for (unsigned long n = 1;; n++) {
		char failed[256];
		struct line_listener *ls;
		struct line_conn *c;
		int fd[2];

		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
		mem_fail_at(n);
		ls = line_listen_unix(loop, path, 0600, on_accepted, NULL, failed);
		c = line_conn_create(loop, fd[0], &config);
		if (c != NULL)
			line_send(c, SPAN_LIT("x"));
		line_conn_destroy(c);
		line_listener_destroy(ls);
		close(fd[1]);
		/* taken over, also when it fails */
		ck_assert(fcntl(fd[0], F_GETFD) < 0 && errno == EBADF);
		if (!mem_failed())
			break;
	}
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io/line");
	TCase *t = tcase_create("connection"), *l = tcase_create("listener");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, lines_come_whole_whether_together_or_in_pieces);
	tcase_add_test(
		t, longest_line_passes_and_one_more_byte_is_too_long_but_the_connection_goes_on);
	tcase_add_test(t, paused_connection_hands_over_nothing_and_forgets_nothing);
	tcase_add_test(t, answers_leave_in_order);
	tcase_add_test(t, reader_that_does_not_read_is_given_up_and_a_slow_one_is_not);
	tcase_add_test(t, peer_that_goes_is_noticed_after_its_last_line);
	tcase_add_test(t, peer_that_only_stops_sending_still_gets_its_answer);
	tcase_add_test(t, peer_that_leaves_before_its_answer_is_given_up_at_once);
	tcase_add_test(t, connection_destroyed_from_inside_line_says_no_more);
	tcase_add_test(t, peer_of_a_unix_socket_is_named_by_its_credentials);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(l, setup_listener, teardown_listener);
	tcase_add_test(l, unix_listener_makes_folder_and_file_with_its_mode_and_removes_the_file);
	tcase_add_test(l, stale_socket_file_is_replaced_and_a_living_one_is_not);
	tcase_add_test(l, listening_where_it_cannot_be_names_the_culprit);
	tcase_add_test(l, socket_file_of_a_successor_is_left_alone);
	tcase_add_test(l, tcp_listener_hands_connections_over_and_peers_are_named_by_address);
	tcase_add_test(l, creation_survives_every_failed_allocation);
	suite_add_tcase(s, l);
	return s;
}

UNIT_MAIN(suite)
