/*
 * document_schema.h: how the MediaContext document is described: tables of attributes,
 * and rules for what a table cannot say.
 *
 * Only the document_*.c files include it. document_schema.c holds the tables,
 * document_rules.c the rules, document_check.c walks.
 */
#pragma once

#include "control/document/document.h"

enum shape {
	SHAPE_TEXT,
	SHAPE_INTEGER,
	SHAPE_BOOLEAN,
	SHAPE_OBJECT,
	SHAPE_LIST,
	SHAPE_STREAM_MAP,
	SHAPE_ANY
};

struct schema;

/* One attribute of an object. */
struct attribute {
	const char *name;
	enum shape shape;
	bool required;
	bool ours;   /* only the gateway sets it: checked when it is echoed, then thrown away */
	int64_t min; /* bytes of a text, value of an integer, elements of a list or map */
	int64_t max;
	/* The object; the elements of a list or map; NULL: they are texts. */
	const struct schema *of;
	/* What is wrong with a text, or with a text in a list: NULL when nothing is. */
	const char *(*fault)(const char *text);
	/*
	 * Values of an open enumeration that the gateway can serve; others
	 * parse and are refused with 501.
	 */
	const char *const *served;
	/* The attribute as a whole parses and is refused with 501 and this sentence. */
	const char *unbuilt;
};

struct check;

struct schema {
	const struct attribute *attributes; /* ends with an empty one */
	/*
	 * Runs when the attributes of the object are right, with the check
	 * standing at the object. May be NULL.
	 */
	void (*rule)(struct check *k, const json_t *object);
};

extern const struct schema media_context_schema;

#define POINTER_MAX 200

/* A check under way. What is wrong wins over what is refused, so both are gathered. */
struct check {
	const struct document_rules *rules;
	bool rel18;                /* the early shape: some attributes are optional there */
	struct problem *wrong;     /* 400 */
	struct problem refused;    /* 403, 501 */
	char pointer[POINTER_MAX]; /* to where the check stands */
	size_t len;
};

/* Notes something about the member `name` of the present object; NULL: about the object itself. */
__attribute__((format(printf, 4, 5))) void check_wrong(
	struct check *k, enum problem_kind kind, const char *name, const char *fmt, ...);
__attribute__((format(printf, 4, 5))) void check_refused(
	struct check *k, enum problem_kind kind, const char *name, const char *fmt, ...);

/* The rules, by the object they belong to. */
void rule_media_context(struct check *k, const json_t *context);
void rule_termination(struct check *k, const json_t *termination);
void rule_media(struct check *k, const json_t *media);
void rule_ip(struct check *k, const json_t *ip);
void rule_mdc1_endpoint(struct check *k, const json_t *endpoint);
void rule_mdc2_endpoint(struct check *k, const json_t *endpoint);
void rule_server(struct check *k, const json_t *media); /* document_server.c */
void rule_dc_endpoint(struct check *k, const json_t *endpoint);
void rule_dc_media(struct check *k, const json_t *dc);
void rule_stream(struct check *k, const json_t *stream);
void rule_ice(struct check *k, const json_t *ice);

/* Faults of texts. */
const char *fault_name(const char *text);
const char *fault_ipv4(const char *text);
const char *fault_ipv6(const char *text);
const char *fault_fingerprint(const char *text);
const char *fault_tls_id(const char *text);
const char *fault_http_url(const char *text);
const char *fault_ice_text(const char *text);

/*
 * What a document is refused for because of what it asks, not of how it is written:
 * document_policy.c and nowhere else. The first stands at a MediaInfo; the second is asked when the
 * wish is complete, puts every channel to the policy, and refuses by name what is not built.
 */
void document_check_mode(struct check *k, const json_t *media);
bool document_decide(const json_t *doc, const struct document_rules *rules,
	const struct context_spec *spec, struct problem *p);

/* Does the document show a mark of the early shape? Nothing is taken for granted about it. */
bool document_is_rel18(const json_t *doc);
/* The checked early shape becomes the Release 19 one, in place. False: out of memory. */
bool document_from_rel18(json_t *doc);

/* "65535" without leading zeros. */
bool stream_id_parse(const char *text, uint16_t *sid);

/*
 * An Endpoint or MdcEndpoint of a checked document; ADDR_NONE: absent, or it cannot be sent to
 * (0.0.0.0, port 0), which means that it is not known yet.
 */
struct addr document_endpoint(const json_t *endpoint);

/* Walking a checked document: termination t, media m of it. */
size_t document_terminations(const json_t *doc);
json_t *document_termination(const json_t *doc, size_t t);
size_t document_medias(const json_t *termination);
json_t *document_media(const json_t *termination, size_t m);
/*
 * Does the peer do connectivity checks? Two ICE Lite sides do none and use the
 * signalled addresses (RFC 8445 2.5).
 */
bool media_has_ice(const json_t *media);
bool media_accepts_dcep(const json_t *media);
/* enum media_proxy, from either spelling. */
uint8_t media_proxy(const json_t *media);

/* How what a UE says reaches the server behind. */
enum server_way {
	WAY_HTTP,   /* requests */
	WAY_PEER,   /* data channels of our own, or the UE's, which pass */
	WAY_LINK,   /* messages over something else */
	WAY_UNBUILT /* SCTP straight on IP */
};

/* What a media says of the server behind it; either shape, and nothing is checked. */
struct media_server {
	uint8_t hop; /* HOP_MDC1 or HOP_MDC2 */
	enum server_way way;
	const char *protocol;   /* an mdc2Protocol; NULL: not told; of HTTP the URL says it */
	bool is_tls;            /* TCP/TLS */
	const json_t *endpoint; /* MdcEndpoint of the server; NULL: not known yet */
	const json_t *more;     /* dcmf.mdc1 or dcmf.mdc2; NULL: nothing */
	const char *place;      /* of the endpoint in the media */
};
/* False: it names none. The configured DCSF is not named. */
bool media_server(const json_t *media, struct media_server *out);
/* "TCP", "UDP": what the early shape says at endpoints. */
const char *media_server_transport(const struct media_server *s);
