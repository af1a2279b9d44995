/* test_log.c: one line a life event, whatever stands in it. */
#include "dcmf/base/log.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/main.h"

static FILE *sink;
static char *text;
static size_t len;

static void open_log(bool json)
{
	sink = open_memstream(&text, &len);
	log_open(sink, json);
}

static void set_up(void)
{
	log_set_level(LOG_INFO);
	log_set_who("worker 0");
	open_log(false);
}

static void tear_down(void)
{
	log_open(NULL, false);
	log_set_who("");
	fclose(sink);
	free(text);
}

static void use_json(void)
{
	fclose(sink);
	free(text);
	open_log(true);
}

/* What stands after the time. */
static const char *line(void)
{
	fflush(sink);
	ck_assert_uint_gt(len, 25);
	return strchr(text, 'Z') + 1;
}

START_TEST(a_line_names_level_process_and_subject)
{
	log_warn("leg 1{open}", "said %d words", 3);
	ck_assert_str_eq(line(), " warn  worker 0: leg 1{open}: said 3 words\n");
}
END_TEST

START_TEST(a_line_without_subject_or_process_is_shorter)
{
	log_set_who("");
	log_error(NULL, "no");
	ck_assert_str_eq(line(), " error no\n");
}
END_TEST

START_TEST(a_line_stays_one_line)
{
	log_info("a\nb", "c\r\nd\x1b[31m\x7f");
	ck_assert_str_eq(line(), " info  worker 0: a?b: c??d?[31m?\n");
}
END_TEST

START_TEST(only_lines_up_to_the_level_are_written)
{
	log_debug("x", "hidden");
	fflush(sink);
	ck_assert_uint_eq(len, 0);
	log_set_level(LOG_DEBUG);
	log_debug("x", "seen");
	ck_assert_str_eq(line(), " debug worker 0: x: seen\n");
	log_set_level(LOG_ERROR);
	log_warn("x", "hidden");
	fflush(sink);
	ck_assert_ptr_null(strstr(text, "hidden"));
}
END_TEST

START_TEST(json_is_escaped)
{
	use_json();
	log_info("a\"b", "c\\d\n\x01\x7f");
	ck_assert_str_eq(line(),
		"\",\"level\":\"info\",\"who\":\"worker 0\",\"subject\":\"a\\\"b\","
		"\"message\":\"c\\\\d\\u000a\\u0001\\u007f\"}\n");
	ck_assert_int_eq(strncmp(text, "{\"time\":\"20", 11), 0);
}
END_TEST

START_TEST(json_is_utf_8_also_when_the_text_is_not)
{
	use_json();
	log_info(NULL,
		"\xc3\xa9 \xe5\xba\x94 \xf0\x9f\x98\x80 \xff \xc3( \xc0\xae \xed\xa0\x80 \xe5\xba");
	ck_assert_ptr_nonnull(
		strstr(line(), "\"message\":\"\xc3\xa9 \xe5\xba\x94 \xf0\x9f\x98\x80 ? ?( ?? "
			       "??? ??\"}\n"));
}
END_TEST

START_TEST(a_long_line_is_cut)
{
	static char words[5000];

	memset(words, 'w', sizeof(words) - 1);
	log_info(NULL, "%s", words);
	ck_assert_uint_lt(strlen(line()), 2100);
	ck_assert_uint_eq(strcspn(line(), "\n") + 1, strlen(line()));
}
END_TEST

/* Front, workers and the DCSF share a standard error that nobody buffers. */
START_TEST(a_line_is_one_write_that_no_other_process_can_break_into)
{
	char got[PIPE_BUF + 1], name[3000];
	int ends[2];
	ssize_t n;
	FILE *out;

	memset(name, 0xc3, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	out = fdopen(ends[0], "w");
	setvbuf(out, NULL, _IONBF, 0);
	for (int json = 0; json < 2; json++) {
		log_open(out, json);
		for (int is_long = 0; is_long < 2; is_long++) {
			const char *subject = is_long ? name : "leg 1{open}";

			log_info(subject, "%s", is_long ? "\001\001\001" : "said\tso");
			n = recv(ends[1], got, sizeof(got), MSG_DONTWAIT);
			ck_assert_int_gt(n, 40);
			ck_assert_int_le(n, PIPE_BUF);
			ck_assert_int_eq(got[n - 1], '\n');
			ck_assert(!json || memcmp(got + n - 3, "\"}\n", 3) == 0);
			ck_assert_int_eq(recv(ends[1], got, sizeof(got), MSG_DONTWAIT), -1);
		}
	}
	fclose(out);
	close(ends[1]);
}
END_TEST

START_TEST(a_long_line_of_json_is_cut_between_characters_and_ends_as_it_should)
{
	static char words[2000];

	use_json();
	memset(words, 1, sizeof(words) - 1);
	log_info("s", "%s", words);
	ck_assert_uint_le(len, PIPE_BUF);
	ck_assert_uint_gt(len, PIPE_BUF - 100);
	ck_assert_str_eq(text + len - 9, "\\u0001\"}\n");
}
END_TEST

START_TEST(a_long_name_of_the_process_is_cut)
{
	log_set_who("a name of a process that is longer than thirty-one characters");
	log_info(NULL, "x");
	ck_assert_str_eq(line(), " info  a name of a process that is lon: x\n");
}
END_TEST

START_TEST(levels_have_words)
{
	enum log_level level;

	ck_assert(log_level_parse("debug", &level) && level == LOG_DEBUG);
	ck_assert(log_level_parse("error", &level) && level == LOG_ERROR);
	ck_assert(!log_level_parse("Error", &level));
	ck_assert(!log_level_parse("", &level));
	ck_assert_str_eq(log_level_name(LOG_WARN), "warn");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base/log");
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_line_names_level_process_and_subject);
	tcase_add_test(tc, a_line_without_subject_or_process_is_shorter);
	tcase_add_test(tc, a_line_stays_one_line);
	tcase_add_test(tc, only_lines_up_to_the_level_are_written);
	tcase_add_test(tc, json_is_escaped);
	tcase_add_test(tc, json_is_utf_8_also_when_the_text_is_not);
	tcase_add_test(tc, a_long_line_is_cut);
	tcase_add_test(tc, a_line_is_one_write_that_no_other_process_can_break_into);
	tcase_add_test(tc, a_long_line_of_json_is_cut_between_characters_and_ends_as_it_should);
	tcase_add_test(tc, a_long_name_of_the_process_is_cut);
	tcase_add_test(tc, levels_have_words);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
