/* test_config_refusal.c: what a configuration file must not say, and the sentence it gets. */
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/config/config.h"
#include "tests/unit/main.h"

static struct config config;
static char error[CONFIG_ERROR_MAX];

static void refused_with(const char *text, const char *sentence)
{
	long before = mem_live();

	ck_assert_msg(!config_parse(text, "t.yaml", &config, error), "accepted: %s", text);
	ck_assert_str_eq(error, sentence);
	ck_assert_int_eq(mem_live(), before);
}

/* Text and the sentence it gets. */
static const struct {
	const char *text, *sentence;
} refused[] = {
	{ "dtsl: {}\n", "t.yaml:1: dtsl: unknown key" },
	{ "dtls:\n  mtu: 1200\n  mtuu: 1\n", "t.yaml:3: dtls.mtuu: unknown key" },
	{ "dtls:\n  mtu: 1200\n  mtu: 1200\n", "t.yaml:3: dtls.mtu: stands here twice" },
	{ "dtls: {}\ndtls: {}\n", "t.yaml:2: dtls: stands here twice" },
	{ "media:\n  - name: a\n    adress: 127.0.0.1\n",
		"t.yaml:3: media[0].adress: unknown key" },
	{ "media:\n  - { name: a, address: 127.0.0.1 }\n  - { name: b }\n",
		"t.yaml:3: media[1]: address is missing" },
	{ "media: [ { address: 127.0.0.1 } ]\n", "t.yaml:1: media[0]: name is missing" },
	{ "media: []\n", "t.yaml:1: media: at least one interface is needed" },
	{ "media: 7\n", "t.yaml:1: media: a list of maps is expected" },
	{ "media: [ 7 ]\n", "t.yaml:1: media[0]: a map is expected" },
	{ "dtls: 5\n", "t.yaml:1: dtls: a map is expected" },
	{ "- dtls\n", "t.yaml:1: a map of sections is expected" },
	{ "dtls: {}\n---\ndtls: {}\n", "t.yaml:2: only one document is expected" },
	{ "dtls: { mtu: [ 1 ] }\n", "t.yaml:1: dtls.mtu: a value is expected, not a list" },
	{ "dtls: { mtu: { a: 1 } }\n", "t.yaml:1: dtls.mtu: a value is expected, not a map" },
	{ "dtls: { mtu: }\n", "t.yaml:1: dtls.mtu: a value is missing" },
	{ "dtls: { mtu: big }\n", "t.yaml:1: dtls.mtu: \"big\" is not a number" },
	{ "dtls: { mtu: \"1200\" }\n", "t.yaml:1: dtls.mtu: \"1200\" is not possible here: a text "
				       "in quotes where a value is expected" },
	{ "dtls: { mtu: -5 }\n", "t.yaml:1: dtls.mtu: \"-5\" is not a number" },
	{ "dtls: { mtu: 99999999999999999999 }\n",
		"t.yaml:1: dtls.mtu: \"99999999999999999999\" is not a number" },
	{ "dtls: { mtu: 575 }\n", "t.yaml:1: dtls.mtu: 575 is not between 576 and 1500" },
	{ "dtls: { mtu: 1501 }\n", "t.yaml:1: dtls.mtu: 1501 is not between 576 and 1500" },
	{ "dtls: { setup: actpass }\n",
		"t.yaml:1: dtls.setup: \"actpass\" is none of passive|active" },
	{ "dtls: { rotate: 24 }\n", "t.yaml:1: dtls.rotate: \"24\" is not a duration, as in 500ms, "
				    "10s, 5m, 24h or 7d" },
	{ "dtls: { rotate: 999ms }\n", "t.yaml:1: dtls.rotate: 999ms is not between 1s and 365d" },
	{ "dtls: { rotate: 999999999999999h }\n",
		"t.yaml:1: dtls.rotate: \"999999999999999h\" is not a duration, as in 500ms, 10s, "
		"5m, 24h or 7d" },
	{ "dtls: { key: k.pem }\n", "t.yaml:1: dtls.key: a key without its certificate" },
	{ "sctp: { max_message_size: 1GiB }\n", "t.yaml:1: sctp.max_message_size: \"1GiB\" is not "
						"a size, as in 65536, 256KiB or 1MiB" },
	{ "sctp: { max_message_size: 17MiB }\n",
		"t.yaml:1: sctp.max_message_size: 17MiB is not between 1KiB and 16MiB" },
	{ "workers: 0\n", "t.yaml:1: workers: 0 is not between 1 and 64" },
	{ "workers: many\n", "t.yaml:1: workers: \"many\" is not a number" },
	{ "mdc1: { embedded: yes }\n", "t.yaml:1: mdc1.embedded: \"yes\" is not true or false" },
	{ "mdc1: { url: ftp://x/ }\n",
		"t.yaml:1: mdc1.url: \"ftp://x/\" is no absolute http or https URL" },
	{ "mdc1:\n  allow_plain: never\n  url: http://127.0.0.1/\n",
		"t.yaml:3: mdc1.url: is plain HTTP, which mdc1.allow_plain forbids" },
	{ "mdc1: { url: https://d.example/ }\n", "t.yaml:1: mdc1.url: is https, and without "
						 "mdc1.tls.ca no server would be trusted" },
	{ "mdc1: { tls: { key: k.pem } }\n",
		"t.yaml: mdc1.tls.certificate: certificate and key are needed together" },
	{ "mdc1: { allow_plain: operator }\n",
		"t.yaml:1: mdc1.allow_plain: operator needs policy.operator_networks" },
	{ "mdc1: { embedded: false, synthetic: [ a:1 ] }\n",
		"t.yaml:1: mdc1.synthetic: needs the embedded DCSF" },
	{ "mdc1: { synthetic: a }\n", "t.yaml:1: mdc1.synthetic: \"a\" is not a list" },
	{ "mdc1: { synthetic: [ { a: 1 } ] }\n",
		"t.yaml:1: mdc1.synthetic: its entries must be texts" },
	{ "media: [ { name: a, address: localhost } ]\n",
		"t.yaml:1: media[0].address: \"localhost\" is not an IPv4 or IPv6 address" },
	{ "media: [ { name: a, address: 127.0.0.1, ports: 5 } ]\n",
		"t.yaml:1: media[0].ports: \"5\" is not a range of ports, first-last" },
	{ "media: [ { name: a, address: 127.0.0.1, ports: 9-5 } ]\n",
		"t.yaml:1: media[0].ports: \"9-5\" is not a range of ports, first-last" },
	{ "workers: 4\nmedia: [ { name: a, address: 127.0.0.1, ports: 100-102 } ]\n",
		"t.yaml:2: media[0].ports: fewer ports than workers (4)" },
	{ "workers: 2\nmedia: [ { name: a, address: 127.0.0.1, ports: 100-102, shared_port: 65535 "
	  "} ]\n",
		"t.yaml:2: media[0].shared_port: 65535 leaves no port for every worker" },
	{ "workers: 2\nmedia: [ { name: a, address: 127.0.0.1, ports: 100-102, shared_port: 99 } "
	  "]\n",
		"t.yaml:2: media[0].shared_port: 99 to 100, one a worker, lie in the range of "
		"ports" },
	{ "media:\n- { name: a, address: 127.0.0.1 }\n- { name: a, address: 127.0.0.2 }\n",
		"t.yaml:3: media[1].name: \"a\" is the name of media[0] too" },
	{ "media:\n- { name: a, address: 127.0.0.1 }\n- { name: b, address: 127.0.0.1 }\n",
		"t.yaml:3: media[1].ports: overlap those of media[0], which has the same address" },
	{ "media: [ { name: a, address: 127.0.0.1, advertise: '::1' } ]\n",
		"t.yaml:1: media[0].advertise: is of another family than address" },
	{ "media: [ { name: a, address: 0.0.0.0 } ]\n",
		"t.yaml:1: media[0].advertise: is needed where address is any" },
	{ "control: { tcp: { listen: 192.0.2.1:9055 } }\n",
		"t.yaml:1: control.tcp.listen: plain TCP is allowed on loopback only; elsewhere "
		"control.tcp.tls is needed" },
	{ "control: { tcp: { tls: { key: a } } }\n",
		"t.yaml: control.tcp.tls.certificate: certificate, key and client_ca are needed "
		"together" },
	{ "control: { tcp: { listen: '192.0.2.1:9', tls: { certificate: a, key: b } } }\n",
		"t.yaml:1: control.tcp.tls.certificate: certificate, key and client_ca are needed "
		"together" },
	{ "control: { tcp: { tls: { certificate: a, key: b, client_ca: c } } }\n",
		"t.yaml:1: control.tcp.tls.certificate: needs control.tcp.listen" },
	{ "admin: { listen: 9650 }\n", "t.yaml:1: admin.listen: \"9650\" is not an address and "
				       "port, as in 127.0.0.1:9650 or [::1]:9650" },
	{ "node: { nf_instance_id: me }\n",
		"t.yaml:1: node.nf_instance_id: \"me\" is neither auto nor a UUID" },
	{ "node: { name: '' }\n",
		"t.yaml:1: node.name: a text of 0 bytes is not between 1 and 64 bytes long" },
	{ "sbi:\n  listen: 192.0.2.1:9443\n",
		"t.yaml:2: sbi.listen: plain HTTP/2 is allowed on loopback only; elsewhere sbi.tls "
		"is needed" },
	{ "sbi: { listen: '192.0.2.1:9', tls: { certificate: a, client_ca: c } }\n",
		"t.yaml:1: sbi.tls.certificate: certificate, key and client_ca are needed "
		"together" },
	{ "sbi: { tls: { certificate: a, key: b, client_ca: c } }\n",
		"t.yaml:1: sbi.tls.certificate: needs sbi.listen" },
	{ "sbi: { oauth2: { required: true, keys: k } }\n",
		"t.yaml:1: sbi.oauth2.required: needs sbi.listen" },
	{ "sbi: { listen: 127.0.0.1:9, oauth2: { required: true } }\n",
		"t.yaml:1: sbi.oauth2.required: needs sbi.oauth2.keys, or sbi.nrf to ask for "
		"them" },
	{ "sbi: { listen: 127.0.0.1:9, oauth2: { required: true }, nrf: [ http://127.0.0.1:7 ] }\n",
		"t.yaml:1: sbi.oauth2.required: without sbi.oauth2.keys needs sbi.oauth2.issuers: "
		"nobody's word is taken for who may sign" },
	{ "sbi: { oauth2: { issuers: [ nrf ] } }\n",
		"t.yaml:1: sbi.oauth2.issuers: \"nrf\" is no NF instance id" },
	{ "sbi: { nrf: [ http://127.0.0.1:7 ] }\n", "t.yaml:1: sbi.nrf: needs sbi.listen" },
	{ "sbi: { listen: 127.0.0.1:9, nrf: [ https://nrf.example ] }\n",
		"t.yaml:1: sbi.nrf: https://nrf.example is https, and without sbi.tls no NRF is "
		"trusted" },
	{ "sbi: { listen: 127.0.0.1:9, nrf: [ http://192.0.2.1 ] }\n",
		"t.yaml:1: sbi.nrf: http://192.0.2.1: plain http is allowed on loopback only" },
	{ "sbi: { listen: 127.0.0.1:9, nrf: [ nrf.example ] }\n",
		"t.yaml:1: sbi.nrf: \"nrf.example\" is no apiRoot, as in https://nrf.example" },
	{ "sbi: { listen: '0.0.0.0:9', nrf: [ http://localhost ], tls: { certificate: a, key: b, "
	  "client_ca: c } }\n",
		"t.yaml: sbi.advertise: is needed where sbi.listen is any address" },
	{ "sbi: { advertise: mf1 }\n",
		"t.yaml:1: sbi.advertise: \"mf1\" is neither an address nor a full name" },
	{ "sbi: { advertise: a..b }\n",
		"t.yaml:1: sbi.advertise: \"a..b\" is neither an address nor a full name" },
	{ "node: { plmn: 26201 }\n", "t.yaml:1: node.plmn: \"26201\" is no PLMN, as 262-01 or "
				     "310-410" },
	{ "drain: { peer: mf2.example }\n",
		"t.yaml:1: drain.peer: \"mf2.example\" is no apiRoot, as in https://mf2.example" },
	{ "drain: { peer: https://mf2.example/ }\n",
		"t.yaml:1: drain.peer: an apiRoot has no slash at its end" },
	{ "ng: { listen: 0.0.0.0:2223 }\n", "t.yaml:1: ng.listen: one address is wanted, not all "
					    "of them: the ng protocol has no "
					    "authentication" },
	{ "ng: { http: \"[::]:2224\", clients: [ 192.0.2.7 ] }\n",
		"t.yaml:1: ng.http: one address is wanted, not all of them: the ng protocol has no "
		"authentication" },
	{ "ng: { listen: 192.0.2.1:2223 }\n", "t.yaml:1: ng.listen: the ng protocol has no "
					      "authentication: off loopback, ng.clients "
					      "must say who may speak" },
	{ "ng: { clients: [ 192.0.2.7 ] }\n", "t.yaml:1: ng.clients: needs ng.listen or ng.http" },
	{ "ng: { listen: 192.0.2.1:2223, clients: [ proxy.example ] }\n",
		"t.yaml:1: ng.clients: \"proxy.example\": an IP network is wanted, as 10.0.0.0/8 "
		"or "
		"2001:db8::/32" },
	{ "ng: { listen: 127.0.0.1:2223, http: 127.0.0.1:2223 }\n",
		"t.yaml:1: ng.http: ng.listen has this port over TCP" },
	{ "mdc2: { allow_plain: sometimes }\n",
		"t.yaml:1: mdc2.allow_plain: \"sometimes\" is none of "
		"never|loopback|operator|always" },
	{ "mdc2: { allow_plain: operator }\n",
		"t.yaml:1: mdc2.allow_plain: operator needs policy.operator_networks" },
	{ "mdc2: { tls: { certificate: c.pem } }\n",
		"t.yaml:1: mdc2.tls.certificate: certificate and key are needed together" },
	{ "policy:\n  operator_networks: [ 10.0.0.0/8, 10.0.0.0/33 ]\n",
		"t.yaml:2: policy.operator_networks: \"10.0.0.0/33\": an IP network is wanted, as "
		"10.0.0.0/8 or 2001:db8::/32" },
	{ "policy: { operator_networks: 10.0.0.0/8 }\n",
		"t.yaml:1: policy.operator_networks: \"10.0.0.0/8\" is not a list" },
	{ "policy: { operator_networks: [ [ 10.0.0.0/8 ] ] }\n",
		"t.yaml:1: policy.operator_networks: its entries must be texts" },
	{ "policy: { rules: { then: refuse } }\n",
		"t.yaml:1: policy.rules: a value is expected, not a map" },
	{ "policy: { rules: [ refuse ] }\n", "t.yaml:1: policy.rules[0]: a map is expected" },
	{ "policy:\n  rules:\n  - { then: e2ae }\n  - match: { kind: bdc }\n",
		"t.yaml:5: policy.rules[1]: then is missing" },
	{ "policy: { rules: [ { match: bdc, then: e2ae } ] }\n",
		"t.yaml:1: policy.rules[0].match: a map is expected" },
	{ "policy:\n  rules:\n  - match:\n      kind: xdc\n    then: e2ae\n",
		"t.yaml:4: policy.rules[0].match.kind: bdc or adc is wanted" },
	{ "policy: { rules: [ { match: { colour: blue }, then: e2ae } ] }\n",
		"t.yaml:1: policy.rules[0].match.colour: unknown key" },
	{ "policy: { rules: [ { match: { then: e2ae } } ] }\n",
		"t.yaml:1: policy.rules[0].match.then: unknown key" },
	{ "policy: { rules: [ { kind: bdc, then: e2ae } ] }\n",
		"t.yaml:1: policy.rules[0].kind: unknown key" },
	{ "policy: { rules: [ { then: as-asked } ] }\n",
		"t.yaml:1: policy.rules[0].then: e2ae, e2e or refuse is wanted" },
	{ "policy: { rules: [ { then: } ] }\n",
		"t.yaml:1: policy.rules[0].then: a value is missing" },
	{ "policy: { rules: [ { then: [ e2e ] } ] }\n",
		"t.yaml:1: policy.rules[0].then: a word or text is expected" },
	{ "policy: { rules: [ { then: e2e, require_protected_mdc: yes } ] }\n",
		"t.yaml:1: policy.rules[0].require_protected_mdc: true or false is wanted" },
	{ "policy: { rules: [ { then: e2e, then: e2e } ] }\n",
		"t.yaml:1: policy.rules[0].then: stands here twice" },
	{ "policy: { rules: [ { match: { kind: bdc, kind: bdc }, then: e2e } ] }\n",
		"t.yaml:1: policy.rules[0].match.kind: stands here twice" },
	{ "policy: { rules: [ { match: { protocol: \"TCP\\0\" }, then: e2e } ] }\n",
		"t.yaml:1: policy.rules[0].match.protocol: a text without NUL is expected" },
	{ "policy:\n  rules:\n  - { match: { server: internal }, then: e2ae }\n",
		"t.yaml:3: policy.rules[0].match.server: internal needs policy.operator_networks" },
	{ "policy:\n  rules:\n  - { match: { kind: adc, bdc: local }, then: e2ae }\n",
		"t.yaml:3: policy.rules[0].match.bdc: is of bootstrap channels, the rule of "
		"application ones" },
	{ "authorization: { clients: [ a ] }\n", "t.yaml:1: authorization.clients: \"a\" is no "
						 "name of a certificate: CN=.., DNS:.., "
						 "URI:.., or an NF instance id" },
	{ "sbi: { listen: 127.0.0.1:9 }\nauthorization: { clients: [ CN=as1 ] }\n",
		"t.yaml:2: authorization.clients: nobody can be told by his certificate on "
		"sbi.listen without sbi.tls" },
	{ "control: { tcp: { listen: 127.0.0.1:9 } }\nauthorization: { clients: [ CN=as1 ] }\n",
		"t.yaml:2: authorization.clients: nobody can be told by his certificate on "
		"control.tcp.listen without control.tcp.tls" },
	{ "limits: { context_idle: 31d }\n",
		"t.yaml:1: limits.context_idle: 31d is not between 0d and 30d" },
	{ "dtls: { mtu: *a }\n", "t.yaml:1: dtls.mtu: an alias is not taken here" },
	{ "dtls: { mtu: 1200\n", "t.yaml:2: not YAML: did not find expected ',' or '}'" },
};

