/* phone.c: a UE with its access line, its controller, and what came back. */
#include <stdio.h>
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "tests/flow/inside.h"

#define DELAY_US TICK_MS(20)

static void answer_check(
	struct phone *p, const struct addr *from, const struct addr *to, struct span dgram)
{
	const struct path path = { .port = p->at.port, .local = *to, .remote = *from };
	struct ice_reply reply;

	if (ice_lite_input(p->lite, p->world->codec, sim_now(), &path, dgram, &reply) ==
		ICE_SELECTED)
		p->path_up++;
	if (reply.len > 0)
		net_send(p->world->net, to, from, SPAN(reply.bytes, reply.len));
}

static void on_line_input(
	void *arg, const struct addr *from, const struct addr *to, struct span dgram)
{
	struct phone *p = arg;

	p->touched = true;
	if (p->lite != NULL && stun_is_one(dgram))
		answer_check(p, from, to, dgram);
	else
		ue_input(p->ue, sim_now(), from, dgram);
}

static void on_ready(void *arg)
{
	((struct phone *)arg)->touched = true;
}

static void take_address(struct phone *p, unsigned number)
{
	struct addr *at = &p->at.local;
	char ip[64];

	snprintf(ip, sizeof(ip), p->options.ipv6 ? "2001:db8:%u::%u" : "10.0.%u.%u", number / 200,
		10 + number % 200);
	addr_parse_ip(SPAN_STR(ip), (uint16_t)(50000 + number), at);
	p->at.port = number + 1;
	net_attach(p->world->net, at, &p->up, &p->down, on_line_input, p);
}

struct phone *phone_create(struct world *w, const struct phone_options *options)
{
	struct phone *p = calloc(1, sizeof(*p));
	struct ue_config config;

	if (p == NULL || w->phone_count == PHONES_MAX)
		abort();
	if (options != NULL)
		p->options = *options;
	p->world = w;
	p->up.delay_us = p->down.delay_us = p->options.delay_us ? p->options.delay_us : DELAY_US;
	take_address(p, w->phone_count);
	ue_config_init(&config);
	config.dtls = world_identity(1 + w->phone_count % 6);
	config.codec = w->codec;
	config.ice = p->options.ice;
	config.style = p->options.webrtc ? UE_STYLE_WEBRTC : UE_STYLE_IMS;
	config.dcep = p->options.dcep;
	config.local = p->at;
	config.ready = on_ready;
	config.arg = p;
	if (p->options.setup != SETUP_NONE)
		config.setup = p->options.setup;
	if (p->options.mtu > 0)
		config.mtu = p->options.mtu;
	if (p->options.piece > 0)
		config.piece = p->options.piece;
	if (p->options.receive_buffer > 0)
		config.receive_buffer = p->options.receive_buffer;
	if (p->options.sid_count > 0) {
		config.sid_count = p->options.sid_count;
		memcpy(config.sids, p->options.sids, sizeof(config.sids));
	}
	if (p->options.max_message > 0)
		config.max_message = p->options.max_message;
	if (p->options.send_buffer > 0)
		config.send_buffer = p->options.send_buffer;
	config.accept_dcep = p->options.accept_dcep;
	if (p->options.application)
		config.sid_count = 0;
	p->wanted = config.sid_count + p->options.stream_count;
	p->ue = ue_create(&config, sim_now());
	ck_assert_ptr_nonnull(p->ue);
	for (unsigned i = 0; i < p->options.stream_count; i++)
		ck_assert_int_eq(ue_open(p->ue, &p->options.streams[i], false), ERR_OK);
	if (p->options.ice_lite)
		p->lite = ice_lite_create(NULL, sim_now());
	w->phones[w->phone_count++] = p;
	return p;
}

void phone_destroy(struct phone *p)
{
	if (p == NULL)
		return;
	for (unsigned i = 0; i < p->world->phone_count; i++)
		if (p->world->phones[i] == p)
			p->world->phones[i] = NULL;
	net_detach(p->world->net, &p->at.local);
	ue_destroy(p->ue);
	ice_lite_destroy(p->lite);
	free(p);
}

