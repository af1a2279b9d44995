/* tls_pair.c: two TLS filters that talk in memory, and certificates for them. */
#include "tests/unit/dtls/tls_pair.h"

#include <check.h>

#include "dcmf/base/alloc.h"

struct pki_cert ca, other_ca, server_cert, client_cert, stranger, expired;
struct filter_factory *factory[2];
struct filter *tls_end[2];
size_t carry_step;
size_t carry_largest;
static long live;

struct tls_config config_of(enum tls_side side, const struct pki_cert *c)
{
	return (struct tls_config){
		.side = side,
		.certificate = SPAN_STR(c->pem),
		.key = SPAN_STR(c->key_pem),
		.ca = SPAN_STR(ca.pem),
		.server_name = "mf1.example",
	};
}

struct filter_factory *make_factory(const struct tls_config *config)
{
	struct tls_fault fault;
	struct filter_factory *f = tls_factory_create(config, &fault);

	ck_assert_msg(f != NULL, "%d: %s", fault.part, fault.why);
	return f;
}

SSL_CTX *rules_of(int side)
{
	return ((struct tls_factory *)factory[side])->ssl;
}

SSL *ssl_of(int side)
{
	return ((struct tls *)tls_end[side])->ssl;
}

/* The usual client, or one that shows another certificate. */
void client_shows(const struct pki_cert *c)
{
	struct tls_config config = config_of(TLS_CLIENT, c);

	tls_factory_destroy(factory[CLIENT]);
	factory[CLIENT] = make_factory(&config);
}

void make_authorities(void)
{
	const struct pki_wish past = { .from_s = -7200, .to_s = -3600 };
	const struct pki_wish names = { .from_s = -3600,
		.to_s = 86400,
		.alt_names = "DNS:mf1.example,IP:127.0.0.1,IP:2001:db8::1" };

	pki_make(&ca, "authority", NULL);
	pki_make(&other_ca, "another authority", NULL);
	pki_issue(&server_cert, "mf1", &ca, &names);
	pki_make(&client_cert, "as1.example", &ca);
	pki_make(&stranger, "stranger.example", &other_ca);
	pki_issue(&expired, "old.example", &ca, &past);
}

void free_authorities(void)
{
	pki_free(&ca);
	pki_free(&other_ca);
	pki_free(&server_cert);
	pki_free(&client_cert);
	pki_free(&stranger);
	pki_free(&expired);
}

void pair_setup(void)
{
	struct tls_config config = config_of(TLS_SERVER, &server_cert);

	live = mem_live();
	carry_step = carry_largest = 0;
	tls_end[SERVER] = tls_end[CLIENT] = NULL;
	factory[SERVER] = make_factory(&config);
	factory[CLIENT] = NULL;
	client_shows(&client_cert);
}

void pair_teardown(void)
{
	for (int i = 0; i < 2; i++) {
		tls_ops.destroy(tls_end[i]);
		tls_factory_destroy(factory[i]);
	}
	ck_assert_int_eq(mem_live(), live);
}

void connect_ends(void)
{
	for (int i = 0; i < 2; i++)
		ck_assert_ptr_nonnull(tls_end[i] = factory[i]->ops->create(factory[i]));
}

bool carry(int from)
{
	struct span s = tls_ops.pending(tls_end[from]);
	size_t n = carry_step != 0 && s.len > carry_step ? carry_step : s.len;

	if (n > 8192)
		n = 8192;
	if (s.len > carry_largest)
		carry_largest = s.len;
	if (n == 0)
		return false;
	tls_ops.feed(tls_end[!from], SPAN(s.p, n));
	tls_ops.sent(tls_end[from], n);
	return true;
}

/* Until nothing is under way any more. */
void carry_all(void)
{
	while (carry(CLIENT) | carry(SERVER))
		;
}

enum filter_state state_of(int side)
{
	return tls_ops.state(tls_end[side]);
}

/* All text that has come. */
size_t read_all(int side, uint8_t *buf, size_t cap)
{
	size_t n, len = 0;

	while ((n = tls_ops.read(tls_end[side], buf + len, cap - len)) > 0)
		len += n;
	return len;
}

void expect_text(int side, const char *text)
{
	char buf[256];
	size_t n = read_all(side, (uint8_t *)buf, sizeof(buf) - 1);

	buf[n] = '\0';
	ck_assert_str_eq(buf, text);
}

void say(int side, const char *text)
{
	ck_assert_uint_eq(tls_ops.write(tls_end[side], SPAN_STR(text)), strlen(text));
}

void expect_talk(void)
{
	ck_assert_int_eq(state_of(SERVER), FILTER_OPEN);
	ck_assert_int_eq(state_of(CLIENT), FILTER_OPEN);
	say(CLIENT, "question\n");
	say(SERVER, "answer\n");
	carry_all();
	expect_text(SERVER, "question\n");
	expect_text(CLIENT, "answer\n");
}

const int versions[2] = { TLS1_2_VERSION, TLS1_3_VERSION };

void use_version(int version)
{
	SSL_CTX_set_min_proto_version(rules_of(CLIENT), version);
	SSL_CTX_set_max_proto_version(rules_of(CLIENT), version);
}