START_TEST(an_impossible_file_is_refused_naming_file_line_and_key)
{
	refused_with(refused[_i].text, refused[_i].sentence);
}
END_TEST

START_TEST(there_is_a_bound_on_rules_and_networks)
{
	char *text = mem_alloc(64 << 10);
	size_t len = (size_t)sprintf(text, "policy:\n  rules:\n");

	for (int i = 0; i < 256; i++)
		len += (size_t)sprintf(text + len, "  - then: e2ae\n");
	ck_assert_msg(config_parse(text, "t.yaml", &config, error), "%s", error);
	ck_assert_uint_eq(config.policy.rule_count, 256);
	config_finish(&config);
	strcpy(text + len, "  - then: e2ae\n");
	refused_with(text, "t.yaml:259: policy.rules: too many rules");
	len = (size_t)sprintf(text, "policy:\n  operator_networks:\n");
	for (int i = 0; i <= 1024; i++)
		len += (size_t)sprintf(text + len, "  - 10.%d.%d.0/24\n", i / 256, i % 256);
	refused_with(text, "t.yaml:1027: policy.operator_networks: too many networks");
	mem_free(text);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("config_refusal");
	TCase *t = tcase_create("config_refusal");

	tcase_add_loop_test(t, an_impossible_file_is_refused_naming_file_line_and_key, 0,
		(int)(sizeof(refused) / sizeof(refused[0])));
	tcase_add_test(t, there_is_a_bound_on_rules_and_networks);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
