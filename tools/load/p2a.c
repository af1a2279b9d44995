/*
 * p2a.c: the scenario "p2a": a UE talks to an application server, played by the generator too, that says back what it hears.
 *
 *     lines[0], the UE ══ gateway ══ lines[1], a server that speaks data channels, or server.c
 */
#include <stdio.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "tools/load/fetch.h"
#include "tools/load/server.h"
#include "tools/load/talk.h"

struct p2a {
	struct load_actor actor; /* first */
	struct talk talk;
	struct fetch fetch; /* HTTP */
	/* What the server could not say back at once; it reads nothing meanwhile. */
	uint8_t *waiting;
	size_t waiting_len;
	uint16_t waiting_sid;
	uint32_t waiting_ppid;
};

static struct p2a *p2a_of(struct load_actor *a)
{
	return container_of(a, struct p2a, actor);
}

static enum protocol protocol_of(const struct load_actor *a)
{
	return a->options->protocol;
}

static bool server_has_channels(const struct load_actor *a)
{
	return options_protocol(a->options)->has_channels;
}

/* ---- work ---- */

/* Whose certificate did the UE see? The server's where DTLS passes through, else the gateway's: not one of ours. */
static bool check_certificate(struct load_actor *a)
{
	struct load_line *ue = &a->lines[0];
	struct fingerprint ours = { .len = 0 };
	struct dtls_info info;

	dtls_info(ue_dtls(ue->ue), &info);
	if (a->line_count > 1)
		cert_fingerprint(dtls_ctx_cert(a->load->identities[a->lines[1].identity]),
			info.peer.hash, &ours);
	if (fingerprint_eq(&info.peer, &ours) == a->options->passes) {
		a->part->certificates++;
		return true;
	}
	load_actor_fail(a, FAILURE_CERTIFICATE,
		a->options->passes
			? "a certificate that is not the server's"
			: "the server's certificate, though DTLS was to end at the gateway");
	return false;
}

static struct ue_stream stream_of(const struct load_actor *a, unsigned i)
{
	struct ue_stream s = talk_stream(a->options, i);

	if (protocol_of(a) == PROTOCOL_UDP) { /* whatever the UE's channel is, datagrams are not */
		s.quality.unordered = true;
		s.quality.reliability = MAX_LIFETIME;
		s.quality.limit = 2000;
	}
	return s;
}

static bool add_channels(struct load_actor *a)
{
	struct talk *t = &p2a_of(a)->talk;
	struct talk_way *w = talk_add_way(t, &a->lines[0], &a->lines[0]);

	t->binary = protocol_of(a) == PROTOCOL_UDP;
	for (unsigned i = 0; i < (unsigned)a->options->channels; i++) {
		struct ue_stream s = stream_of(a, i);

		if (talk_add_channel(t, w, &s, s.sid, s.sid))
			continue;
		load_actor_fail(a, FAILURE_MEMORY, "the channels do not fit");
		return false;
	}
	return true;
}

static void work(struct load_actor *a, tick_t now)
{
	if (!check_certificate(a))
		return;
	if (protocol_of(a) == PROTOCOL_HTTP) {
		fetch_begin(&p2a_of(a)->fetch, a);
		return;
	}
	if (!add_channels(a))
		return;
	if (a->options->slow_reader > 0)
		talk_slow(&p2a_of(a)->talk, &a->lines[0]);
	talk_begin(&p2a_of(a)->talk, now);
}

/* ---- the server that speaks data channels ---- */

static void keep(struct p2a *p, const struct ue_event *ev)
{
	p->waiting = mem_alloc(ev->bytes.len + 1);
	if (p->waiting == NULL) {
		load_actor_fail(&p->actor, FAILURE_MEMORY, "an echo does not fit");
		return;
	}
	memcpy(p->waiting, ev->bytes.p, ev->bytes.len);
	p->waiting_len = ev->bytes.len;
	p->waiting_sid = ev->sid;
	p->waiting_ppid = ev->ppid;
	ue_hold(p->actor.lines[1].ue, true);
}

static void echo(struct p2a *p, const struct ue_event *ev)
{
	struct ue *server = p->actor.lines[1].ue;

	if (ue_send(server, load_actor_now(&p->actor), ev->sid, ev->ppid, ev->bytes) == ERR_BLOCKED)
		keep(p, ev);
}

