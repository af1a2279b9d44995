/* test_lite.c: an ICE Lite media and the checks of its peer. */
#include <stdio.h>
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/ice/stun.h"
#include "tests/unit/ice/craft.h"
#include "tests/unit/main.h"

static struct stun_codec *codec;
static struct ice_lite *ice;
static struct ice_reply reply;
static tick_t now;
static long live;

static const struct ice_credentials remote = { .ufrag = "theirs",
	.pwd = "theirpasswordtheirpassword" };

static void set_up(void)
{
	live = mem_live();
	codec = stun_codec_create();
	ice = ice_lite_create(&remote, now);
	ck_assert(codec != NULL && ice != NULL);
	memset(counter_value, 0, COUNTER_MAX * sizeof(counter_value[0]));
	now = (tick_t){ 0 };
}

static void tear_down(void)
{
	ice_lite_destroy(ice);
	stun_codec_destroy(codec);
	ck_assert_int_eq(mem_live(), live);
}

static struct path path_from(uint16_t port)
{
	struct path p = { .port = 1 };

	ck_assert(addr_parse(SPAN_LIT("192.0.2.1:20000"), &p.local));
	ck_assert(addr_parse(SPAN_LIT("198.51.100.7:1"), &p.remote));
	p.remote.port = port;
	return p;
}

static const char *user(void)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s:theirs", ice_lite_ufrag(ice));
	return text;
}

static enum ice_verdict input_from(uint16_t port, struct wire w)
{
	struct path from = path_from(port);

	return ice_lite_input(ice, codec, now, &from, SPAN(w.bytes, w.len), &reply);
}

static enum ice_verdict check_from(uint16_t port, bool use_candidate)
{
	return input_from(port, craft((struct craft){ .user = user(),
					.password = ice_lite_pwd(ice),
					.use_candidate = use_candidate }));
}

/* The error code of `reply`; 0: a success response. */
static int reply_error(void)
{
	StunMessage msg = { .buffer = reply.bytes, .buffer_len = reply.len };
	int code = 0;

	ck_assert_uint_gt(reply.len, 0);
	ck_assert(stun_is_one(SPAN(reply.bytes, reply.len)));
	if (stun_message_get_class(&msg) == STUN_ERROR)
		ck_assert_int_eq(stun_message_find_error(&msg, &code), STUN_MESSAGE_RETURN_SUCCESS);
	return code;
}

static bool reply_is_signed(void)
{
	struct stun_shape shape;

	ck_assert(stun_shape(SPAN(reply.bytes, reply.len), &shape));
	return shape.has_integrity;
}

START_TEST(a_check_is_answered_with_the_address_it_came_from)
{
	struct stun_shape shape;
	struct addr mapped;
	char text[ADDR_TEXT_MAX];

	ck_assert_int_eq(check_from(4000, false), ICE_CHECKED);
	ck_assert(stun_shape(SPAN(reply.bytes, reply.len), &shape));
	ck_assert_ptr_null(shape.user.p);
	ck_assert(stun_prove_response(
		codec, SPAN(reply.bytes, reply.len), shape.id, ice_lite_pwd(ice), &mapped));
	ck_assert_str_eq(addr_text(&mapped, text), "198.51.100.7:4000");
	ck_assert_int_eq(counter_value[CNT_ice_checks_total], 1);
	ck_assert_int_eq(counter_value[CNT_ice_nominated_total], 0);
}
END_TEST

START_TEST(an_ipv6_check_is_answered_too)
{
	struct wire w = craft((struct craft){ .user = user(), .password = ice_lite_pwd(ice) });
	struct path from = { .port = 2 };
	struct stun_shape shape;
	struct addr mapped;

	ck_assert(addr_parse(SPAN_LIT("[2001:db8::7]:9"), &from.remote));
	ck_assert_int_eq(
		ice_lite_input(ice, codec, now, &from, SPAN(w.bytes, w.len), &reply), ICE_CHECKED);
	ck_assert(stun_shape(SPAN(reply.bytes, reply.len), &shape));
	ck_assert(stun_prove_response(
		codec, SPAN(reply.bytes, reply.len), shape.id, ice_lite_pwd(ice), &mapped));
	ck_assert(addr_eq(&mapped, &from.remote));
}
END_TEST

