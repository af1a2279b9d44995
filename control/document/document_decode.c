/* document_decode.c: a checked document as a wish for the relay. */
#include "control/document/document_schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "dcmf/http/http.h"

#define DEFAULT_SCTP_PORT   5000  /* RFC 8841 5.1 */
#define DEFAULT_MESSAGE_KIB 64    /* TS 29.571 MaxMessageSize */
#define DEFAULT_PRIORITY    256   /* RFC 8831 6.4 */
#define DATAGRAM_MAX        65507 /* what UDP over IPv4 carries (RFC 768, RFC 791) */

/* A decoding under way: what every part needs. */
struct decoding {
	const struct document_rules *rules;
	const json_t *resolved;
	size_t termination, media; /* where it stands */
	struct problem *p;
};

__attribute__((format(printf, 4, 5))) static bool refuse(
	struct decoding *d, enum problem_kind kind, uint16_t sid, const char *fmt, ...);

static bool refuse(struct decoding *d, enum problem_kind kind, uint16_t sid, const char *fmt, ...)
{
	char pointer[160], reason[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	snprintf(pointer, sizeof(pointer), "/terminations/%zu/medias/%zu/dcMedia/replaceHttpUrl/%u",
		d->termination, d->media, sid);
	return problem_param(d->p, kind, pointer, "%s", reason);
}

static bool no_memory(struct decoding *d)
{
	return problem_set(d->p, PROBLEM_NO_RESOURCES, "out of memory");
}

/* A copy of a member that may be absent. */
static bool copy_text(struct decoding *d, const json_t *object, const char *key, char **out)
{
	const char *text = js_get_text(object, key);

	return text == NULL || (*out = mem_strdup(text)) != NULL || no_memory(d);
}

bool media_has_ice(const json_t *media)
{
	const json_t *ice = json_object_get(json_object_get(media, "dcmf"), "ice");

	return ice != NULL && !json_is_true(json_object_get(ice, "lite"));
}

bool media_accepts_dcep(const json_t *media)
{
	const json_t *accept = json_object_get(json_object_get(media, "dcmf"), "acceptDcep");

	return accept != NULL ? json_is_true(accept) : media_has_ice(media);
}

struct addr document_endpoint(const json_t *endpoint)
{
	const json_t *ip = json_object_get(endpoint, "ip");
	const char *text = js_get_text(ip, "ipv4Addr");
	struct addr a;

	if (text == NULL)
		text = js_get_text(ip, "ipv6Addr");
	if (text == NULL ||
		!addr_parse_ip(
			span_str(text), (uint16_t)js_get_integer(endpoint, "portNumber", 0), &a) ||
		!addr_is_set(&a))
		return (struct addr){ .family = ADDR_NONE };
	return a;
}

/* Weak fingerprints are left out: nothing is ever matched against them. */
static bool decode_fingerprints(
	struct decoding *d, const json_t *list, struct fingerprint **out, unsigned *count)
{
	const json_t *item;
	size_t i;

	if (json_array_size(list) == 0)
		return true;
	if ((*out = mem_zalloc(json_array_size(list) * sizeof(**out))) == NULL)
		return no_memory(d);
	json_array_foreach (list, i, item) {
		if (fingerprint_parse(span_str(json_string_value(item)), &(*out)[*count]) == ERR_OK)
			++*count;
	}
	return true;
}

static uint8_t decode_setup(const char *word)
{
	if (word == NULL)
		return SETUP_NONE;
	if (strcmp(word, "ACTIVE") == 0)
		return SETUP_ACTIVE;
	return strcmp(word, "PASSIVE") == 0 ? SETUP_PASSIVE : SETUP_ACTPASS;
}

/*
 * Absent: reliable. Both written: the one that is not zero counts, and
 * two zeros are written defaults.
 */
static void decode_reliability(const json_t *stream, struct channel_quality *q)
{
	int64_t retry = js_get_integer(stream, "maxRetry", -1),
		time = js_get_integer(stream, "maxTime", -1);

	if (time > 0 || (time == 0 && retry < 0)) {
		q->reliability = MAX_LIFETIME;
		q->limit = (uint32_t)time;
	} else if (retry > 0 || (retry == 0 && time < 0)) {
		q->reliability = MAX_RETRANSMITS;
		q->limit = (uint32_t)retry;
	}
}

static int compare_streams(const void *a, const void *b)
{
	const struct stream_spec *x = a, *y = b;

	return (int)x->sid - (int)y->sid;
}

static bool decode_streams(struct decoding *d, const json_t *media, struct media_spec *out)
{
	json_t *streams = json_object_get(json_object_get(media, "dcMedia"), "streams"), *stream;
	const json_t *labels = json_object_get(json_object_get(media, "dcmf"), "labels");
	const char *key;

	if (json_object_size(streams) == 0)
		return true;
	if ((out->streams = mem_zalloc(json_object_size(streams) * sizeof(*out->streams))) == NULL)
		return no_memory(d);
	json_object_foreach (streams, key, stream) {
		struct stream_spec *s = &out->streams[out->stream_count++];

		stream_id_parse(key, &s->sid);
		s->quality.unordered = json_is_false(json_object_get(stream, "order"));
		s->quality.priority =
			(uint16_t)js_get_integer(stream, "priority", DEFAULT_PRIORITY);
		decode_reliability(stream, &s->quality);
		if (!copy_text(d, stream, "subprotocol", &s->subprotocol) ||
			!copy_text(d, labels, key, &s->label))
			return false;
	}
	qsort(out->streams, out->stream_count, sizeof(*out->streams), compare_streams);
	return true;
}

/* Where the host of a URL is: an address in it, or what the front resolved. ADDR_NONE: unknown. */
static struct addr find_host(const struct http_url *url, const json_t *resolved)
{
	struct addr at = { .family = ADDR_NONE };
	const char *known;
	char *name;

	if (addr_parse_ip(url->host, url->port, &at))
		return at;
	name = mem_printf("%.*s:%u", SPAN_FMT(url->host), url->port);
	known = name != NULL ? js_get_text(resolved, name) : NULL;
	if (known != NULL && !addr_parse(span_str(known), &at))
		addr_parse_ip(span_str(known), url->port, &at);
	mem_free(name);
	return at;
}

/* `server`: who is named to be asked; NULL: the host of the URL at MDC1. */
static bool decode_root(struct decoding *d, uint16_t sid, const char *text,
	const struct media_server *server, struct media_spec *out)
{
	struct root_spec *root = &out->roots[out->root_count++];
	bool is_tls = strncasecmp(text, "https:", 6) == 0;
	struct http_url url;

	if (server != NULL && server->protocol != NULL && server->is_tls != is_tls)
		return refuse(d, PROBLEM_OPTIONAL_INCORRECT, sid,
			"the URL and mdc2Protocol %s contradict each other", server->protocol);
	http_url_parse(span_str(text), &url);
	root->sid = sid;
	root->hop = server != NULL ? server->hop : HOP_MDC1;
	root->connect = server != NULL && server->endpoint != NULL
				? document_endpoint(server->endpoint)
				: find_host(&url, d->resolved);
	if (!addr_is_set(&root->connect))
		return refuse(d, PROBLEM_OPTIONAL_INCORRECT, sid, "the host %.*s has no address",
			url.host.len > 100 ? 100 : (int)url.host.len, (const char *)url.host.p);
	return (root->url = mem_strdup(text)) != NULL || no_memory(d);
}

static bool decode_default_root(struct decoding *d, uint16_t sid, struct media_spec *out)
{
	struct root_spec *root = &out->roots[out->root_count++];

	root->sid = sid;
	root->hop = HOP_MDC1;
	root->connect = d->rules->embedded_addr;
	return (root->url = mem_strdup(d->rules->embedded_root)) != NULL || no_memory(d);
}

/*
 * Streams without replaceHttpUrl get the configured root, unless the controller named a server:
 * then it is not the configured one that is meant, and nobody said what to fetch. What is asked for
 * on a stream without root is not found.
 */
static bool decode_roots(struct decoding *d, const json_t *media, struct media_spec *out)
{
	json_t *urls = json_object_get(json_object_get(media, "dcMedia"), "replaceHttpUrl"), *url;
	size_t most = json_object_size(urls) + out->stream_count + 1;
	struct media_server server;
	bool is_named = media_server(media, &server);
	bool use_default = !is_named && d->rules->embedded_root != NULL;
	const char *key;

	if ((out->roots = mem_zalloc(most * sizeof(*out->roots))) == NULL)
		return no_memory(d);
	json_object_foreach (urls, key, url) {
		uint16_t sid = 0;

		stream_id_parse(key, &sid);
		if (!decode_root(d, sid, js_get_text(url, "replaceHttpUrl"),
			    is_named ? &server : NULL, out))
			return false;
	}
	for (unsigned i = 0; use_default && i < out->stream_count; i++) {
		uint16_t sid = out->streams[i].sid;
		char text[8];

		snprintf(text, sizeof(text), "%u", sid);
		if (json_object_get(urls, text) == NULL && !decode_default_root(d, sid, out))
			return false;
	}
	return !use_default || !out->accept_dcep || decode_default_root(d, ROOT_ANY_SID, out);
}

static bool decode_ice(struct decoding *d, const json_t *ice, struct media_spec *out)
{
	const char *ufrag = js_get_text(ice, "ufrag");

	if (ice == NULL)
		return true;
	out->has_ice = true;
	out->ice_restart = json_is_true(json_object_get(ice, "restart"));
	if (ufrag == NULL)
		return true;
	if ((out->ice = mem_zalloc(sizeof(*out->ice))) == NULL)
		return no_memory(d);
	snprintf(out->ice->ufrag, sizeof(out->ice->ufrag), "%s", ufrag);
	snprintf(out->ice->pwd, sizeof(out->ice->pwd), "%s", js_get_text(ice, "pwd"));
	return true;
}

static uint32_t decode_max_message(const json_t *media)
{
	int64_t kib = js_get_integer(
		json_object_get(media, "dcMedia"), "maxMessageSize", DEFAULT_MESSAGE_KIB);

	return (uint32_t)js_get_integer(
		json_object_get(media, "dcmf"), "maxMessageSize", kib * 1024);
}

/* What a peer told of the end of its DTLS: a DcEndpoint or MdcEndpoint. */
static bool decode_dtls_end(struct decoding *d, const json_t *end, struct media_spec *out)
{
	out->remote_setup = decode_setup(js_get_text(end, "securitySetup"));
	out->remote_sctp_port = (uint16_t)js_get_integer(end, "sctpPort", DEFAULT_SCTP_PORT);
	return decode_fingerprints(d, json_object_get(end, "fingerprints"), &out->fingerprints,
		       &out->fingerprint_count) &&
	       copy_text(d, end, "tlsId", &out->remote_tls_id);
}

static bool decode_link(
	struct decoding *d, const struct media_server *server, struct media_spec *out)
{
	struct link_spec *link = mem_zalloc(sizeof(*link));
	uint32_t most;

	if ((out->link = link) == NULL)
		return no_memory(d);
	link->protocol = server->is_tls                         ? LINK_TLS
			 : strcmp(server->protocol, "UDP") == 0 ? LINK_UDP
								: LINK_TCP;
	link->hop = server->hop;
	link->remote = document_endpoint(server->endpoint);
	most = (uint32_t)js_get_integer(server->more, "maxMessageSize", 0);
	if (link->protocol == LINK_UDP && (most == 0 || most > DATAGRAM_MAX))
		most = DATAGRAM_MAX;
	link->max_message = most;
	return copy_text(d, server->more, "serverName", &link->server_name) &&
	       decode_fingerprints(d, json_object_get(server->endpoint, "fingerprints"),
		       &link->fingerprints, &link->fingerprint_count);
}

static bool decode_media(struct decoding *d, const json_t *media, struct media_spec *out)
{
	const json_t *dcmf = json_object_get(media, "dcmf");
	const json_t *remote =
		json_object_get(json_object_get(media, "dcMedia"), "remoteDcEndpoint");
	struct media_server server;

	out->proxy = media_proxy(media);
	out->has_server = out->proxy != PROXY_HTTP && media_server(media, &server);
	out->remote = document_endpoint(json_object_get(media, "remoteMbEndpoint"));
	out->remote_max_message = decode_max_message(media);
	out->accept_dcep = media_accepts_dcep(media);
	out->setup = decode_setup(js_get_text(dcmf, "setup"));
	return decode_dtls_end(d, remote, out) && copy_text(d, media, "mediaId", &out->media_id) &&
	       copy_text(d, media, "associatedMediaId", &out->twin) &&
	       copy_text(d, dcmf, "interface", &out->interface) &&
	       (!media_has_ice(media) || decode_ice(d, json_object_get(dcmf, "ice"), out)) &&
	       decode_streams(d, media, out) &&
	       (!out->has_server || server.way != WAY_LINK || decode_link(d, &server, out)) &&
	       (out->proxy != PROXY_HTTP || decode_roots(d, media, out));
}

/* The server's side of a media: another end of data channels, where we are the one who calls. */
static bool decode_far_media(struct decoding *d, const json_t *media,
	const struct media_server *server, struct media_spec *out)
{
	const json_t *ice = json_object_get(server->more, "ice");

	out->proxy = media_proxy(media);
	out->hop = server->hop;
	out->remote = document_endpoint(server->endpoint);
	out->ice_checks = json_is_true(json_object_get(ice, "lite"));
	out->remote_max_message = (uint32_t)js_get_integer(
		server->more, "maxMessageSize", DEFAULT_MESSAGE_KIB * 1024);
	out->accept_dcep = media_accepts_dcep(media);
	return decode_dtls_end(d, server->endpoint, out) &&
	       copy_text(d, media, "mediaId", &out->media_id) &&
	       copy_text(d, server->more, "interface", &out->interface) &&
	       decode_ice(d, ice, out) && decode_streams(d, media, out);
}

/* Behind the terminations of the document, one for each that has such servers. */
static bool decode_far_termination(
	struct decoding *d, const json_t *termination, struct context_spec *spec)
{
	struct termination_spec *far = &spec->terminations[spec->termination_count];
	size_t count = document_medias(termination);
	struct media_server server;

	for (size_t m = 0; m < count; m++) {
		const json_t *media = document_media(termination, m);

		if (!media_server(media, &server) || server.way != WAY_PEER)
			continue;
		if (far->medias == NULL &&
			(far->medias = mem_zalloc(count * sizeof(*far->medias))) == NULL)
			return no_memory(d);
		if (far->media_count == 0)
			spec->termination_count++;
		if (!decode_far_media(d, media, &server, &far->medias[far->media_count++]))
			return false;
	}
	far->at_server = true;
	return far->medias == NULL ||
	       copy_text(d, termination, "terminationId", &far->termination_id);
}

static bool decode_termination(
	struct decoding *d, const json_t *termination, struct termination_spec *out)
{
	size_t count = document_medias(termination);

	if (!copy_text(d, termination, "terminationId", &out->termination_id))
		return false;
	if ((out->medias = mem_zalloc(count * sizeof(*out->medias))) == NULL)
		return no_memory(d);
	for (d->media = 0; d->media < count; d->media++) {
		if (!decode_media(d, document_media(termination, d->media),
			    &out->medias[out->media_count++]))
			return false;
	}
	return true;
}

bool document_decode(const json_t *doc, const struct document_rules *rules, const json_t *resolved,
	struct context_spec *spec, struct problem *p)
{
	struct decoding d = { .rules = rules, .resolved = resolved, .p = p };
	const json_t *dcmf = json_object_get(doc, "dcmf");
	size_t count = document_terminations(doc);
	bool done;

	*spec = (struct context_spec){ NULL };
	done = copy_text(&d, dcmf, "owner", &spec->owner);
	if (done &&
		(spec->terminations = mem_zalloc(2 * count * sizeof(*spec->terminations))) == NULL)
		done = no_memory(&d);
	for (; done && d.termination < count; d.termination++)
		done = decode_termination(&d, document_termination(doc, d.termination),
			&spec->terminations[spec->termination_count++]);
	for (size_t t = 0; done && t < count; t++)
		done = decode_far_termination(&d, document_termination(doc, t), spec);
	done = done && document_decide(doc, rules, spec, p);
	if (!done)
		context_spec_finish(spec);
	return done;
}

/* Hosts to resolve */

struct hosts {
	void (*fn)(void *arg, const char *host, uint16_t port);
	void *arg;
};

static void tell_host(const struct hosts *h, const char *text)
{
	struct http_url url;
	struct addr a;
	char *host;

	if (http_url_parse(span_str(text), &url) != ERR_OK || addr_parse_ip(url.host, url.port, &a))
		return;
	if ((host = mem_span_dup(url.host)) != NULL)
		h->fn(h->arg, host, url.port);
	mem_free(host);
}

/*
 * A patch can set the URL itself:
 * {"op":"replace","path":".../replaceHttpUrl","value":"https://..."}.
 */
static bool is_url_operation(const json_t *operation)
{
	static const char last[] = "/replaceHttpUrl";
	const char *path = js_get_text(operation, "path");
	size_t len = path != NULL ? strlen(path) : 0;

	return len >= sizeof(last) - 1 && strcmp(path + len - (sizeof(last) - 1), last) == 0;
}

/* A DcMedia with the address of its server: the hosts of its URLs are names to verify, no more. */
static bool names_server(const json_t *value)
{
	const json_t *mdc1 = json_object_get(value, "mdc1Info"),
		     *mdc2 = json_object_get(value, "mdc2Info");

	return json_object_get(value, "remoteMdc1Endpoint") != NULL ||
	       json_object_get(value, "remoteMdc2Endpoint") != NULL ||
	       json_object_get(mdc1, "remoteMdc1Endpoint") != NULL ||
	       json_object_get(mdc2, "remoteMdc2Endpoint") != NULL;
}

static void walk_hosts(const struct hosts *h, const json_t *value)
{
	const char *url = js_get_text(value, "replaceHttpUrl"), *key;
	json_t *part;
	size_t i;

	if (url == NULL && is_url_operation(value))
		url = js_get_text(value, "value");
	if (url != NULL)
		tell_host(h, url);
	if (names_server(value))
		return;
	json_array_foreach (value, i, part)
		walk_hosts(h, part);
	json_object_foreach ((json_t *)(uintptr_t)value, key, part)
		walk_hosts(h, part);
}

void document_hosts(
	const json_t *value, void (*fn)(void *arg, const char *host, uint16_t port), void *arg)
{
	struct hosts h = { fn, arg };

	walk_hosts(&h, value);
}