static void echo_waiting(struct p2a *p)
{
	struct ue *server = p->actor.lines[1].ue;

	if (p->waiting == NULL ||
		ue_send(server, load_actor_now(&p->actor), p->waiting_sid, p->waiting_ppid,
			SPAN(p->waiting, p->waiting_len)) == ERR_BLOCKED)
		return;
	mem_free(p->waiting);
	p->waiting = NULL;
	ue_hold(server, false);
	load_actor_touch(&p->actor);
}

static void on_server_event(struct p2a *p, const struct ue_event *ev)
{
	if (ev->kind == UE_MESSAGE && p->waiting == NULL)
		echo(p, ev);
	else if (ev->kind == UE_WRITABLE)
		echo_waiting(p);
}

static void on_event(struct load_actor *a, struct load_line *line, const struct ue_event *ev)
{
	if (line == &a->lines[1])
		on_server_event(p2a_of(a), ev);
	else if (protocol_of(a) == PROTOCOL_HTTP)
		fetch_event(&p2a_of(a)->fetch, ev);
	else
		talk_event(&p2a_of(a)->talk, line, ev);
}

/* ---- asking ---- */

static json_t *ip_json(const struct addr *at)
{
	char text[ADDR_TEXT_MAX];

	return json_pack(
		"{s:s}", at->family == ADDR_IPV6 ? "ipv6Addr" : "ipv4Addr", addr_ip_text(at, text));
}

static json_t *endpoint_json(const struct addr *at, const struct fingerprint *print)
{
	char text[FINGERPRINT_TEXT_MAX];
	json_t *o = json_pack("{s:o, s:i}", "ip", ip_json(at), "portNumber", at->port);

	if (print != NULL)
		json_object_set_new(
			o, "fingerprints", json_pack("[s]", fingerprint_text(print, text)));
	return o;
}

/* The server's own words of a data channel server. */
static json_t *peer_json(const struct load_actor *a)
{
	struct ue_media m;
	json_t *o;

	ue_media(a->lines[1].ue, &m);
	o = endpoint_json(&m.local, &m.fingerprint);
	json_object_set_new(o, "sctpPort", json_integer(m.sctp_port));
	json_object_set_new(o, "tlsId", json_string(m.tls_id));
	json_object_set_new(
		o, "securitySetup", json_string(m.setup == SETUP_ACTIVE ? "ACTIVE" : "PASSIVE"));
	return o;
}

static json_t *server_json(struct load_actor *a)
{
	const struct server *s = a->load->servers[a->part_index];

	return s ? endpoint_json(server_addr(s), server_fingerprint(s)) : peer_json(a);
}

static json_t *roots_json(const struct load_actor *a)
{
	char url[ADDR_TEXT_MAX + 32], at[ADDR_TEXT_MAX], key[8];
	const struct addr *addr = server_addr(a->load->servers[a->part_index]);

	snprintf(key, sizeof(key), "%u", UE_APPLICATION_SID);
	snprintf(url, sizeof(url), "http://%s", addr_text(addr, at));
	return json_pack(
		"{s:{s:i, s:s}}", key, "streamId", UE_APPLICATION_SID, "replaceHttpUrl", url);
}

static json_t *dc_media_of(struct load_actor *a)
{
	const struct protocol_info *protocol = options_protocol(a->options);
	json_t *info = json_pack("{s:o}", "remoteMdc2Endpoint", server_json(a));
	struct ue_media server;
	json_t *media =
		json_pack("{s:s, s:o}", "mediaProxyConfig", protocol->proxy, "mdc2Info", info);

	if (protocol->mdc2_protocol != NULL)
		json_object_set_new(info, "mdc2Protocol", json_string(protocol->mdc2_protocol));
	if (protocol_of(a) == PROTOCOL_HTTP)
		json_object_set_new(media, "replaceHttpUrl", roots_json(a));
	if (!server_has_channels(a))
		return json_pack("{s:o}", "*", media);
	ue_media(a->lines[1].ue, &server);
	json_object_set_new(media, "dcmf",
		json_pack("{s:{s:I}}", "mdc2", "maxMessageSize", (json_int_t)server.max_message));
	return json_pack("{s:o}", "*", media);
}