START_TEST(a_path_is_known_when_checked_and_selected_when_nominated)
{
	struct path a = path_from(1), b = path_from(2), other_port = path_from(1);

	other_port.port = 2;
	ck_assert_ptr_null(ice_lite_path(ice));
	ck_assert_int_eq(check_from(1, false), ICE_CHECKED);
	ck_assert(ice_lite_knows(ice, &a));
	ck_assert(!ice_lite_knows(ice, &b));
	ck_assert(!ice_lite_knows(ice, &other_port));
	ck_assert(path_eq(ice_lite_path(ice), &a));
	ck_assert_int_eq(check_from(2, false), ICE_CHECKED);
	ck_assert(path_eq(ice_lite_path(ice), &b)); /* nothing nominated: the last one */
	ck_assert_int_eq(check_from(1, true), ICE_SELECTED);
	ck_assert_int_eq(check_from(2, false), ICE_CHECKED);
	ck_assert(path_eq(ice_lite_path(ice), &a));
	ck_assert_int_eq(check_from(1, true), ICE_SELECTED);
	ck_assert_int_eq(counter_value[CNT_ice_nominated_total], 1);
	ck_assert_int_eq(check_from(2, true), ICE_SELECTED);
	ck_assert(path_eq(ice_lite_path(ice), &b));
	ck_assert_int_eq(counter_value[CNT_ice_nominated_total], 2);
}
END_TEST

START_TEST(every_valid_check_renews_consent_and_an_invalid_one_does_not)
{
	ck_assert(tick_is_never(ice_lite_last_check(ice)));
	now = (tick_t){ 5 };
	check_from(1, true);
	ck_assert_int_eq(ice_lite_last_check(ice).us, 5);
	now = (tick_t){ 9 };
	input_from(1, craft((struct craft){ .user = user(), .password = "wrong" }));
	ck_assert_int_eq(ice_lite_last_check(ice).us, 5);
	check_from(1, false);
	ck_assert_int_eq(ice_lite_last_check(ice).us, 9);
}
END_TEST

START_TEST(a_wrong_password_is_answered_401_unsigned)
{
	struct path from = path_from(1);

	ck_assert_int_eq(
		input_from(1, craft((struct craft){ .user = user(), .password = "wrong" })),
		ICE_UNAUTHORIZED);
	ck_assert_int_eq(reply_error(), 401);
	ck_assert(!reply_is_signed());
	ck_assert_uint_le(reply.len, 52);
	ck_assert(!ice_lite_knows(ice, &from));
	ck_assert_ptr_null(ice_lite_path(ice));
	ck_assert_int_eq(counter_value[CNT_ice_unauthorized_total], 1);
	ck_assert_int_eq(counter_value[CNT_ice_checks_total], 0);
}
END_TEST

START_TEST(a_wrong_user_name_is_answered_401)
{
	static const char *const wrong[] = { "nobody:theirs", ":theirs", "nocolon", ":" };
	char text[64];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_int_eq(input_from(1, craft((struct craft){ .user = wrong[i],
						       .password = ice_lite_pwd(ice) })),
			ICE_UNAUTHORIZED);
		ck_assert_int_eq(reply_error(), 401);
	}
	snprintf(text, sizeof(text), "%s:others", ice_lite_ufrag(ice));
	ck_assert_int_eq(
		input_from(1, craft((struct craft){ .user = text, .password = ice_lite_pwd(ice) })),
		ICE_UNAUTHORIZED);
}
END_TEST

START_TEST(any_sender_is_taken_while_the_remote_side_is_not_known)
{
	struct wire w;
	char text[64];

	snprintf(text, sizeof(text), "%s:others", ice_lite_ufrag(ice));
	w = craft((struct craft){ .user = text, .password = ice_lite_pwd(ice) });
	ck_assert(ice_lite_set_remote(ice, NULL));
	ck_assert_int_eq(input_from(1, w), ICE_CHECKED);
	ck_assert(ice_lite_set_remote(ice, &remote));
	ck_assert_int_eq(input_from(1, w), ICE_UNAUTHORIZED);
}
END_TEST

START_TEST(a_request_without_integrity_or_user_is_answered_400)
{
	ck_assert_int_eq(input_from(1, craft((struct craft){ .user = user() })), ICE_MALFORMED);
	ck_assert_int_eq(reply_error(), 400);
	ck_assert_uint_le(reply.len, 52);
	ck_assert_int_eq(input_from(1, craft((struct craft){ .password = ice_lite_pwd(ice) })),
		ICE_MALFORMED);
	ck_assert_int_eq(reply_error(), 400);
	ck_assert_int_eq(counter_value[CNT_ice_malformed_total], 2);
	ck_assert_ptr_null(ice_lite_path(ice));
}
END_TEST

