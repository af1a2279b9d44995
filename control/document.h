/*
 * document.h: the MediaContext document of TS 29.176: checked strictly, turned into what the relay wants, and filled with what
 * the relay decided. There is one document and one validator for every interface.
 *
 * In MediaInfo's `dcmf` object, besides `ice`, `securityMode` and `status`, stand what SDP says and TS 29.176 has no attribute for:
 *   maxMessageSize  bytes a side takes (0: any size), exact where dcMedia.maxMessageSize counts KiB up to 64: the remote side's in, the
 *                   gateway's out, as with `ice`
 *   labels          map from stream id to a text, the channels' labels (a=dcmap)
 *   dcep            true: channels opened in band are taken (WebRTC clients, whose SDP agrees none); absent or false: they are reset
 */
#pragma once

#include <jansson.h>

#include "control/problem.h"
#include "dcmf/relay/relay.h"

/* What the configuration says about documents. */
struct document_rules {
	uint16_t max_streams;    /* sctp.max_streams: ids at or above it are refused */
	uint32_t max_message;    /* sctp.max_message_size, bytes */
	bool mdc1_plain_loopback, mdc1_plain_operator, mdc1_plain_always; /* mdc1.allow_plain */
	const char *embedded_root; /* base URL for streams without replaceHttpUrl; NULL: none */
	struct addr embedded_addr; /* where it is */
};

/*
 * Checks a whole document against TS 29.176 (Release 19), attribute by attribute, and brings the early Release 18 shape (flat mdc
 * endpoints, HTTP/UDP, single fingerprint, securitySetup in DcMedia) into the Release 19 one, in place. Unknown attributes are errors
 * except inside objects the standard leaves open; unknown values of open enumerations parse and are refused by name (501).
 * Every fault found is listed in invalidParams (at most 16). *rel18: the early shape was received.
 */
bool document_check(json_t *doc, const struct document_rules *rules, bool *rel18, struct problem *p);

/*
 * A checked document as a wish for the relay. `resolved` maps "host:port" to a numeric address for replaceHttpUrl hosts that have no
 * remoteMdc1Endpoint; NULL: none. False: *p says why; *spec is finished then.
 */
bool document_decode(const json_t *doc, const struct document_rules *rules, const json_t *resolved, struct context_spec *spec,
	struct problem *p);

/* Puts contextId and, for each media, localMbEndpoint, localDcEndpoint, maxMessageSize and dcmf.ice of the gateway into the document. */
bool document_fill(json_t *doc, const struct relay *r, const struct relay_context *c);
/* A copy with dcmf.status in each media. */
json_t *document_with_status(const json_t *doc, const struct relay *r, const struct relay_context *c, tick_t now);
/* The Release 19 document as the early Release 18 shape; a new reference. */
json_t *document_to_rel18(const json_t *doc);

/* Hosts that must be resolved before document_decode() can fetch: calls fn for each "host", port without an MDC1 endpoint. Walks any JSON
 * value, so that it serves whole documents and patches alike. */
void document_hosts(const json_t *value, void (*fn)(void *arg, const char *host, uint16_t port), void *arg);