/* ---- the answers ---- */

static bool read_fingerprint(const json_t *endpoint, struct fingerprint *out)
{
	const char *text =
		json_string_value(json_array_get(json_object_get(endpoint, "fingerprints"), 0));

	return text != NULL && fingerprint_parse(SPAN_STR(text), out) == ERR_OK;
}

static bool read_place(const json_t *endpoint, struct addr *out)
{
	const json_t *ip = json_object_get(endpoint, "ip");
	const char *text = json_string_value(json_object_get(ip, "ipv4Addr"));
	json_int_t port = json_integer_value(json_object_get(endpoint, "portNumber"));

	if (text == NULL)
		text = json_string_value(json_object_get(ip, "ipv6Addr"));
	return text != NULL && port > 0 && port < 65536 &&
	       addr_parse_ip(SPAN_STR(text), (uint16_t)port, out);
}

static enum setup setup_of(const json_t *endpoint)
{
	const char *word = json_string_value(json_object_get(endpoint, "securitySetup"));

	if (word == NULL || strcmp(word, "ACTPASS") == 0)
		return SETUP_ACTPASS;
	return strcmp(word, "ACTIVE") == 0 ? SETUP_ACTIVE : SETUP_PASSIVE;
}

/* What the gateway, or through it the UE, tells the server. */
static bool read_far_end(const json_t *media, struct ue_remote *out)
{
	const json_t *endpoint =
		json_object_get(json_object_get(json_object_get(media, "dcMedia"), "mdc2Info"),
			"localMdc2Endpoint");
	const json_t *size = json_object_get(
		json_object_get(json_object_get(media, "dcmf"), "mdc2"), "maxMessageSize");
	const json_t *port = json_object_get(endpoint, "sctpPort");

	*out = (struct ue_remote){ .accepted = true,
		.sctp_port = port ? (uint16_t)json_integer_value(port) : 5000,
		.max_message = size ? (uint32_t)json_integer_value(size) : 65536,
		.setup = setup_of(endpoint) };
	return read_place(endpoint, &out->addr) && read_fingerprint(endpoint, &out->fingerprint);
}

static const char *connect_server(struct load_actor *a, const json_t *context)
{
	const json_t *media = json_array_get(
		json_object_get(
			json_array_get(json_object_get(context, "terminations"), 0), "medias"),
		0);
	struct ue_remote remote;
	struct ue_media ours;
	enum err err;

	if (a->line_count < 2)
		return NULL;
	if (!read_far_end(media, &remote))
		return "the context does not say what the server is to be told";
	/* a UE that leaves the roles open, and is passed through, takes the one that we leave */
	ue_media(a->lines[1].ue, &ours);
	if (remote.setup == SETUP_ACTPASS)
		remote.setup = ours.setup == SETUP_ACTIVE ? SETUP_PASSIVE : SETUP_ACTIVE;
	err = ue_connect(a->lines[1].ue, a->connected, &remote);
	return err == ERR_OK ? NULL : err_text(err);
}

static const char *connect_ue(struct load_actor *a, const char *sdp)
{
	struct ue_remote remote;
	unsigned count = 1;
	const char *wrong = ue_sdp_read_answer(SPAN_STR(sdp), &remote, &count);
	enum err err;

	if (wrong != NULL || count != 1 || !remote.accepted)
		return wrong ? wrong : "the line was rejected";
	err = ue_connect(a->lines[0].ue, a->connected, &remote);
	return err == ERR_OK ? NULL : err_text(err);
}

static void on_answer(struct load_actor *a, const char *sdp, const json_t *result)
{
	const char *wrong;

	a->connected = load_actor_now(a);
	load_actor_measure(a, MEASURE_ANSWER, a->begun, a->connected);
	if ((wrong = connect_server(a, json_object_get(result, "context"))) == NULL)
		wrong = connect_ue(a, sdp);
	if (wrong != NULL)
		load_actor_fail(a, FAILURE_ANSWER, wrong);
	else
		load_actor_set_up(a);
}