START_TEST(a_request_without_fingerprint_is_dropped)
{
	ck_assert_int_eq(input_from(1, craft((struct craft){ .user = user(),
					       .password = ice_lite_pwd(ice),
					       .without_fingerprint = true })),
		ICE_MALFORMED);
	ck_assert_uint_eq(reply.len, 0);
	ck_assert_int_eq(counter_value[CNT_ice_malformed_total], 1);
}
END_TEST

START_TEST(a_peer_that_says_it_is_controlled_learns_otherwise)
{
	struct path from = path_from(1);

	ck_assert_int_eq(input_from(1, craft((struct craft){ .user = user(),
					       .password = ice_lite_pwd(ice),
					       .controlled = true,
					       .use_candidate = true })),
		ICE_UNAUTHORIZED);
	ck_assert_int_eq(reply_error(), 487);
	ck_assert(reply_is_signed());
	ck_assert(!ice_lite_knows(ice, &from));
	ck_assert_int_eq(counter_value[CNT_ice_refused_total], 1);
	ck_assert_int_eq(counter_value[CNT_ice_unauthorized_total], 0);
}
END_TEST

START_TEST(an_attribute_that_must_be_understood_is_named_in_a_420)
{
	StunMessage msg = { 0 };
	const uint8_t *list;
	uint16_t len = 0;

	ck_assert_int_eq(input_from(1, craft((struct craft){ .user = user(),
					       .password = ice_lite_pwd(ice),
					       .extra = 0x7abc })),
		ICE_UNAUTHORIZED);
	ck_assert_int_eq(reply_error(), 420);
	ck_assert(reply_is_signed());
	msg.buffer = reply.bytes;
	msg.buffer_len = reply.len;
	list = stun_message_find(&msg, STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, &len);
	ck_assert_uint_eq(len, 2);
	ck_assert_uint_eq(list[0], 0x7a);
	ck_assert_uint_eq(list[1], 0xbc);
}
END_TEST

START_TEST(an_attribute_that_may_be_ignored_is_ignored)
{
	/* GOOG network information of Chromium, and NOMINATION */
	ck_assert_int_eq(input_from(1, craft((struct craft){ .user = user(),
					       .password = ice_lite_pwd(ice),
					       .extra = 0xc057 })),
		ICE_CHECKED);
	ck_assert_int_eq(input_from(1, craft((struct craft){ .user = user(),
					       .password = ice_lite_pwd(ice),
					       .extra = 0x001c })),
		ICE_CHECKED);
}
END_TEST

START_TEST(a_stranger_with_unknown_attributes_gets_401_not_420)
{
	input_from(
		1, craft((struct craft){ .user = user(), .password = "wrong", .extra = 0x7abc }));
	ck_assert_int_eq(reply_error(), 401);
}
END_TEST

START_TEST(a_keepalive_asks_for_nothing_and_counts_as_nothing)
{
	ck_assert_int_eq(input_from(1, craft((struct craft){ .indication = true })), ICE_MALFORMED);
	ck_assert_uint_eq(reply.len, 0);
	ck_assert_int_eq(counter_value[CNT_ice_malformed_total], 0);
	ck_assert(tick_is_never(ice_lite_last_check(ice)));
}
END_TEST

START_TEST(a_response_is_dropped)
{
	struct wire w;

	check_from(1, false);
	memcpy(w.bytes, reply.bytes, reply.len);
	w.len = reply.len;
	ck_assert_int_eq(input_from(1, w), ICE_MALFORMED);
	ck_assert_uint_eq(reply.len, 0);
}
END_TEST

START_TEST(truncated_checks_are_malformed_at_every_length)
{
	struct wire w = craft((struct craft){ .user = user(), .password = ice_lite_pwd(ice) });
	struct path from = path_from(1);

	for (size_t len = 0; len < w.len; len++) {
		uint8_t *copy = malloc(len + 1);

		memcpy(copy + 1, w.bytes, len);
		ck_assert_int_eq(
			ice_lite_input(ice, codec, now, &from, SPAN(copy + 1, len), &reply),
			ICE_MALFORMED);
		free(copy);
	}
	ck_assert_int_eq(counter_value[CNT_ice_malformed_total], (int64_t)w.len);
}
END_TEST

