/*
 * document.h: the MediaContext document of TS 29.176: checked strictly, turned into
 * what the relay wants, and filled with what the relay decided. There is one document
 * and one validator for every interface.
 *
 *     document_check(doc, ...)           strict; an early Release 18 shape becomes Release 19's
 *     document_decode(doc, ...)          into a wish for the relay
 *     shown = document_show(doc, ...)    a copy as controllers see it
 *
 * Stored and shown documents differ. The stored one is what controllers said: the remote
 * side's values. In the shown one the gateway's own values are added (contextId,
 * localMbEndpoint, localDcEndpoint, dcmf.securityMode), and three that both sides have
 * are replaced by the gateway's: dcmf.ice, dcmf.maxMessageSize, and
 * dcMedia.maxMessageSize by the smaller one. Two consequences:
 *
 * - a JSON Patch is applied to document_to_patch(), the stored document with the gateway's
 *   endpoints: what it says of dcmf.ice and maxMessageSize is said of the remote side;
 * - a controller that sends back what it was shown does not mean the gateway's values to be the
 *   remote side's: document_forget_echo() puts the stored ones back before the check, which throws
 *   the rest of the gateway's values away.
 *
 * What stands in the `dcmf` objects is told in README.md.
 */
#pragma once

#include <jansson.h>

#include "control/problem.h"
#include "dcmf/relay/relay.h"

struct policy;
struct policy_question;
struct policy_answer;

/* A channel that was put to the policy, and what came of it; valid during the call only. */
struct document_verdict {
	unsigned termination, media; /* by their place in the document */
	int32_t sid;                 /* -1: channels that nobody has named yet */
	const struct policy_question *question;
	const struct policy_answer *answer;
};

/* Where connections without TLS or DTLS may go: mdc1.allow_plain, mdc2.allow_plain. */
struct plain_rules {
	bool loopback, operator_networks, always;
};

/* What the configuration says about documents. Texts and policy outlive their user. */
struct document_rules {
	uint16_t max_streams; /* sctp.max_streams: ids at or above it are refused */
	uint32_t max_message; /* sctp.max_message_size, bytes */
	struct plain_rules mdc1_plain, mdc2_plain;
	/*
	 * Base URL for streams without replaceHttpUrl: the embedded DCSF's, or mdc1.url; NULL: none
	 */
	const char *embedded_root;
	struct addr embedded_addr;   /* where it is */
	const struct policy *policy; /* NULL: the built-in rules alone, and no operator networks */
	/* Hears of every channel that is decided, allowed or not; NULL: nobody does. */
	void (*heard)(void *arg, const struct document_verdict *verdict);
	void *heard_arg;
};

/*
 * Checks a whole document against TS 29.176 (Release 19), attribute by attribute, and brings the
 * early Release 18 shape (flat mdc endpoints, HTTP/UDP, single fingerprint, securitySetup in
 * DcMedia) into the Release 19 one, in place. Unknown attributes are errors; unknown values of
 * open enumerations parse and are refused by name (501). Every fault found is listed in
 * invalidParams (at most 16), with pointers into the document as it came. *rel18: the early shape
 * was received. False: the document is of no use any more.
 */
bool document_check(
	json_t *doc, const struct document_rules *rules, bool *rel18, struct problem *p);

/*
 * A checked document as a wish for the relay, once the policy has allowed every channel of it (403
 * SECURITY_POLICY names the rule) and the gateway can do it (501). `resolved` maps "host:port" to a
 * numeric address ("192.0.2.1:443") for replaceHttpUrl hosts that have no remoteMdc1Endpoint; NULL:
 * none. False: *p says why; *spec is finished then.
 */
bool document_decode(const json_t *doc, const struct document_rules *rules, const json_t *resolved,
	struct context_spec *spec, struct problem *p);

/* The stored document as controllers see it, a new reference; NULL: out of memory. */
json_t *document_show(const json_t *doc, const struct relay *r, const struct relay_context *c);
/* As document_show() with dcmf.status in each media. */
json_t *document_with_status(
	const json_t *doc, const struct relay *r, const struct relay_context *c, tick_t now);
/* The stored document with contextId and the gateway's endpoints, for a JSON Patch. */
json_t *document_to_patch(const json_t *doc, const struct relay *r, const struct relay_context *c);
/*
 * In `doc`, not checked yet, puts the stored values back where it repeats the gateway's: the same
 * ICE credentials; and, in a media that still carries dcmf.securityMode, which only the gateway
 * writes, the same maxMessageSize and setup role. False: out of memory.
 */
bool document_forget_echo(json_t *doc, const json_t *stored, const json_t *shown);

/*
 * The Release 19 document, stored or shown, as the early Release 18 shape; a
 * new reference, NULL: out of memory.
 */
json_t *document_to_rel18(const json_t *doc);

/*
 * Hosts that must be resolved before document_decode() can fetch: calls fn for
 * each "host", port without an MDC1 endpoint. Walks any JSON value, so that it
 * serves whole documents and patches alike.
 */
void document_hosts(
	const json_t *value, void (*fn)(void *arg, const char *host, uint16_t port), void *arg);
