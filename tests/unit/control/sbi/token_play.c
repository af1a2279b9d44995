/* token_play.c: one who asks with access tokens, and whoever looks at them. */
#include "tests/unit/control/sbi/token_play.h"

#include "control/json.h"
#include "dcmf/base/alloc.h"

static const char *const issuers[] = { NRF };
const struct tokens_config strict = {
	.nf_instance_id = US,
	.issuers = issuers,
	.issuer_count = 1,
	.skew_s = 5,
	.plmn = "262-01",
	.nf_set_id = "set1.mfset.5gc.mnc001.mcc262",
};
const struct token_peer plain = { .is_known = false };

EVP_PKEY *ec, *other_ec, *rsa;
struct tokens *tokens;
struct token_verdict verdict;
static long live;

static void make_keys(void)
{
	control_init();
	ec = forge_ec("P-256");
	other_ec = forge_ec("P-256");
	rsa = forge_rsa();
}

static void drop_keys(void)
{
	EVP_PKEY_free(ec);
	EVP_PKEY_free(other_ec);
	EVP_PKEY_free(rsa);
}

struct token_keys *keys_of(char *jwks)
{
	unsigned passed_over;
	char why[160] = "";
	struct token_keys *keys = token_keys_read(SPAN_STR(jwks), &passed_over, why);

	ck_assert_msg(keys != NULL, "%s", why);
	mem_free(jwks);
	return keys;
}

static struct token_keys *usual_keys(void)
{
	char *a = forge_jwk(ec, "k1", ",\"use\":\"sig\",\"alg\":\"ES256\""),
	     *b = forge_jwk(rsa, "k2", "");
	char *jwks = mem_printf("{\"keys\":[%s,%s]}", a, b);

	mem_free(a);
	mem_free(b);
	return keys_of(jwks);
}

void start_with(const struct tokens_config *config)
{
	tokens = tokens_create(config);
	ck_assert_ptr_nonnull(tokens);
	tokens_use(tokens, usual_keys());
}

void start(void)
{
	start_with(&strict);
}

void stop(void)
{
	tokens_destroy(tokens);
}

static void look_at_memory(void)
{
	live = mem_live();
}

static void nothing_is_left(void)
{
	ck_assert_int_eq(mem_live(), live);
}

void show(int64_t now_s, char *token, const struct token_peer *peer)
{
	char *header = mem_printf("Bearer %s", token);

	tokens_check(tokens, now_s, SPAN_STR(header), peer, &verdict);
	mem_free(header);
	mem_free(token);
}

void is_good(char *token)
{
	show(NOW, token, &plain);
	ck_assert_msg(verdict.answer == TOKEN_GOOD, "%s",
		verdict.why != NULL ? verdict.why : "no reason");
	ck_assert_str_eq(verdict.consumer, AS);
	ck_assert_ptr_null(verdict.why);
}

void is_refused(char *token, enum token_answer answer, const char *why)
{
	show(NOW, token, &plain);
	ck_assert_int_eq(verdict.answer, answer);
	ck_assert_str_eq(verdict.why, why);
	ck_assert_str_eq(verdict.consumer, "");
}

void is_invalid(char *token, const char *why)
{
	is_refused(token, TOKEN_INVALID, why);
}

char *signed_claims(const char *claims)
{
	return forge_token(HEADER, claims, ec);
}

Suite *token_suite(const char *name, TCase **tc)
{
	Suite *s = suite_create(name);

	*tc = tcase_create(name);
	tcase_add_unchecked_fixture(*tc, make_keys, drop_keys);
	tcase_add_checked_fixture(*tc, look_at_memory, nothing_is_left);
	tcase_set_timeout(*tc, 60);
	suite_add_tcase(s, *tc);
	return s;
}
