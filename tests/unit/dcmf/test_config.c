/* test_config.c: what a configuration file may say, and how one differs from another. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "dcmf/config/config.h"
#include "tests/unit/main.h"

static struct config config;
static char error[CONFIG_ERROR_MAX];

static void taken(const char *text)
{
	ck_assert_msg(config_parse(text, "t.yaml", &config, error), "%s", error);
	ck_assert_str_eq(config.text, text);
}

START_TEST(an_empty_file_gives_the_defaults)
{
	taken("");
	ck_assert_str_eq(config.node.name, "mf1");
	ck_assert_int_eq(config.workers, 0);
	ck_assert_uint_ge(config_workers(&config), 1);
	ck_assert_uint_eq(config.media_count, 1);
	ck_assert(addr_is_loopback(&config.media[0].address));
	ck_assert_uint_eq(config.media[0].ports.first, 20000);
	ck_assert_uint_eq(config.media[0].ports.last, 29999);
	ck_assert_str_eq(config.dtls.certificate, "auto");
	ck_assert_int_eq(config.dtls.rotate, INT64_C(86400) * 1000000);
	ck_assert_int_eq(config.dtls.mtu, 1200);
	ck_assert_int_eq(config.dtls.setup, CONFIG_PASSIVE);
	ck_assert_int_eq(config.sctp.max_message_size, 262144);
	ck_assert(config.mdc1.embedded);
	ck_assert_int_eq(config.mdc1.allow_plain, PLAIN_LOOPBACK);
	ck_assert_int_eq(config.mdc2.allow_plain, PLAIN_NEVER);
	ck_assert_int_eq(config.drain.deadline, INT64_C(600) * 1000000);
	ck_assert_uint_eq(config.admin.listen.port, 9650);
	ck_assert_uint_eq(config.control.tcp.listen.family, ADDR_NONE);
	ck_assert_int_eq(config.limits.contexts, 100000);
	ck_assert_int_eq(config.log.level, LOG_INFO);
	config_finish(&config);
}
END_TEST

START_TEST(every_section_may_be_left_empty)
{
	taken("node:\nmedia:\ndtls: {}\nmdc1: { tls: {} }\ncontrol:\n  tcp: ~\nsbi: { oauth2: {}, "
	      "nrf: [] }\n");
	ck_assert_uint_eq(config.media_count, 1);
	config_finish(&config);
}
END_TEST

START_TEST(values_of_every_type_are_read)
{
	taken("node: { name: \"north 7\", nf_instance_id: 3fa85f64-5717-4562-b3fc-2c963f66afa6 }\n"
	      "workers: 3\n"
	      "media:\n"
	      "  - name: access\n"
	      "    address: 192.0.2.4\n"
	      "    advertise: 198.51.100.7\n"
	      "    ports: 30000-30299\n"
	      "  - { name: six, address: '2001:db8::1', ports: 30000-30005, shared_port: 3478 }\n"
	      "dtls: { rotate: 90m, mtu: 576, setup: active }\n"
	      "sctp: { max_streams: 65535, send_buffer: 65536 }\n"
	      "channel: { hold: 500ms }\n"
	      "policy: { latch: true }\n"
	      "mdc1: { synthetic: [ \"big:5242880\", 'a:1' ] }\n"
	      "control: { socket: /tmp/c.sock, tcp: { listen: \"[::1]:9055\" } }\n"
	      "admin: { listen: \"\" }\n"
	      "log: { level: debug, format: json }\n");
	ck_assert_str_eq(config.node.name, "north 7");
	ck_assert_uint_eq(config_workers(&config), 3);
	ck_assert_uint_eq(config.media_count, 2);
	ck_assert_uint_eq(config.media[0].advertise.family, ADDR_IPV4);
	ck_assert_uint_eq(config.media[1].address.family, ADDR_IPV6);
	ck_assert_int_eq(config.media[1].shared_port, 3478);
	ck_assert_int_eq(config.dtls.rotate, INT64_C(5400) * 1000000);
	ck_assert_int_eq(config.dtls.setup, CONFIG_ACTIVE);
	ck_assert_int_eq(config.sctp.send_buffer, 65536);
	ck_assert_int_eq(config.channel.hold, 500000);
	ck_assert(config.policy.latch);
	ck_assert_uint_eq(config.mdc1.synthetic.count, 2);
	ck_assert_str_eq(config.mdc1.synthetic.text[1], "a:1");
	ck_assert_uint_eq(config.control.tcp.listen.port, 9055);
	ck_assert_uint_eq(config.admin.listen.family, ADDR_NONE);
	ck_assert_int_eq(config.log.format, 1);
	config_finish(&config);
}
END_TEST

START_TEST(a_range_of_ports_is_split_evenly_among_the_workers)
{
	struct config_ports part;

	taken("workers: 3\nmedia: [ { name: a, address: 127.0.0.1, ports: 100-199 } ]\n");
	ck_assert_uint_eq(config_ports_of(&config.media[0], 0, 3, &part), 33);
	ck_assert_uint_eq(part.first, 100);
	ck_assert_uint_eq(part.last, 132);
	config_ports_of(&config.media[0], 2, 3, &part);
	ck_assert_uint_eq(part.first, 166);
	ck_assert_uint_eq(part.last, 198);
	config_finish(&config);
}
END_TEST

START_TEST(values_that_only_repeat_the_default_of_what_is_not_built_are_fine)
{
	taken("sbi: { listen: '', oauth2: { required: false, skew: 5s } }\n"
	      "mdc2: { tls: {}, allow_plain: never }\n"
	      "policy: { operator_networks: [], rules: [], latch: false }\n"
	      "authorization: { clients: [], others_may_change: false }\n"
	      "drain: { deadline: 10m, peer: \"\" }\n");
	config_finish(&config);
}
END_TEST

static char compared[512];

static void note(void *arg, const char *path, bool live)
{
	size_t len = strlen(compared);

	snprintf(compared + len, sizeof(compared) - len, "%s%s ", path, live ? "*" : "");
}

START_TEST(the_security_policy_is_read)
{
	const struct policy *policy = &config.policy;

	taken("policy:\n"
	      "  rules:\n"
	      "  - match: { kind: bdc, bdc: remote }\n"
	      "    then: refuse\n"
	      "  - { match: { server: internal, protocol: TCP/TLS, application: 'chess 2',\n"
	      "      topology: p2a, third_party: auth.example }, then: e2ae,\n"
	      "      require_protected_mdc: true }\n"
	      "  - { then: e2e, match: {} }\n"
	      "  operator_networks: [ 10.0.0.0/8, '2001:db8::/32', 192.0.2.7 ]\n"
	      "mdc1: { allow_plain: operator }\n");
	ck_assert_uint_eq(policy->network_count, 3);
	ck_assert_uint_eq(policy->operator_networks[0].bits, 8);
	ck_assert_uint_eq(policy->operator_networks[1].prefix.family, ADDR_IPV6);
	ck_assert_uint_eq(policy->operator_networks[2].bits, 32);
	ck_assert_uint_eq(policy->rule_count, 3);
	ck_assert_uint_eq(policy->rules[0].line, 3);
	ck_assert_uint_eq(policy->rules[0].bdc, POLICY_BDC_REMOTE);
	ck_assert_uint_eq(policy->rules[0].then, POLICY_REFUSE);
	ck_assert_uint_eq(policy->rules[1].line, 5);
	ck_assert_uint_eq(policy->rules[1].server, POLICY_INTERNAL);
	ck_assert_str_eq(policy->rules[1].protocol, "TCP/TLS");
	ck_assert_str_eq(policy->rules[1].application, "chess 2");
	ck_assert_str_eq(policy->rules[1].third_party, "auth.example");
	ck_assert(policy->rules[1].require_protected_mdc);
	ck_assert_uint_eq(policy->rules[2].then, POLICY_E2E);
	ck_assert_int_eq(config.mdc1.allow_plain, PLAIN_OPERATOR);
	config_finish(&config);
}
END_TEST

START_TEST(a_changed_policy_is_a_difference_that_needs_a_restart)
{
	struct config other;

	compared[0] = '\0';
	taken("policy: { operator_networks: [ 10.0.0.0/8 ], rules: [ { then: e2e } ] }\n");
	ck_assert(config_parse("policy:\n  rules: [ { match: { kind: bdc }, then: e2e } ]\n",
		"o.yaml", &other, error));
	config_compare(&config, &other, note, NULL);
	ck_assert_str_eq(compared, "policy.operator_networks policy.rules ");
	config_finish(&other);
	compared[0] = '\0';
	ck_assert(config_parse("\npolicy:\n  rules:\n  - then: e2e\n"
			       "  operator_networks: [ 10.0.0.0/8 ]\n",
		"o.yaml", &other, error));
	config_compare(&config, &other, note, NULL);
	ck_assert_str_eq(compared, ""); /* on other lines, and the same */
	config_finish(&other);
	config_finish(&config);
}
END_TEST