void phone_move(struct phone *p)
{
	static unsigned moves = 5000;

	net_detach(p->world->net, &p->at.local);
	take_address(p, moves++ % 10000);
	ue_move(p->ue, &p->at);
}

void phone_has_bad_line(struct phone *p)
{
	p->up.loss_permille = p->down.loss_permille = 100;
	p->up.jitter_us = p->down.jitter_us = TICK_MS(40);
	p->up.twice_permille = p->down.twice_permille = 50;
	p->up.spare_checks = p->down.spare_checks = true;
}

/* ---- the controller ---- */

static struct stream_spec *streams_of(const struct ue_media *m)
{
	struct stream_spec *s = mem_zalloc(UE_STREAMS_MAX * sizeof(*s));

	for (unsigned i = 0; i < m->stream_count; i++)
		s[i] = (struct stream_spec){ .sid = m->streams[i].sid,
			.quality = m->streams[i].quality,
			.label = mem_strdup(m->streams[i].label),
			.subprotocol = mem_strdup(m->streams[i].protocol) };
	return s;
}

void phone_media_spec(const struct phone *p, struct media_spec *m)
{
	struct ue_media ue;

	ue_media(p->ue, &ue);
	*m = (struct media_spec){
		.media_id = mem_strdup("0"), .has_ice = ue.ice || p->lite, .ice_checks = p->lite
	};
	m->remote_sctp_port = ue.sctp_port;
	m->remote_max_message = ue.max_message;
	m->accept_dcep = p->options.dcep || p->options.accept_dcep;
	m->streams = streams_of(&ue);
	m->stream_count = ue.stream_count;
	if (p->unknown)
		return;
	if (!p->options.webrtc)
		m->remote = p->at.local;
	if (ue.ice) {
		m->ice = mem_alloc(sizeof(*m->ice));
		*m->ice = ue.credentials;
	}
	if (p->lite != NULL) {
		m->ice = mem_zalloc(sizeof(*m->ice));
		snprintf(m->ice->ufrag, sizeof(m->ice->ufrag), "%s", ice_lite_ufrag(p->lite));
		snprintf(m->ice->pwd, sizeof(m->ice->pwd), "%s", ice_lite_pwd(p->lite));
	}
	m->fingerprints = mem_alloc(sizeof(*m->fingerprints));
	m->fingerprints[0] = ue.fingerprint;
	m->fingerprints[0].md[0] ^= p->wrong_fingerprint;
	m->fingerprint_count = 1;
	m->remote_setup = (uint8_t)ue.setup;
	m->remote_tls_id = mem_strdup(ue.tls_id);
}

static struct root_spec *roots_of(const struct ue_media *m, bool dcep, unsigned *count)
{
	struct root_spec *r = mem_zalloc((UE_SIDS_MAX + 2) * sizeof(*r));
	struct addr connect;

	addr_parse_ip(SPAN_LIT("192.0.2.80"), 80, &connect);
	*count = dcep ? 2 : m->stream_count;
	for (unsigned i = 0; i < *count; i++)
		r[i] = (struct root_spec){ .sid = dcep ? (uint16_t)i : m->streams[i].sid,
			.url = mem_strdup(BASE),
			.connect = connect };
	return r;
}

static void end_at_server(struct media_spec *m, const struct link_spec *server)
{
	size_t prints = server->fingerprint_count * sizeof(*server->fingerprints);

	m->proxy = PROXY_DC_APPLICATION;
	m->has_server = true;
	m->link = mem_alloc(sizeof(*m->link));
	*m->link = *server;
	m->link->server_name = mem_strdup(server->server_name);
	m->link->fingerprints = mem_alloc(prints + 1);
	if (prints > 0)
		memcpy(m->link->fingerprints, server->fingerprints, prints);
}

