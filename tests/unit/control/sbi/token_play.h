/* token_play.h: one who asks with access tokens, and whoever looks at them. */
#pragma once

#include "control/sbi/token.h"
#include "tests/unit/control/sbi/token_forge.h"
#include "tests/unit/main.h"

extern const struct tokens_config strict; /* one issuer, 5 s of skew, a PLMN and an NF set */
extern const struct token_peer plain;     /* without TLS: anybody */
extern EVP_PKEY *ec, *other_ec, *rsa;     /* ours are k1 and k2; a stranger's */
extern struct tokens *tokens;
extern struct token_verdict verdict; /* of the last token that was shown */

/* A suite with these keys, whose tests leave no memory behind. */
Suite *token_suite(const char *name, TCase **tc);

void start_with(const struct tokens_config *config);
void start(void);
void stop(void);

/* Texts are taken over. */
struct token_keys *keys_of(char *jwks);
void show(int64_t now_s, char *token, const struct token_peer *peer);
void is_good(char *token);
void is_refused(char *token, enum token_answer answer, const char *why);
void is_invalid(char *token, const char *why);
char *signed_claims(const char *claims);

#define NOW    INT64_C(1800000000)
#define US     "6f1c0c1e-2a7b-4d0f-9a51-3d0f2b7c8e11"
#define NRF    "11111111-2222-4333-8444-555555555555"
#define AS     "3fa85f64-5717-4562-b3fc-2c963f66afa6"
#define OTHER  "99999999-2222-4333-8444-555555555555"
#define HEADER "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k1\"}"
#define CLAIMS(more)                                                                    \
	"{\"iss\":\"" NRF "\",\"sub\":\"" AS "\",\"aud\":\"MF\",\"scope\":\"nmf-mrm\"," \
	"\"exp\":1800000600" more "}"

/* The claims with one of them replaced: `rest` are the other four. */
#define ISS "\"iss\":\"" NRF "\","
#define SUB "\"sub\":\"" AS "\","
#define AUD "\"aud\":\"MF\","
#define SCO "\"scope\":\"nmf-mrm\","
#define EXP "\"exp\":1800000600"
