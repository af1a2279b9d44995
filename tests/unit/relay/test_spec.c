/* test_spec.c: a controller's wish, copied whole and freed whole. */
#include "dcmf/relay/spec.h"

#include <string.h>

#include "dcmf/base/alloc.h"
#include "tests/unit/main.h"

/* texts of a spec are its own, so they are not const */
static char label[] = "a", http[] = "http", root_a[] = "http://dcsf.example/a",
	    root_b[] = "http://dcsf.example/b", id[] = "0", interface_name[] = "access",
	    tls_id[] = "01234567890123456789";

static struct stream_spec streams[] = {
	{ .sid = 0, .quality.priority = 256, .label = label, .subprotocol = http },
	{ .sid = 10, .quality = { .unordered = true, .limit = 7 } },
};
static struct root_spec roots[] = {
	{ .sid = 0, .url = root_a, .connect.port = 80 },
	{ .sid = ROOT_ANY_SID, .url = root_b },
};
static struct ice_credentials ice = { .ufrag = "abcd", .pwd = "0123456789012345678901" };

static struct fingerprint print = { .hash = HASH_SHA256, .len = 32, .md = { 1, 2 } };
static struct link_spec server = { .protocol = LINK_TLS,
	.hop = HOP_MDC2,
	.remote = { .family = ADDR_IPV4, .port = 443 },
	.server_name = root_b,
	.fingerprints = &print,
	.fingerprint_count = 1 };

static const struct media_spec full = {
	.media_id = id,
	.proxy = PROXY_DC_APPLICATION,
	.has_server = true,
	.link = &server,
	.interface = interface_name,
	.remote = { .family = ADDR_IPV4, .port = 1234 },
	.has_ice = true,
	.ice = &ice,
	.fingerprints = &print,
	.fingerprint_count = 1,
	.remote_setup = SETUP_ACTPASS,
	.remote_sctp_port = 5000,
	.remote_max_message = 1024,
	.remote_tls_id = tls_id,
	.streams = streams,
	.stream_count = 2,
	.accept_dcep = true,
	.roots = roots,
	.root_count = 2,
};

START_TEST(a_copy_says_the_same_and_shares_nothing)
{
	struct media_spec copy;
	long live = mem_live();

	ck_assert(media_spec_copy(&copy, &full));
	ck_assert_str_eq(copy.media_id, full.media_id);
	ck_assert_ptr_ne(copy.media_id, full.media_id);
	ck_assert_str_eq(copy.interface, full.interface);
	ck_assert_str_eq(copy.remote_tls_id, full.remote_tls_id);
	ck_assert(addr_eq(&copy.remote, &full.remote));
	ck_assert_ptr_ne(copy.ice, full.ice);
	ck_assert_str_eq(copy.ice->pwd, ice.pwd);
	ck_assert_uint_eq(copy.stream_count, 2);
	ck_assert_str_eq(copy.streams[0].subprotocol, "http");
	ck_assert_ptr_ne(copy.streams[0].label, streams[0].label);
	ck_assert_ptr_null(copy.streams[1].label);
	ck_assert_uint_eq(copy.streams[1].quality.limit, 7);
	ck_assert_uint_eq(copy.root_count, 2);
	ck_assert_str_eq(copy.roots[1].url, roots[1].url);
	ck_assert_uint_eq(copy.roots[0].connect.port, 80);
	ck_assert(copy.has_ice && copy.accept_dcep && copy.has_server);
	ck_assert_ptr_ne(copy.fingerprints, &print);
	ck_assert(fingerprint_eq(copy.fingerprints, &print));
	ck_assert_ptr_ne(copy.link, &server);
	ck_assert_str_eq(copy.link->server_name, server.server_name);
	ck_assert_ptr_ne(copy.link->server_name, server.server_name);
	ck_assert_ptr_ne(copy.link->fingerprints, copy.fingerprints);
	ck_assert(fingerprint_eq(copy.link->fingerprints, &print));
	media_spec_finish(&copy);
	ck_assert_int_eq(mem_live(), live);
}
END_TEST

START_TEST(what_is_absent_stays_absent)
{
	const struct media_spec bare = { .media_id = id };
	struct media_spec copy;

	ck_assert(media_spec_copy(&copy, &bare));
	ck_assert_ptr_null(copy.interface);
	ck_assert_ptr_null(copy.ice);
	ck_assert_ptr_null(copy.fingerprints);
	ck_assert_ptr_null(copy.link);
	ck_assert_ptr_null(copy.streams);
	ck_assert_ptr_null(copy.roots);
	ck_assert_ptr_null(copy.remote_tls_id);
	media_spec_finish(&copy);
}
END_TEST