void phone_spec(const struct phone *p, struct context_spec *spec)
{
	struct termination_spec *t = mem_zalloc(sizeof(*t));
	struct media_spec *m = mem_zalloc(sizeof(*m));
	struct ue_media ue;

	ue_media(p->ue, &ue);
	*spec = (struct context_spec){
		.owner = mem_strdup("test"), .terminations = t, .termination_count = 1
	};
	*t = (struct termination_spec){
		.termination_id = mem_strdup("ue"), .medias = m, .media_count = 1
	};
	phone_media_spec(p, m);
	m->proxy = PROXY_HTTP;
	if (p->options.server != NULL)
		end_at_server(m, p->options.server);
	else
		m->roots = roots_of(&ue, p->options.dcep, &m->root_count);
}

/* What the gateway decided, as the answer would tell it. */
static void answer(struct phone *p)
{
	struct media_view view;
	struct ue_remote *remote = &p->remote;

	phone_view(p, &view);
	*remote = (struct ue_remote){ .accepted = true,
		.addr = view.local,
		.ice = view.ice_ufrag != NULL,
		.setup = view.setup == SETUP_ACTPASS ? SETUP_PASSIVE : view.setup,
		.sctp_port = view.sctp_port,
		.max_message = view.max_message };
	if (remote->ice) {
		snprintf(remote->credentials.ufrag, sizeof(remote->credentials.ufrag), "%s",
			view.ice_ufrag);
		snprintf(remote->credentials.pwd, sizeof(remote->credentials.pwd), "%s",
			view.ice_pwd);
	}
	cert_fingerprint(view.cert, HASH_SHA256, &remote->fingerprint);
	snprintf(remote->tls_id, sizeof(remote->tls_id), "%s", view.tls_id);
	p->touched = true;
	ck_assert_int_eq(ue_connect(p->ue, sim_now(), remote), ERR_OK);
}

bool phone_call(struct phone *p, struct relay_refusal *refusal)
{
	struct relay_refusal unasked;
	struct context_spec spec;
	struct relay_context *c;

	snprintf(p->context_id, sizeof(p->context_id), "0-%x", ++p->world->contexts);
	phone_spec(p, &spec);
	c = world_create_context(p->world, p->context_id, &spec, refusal ? refusal : &unasked);
	context_spec_finish(&spec);
	if (c != NULL)
		answer(p);
	return c != NULL;
}

bool phone_update_to(struct phone *p, const struct context_spec *spec)
{
	if (!world_update_context(p->world, p->context_id, spec))
		return false;
	answer(p);
	return true;
}

bool phone_update(struct phone *p)
{
	struct context_spec spec;
	bool done;

	phone_spec(p, &spec);
	done = phone_update_to(p, &spec);
	context_spec_finish(&spec);
	return done;
}

void phone_hang_up(struct phone *p)
{
	world_delete_context(p->world, p->context_id);
}

struct relay_context *phone_context(const struct phone *p)
{
	return relay_context_find(p->world->relay, p->context_id);
}

void phone_view(const struct phone *p, struct media_view *out)
{
	const struct relay_context *c = phone_context(p);

	ck_assert_ptr_nonnull(c);
	ck_assert(relay_media_view(p->world->relay, c, 0, 0, out));
}

/* ---- asking ---- */

void phone_ask(struct phone *p, const struct ue_request *r)
{
	ck_assert_int_eq(ue_ask(p->ue, r), ERR_OK);
	p->asked++;
	p->touched = true;
}

void phone_get(struct phone *p, uint16_t sid, const char *target)
{
	phone_ask(p, &(struct ue_request){ .sid = sid, .target = target });
}

void phone_raw(struct phone *p, uint16_t sid, const char *text, unsigned responses)
{
	ck_assert_int_eq(ue_ask_raw(p->ue, sid, SPAN_STR(text), responses), ERR_OK);
	p->asked += responses;
	p->touched = true;
}

