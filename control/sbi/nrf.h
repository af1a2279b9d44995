/*
 * nrf.h: the node as a citizen of the NRFs it is told of (TS 29.510): registered, alive,
 * deregistered; and what it asks them for, tokens for itself and keys of others' tokens. No I/O
 * and no clock:
 *
 *     n = nrf_create(&config)                   nothing goes out
 *     nrf_register(n, now)                      we want to be found; nrf_deregister(): no longer
 *     nrf_next_request(n, now, &request)        until false: after every call, at nrf_deadline()
 *     nrf_reply(n, now, request.id, &reply)     each request once, also when no answer came
 *     nrf_next_key(n, &key)                     until false: what nrf_ask_key() has brought
 *
 * Each NRF has a life of its own: we register at all of them. One that fails is asked again after
 * 1 s, 2 s and so on up to a minute, give or take a fifth, or when its Retry-After says so. One
 * that has forgotten us is told again. One that answers 401 is asked for a token first. A
 * redirect is followed until something fails, and never from https to http.
 */
#pragma once

#include <stdint.h>

#include "control/sbi/token_keys.h"
#include "dcmf/base/addr.h"
#include "dcmf/base/tick.h"
#include "dcmf/base/uuid.h"

/* Ours: an NRF's answer is our profile again. */
#define NRF_BODY_MAX   65536
#define NRF_ROOTS_MAX  16
#define NRF_KEY_LIFE_S 3600 /* ours: then it is asked for again */

/* What the NRF is told of us. */
struct nrf_profile {
	const char *nf_instance_id;
	const char *fqdn;      /* ""; then the address is told */
	struct addr at;        /* where the service is; its port counts with fqdn, too */
	bool has_tls;          /* https */
	bool needs_token;      /* oauth2Required */
	const char *locality;  /* "" */
	const char *plmn;      /* "262-01" or "" */
	const char *nf_set_id; /* "" */
	int64_t capacity;      /* contexts at most */
	int64_t started_s;     /* seconds since the epoch */
};

struct nrf_config {
	const char *const *roots; /* apiRoots, "https://nrf.example", without a path or with one */
	unsigned count;           /* at most NRF_ROOTS_MAX */
	struct nrf_profile profile;
};

struct nrf;

struct nrf *nrf_create(const struct nrf_config *config); /* all of it is copied */
void nrf_destroy(struct nrf *n);                         /* NULL is fine; tells nobody */

void nrf_register(struct nrf *n, tick_t now);
void nrf_deregister(struct nrf *n, tick_t now);
/* No NRF knows us any more, but for those that could not be told; and nothing is under way. */
bool nrf_is_out(const struct nrf *n);
unsigned nrf_registrations(const struct nrf *n);    /* NRFs that know us and have answered last */
void nrf_set_load(struct nrf *n, unsigned percent); /* for the next heartbeat */

struct nrf_request {
	uint64_t id;
	unsigned nrf; /* index of its root, wherever a redirect has led */
	const char *method, *url;
	const char *content_type, *body; /* NULL: none */
	const char *authorization;       /* NULL: none; a secret */
};

/* The next one to be sent at this time; its texts live until the next call. False: no more. */
bool nrf_next_request(struct nrf *n, tick_t now, struct nrf_request *out);

struct nrf_reply {
	int status;         /* 0: none came */
	const char *failed; /* then: why, in words */
	struct span content_type, location, body;
	int64_t retry_after_s; /* 0: it says nothing */
};

/* An id that is not known is ignored. */
void nrf_reply(struct nrf *n, tick_t now, uint64_t id, const struct nrf_reply *reply);
tick_t nrf_deadline(const struct nrf *n);

/*
 * The key that tokens of `issuer` with `kid` ("": none) are signed with. Asked once at a time, of
 * one NRF after the other; where none knows it, not again for half a minute.
 */
void nrf_ask_key(
	struct nrf *n, tick_t now, const char *issuer, const char *kid, const char *algorithm);

struct nrf_key {
	char issuer[UUID_TEXT_MAX], kid[TOKEN_KID_MAX];
	struct public_key key; /* the caller's from now on */
};

bool nrf_next_key(struct nrf *n, struct nrf_key *out);