START_TEST(differences_are_named_and_live_ones_are_taken)
{
	struct config other;

	compared[0] = '\0';
	taken("workers: 2\n");
	ck_assert(config_parse("workers: 3\nlog: { level: debug }\nlimits: { contexts: 5 }\n"
			       "media: [ { name: a, address: 127.0.0.1 } ]\n",
		"o.yaml", &other, error));
	config_compare(&config, &other, note, NULL);
	ck_assert_str_eq(compared, "workers limits.contexts* log.level* media ");
	config_take_live(&config, &other);
	ck_assert_int_eq(config.log.level, LOG_DEBUG);
	ck_assert_int_eq(config.limits.contexts, 5);
	ck_assert_int_eq(config.workers, 2);
	config_finish(&other);
	config_finish(&config);
}
END_TEST

START_TEST(control_may_be_listened_for_anywhere_with_tls_whose_files_change_live)
{
	struct config other;

	compared[0] = '\0';
	taken("control: { tcp: { listen: '192.0.2.1:9', tls: { certificate: a, key: b, client_ca: "
	      "c "
	      "} } }\n");
	ck_assert(config_parse("control: { tcp: { listen: '192.0.2.1:9', tls: { certificate: x, "
			       "key: y, client_ca: c } } }\n",
		"o.yaml", &other, error));
	config_compare(&config, &other, note, NULL);
	ck_assert_str_eq(compared, "control.tcp.tls.certificate* control.tcp.tls.key* ");
	config_take_live(&config, &other);
	ck_assert_str_eq(config.control.tcp.tls.certificate, "x");
	config_finish(&other);
	config_finish(&config);
}
END_TEST

