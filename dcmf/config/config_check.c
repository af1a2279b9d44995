/* config_check.c: values that are right one by one and impossible together. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "control/sbi/token.h"
#include "dcmf/base/uuid.h"
#include "control/client.h"
#include "dcmf/config/config_options.h"
#include "dcmf/http/http.h"

struct checker {
	const struct config *c;
	const char *name;
	const unsigned *lines;
	char *error;
};

__attribute__((format(printf, 3, 4))) static bool fail(
	struct checker *k, const char *path, const char *fmt, ...)
{
	const struct option *o = option_find(path);
	unsigned line = o != NULL ? k->lines[o - config_option] : 0;
	char why[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (line > 0)
		snprintf(k->error, CONFIG_ERROR_MAX, "%s:%u: %s: %s", k->name, line, path, why);
	else
		snprintf(k->error, CONFIG_ERROR_MAX, "%s: %s: %s", k->name, path, why);
	return false;
}

__attribute__((format(printf, 4, 5))) static bool fail_media(
	struct checker *k, unsigned index, const char *key, const char *fmt, ...)
{
	char why[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	snprintf(k->error, CONFIG_ERROR_MAX, "%s:%u: media[%u].%s: %s", k->name,
		k->c->media[index].line, index, key, why);
	return false;
}

static bool check_node(struct checker *k)
{
	const char *id = k->c->node.nf_instance_id;

	if (k->c->node.plmn[0] != '\0' && !token_plmn_is(SPAN_STR(k->c->node.plmn)))
		return fail(
			k, "node.plmn", "\"%s\" is no PLMN, as 262-01 or 310-410", k->c->node.plmn);
	return strcmp(id, "auto") == 0 || uuid_is(SPAN_STR(id)) ||
	       fail(k, "node.nf_instance_id", "\"%s\" is neither auto nor a UUID", id);
}

static bool check_shared_port(struct checker *k, unsigned index)
{
	const struct config_media *m = &k->c->media[index];
	int64_t last = m->shared_port + config_workers(k->c) - 1;

	if (m->shared_port == 0)
		return true;
	if (last > 65535)
		return fail_media(k, index, "shared_port", "%lld leaves no port for every worker",
			(long long)m->shared_port);
	if (m->shared_port <= m->ports.last && last >= m->ports.first)
		return fail_media(k, index, "shared_port",
			"%lld to %lld, one a worker, lie in the range of ports",
			(long long)m->shared_port, (long long)last);
	return true;
}

static bool ranges_meet(struct config_ports a, struct config_ports b)
{
	return a.first <= b.last && b.first <= a.last;
}

static bool check_pair(struct checker *k, unsigned i, unsigned j)
{
	const struct config_media *a = &k->c->media[i], *b = &k->c->media[j];

	if (strcmp(a->name, b->name) == 0)
		return fail_media(k, i, "name", "\"%s\" is the name of media[%u] too", a->name, j);
	if (addr_eq_ip(&a->address, &b->address) && ranges_meet(a->ports, b->ports))
		return fail_media(
			k, i, "ports", "overlap those of media[%u], which has the same address", j);
	return true;
}

static bool check_media(struct checker *k)
{
	unsigned workers = config_workers(k->c);

	for (unsigned i = 0; i < k->c->media_count; i++) {
		const struct config_media *m = &k->c->media[i];

		if (m->advertise.family != ADDR_NONE && m->advertise.family != m->address.family)
			return fail_media(k, i, "advertise", "is of another family than address");
		if (addr_is_any(&m->address) && m->advertise.family == ADDR_NONE)
			return fail_media(k, i, "advertise", "is needed where address is any");
		if (m->ports.last - m->ports.first + 1u < workers)
			return fail_media(k, i, "ports", "fewer ports than workers (%u)", workers);
		if (!check_shared_port(k, i))
			return false;
		for (unsigned j = 0; j < i; j++) {
			if (!check_pair(k, i, j))
				return false;
		}
	}
	return true;
}

static bool check_dtls(struct checker *k)
{
	if (strcmp(k->c->dtls.certificate, "auto") == 0 && k->c->dtls.key[0] != '\0')
		return fail(k, "dtls.key", "a key without its certificate");
	return true;
}

/* What is shown to servers. */
static bool check_own(struct checker *k, const char *path, const struct config_tls *tls)
{
	return (tls->certificate[0] == '\0') == (tls->key[0] == '\0') ||
	       fail(k, path, "certificate and key are needed together");
}