START_TEST(a_copy_that_finds_no_memory_leaves_nothing)
{
	long live = mem_live();
	struct media_spec copy;
	unsigned n;

	for (n = 1;; n++) {
		bool done;

		mem_fail_at(n);
		done = media_spec_copy(&copy, &full);
		if (!mem_failed())
			break;
		ck_assert(!done);
		ck_assert_ptr_null(copy.media_id);
		ck_assert_uint_eq(copy.stream_count, 0);
		ck_assert_int_eq(mem_live(), live);
	}
	mem_fail_at(0);
	ck_assert_uint_eq(n, 15);
	media_spec_finish(&copy);
	ck_assert_int_eq(mem_live(), live);
}
END_TEST

START_TEST(finishing_twice_is_harmless)
{
	struct media_spec copy;

	ck_assert(media_spec_copy(&copy, &full));
	media_spec_finish(&copy);
	media_spec_finish(&copy);
}
END_TEST

START_TEST(a_context_is_freed_however_much_of_it_was_built)
{
	long live = mem_live();
	struct context_spec spec = { 0 };

	context_spec_finish(&spec);
	spec = (struct context_spec){ .owner = mem_strdup("me"), .termination_count = 3 };
	context_spec_finish(&spec); /* counted, but never allocated */
	spec = (struct context_spec){ .termination_count = 2,
		.terminations = mem_zalloc(2 * sizeof(*spec.terminations)) };
	spec.terminations[0].termination_id = mem_strdup("ue");
	spec.terminations[0].media_count = 2;
	spec.terminations[0].medias = mem_zalloc(2 * sizeof(struct media_spec));
	ck_assert(media_spec_copy(&spec.terminations[0].medias[0], &full));
	spec.terminations[1].media_count = 5;
	context_spec_finish(&spec);
	ck_assert_ptr_null(spec.terminations);
	ck_assert_int_eq(mem_live(), live);
}
END_TEST

static bool are_twins(
	const char *at, const struct media_spec *a, const char *bt, const struct media_spec *b)
{
	ck_assert_int_eq(media_specs_are_twins(at, a, bt, b), media_specs_are_twins(bt, b, at, a));
	return media_specs_are_twins(at, a, bt, b);
}

START_TEST(medias_of_two_ues_are_twins_by_their_names)
{
	static char other[] = "1";
	struct media_spec a = { .media_id = id, .proxy = PROXY_UDP }, b = a;

	ck_assert(are_twins("a", &a, "b", &b));
	b.proxy = PROXY_DC_APPLICATION;
	ck_assert(!are_twins("a", &a, "b", &b));
	a.proxy = b.proxy = PROXY_HTTP;
	ck_assert(!are_twins("a", &a, "b", &b));
	a.proxy = b.proxy = PROXY_UDP;
	b.media_id = other;
	ck_assert(!are_twins("a", &a, "b", &b));
	a.twin = other;
	ck_assert(are_twins("a", &a, "b", &b));
	b.has_server = true;
	ck_assert(!are_twins("a", &a, "b", &b));
}
END_TEST

START_TEST(the_two_sides_of_a_media_are_twins_and_no_others)
{
	static char other[] = "1";
	struct media_spec ue = { .media_id = id, .proxy = PROXY_UDP, .has_server = true };
	struct media_spec far = { .media_id = id, .proxy = PROXY_UDP, .hop = HOP_MDC2 };
	struct media_spec far_too = far, link = ue;

	ck_assert(are_twins("ue", &ue, "ue", &far));
	ck_assert(!are_twins("ue", &ue, "b", &far));
	ck_assert(!are_twins("a", &far_too, "ue", &far));
	link.link = &server;
	ck_assert(!are_twins("ue", &link, "ue", &far));
	far.media_id = other;
	ck_assert(!are_twins("ue", &ue, "ue", &far));
	far.media_id = id;
	ue.has_server = false;
	ck_assert(!are_twins("ue", &ue, "ue", &far));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("relay/spec");
	TCase *tc = tcase_create("spec");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, a_copy_says_the_same_and_shares_nothing);
	tcase_add_test(tc, what_is_absent_stays_absent);
	tcase_add_test(tc, a_copy_that_finds_no_memory_leaves_nothing);
	tcase_add_test(tc, finishing_twice_is_harmless);
	tcase_add_test(tc, medias_of_two_ues_are_twins_by_their_names);
	tcase_add_test(tc, the_two_sides_of_a_media_are_twins_and_no_others);
	tcase_add_test(tc, a_context_is_freed_however_much_of_it_was_built);
	return s;
}

UNIT_MAIN(make_suite)