START_TEST(access_tokens_and_nrfs_are_configured_together)
{
	taken("node: { plmn: 310-410, nf_set_id: set1.mfset.5gc.mnc410.mcc310 }\n"
	      "sbi: { listen: '0.0.0.0:9443', advertise: mf1.ims.example, nrf: [ "
	      "https://nrf-a.example, 'https://nrf-b.example:8443/core/' ],\n"
	      "  tls: { certificate: a, key: b, client_ca: c, ca: d },\n"
	      "  oauth2: { required: true, issuers: [ 11111111-2222-4333-8444-555555555555 ] } "
	      "}\n");
	ck_assert_uint_eq(config.sbi.nrf.count, 2);
	ck_assert(config.sbi.oauth2.required);
	ck_assert_str_eq(config.sbi.tls.ca, "d");
	config_finish(&config);
	taken("sbi: { listen: '127.0.0.1:9443', advertise: '2001:db8::1', nrf: [ "
	      "'http://[::1]:7777' ] }\n");
	config_finish(&config);
}
END_TEST

START_TEST(the_sbi_may_be_plain_on_loopback_and_anywhere_with_tls)
{
	struct config other;

	taken("sbi: { listen: 127.0.0.1:9443 }\n");
	config_finish(&config);
	compared[0] = '\0';
	taken("sbi: { listen: '192.0.2.1:9443', tls: { certificate: a, key: b, client_ca: c } }\n"
	      "authorization: { clients: [ CN=as1, 3fa85f64-5717-4562-b3fc-2c963f66afa6 ] }\n");
	ck_assert(config_parse("sbi: { listen: '192.0.2.1:9443', tls: { certificate: x, key: b, "
			       "client_ca: c } }\n"
			       "authorization: { others_may_change: true, clients: [ CN=as2 ] }\n"
			       "drain: { peer: 'https://mf2.example' }\n",
		"o.yaml", &other, error));
	config_compare(&config, &other, note, NULL);
	ck_assert_str_eq(compared, "drain.peer* authorization.clients* "
				   "authorization.others_may_change* sbi.tls.certificate* ");
	config_take_live(&config, &other);
	ck_assert_uint_eq(config.authorization.clients.count, 1);
	ck_assert_str_eq(config.authorization.clients.text[0], "CN=as2");
	ck_assert(config.authorization.others_may_change);
	ck_assert_str_eq(config.drain.peer, "https://mf2.example");
	ck_assert_uint_eq(other.authorization.clients.count, 2);
	config_finish(&other);
	config_finish(&config);
}
END_TEST

