/* fake_relay.c: a relay without media, which remembers the wishes it was given as text. */
#include "tests/unit/control/fake_relay.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct relay_context {
	char id[64];
	unsigned medias[16], terminations; /* medias of each termination */
	bool ice[16][16], checks[16][16], passes[16][16];
	uint8_t hop[16][16];
	int server[16][16][2]; /* termination and media of the far side; -1: none */
	struct relay_context *next;
};

struct relay {
	struct fake_relay fake;
	struct relay_context *contexts;
};

struct relay *fake_relay_create(void)
{
	return calloc(1, sizeof(struct relay));
}

struct fake_relay *fake_relay(struct relay *r)
{
	return &r->fake;
}

void fake_relay_destroy(struct relay *r)
{
	while (r != NULL && r->contexts != NULL) {
		struct relay_context *c = r->contexts;

		r->contexts = c->next;
		free(c);
	}
	free(r);
}

/* The wish as text */

struct text {
	char *buf;
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->len += (size_t)vsnprintf(t->buf + t->len, FAKE_WISH_MAX - t->len, fmt, ap);
	va_end(ap);
	if (t->len >= FAKE_WISH_MAX)
		t->len = FAKE_WISH_MAX - 1;
}

static const char *or_dash(const char *text)
{
	return text != NULL ? text : "-";
}

static void add_link(struct text *t, const struct link_spec *l)
{
	static const char *const protocols[] = { "tcp", "tls", "udp" };
	char addr[ADDR_TEXT_MAX];

	add(t, " link=%s/%s@%s name=%s fp=%u max=%u;", hop_name(l->hop), protocols[l->protocol],
		addr_is_set(&l->remote) ? addr_text(&l->remote, addr) : "-",
		or_dash(l->server_name), l->fingerprint_count, l->max_message);
}

static void add_media(struct text *t, const struct media_spec *m)
{
	static const char *const setups[] = { "none", "actpass", "active", "passive" };
	static const char *const proxies[] = { "http", "udp", "dc" };
	static const char *const kinds[] = { "reliable", "retr", "time" };
	char addr[ADDR_TEXT_MAX];

	add(t, "%s %s if=%s", m->media_id, proxies[m->proxy], or_dash(m->interface));
	if (m->hop != HOP_MB)
		add(t, " at=%s", hop_name(m->hop));
	if (m->link != NULL)
		add_link(t, m->link);
	if (m->twin != NULL)
		add(t, " twin=%s", m->twin);
	add(t, " remote=%s", addr_is_set(&m->remote) ? addr_text(&m->remote, addr) : "-");
	if (!m->has_ice)
		add(t, " ice=-");
	else
		add(t, " ice=%s:%s%s", m->ice ? m->ice->ufrag : "", m->ice ? m->ice->pwd : "",
			m->ice_restart  ? "!"
			: m->ice_checks ? "?"
					: "");
	add(t, " fp=%u setup=%s sctp=%u max=%u tls=%s dcep=%s", m->fingerprint_count,
		setups[m->remote_setup], m->remote_sctp_port, m->remote_max_message,
		or_dash(m->remote_tls_id), m->accept_dcep ? "yes" : "no");
	for (unsigned i = 0; i < m->stream_count; i++) {
		const struct stream_spec *s = &m->streams[i];

		add(t, " %u[%s %s", s->sid, s->quality.unordered ? "unordered" : "ordered",
			kinds[s->quality.reliability]);
		if (s->quality.reliability != RELIABLE)
			add(t, "=%u", s->quality.limit);
		add(t, " %u label=%s %s]", s->quality.priority, or_dash(s->label),
			or_dash(s->subprotocol));
	}
	for (unsigned i = 0; i < m->root_count; i++)
		add(t, " %u>%s@%s%s", m->roots[i].sid, m->roots[i].url,
			addr_text(&m->roots[i].connect, addr),
			m->roots[i].hop == HOP_MDC2 ? "/MDC2" : "");
}

const char *fake_wish(const struct context_spec *spec, char buf[FAKE_WISH_MAX])
{
	struct text t = { buf, 0 };

	add(&t, "owner=%s", or_dash(spec->owner));
	for (unsigned i = 0; i < spec->termination_count; i++) {
		add(&t, " %s{", spec->terminations[i].termination_id);
		for (unsigned m = 0; m < spec->terminations[i].media_count; m++) {
			add(&t, "%s", m > 0 ? "; " : "");
			add_media(&t, &spec->terminations[i].medias[m]);
		}
		add(&t, "}");
	}
	return buf;
}

/* The functions of relay.h that control calls */

static void find_server(
	struct relay_context *c, const struct context_spec *spec, unsigned t, unsigned m)
{
	const struct termination_spec *ue = &spec->terminations[t], *far;

	c->server[t][m][0] = -1;
	for (unsigned i = t + 1; i < spec->termination_count; i++) {
		far = &spec->terminations[i];
		for (unsigned k = 0; k < far->media_count; k++) {
			if (far->at_server &&
				media_specs_are_twins(ue->termination_id, &ue->medias[m],
					far->termination_id, &far->medias[k])) {
				c->server[t][m][0] = (int)i;
				c->server[t][m][1] = (int)k;
			}
		}
	}
}

