/* document_samples.h: documents that the tests of documents begin with. */
#pragma once

#include <jansson.h>

#include "control/document/document.h"

#define FP                                                                                        \
	"SHA-256 "                                                                                \
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:" \
	"DD:EE:FF"
#define FP_LOWER                                                                                  \
	"sha-256 "                                                                                \
	"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:" \
	"dd:ee:ff"
#define SHA1 "SHA-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33"
#define MD5  "MD5 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"

/* A bootstrap media of a phone without ICE; most cases are this with a patch. */
extern const char sample_base[];
/* The same call in the early Release 18 shape. */
extern const char sample_early[];
/* 2048 streams; plain HTTP on loopback. */
extern const struct document_rules sample_rules;

/* In patches: M is the media, D its dcMedia. */
#define M "/terminations/0/medias/0"
#define D M "/dcMedia"

#define ADD(path, value) "[{\"op\":\"add\",\"path\":\"" path "\",\"value\":" value "}]"
/* Another proxy with these streams and nothing of HTTP, and more of DcMedia. */
#define PROXY(proxy, streams, more)                                                    \
	"[{\"op\":\"add\",\"path\":\"" D "\",\"value\":{\"mediaProxyConfig\":\"" proxy \
	"\",\"streams\":" streams more "}}]"
/* The same with a second termination whose media is the other end. */
#define JOINED(media_id, proxy, more)                                                  \
	"[{\"op\":\"add\",\"path\":\"" D "\",\"value\":{\"mediaProxyConfig\":\"" proxy \
	"\"," STREAMS "}},{\"op\":\"add\",\"path\":\"/terminations/"                   \
	"-\",\"value\":{\"terminationId\":\"far\",\"medias\":"                         \
	"[{\"mediaId\":\"" media_id "\",\"mediaResourceType\":\"DC\",\"dcMedia\":{"    \
	"\"mediaProxyConfig\":\"" proxy "\"," STREAMS "}}]}}" more "]"
#define STREAMS      "\"streams\":{\"1000\":{\"streamId\":1000}}"
#define REMOVE(path) "[{\"op\":\"remove\",\"path\":\"" path "\"}]"
#define TEXT256                                                            \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

json_t *sample_load(const char *text);
/* The base document with a JSON Patch applied; "" for none. */
json_t *sample_changed(const char *operations);