static bool check_plain(struct checker *k, const char *path, int64_t allow_plain)
{
	return allow_plain != PLAIN_OPERATOR || k->c->policy.network_count > 0 ||
	       fail(k, path, "operator needs policy.operator_networks");
}

static bool check_mdc2(struct checker *k)
{
	return check_own(k, "mdc2.tls.certificate", &k->c->mdc2.tls) &&
	       check_plain(k, "mdc2.allow_plain", k->c->mdc2.allow_plain);
}

static bool check_mdc1(struct checker *k)
{
	const struct config *c = k->c;
	struct span url = SPAN_STR(c->mdc1.url);
	bool is_http = span_starts(url, SPAN_LIT("http://")) && url.len > 7;
	bool is_https = span_starts(url, SPAN_LIT("https://")) && url.len > 8;

	if (url.len > 0 && !is_http && !is_https)
		return fail(k, "mdc1.url", "\"%s\" is no absolute http or https URL", c->mdc1.url);
	if (is_http && c->mdc1.allow_plain == PLAIN_NEVER)
		return fail(k, "mdc1.url", "is plain HTTP, which mdc1.allow_plain forbids");
	if (is_https && c->mdc1.tls.ca[0] == '\0')
		return fail(k, "mdc1.url",
			"is https, and without mdc1.tls.ca no server would be trusted");
	if (!check_own(k, "mdc1.tls.certificate", &c->mdc1.tls) ||
		!check_plain(k, "mdc1.allow_plain", c->mdc1.allow_plain))
		return false;
	if (c->mdc1.synthetic.count > 0 && (!c->mdc1.embedded || url.len > 0))
		return fail(k, "mdc1.synthetic", "needs the embedded DCSF");
	return true;
}

/* A rule that nothing can match is a mistake that would go unnoticed. */
static bool check_policy(struct checker *k)
{
	const struct policy *policy = &k->c->policy;
	const char *key, *why;

	for (unsigned i = 0; i < policy->rule_count; i++) {
		if (policy_rule_makes_sense(policy, &policy->rules[i], &key, &why))
			continue;
		snprintf(k->error, CONFIG_ERROR_MAX, "%s:%u: policy.rules[%u].match.%s: %s",
			k->name, policy->rules[i].line, i, key, why);
		return false;
	}
	return true;
}

static bool check_control(struct checker *k)
{
	const struct addr *at = &k->c->control.tcp.listen;
	const struct config_tls *tls = &k->c->control.tcp.tls;
	bool has_tls = tls->certificate[0] != '\0';

	if (has_tls != (tls->key[0] != '\0') || has_tls != (tls->client_ca[0] != '\0'))
		return fail(k, "control.tcp.tls.certificate",
			"certificate, key and client_ca are needed together");
	if (has_tls && at->family == ADDR_NONE)
		return fail(k, "control.tcp.tls.certificate", "needs control.tcp.listen");
	if (!has_tls && at->family != ADDR_NONE && !addr_is_loopback(at))
		return fail(k, "control.tcp.listen",
			"plain TCP is allowed on loopback only; elsewhere control.tcp.tls is "
			"needed");
	return true;
}