START_TEST(no_flipped_bit_makes_a_path)
{
	struct wire w = craft((struct craft){ .user = user(), .password = ice_lite_pwd(ice) });

	for (size_t bit = 0; bit < 8 * w.len; bit++) {
		w.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(input_from(1, w), ICE_MALFORMED);
		w.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ck_assert_int_eq(input_from(1, w), ICE_CHECKED);
}
END_TEST

START_TEST(the_table_of_paths_is_bounded_and_keeps_the_selected_one)
{
	struct path selected = path_from(1), oldest = path_from(2), last;

	check_from(1, true);
	for (uint16_t port = 2; port <= ICE_PATHS_MAX; port++) {
		now = tick_add(now, 1);
		check_from(port, false);
	}
	ck_assert(ice_lite_knows(ice, &oldest));
	now = tick_add(now, 1);
	check_from(100, false);
	ck_assert(!ice_lite_knows(ice, &oldest));
	ck_assert(ice_lite_knows(ice, &selected));
	for (uint16_t port = 1000; port < 2000; port++) {
		now = tick_add(now, 1);
		check_from(port, false);
		last = path_from(port);
		ck_assert(ice_lite_knows(ice, &last));
	}
	ck_assert(path_eq(ice_lite_path(ice), &selected));
	last = path_from(2000 - ICE_PATHS_MAX);
	ck_assert(!ice_lite_knows(ice, &last));
}
END_TEST

START_TEST(several_clients_behind_one_address_are_told_apart_by_user_name)
{
	struct ice_lite *other = ice_lite_create(&remote, now);
	struct wire w = craft((struct craft){ .user = user(), .password = ice_lite_pwd(ice) });
	struct path from = path_from(1);
	struct span ufrag;

	ck_assert_str_ne(ice_lite_ufrag(ice), ice_lite_ufrag(other));
	ck_assert_str_ne(ice_lite_pwd(ice), ice_lite_pwd(other));
	ck_assert(stun_receiver(SPAN(w.bytes, w.len), &ufrag));
	ck_assert(span_eq(ufrag, SPAN_STR(ice_lite_ufrag(ice))));
	ck_assert_int_eq(ice_lite_input(other, codec, now, &from, SPAN(w.bytes, w.len), &reply),
		ICE_UNAUTHORIZED);
	ck_assert_int_eq(
		ice_lite_input(ice, codec, now, &from, SPAN(w.bytes, w.len), &reply), ICE_CHECKED);
	ice_lite_destroy(other);
}
END_TEST

START_TEST(a_restart_keeps_the_path_until_the_new_credentials_select_another)
{
	static const struct ice_credentials fresh = { .ufrag = "fresh",
		.pwd = "freshfreshfreshfreshfresh" };
	struct path old = path_from(1), late = path_from(3);
	char old_user[64], old_pwd[ICE_PWD_LEN + 1], new_user[64];
	struct craft before = { .user = old_user, .password = old_pwd };
	struct craft after = { .user = new_user };

	check_from(1, true);
	strcpy(old_user, user());
	strcpy(old_pwd, ice_lite_pwd(ice));
	ice_lite_restart(ice);
	ck_assert(ice_lite_set_remote(ice, &fresh));
	ck_assert_int_eq(counter_value[CNT_ice_restarts_total], 1);
	ck_assert_str_ne(old_pwd, ice_lite_pwd(ice));
	snprintf(new_user, sizeof(new_user), "%s:fresh", ice_lite_ufrag(ice));
	after.password = ice_lite_pwd(ice);

	ck_assert(path_eq(ice_lite_path(ice), &old));
	ck_assert_int_eq(input_from(1, craft(before)), ICE_CHECKED);
	ck_assert_int_eq(input_from(3, craft(before)), ICE_CHECKED);
	ck_assert_int_eq(input_from(2, craft(after)), ICE_CHECKED);
	ck_assert(path_eq(ice_lite_path(ice), &old));
	after.use_candidate = true;
	ck_assert_int_eq(input_from(2, craft(after)), ICE_SELECTED);
	ck_assert_uint_eq(ice_lite_path(ice)->remote.port, 2);
	ck_assert(!ice_lite_knows(ice, &old));
	ck_assert(!ice_lite_knows(ice, &late));
	ck_assert_int_eq(input_from(1, craft(before)), ICE_UNAUTHORIZED);
}
END_TEST

START_TEST(a_restart_over_the_same_path_keeps_it)
{
	struct path old = path_from(1), other = path_from(2);

	check_from(2, false);
	check_from(1, true);
	ice_lite_restart(ice);
	ck_assert_int_eq(check_from(1, false), ICE_CHECKED);
	ck_assert_int_eq(check_from(1, true), ICE_SELECTED);
	ck_assert(path_eq(ice_lite_path(ice), &old));
	ck_assert(ice_lite_knows(ice, &old));
	ck_assert(!ice_lite_knows(ice, &other));
	ck_assert_int_eq(counter_value[CNT_ice_nominated_total], 1);
}
END_TEST

START_TEST(only_the_last_credentials_before_a_restart_are_accepted)
{
	char first_user[64], first_pwd[ICE_PWD_LEN + 1];

	strcpy(first_user, user());
	strcpy(first_pwd, ice_lite_pwd(ice));
	ice_lite_restart(ice);
	ck_assert_int_eq(
		input_from(1, craft((struct craft){ .user = first_user, .password = first_pwd })),
		ICE_CHECKED);
	ice_lite_restart(ice);
	ck_assert_int_eq(
		input_from(1, craft((struct craft){ .user = first_user, .password = first_pwd })),
		ICE_UNAUTHORIZED);
}
END_TEST

START_TEST(credentials_have_the_promised_form)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	ck_assert_uint_eq(strlen(ice_lite_ufrag(ice)), ICE_UFRAG_LEN);
	ck_assert_uint_eq(strlen(ice_lite_pwd(ice)), ICE_PWD_LEN);
	ck_assert_uint_eq(strspn(ice_lite_ufrag(ice), set), ICE_UFRAG_LEN);
	ck_assert_uint_eq(strspn(ice_lite_pwd(ice), set), ICE_PWD_LEN);
}
END_TEST