static void offer(struct load_actor *a)
{
	struct ue_media media;
	char owner[32], *sdp;

	ue_media(a->lines[0].ue, &media);
	if ((sdp = ue_sdp_write_offer(&media, 1, true)) == NULL) {
		load_actor_fail(a, FAILURE_MEMORY, "the offer does not fit");
		return;
	}
	snprintf(owner, sizeof(owner), "load-%u", a->index);
	load_actor_ask(a, "sdp.terminate",
		json_pack("{s:s, s:s, s:o}", "sdp", sdp, "owner", owner, "dcMedia", dc_media_of(a)),
		on_answer);
	mem_free(sdp);
}

/* ---- beginning ---- */

/* DTLS that passes through has two ends, whose roles must fit. */
static enum setup setup_of_server(const struct load_actor *a, enum setup ue)
{
	if (a->options->passes && ue != SETUP_ACTPASS)
		return ue == SETUP_ACTIVE ? SETUP_PASSIVE : SETUP_ACTIVE;
	return a->index / 3 % 2 ? SETUP_ACTIVE : SETUP_PASSIVE;
}

static bool open_channels(struct load_actor *a, struct load_line *line)
{
	if (protocol_of(a) == PROTOCOL_HTTP)
		return ue_add_channel(line->ue, UE_APPLICATION_SID) == ERR_OK;
	for (unsigned i = 0; i < (unsigned)a->options->channels; i++) {
		struct ue_stream s = stream_of(a, i);

		if (ue_open(line->ue, &s, false) != ERR_OK)
			return false;
	}
	return true;
}

static bool make_line(struct load_actor *a, const char *who, struct ue_config *config)
{
	unsigned wanted = protocol_of(a) == PROTOCOL_HTTP ? 1 : (unsigned)a->options->channels;
	struct load_line *line;

	config->style = UE_STYLE_IMS;
	load_actor_config_talk(a, config);
	if ((line = load_actor_line(a, who, config, wanted)) == NULL)
		return false;
	if (open_channels(a, line))
		return true;
	load_actor_fail(a, FAILURE_MEMORY, "the channels do not fit");
	return false;
}

static bool make_server(struct load_actor *a, enum setup ue)
{
	struct load *l = a->load;
	struct ue_config config;
	char failed[256];

	if (server_has_channels(a)) {
		load_actor_config(a, false, 0, &config);
		config.setup = setup_of_server(a, ue);
		config.local.local = a->options->server_at;
		return make_line(a, "the server", &config);
	}
	if (l->servers[a->part_index] == NULL)
		l->servers[a->part_index] = server_create(l->loop, a->options, failed);
	if (l->servers[a->part_index] == NULL)
		load_actor_fail(a, FAILURE_SOCKET, failed);
	return l->servers[a->part_index] != NULL;
}

static void begin(struct load_actor *a)
{
	bool ice = load_is_chosen(a->index, a->options->ice_percent);
	struct ue_config config;

	talk_init(&p2a_of(a)->talk, a);
	p2a_of(a)->fetch.sid = UE_APPLICATION_SID;
	a->ends_silently = a->options->passes;
	a->part->with_ice += ice;
	load_actor_config(a, ice, a->index / 2, &config);
	if (make_line(a, "the UE", &config) && make_server(a, config.setup))
		offer(a);
}

/* ---- the end ---- */

static void turned(struct load_actor *a, tick_t now)
{
	talk_turned(&p2a_of(a)->talk, now);
}

static void late(struct load_actor *a, tick_t now)
{
	if (protocol_of(a) == PROTOCOL_HTTP)
		fetch_late(&p2a_of(a)->fetch);
	else
		talk_late(&p2a_of(a)->talk, now);
}

static void stop(struct load_actor *a)
{
	talk_stop(&p2a_of(a)->talk);
	fetch_stop(&p2a_of(a)->fetch);
}

static void finish(struct load_actor *a)
{
	talk_finish(&p2a_of(a)->talk);
	fetch_finish(&p2a_of(a)->fetch);
	mem_free(p2a_of(a)->waiting);
}

const struct load_ops p2a_ops = {
	.size = sizeof(struct p2a),
	.begin = begin,
	.work = work,
	.event = on_event,
	.turned = turned,
	.late = late,
	.stop = stop,
	.finish = finish,
};