static bool grant(struct relay *r, struct relay_context *c, const struct context_spec *spec,
	struct relay_refusal *refusal)
{
	if (r->fake.refuse != ERR_OK) {
		*refusal = (struct relay_refusal){ r->fake.refuse, r->fake.refuse_termination,
			r->fake.refuse_media, "the fake refuses" };
		return false;
	}
	fake_wish(spec, r->fake.wish);
	c->terminations = spec->termination_count;
	for (unsigned t = 0; t < spec->termination_count; t++) {
		c->medias[t] = spec->terminations[t].media_count;
		for (unsigned m = 0; m < c->medias[t]; m++) {
			c->ice[t][m] = spec->terminations[t].medias[m].has_ice;
			c->checks[t][m] = spec->terminations[t].medias[m].ice_checks;
			c->passes[t][m] = spec->terminations[t].medias[m].proxy == PROXY_UDP;
			c->hop[t][m] = spec->terminations[t].medias[m].hop;
			find_server(c, spec, t, m);
		}
	}
	return true;
}

struct relay_context *relay_context_create(struct relay *r, tick_t now, const char *id,
	const struct context_spec *spec, struct relay_refusal *refusal)
{
	struct relay_context *c = calloc(1, sizeof(*c));

	if (!grant(r, c, spec, refusal)) {
		free(c);
		return NULL;
	}
	snprintf(c->id, sizeof(c->id), "%s", id);
	c->next = r->contexts;
	r->contexts = c;
	r->fake.created++;
	return c;
}

bool relay_context_update(struct relay *r, tick_t now, struct relay_context *c,
	const struct context_spec *spec, struct relay_refusal *refusal)
{
	if (!grant(r, c, spec, refusal))
		return false;
	r->fake.updated++;
	return true;
}

struct relay_context *relay_context_find(const struct relay *r, const char *id)
{
	struct relay_context *c = r->contexts;

	while (c != NULL && strcmp(c->id, id) != 0)
		c = c->next;
	return c;
}

void relay_context_delete(
	struct relay *r, tick_t now, struct relay_context *c, enum close_reason reason)
{
	struct relay_context **at = &r->contexts;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	free(c);
	r->fake.deleted++;
	r->fake.delete_reason = reason;
}

const char *relay_context_id(const struct relay_context *c)
{
	return c->id;
}

static bool view(const struct relay *r, const struct relay_context *c, unsigned t, unsigned m,
	struct media_view *out)
{
	static const struct path path = {
		.remote = { .ip = { 192, 0, 2, 99 }, .port = 4444, .family = ADDR_IPV4 }
	};

	if (t >= c->terminations || m >= c->medias[t])
		return false;
	*out = (struct media_view){
		.hop = c->hop[t][m],
		.passes = c->passes[t][m],
		.far = c->passes[t][m] ? r->fake.far : NULL,
		.local = { .ip = { 198, 51, 100, 7 },
			.port = (uint16_t)(20000 + t * 100 + m),
			.family = ADDR_IPV4 },
		.bound = { .ip = { 127, 0, 0, 1 },
			.port = (uint16_t)(20000 + t * 100 + m),
			.family = ADDR_IPV4 },
		.ice_ufrag = c->ice[t][m] ? "oursoursours" : NULL,
		.ice_pwd = c->ice[t][m] ? "ourpasswordourpassword24" : NULL,
		.ice_checks = c->checks[t][m],
		.path = r->fake.secured ? &path : NULL,
		.last_check = c->ice[t][m] && r->fake.secured ? (tick_t){ 1000 } : TICK_NEVER,
		.tls_id = "0123456789abcdef01234567",
		.setup = SETUP_PASSIVE,
		.sctp_port = 5000,
		.max_message = 262144,
		.state = r->fake.state,
		.reason = r->fake.reason,
		.secured = r->fake.secured,
		.info = { .version = "DTLSv1.2",
			.cipher = "ECDHE-ECDSA-AES128-GCM-SHA256",
			.group = "X25519",
			.peer = { .hash = HASH_SHA256, .len = 32 } },
		.assoc = r->fake.state == LEG_OPEN ? (const struct assoc *)(const void *)r : NULL,
		.upstream_protection = r->fake.upstream_protection,
		.upstream_hop = HOP_MDC1,
		.has_link = r->fake.link != NULL,
	};
	if (r->fake.link != NULL)
		out->link = *r->fake.link;
	return true;
}

bool relay_media_view(const struct relay *r, const struct relay_context *c, unsigned t, unsigned m,
	struct media_view *out)
{
	return view(r, c, t, m, out);
}

bool relay_server_view(const struct relay *r, const struct relay_context *c, unsigned t, unsigned m,
	struct media_view *out)
{
	if (t >= c->terminations || m >= c->medias[t] || c->server[t][m][0] < 0)
		return false;
	return view(r, c, (unsigned)c->server[t][m][0], (unsigned)c->server[t][m][1], out);
}

/* What control asks of certificates and associations. */

enum err cert_fingerprint(const struct cert *c, enum hash hash, struct fingerprint *out)
{
	*out = (struct fingerprint){ .hash = (uint8_t)hash, .len = 32 };
	memset(out->md, 0xab, 32);
	return ERR_OK;
}

size_t assoc_unsent(const struct assoc *a)
{
	return 17;
}

const struct channel_view *assoc_next_channel(const struct assoc *a, size_t *at)
{
	static const struct channel_view channel = { .sid = 0,
		.quality = { .priority = 256 },
		.label = "list",
		.protocol = "http",
		.negotiated = true,
		.open = true,
		.messages_in = 3,
		.messages_out = 4,
		.bytes_in = 300,
		.bytes_out = 4000 };

	return (*at)++ == 0 ? &channel : NULL;
}
