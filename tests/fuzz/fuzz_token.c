/*
 * fuzz_token.c: anything as an access token, as the claims of a genuine one, and as a file of
 * keys. The first byte chooses; nothing that was not signed by the key of the seeds may be good.
 */
#include <assert.h>

#include "control/json.h"
#include "control/sbi/token.h"
#include "dcmf/base/alloc.h"

/* The seeds' key; its private half was thrown away with the program that made them. */
static const char jwks[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k1\",\"x\":"
			   "\"yVKrFmkEBaQLEVH9b8Saz4bkDgirmkzEVY-XxZGBv_g\","
			   "\"y\":\"1hgr7a2nl470HysZL7zO9TOVLiKSCrWnpzg8gLfvp8s\"}]}";
static const char *const issuers[] = { "11111111-2222-4333-8444-555555555555" };
static const struct tokens_config config = {
	.nf_instance_id = "6f1c0c1e-2a7b-4d0f-9a51-3d0f2b7c8e11",
	.issuers = issuers,
	.issuer_count = 1,
	.skew_s = 5,
	.plmn = "262-01",
	.nf_set_id = "set1.mfset.5gc.mnc001.mcc262",
	.can_ask = true,
};

static void check_token(struct span token)
{
	struct tokens *tokens = tokens_create(&config);
	struct token_peer peer = { true, "3fa85f64-5717-4562-b3fc-2c963f66afa6" };
	struct token_verdict verdict;
	unsigned passed_over;
	char why[160];
	char *header = mem_printf("Bearer %.*s", SPAN_FMT(token));

	tokens_use(tokens, token_keys_read(SPAN_LIT(jwks), &passed_over, why));
	for (int i = 0; i < 2; i++) {
		tokens_check(tokens, 1800000000, SPAN_STR(header), &peer, &verdict);
		assert((verdict.answer == TOKEN_GOOD) == (verdict.why == NULL));
		assert((verdict.answer == TOKEN_GOOD) == (verdict.consumer[0] != '\0'));
		assert(verdict.from_cache == (i == 1 && verdict.answer == TOKEN_GOOD) ||
			verdict.answer != TOKEN_GOOD);
	}
	tokens_destroy(tokens);
	mem_free(header);
}

static void check_claims(struct span text)
{
	struct token_claims claims;
	const char *why = NULL;
	bool no_memory;
	json_t *value = js_parse(text, &no_memory);
	enum token_answer answer;

	if (value != NULL) {
		answer = token_claims_check(&config, 1800000000, value, &claims, &why);
		assert((answer == TOKEN_GOOD) == (why == NULL));
	}
	json_decref(value);
}

static void check_keys(struct span text)
{
	unsigned passed_over;
	char why[160];
	struct token_keys *keys = token_keys_read(text, &passed_over, why);

	assert(keys == NULL || token_keys_count(keys) > 0);
	token_keys_destroy(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	control_init();
	if (size == 0 || size > 65536)
		return 0;
	switch (data[0] % 3) {
	case 0: check_token(SPAN(data + 1, size - 1)); break;
	case 1: check_claims(SPAN(data + 1, size - 1)); break;
	default: check_keys(SPAN(data + 1, size - 1)); break;
	}
	return 0;
}