static bool check_sbi(struct checker *k)
{
	const struct addr *at = &k->c->sbi.listen;
	const struct config_tls *tls = &k->c->sbi.tls;
	bool has_tls = tls->certificate[0] != '\0';

	if (has_tls != (tls->key[0] != '\0') || has_tls != (tls->client_ca[0] != '\0'))
		return fail(k, "sbi.tls.certificate",
			"certificate, key and client_ca are needed together");
	if (has_tls && at->family == ADDR_NONE)
		return fail(k, "sbi.tls.certificate", "needs sbi.listen");
	if (!has_tls && at->family != ADDR_NONE && !addr_is_loopback(at))
		return fail(k, "sbi.listen",
			"plain HTTP/2 is allowed on loopback only; elsewhere sbi.tls is needed");
	return true;
}

/* An apiRoot (TS 29.501 4.4.1): scheme, authority and perhaps a prefix, no slash behind. */
static bool check_drain(struct checker *k)
{
	struct span peer = SPAN_STR(k->c->drain.peer);

	if (peer.len == 0)
		return true;
	if (!span_starts(peer, SPAN_LIT("http://")) && !span_starts(peer, SPAN_LIT("https://")))
		return fail(k, "drain.peer", "\"%s\" is no apiRoot, as in https://mf2.example",
			k->c->drain.peer);
	for (size_t i = 0; i < peer.len; i++) {
		if (peer.p[i] <= ' ' || peer.p[i] > '~')
			return fail(k, "drain.peer", "holds characters that no URI has");
	}
	if (peer.p[peer.len - 1] == '/')
		return fail(k, "drain.peer", "an apiRoot has no slash at its end");
	return true;
}

static bool is_plain(const struct addr *listen, const struct config_tls *tls)
{
	return listen->family != ADDR_NONE && tls->certificate[0] == '\0';
}

static bool check_authorization(struct checker *k)
{
	const struct config_texts *clients = &k->c->authorization.clients;

	for (unsigned i = 0; i < clients->count; i++) {
		if (!client_can_be_listed(clients->text[i]))
			return fail(k, "authorization.clients",
				"\"%s\" is no name of a certificate: CN=.., DNS:.., URI:.., or an "
				"NF instance id",
				clients->text[i]);
	}
	if (clients->count > 0 && is_plain(&k->c->sbi.listen, &k->c->sbi.tls))
		return fail(k, "authorization.clients",
			"nobody can be told by his certificate on sbi.listen without sbi.tls");
	if (clients->count > 0 && is_plain(&k->c->control.tcp.listen, &k->c->control.tcp.tls))
		return fail(k, "authorization.clients",
			"nobody can be told by his certificate on control.tcp.listen without "
			"control.tcp.tls");
	return true;
}

static bool check_ng_clients(struct checker *k)
{
	const struct config_texts *clients = &k->c->ng.clients;
	struct policy networks = { 0 };
	const char *why = NULL;
	bool fine = true;

	for (unsigned i = 0; fine && i < clients->count; i++)
		fine = policy_add_network(&networks, SPAN_STR(clients->text[i]), &why) ||
		       fail(k, "ng.clients", "\"%.80s\": %s", clients->text[i], why);
	policy_finish(&networks);
	return fine;
}

/* The protocol has no authentication: where it listens, and to whom, must be meant so. */
static bool check_ng_address(struct checker *k, const char *path, const struct addr *at)
{
	if (at->family == ADDR_NONE || addr_is_loopback(at))
		return true;
	if (addr_is_any(at))
		return fail(k, path,
			"one address is wanted, not all of them: the ng protocol has no "
			"authentication");
	return k->c->ng.clients.count > 0 ||
	       fail(k, path,
		       "the ng protocol has no authentication: off loopback, ng.clients must say "
		       "who may speak");
}

static bool check_ng(struct checker *k)
{
	const struct addr *listen = &k->c->ng.listen, *http = &k->c->ng.http;

	if (k->c->ng.clients.count > 0 && listen->family == ADDR_NONE && http->family == ADDR_NONE)
		return fail(k, "ng.clients", "needs ng.listen or ng.http");
	if (http->family != ADDR_NONE && addr_eq(listen, http))
		return fail(k, "ng.http", "ng.listen has this port over TCP");
	return check_ng_clients(k) && check_ng_address(k, "ng.listen", listen) &&
	       check_ng_address(k, "ng.http", http);
}