bool phone_is_up(const struct phone *p)
{
	return p->opened >= p->wanted;
}

void phone_set_up(struct phone *p)
{
	ck_assert(phone_call(p, NULL));
	ck_assert(world_until(p->world, 10, all_up));
}

const struct reply *phone_reply(const struct phone *p, unsigned i)
{
	ck_assert_uint_lt(i, p->reply_count);
	return &p->replies[i];
}

const struct reply *phone_fetch(struct phone *p, uint16_t sid, const char *target, double seconds)
{
	phone_get(p, sid, target);
	ck_assert(world_until(p->world, seconds, all_answered));
	return phone_reply(p, p->reply_count - 1);
}

/* ---- what comes back ---- */

static struct reply *reply_on(struct phone *p, uint16_t sid)
{
	for (unsigned i = p->reply_count; i-- > 0;)
		if (p->replies[i].sid == sid)
			return &p->replies[i];
	return NULL;
}

static void copy_header(const struct ue_response *r, const char *name, char *out, size_t cap)
{
	snprintf(out, cap, "%.*s", SPAN_FMT(ue_response_header(r, name)));
}

static void on_head(struct phone *p, const struct ue_event *ev)
{
	struct reply *reply = &p->replies[p->reply_count];

	ck_assert_uint_lt(p->reply_count++, REPLIES_MAX);
	*reply = (struct reply){
		.sid = ev->sid, .status = ev->response->status, .length = ev->response->length
	};
	copy_header(ev->response, "ETag", reply->etag, sizeof(reply->etag));
	copy_header(ev->response, "Location", reply->location, sizeof(reply->location));
	snprintf(reply->head, sizeof(reply->head), "%.*s", SPAN_FMT(ev->response->head));
}

static void on_body(struct phone *p, const struct ue_event *ev)
{
	struct reply *reply = reply_on(p, ev->sid);
	struct span b = ev->bytes;

	for (size_t i = 0; i < b.len; i++) {
		uint64_t at = reply->received + i;

		if (b.p[i] != dcsf_byte(at))
			reply->wrong = true;
		if (at < sizeof(reply->text) - 1)
			reply->text[at] = (char)b.p[i];
	}
	reply->received += b.len;
	p->body_bytes += b.len;
}

static void on_end(struct phone *p, const struct ue_event *ev)
{
	reply_on(p, ev->sid)->complete = true;
	p->complete++;
}

static void on_event(struct phone *p, const struct ue_event *ev)
{
	switch (ev->kind) {
	case UE_PATH_UP: p->path_up++; break;
	case UE_SECURED: p->secured++; break;
	case UE_CHANNEL_OPEN: p->opened++; break;
	case UE_HEAD: on_head(p, ev); break;
	case UE_BODY: on_body(p, ev); break;
	case UE_RESPONSE_END: on_end(p, ev); break;
	case UE_GARBAGE: p->garbage++; break;
	case UE_MESSAGE:
		if (p->pair != NULL)
			pair_on_message(p->pair, p, ev);
		else if (p->heard != NULL)
			p->heard(p, ev);
		break;
	case UE_WRITABLE: p->writables++; break;
	case UE_CHANNEL_CLOSED: p->channels_closed++; break;
	case UE_CLOSED:
		p->closed++;
		p->opened = 0;
		p->reason = ev->reason;
		break;
	}
}

void phone_turn(struct phone *p)
{
	tick_t now = sim_now();
	struct ue_event ev;
	struct dgram *d;

	if (tick_due(ue_deadline(p->ue), now))
		ue_expire(p->ue, now);
	while (ue_next_event(p->ue, now, &ev))
		on_event(p, &ev);
	if (p->pair != NULL)
		pair_on_turn(p->pair, p);
	while ((d = ue_next_dgram(p->ue)) != NULL) {
		net_send(p->world->net, &d->path.local, &d->path.remote, dgram_span(d));
		dgram_free(d);
	}
}