START_TEST(equal_configurations_have_no_difference)
{
	struct config other;

	compared[0] = '\0';
	taken("mdc1: { synthetic: [ a:1 ] }\n");
	ck_assert(config_parse("mdc1:\n  synthetic:\n  - a:1\n", "o.yaml", &other, error));
	config_compare(&config, &other, note, NULL);
	ck_assert_str_eq(compared, "");
	config_finish(&other);
	config_finish(&config);
}
END_TEST

START_TEST(file_names_are_relative_to_the_file_that_names_them)
{
	char path[] = "test_config_XXXXXX";
	char full[512], cwd[400];
	int fd = mkstemp(path);
	const char text[] = "mdc1: { root: apps, tls: { ca: /etc/ca.pem } }\n";

	ck_assert_int_eq(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
	snprintf(full, sizeof(full), "%s/%s", cwd, path);
	ck_assert_msg(config_load(full, &config, error), "%s", error);
	snprintf(full, sizeof(full), "%s/apps", cwd);
	ck_assert_str_eq(config.mdc1.root, full);
	ck_assert_str_eq(config.mdc1.tls.ca, "/etc/ca.pem");
	ck_assert_str_eq(config.mdc1.tls.key, "");
	config_finish(&config);
	unlink(path);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_named)
{
	ck_assert(!config_load("/nowhere/dcmf.yaml", &config, error));
	ck_assert_str_eq(error, "/nowhere/dcmf.yaml: No such file or directory");
	ck_assert(!config_load("/", &config, error));
	ck_assert_str_eq(error, "/: not a file of at most 16 MiB");
}
END_TEST

START_TEST(running_out_of_memory_at_any_point_is_an_error_and_leaks_nothing)
{
	const char *text = "node: { name: a }\nmedia: [ { name: a, address: 127.0.0.1 }, { name: "
			   "b, address: '::1' } ]\n"
			   "mdc1: { synthetic: [ a:1, b:2 ] }\n"
			   "policy: { operator_networks: [ 10.0.0.0/8 ], rules: [ { match: { "
			   "protocol: TCP, application: a }, then: e2ae }, { then: e2e } ] }\n";
	long before = mem_live();
	unsigned long n;

	for (n = 1;; n++) {
		bool ok;

		mem_fail_at(n);
		ok = config_parse(text, "t.yaml", &config, error);
		if (!mem_failed()) {
			ck_assert(ok);
			break;
		}
		ck_assert(!ok);
		ck_assert_ptr_nonnull(strstr(error, "out of memory"));
		ck_assert_int_eq(mem_live(), before);
	}
	mem_fail_at(0);
	ck_assert_uint_gt(n, 30);
	config_finish(&config);
	ck_assert_int_eq(mem_live(), before);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("config");
	TCase *t = tcase_create("config");

	tcase_add_test(t, an_empty_file_gives_the_defaults);
	tcase_add_test(t, every_section_may_be_left_empty);
	tcase_add_test(t, values_of_every_type_are_read);
	tcase_add_test(t, a_range_of_ports_is_split_evenly_among_the_workers);
	tcase_add_test(t, values_that_only_repeat_the_default_of_what_is_not_built_are_fine);
	tcase_add_test(t, the_security_policy_is_read);
	tcase_add_test(t, a_changed_policy_is_a_difference_that_needs_a_restart);
	tcase_add_test(t, differences_are_named_and_live_ones_are_taken);
	tcase_add_test(t, control_may_be_listened_for_anywhere_with_tls_whose_files_change_live);
	tcase_add_test(t, access_tokens_and_nrfs_are_configured_together);
	tcase_add_test(t, the_sbi_may_be_plain_on_loopback_and_anywhere_with_tls);
	tcase_add_test(t, equal_configurations_have_no_difference);
	tcase_add_test(t, file_names_are_relative_to_the_file_that_names_them);
	tcase_add_test(t, a_file_that_is_not_there_is_named);
	tcase_add_test(t, running_out_of_memory_at_any_point_is_an_error_and_leaks_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
