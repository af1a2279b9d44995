/*
 * cert.h: our own certificate and key.
 *
 * One P-256 certificate serves a node. The front makes or loads it and hands it to the workers
 * as PEM, so that every worker, also one started later, shows the same fingerprint. It is
 * shared by reference count: contexts that were told of a fingerprint keep its certificate
 * alive when the node has moved on to a new one.
 */
#pragma once

#include <stdbool.h>

#include "dcmf/base/err.h"
#include "dcmf/base/span.h"
#include "dtls/fingerprint.h"

struct cert;

/* Self-signed, P-256, SHA-256, random subject and serial, valid for `days`. NULL: ERR_CRYPTO. */
struct cert *cert_generate(int days);
/*
 * From PEM bytes; the key must fit the certificate. On failure NULL, and *why (a
 * static or per-process text, never NULL) says what is wrong in words fit for an
 * operator, without quoting key material.
 */
struct cert *cert_from_pem(struct span certificate, struct span key, const char **why);
struct cert *cert_ref(struct cert *c);
void cert_unref(struct cert *c); /* NULL is fine */

/* ERR_CRYPTO only if the hash is unknown to the library. */
enum err cert_fingerprint(const struct cert *c, enum hash hash, struct fingerprint *out);
/*
 * Certificate followed by key as PEM, mem_alloc'ed and terminated; holds a
 * secret: wipe and free. NULL: out of memory.
 */
char *cert_to_pem(const struct cert *c, size_t *len);