static bool check_oauth2(struct checker *k)
{
	const struct config *c = k->c;
	bool asks = c->sbi.oauth2.keys[0] == '\0';

	for (unsigned i = 0; i < c->sbi.oauth2.issuers.count; i++) {
		if (!uuid_is(SPAN_STR(c->sbi.oauth2.issuers.text[i])))
			return fail(k, "sbi.oauth2.issuers", "\"%s\" is no NF instance id",
				c->sbi.oauth2.issuers.text[i]);
	}
	if (!c->sbi.oauth2.required)
		return true;
	if (c->sbi.listen.family == ADDR_NONE)
		return fail(k, "sbi.oauth2.required", "needs sbi.listen");
	if (asks && c->sbi.nrf.count == 0)
		return fail(k, "sbi.oauth2.required",
			"needs sbi.oauth2.keys, or sbi.nrf to ask for them");
	if (asks && c->sbi.oauth2.issuers.count == 0)
		return fail(k, "sbi.oauth2.required",
			"without sbi.oauth2.keys needs sbi.oauth2.issuers: nobody's word is "
			"taken for who may sign");
	return true;
}

static bool check_nrf_root(struct checker *k, const char *root)
{
	struct http_url url;
	struct addr at;

	if (http_url_parse(SPAN_STR(root), &url) != ERR_OK || url.has_query)
		return fail(k, "sbi.nrf", "\"%s\" is no apiRoot, as in https://nrf.example", root);
	if (!url.https && addr_parse_ip(url.host, 0, &at) && !addr_is_loopback(&at))
		return fail(k, "sbi.nrf", "%s: plain http is allowed on loopback only", root);
	if (url.https && k->c->sbi.tls.ca[0] == '\0' && k->c->sbi.tls.client_ca[0] == '\0')
		return fail(
			k, "sbi.nrf", "%s is https, and without sbi.tls no NRF is trusted", root);
	return true;
}

/* "mf1.ims.example": a name of two parts or more (TS 29.571, Fqdn). */
static bool is_fqdn(struct span name)
{
	unsigned parts = 0;

	while (name.len > 0) {
		struct span part = span_cut(&name, '.');

		if (part.len == 0 || part.len > 63 || part.p[0] == '-' ||
			part.p[part.len - 1] == '-')
			return false;
		for (size_t i = 0; i < part.len; i++) {
			if (!isalnum(part.p[i]) && part.p[i] != '-')
				return false;
		}
		parts++;
	}
	return parts >= 2;
}

static bool check_nrf(struct checker *k)
{
	const struct config *c = k->c;
	struct span place = SPAN_STR(c->sbi.advertise);
	struct addr at;

	if (place.len > 0 && !addr_parse_ip(place, 0, &at) && !is_fqdn(place))
		return fail(k, "sbi.advertise", "\"%s\" is neither an address nor a full name",
			c->sbi.advertise);
	for (unsigned i = 0; i < c->sbi.nrf.count; i++) {
		if (!check_nrf_root(k, c->sbi.nrf.text[i]))
			return false;
	}
	if (c->sbi.nrf.count > 0 && c->sbi.listen.family == ADDR_NONE)
		return fail(k, "sbi.nrf", "needs sbi.listen");
	if (c->sbi.nrf.count > 0 && addr_is_any(&c->sbi.listen) && place.len == 0)
		return fail(k, "sbi.advertise", "is needed where sbi.listen is any address");
	return true;
}

bool config_check(const struct config *c, const char *name, const unsigned *lines,
	char error[CONFIG_ERROR_MAX])
{
	struct checker k = { c, name, lines, error };

	if (!check_ng(&k))
		return false;
	return check_node(&k) && check_media(&k) && check_dtls(&k) && check_mdc1(&k) &&
	       check_mdc2(&k) && check_policy(&k) && check_control(&k) && check_sbi(&k) &&
	       check_oauth2(&k) && check_nrf(&k) && check_drain(&k) && check_authorization(&k);
}
