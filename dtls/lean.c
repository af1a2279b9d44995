/* lean.c: OpenSSL's algorithms without those that no handshake of ours needs. */
#include "dtls/lean.h"

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/provider.h>

#include "dcmf/base/span.h"

#define NAME "lean"

/* What is kept of the operations where less is more; all of the others. */
static const struct rule {
	int operation;
	const char *names[24];  /* first names, as the default provider writes them */
	const char *properties; /* which must be among its own; NULL: any */
} rules[] = {
	/* the key of a certificate is a SubjectPublicKeyInfo (RFC 5280 4.1) */
	{ .operation = OSSL_OP_DECODER,
		.names = { "EC", "RSA", "RSA-PSS", "ED25519", "ED448" },
		.properties = "input=der,structure=SubjectPublicKeyInfo" },
	{ .operation = OSSL_OP_KEYMGMT,
		.names = { "EC", "RSA", "RSA-PSS", "ED25519", "ED448", "X25519", "X448", "HMAC",
			"TLS1-PRF", "HKDF" } },
};

enum { RULES = sizeof(rules) / sizeof(rules[0]), KEPT_MAX = 24 };

static struct {
	bool is_made, is_off;
	OSSL_LIB_CTX *ctx;
	OSSL_PROVIDER *whole;                /* the default provider */
	const OSSL_ALGORITHM *sifted[RULES]; /* what was looked through for those below */
	OSSL_ALGORITHM kept[RULES][KEPT_MAX + 1];
} lean;

/* "RSA:rsaEncryption:1.2..." is called "RSA". */
static bool is_called(const OSSL_ALGORITHM *a, const char *name)
{
	struct span names = span_str(a->algorithm_names);

	return span_eq(span_cut(&names, ':'), span_str(name));
}

static bool is_kept(const struct rule *rule, const OSSL_ALGORITHM *a)
{
	if (rule->properties != NULL &&
		(a->property_definition == NULL ||
			strstr(a->property_definition, rule->properties) == NULL))
		return false;
	for (size_t i = 0; rule->names[i] != NULL; i++)
		if (is_called(a, rule->names[i]))
			return true;
	return false;
}

static void sift(size_t at, const OSSL_ALGORITHM *all)
{
	OSSL_ALGORITHM *kept = lean.kept[at];
	size_t n = 0;

	lean.sifted[at] = all;
	for (; all->algorithm_names != NULL && n < KEPT_MAX; all++)
		if (is_kept(&rules[at], all))
			kept[n++] = *all;
	kept[n] = (OSSL_ALGORITHM){ 0 };
}

static const OSSL_ALGORITHM *keep(size_t at, const OSSL_ALGORITHM *all)
{
	if (all != NULL && all != lean.sifted[at])
		sift(at, all);
	/* none: a version that names them otherwise */
	return all != NULL && lean.kept[at][0].algorithm_names != NULL ? lean.kept[at] : all;
}

/* ---- the provider: all of it but this is the default one's ---- */

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_store)
{
	const OSSL_ALGORITHM *all = OSSL_PROVIDER_query_operation(lean.whole, operation, no_store);

	(void)provider;
	for (size_t i = 0; i < RULES; i++)
		if (rules[i].operation == operation)
			return keep(i, all);
	return all;
}

static int capabilities(void *provider, const char *capability, OSSL_CALLBACK *fn, void *arg)
{
	(void)provider;
	return OSSL_PROVIDER_get_capabilities(lean.whole, capability, fn, arg);
}

static const OSSL_PARAM *gettable(void *provider)
{
	(void)provider;
	return OSSL_PROVIDER_gettable_params(lean.whole);
}

static int get(void *provider, OSSL_PARAM params[])
{
	(void)provider;
	return OSSL_PROVIDER_get_params(lean.whole, params);
}

static int init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
	void **provider)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
		{ OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))capabilities },
		{ OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable },
		{ OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get },
		{ 0, NULL },
	};

	(void)handle;
	(void)in;
	*out = functions;
	/* what the algorithms, which are the default provider's, take for their own */
	*provider = OSSL_PROVIDER_get0_provider_ctx(lean.whole);
	return 1;
}

/* ---- the context ---- */

static OSSL_LIB_CTX *make(void)
{
	OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();

	if (ctx != NULL && (lean.whole = OSSL_PROVIDER_load(NULL, "default")) != NULL &&
		OSSL_PROVIDER_add_builtin(ctx, NAME, init) == 1 &&
		OSSL_PROVIDER_load(ctx, NAME) != NULL)
		return ctx;
	ERR_clear_error();
	OSSL_LIB_CTX_free(ctx);
	return NULL;
}

OSSL_LIB_CTX *lean_libctx(void)
{
	if (lean.is_off)
		return NULL;
	if (!lean.is_made)
		lean.ctx = make();
	lean.is_made = true;
	return lean.ctx;
}

void lean_allow(bool allowed)
{
	lean.is_off = !allowed;
}