START_TEST(running_out_of_memory_leaks_nothing)
{
	long before = mem_live();

	for (unsigned n = 1;; n++) {
		struct ice_lite *other;
		bool is_set = true;

		mem_fail_at(n);
		other = ice_lite_create(&remote, now);
		if (other != NULL)
			is_set = ice_lite_set_remote(other, &remote);
		ice_lite_destroy(other);
		ck_assert_int_eq(mem_live(), before);
		if (!mem_failed())
			break;
		ck_assert(other == NULL || !is_set);
	}
	mem_fail_at(0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ice/lite");
	TCase *tc = tcase_create("lite");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_check_is_answered_with_the_address_it_came_from);
	tcase_add_test(tc, an_ipv6_check_is_answered_too);
	tcase_add_test(tc, a_path_is_known_when_checked_and_selected_when_nominated);
	tcase_add_test(tc, every_valid_check_renews_consent_and_an_invalid_one_does_not);
	tcase_add_test(tc, a_wrong_password_is_answered_401_unsigned);
	tcase_add_test(tc, a_wrong_user_name_is_answered_401);
	tcase_add_test(tc, any_sender_is_taken_while_the_remote_side_is_not_known);
	tcase_add_test(tc, a_request_without_integrity_or_user_is_answered_400);
	tcase_add_test(tc, a_request_without_fingerprint_is_dropped);
	tcase_add_test(tc, a_peer_that_says_it_is_controlled_learns_otherwise);
	tcase_add_test(tc, an_attribute_that_must_be_understood_is_named_in_a_420);
	tcase_add_test(tc, an_attribute_that_may_be_ignored_is_ignored);
	tcase_add_test(tc, a_stranger_with_unknown_attributes_gets_401_not_420);
	tcase_add_test(tc, a_keepalive_asks_for_nothing_and_counts_as_nothing);
	tcase_add_test(tc, a_response_is_dropped);
	tcase_add_test(tc, truncated_checks_are_malformed_at_every_length);
	tcase_add_test(tc, no_flipped_bit_makes_a_path);
	tcase_add_test(tc, the_table_of_paths_is_bounded_and_keeps_the_selected_one);
	tcase_add_test(tc, several_clients_behind_one_address_are_told_apart_by_user_name);
	tcase_add_test(tc, a_restart_keeps_the_path_until_the_new_credentials_select_another);
	tcase_add_test(tc, a_restart_over_the_same_path_keeps_it);
	tcase_add_test(tc, only_the_last_credentials_before_a_restart_are_accepted);
	tcase_add_test(tc, credentials_have_the_promised_form);
	tcase_add_test(tc, running_out_of_memory_leaks_nothing);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
