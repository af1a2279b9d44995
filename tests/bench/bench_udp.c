/*
 * bench_udp.c: the same traffic as floor_udp.c through the gateway's own sockets, loop and relay: datagrams that pass from one peer to the
 * other untouched (UDP_PROXY). Trains go through a pair of ports of its own; the 10,000 sparse pairs have ICE and share one port.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"
#include "dcmf/ice/checker.h"
#include "dcmf/io/udp.h"
#include "dcmf/relay/relay.h"
#include "sctp/sctp.h"
#include "tests/bench/figure.h"
#include "tests/bench/traffic.h"

enum { DATAGRAMS = 200000, WARM = 20000 };

static struct {
	struct loop *loop;
	struct udp *udp;
	struct relay *relay;
	struct stun_codec *codec;
	struct path shared; /* the port of those with ICE; number 0: not open yet */
	int64_t until;      /* so many datagrams have passed */
	uint16_t next_port;
} gateway;

static int64_t passed(void)
{
	return counter_value[CNT_splice_datagrams_total];
}

static void on_input(void *arg, tick_t now, const struct path *path, struct span dgram)
{
	(void)arg;
	relay_input(gateway.relay, now, path, dgram);
}

static void on_input_train(
	void *arg, tick_t now, const struct path *path, struct span bytes, size_t piece)
{
	(void)arg;
	relay_input_train(gateway.relay, now, path, bytes, piece);
}

static void on_foresee(void *arg, const struct path *paths, size_t n)
{
	(void)arg;
	relay_foresee(gateway.relay, paths, n);
}

static void on_batch_end(void *arg, tick_t now)
{
	(void)arg;
	relay_turn_end(gateway.relay, now);
}

static void on_turn_end(void *arg, tick_t now)
{
	(void)arg;
	relay_turn_end(gateway.relay, now);
	udp_flush(gateway.udp);
	if (passed() >= gateway.until)
		loop_stop(gateway.loop);
}

static enum err open_any(struct path *at)
{
	enum err err = ERR_EXISTS;

	for (int i = 0; i < 1000 && err == ERR_EXISTS; i++) {
		addr_parse_ip(SPAN_LIT("127.0.0.1"), gateway.next_port++, &at->local);
		err = udp_open(gateway.udp, &at->local, &at->port);
	}
	return err;
}

static enum err port_open(void *world, const char *interface, enum addr_family family, bool ice,
	struct path *at, struct addr *advertise)
{
	enum err err = ERR_OK;

	(void)world;
	(void)interface;
	(void)family;
	if (!ice || gateway.shared.port == 0)
		err = open_any(at);
	else
		*at = gateway.shared;
	if (ice)
		gateway.shared = *at;
	*advertise = at->local;
	return err;
}

static void port_close(void *world, uint32_t number)
{
	(void)world;
	if (number != gateway.shared.port)
		udp_close(gateway.udp, number);
}

static void port_send(void *world, const struct path *path, struct span dgram)
{
	(void)world;
	udp_send(gateway.udp, path, dgram);
}

static void port_send_train(void *world, const struct path *path, struct span bytes, size_t piece)
{
	(void)world;
	udp_send_train(gateway.udp, path, bytes, piece);
}

static void on_event(void *world, const struct relay_event *event)
{
	(void)world;
	(void)event;
}

static const struct relay_ops ops = {
	.port_open = port_open,
	.port_close = port_close,
	.send = port_send,
	.send_train = port_send_train,
	.event = on_event,
};

static void start_gateway(void)
{
	struct cert *cert = cert_generate(30);
	struct relay_config config;

	log_set_level(LOG_ERROR);
	sctp_start();
	gateway.next_port = 20000;
	gateway.loop = loop_create();
	gateway.udp = udp_create(gateway.loop, &(struct udp_config){ .input = on_input,
						       .input_train = on_input_train,
						       .foresee = on_foresee,
						       .batch_end = on_batch_end });
	gateway.codec = stun_codec_create();
	relay_config_init(&config);
	config.ops = &ops;
	config.dtls = dtls_ctx_create(cert);
	config.consent_us = TICK_S(3600); /* peers here are asked once */
	gateway.relay = relay_create(&config, loop_now(gateway.loop));
	dtls_ctx_unref(config.dtls);
	cert_unref(cert);
	if (gateway.relay == NULL)
		abort();
}

/* ---- pairs ---- */

static void fill_media(struct media_spec *m, const struct addr *peer, bool ice)
{
	*m = (struct media_spec){ .media_id = mem_strdup("0"), .proxy = PROXY_UDP, .has_ice = ice };
	m->remote = *peer;
	m->remote_sctp_port = 5000;
	if (!ice)
		return;
	m->ice = mem_zalloc(sizeof(*m->ice));
	snprintf(m->ice->ufrag, ICE_TEXT_MAX, "peer");
	snprintf(m->ice->pwd, ICE_TEXT_MAX, "a password of a peer, long enough");
}

/* The peer's check, and its nomination: the relay believes its address from now on. */
static void check(const struct relay_context *c, unsigned termination, const struct addr *peer)
{
	struct ice_credentials theirs = { "peer", "a password of a peer, long enough" }, ours;
	tick_t now = loop_now(gateway.loop);
	struct ice_checker *checker;
	uint8_t bytes[ICE_REPLY_MAX];
	struct media_view view;
	struct path path = gateway.shared;
	size_t len;

	if (!relay_media_view(gateway.relay, c, termination, 0, &view))
		abort();
	snprintf(ours.ufrag, ICE_TEXT_MAX, "%s", view.ice_ufrag);
	snprintf(ours.pwd, ICE_TEXT_MAX, "%s", view.ice_pwd);
	path.remote = *peer;
	checker = ice_checker_create(&theirs, &ours, now);
	while (ice_checker_next(checker, gateway.codec, now, bytes, &len))
		relay_input(gateway.relay, now, &path, SPAN(bytes, len));
	ice_checker_destroy(checker);
}

/* Where the peer of the sending side sends to. */
static struct addr make_pair(unsigned number, const struct addr *a, const struct addr *b, bool ice)
{
	struct context_spec spec = { .termination_count = 2 };
	tick_t now = loop_now(gateway.loop);
	struct relay_refusal refusal;
	struct relay_context *c;
	struct media_view view;
	char id[24];

	snprintf(id, sizeof(id), "0-%u", number);
	spec.terminations = mem_zalloc(2 * sizeof(*spec.terminations));
	for (int i = 0; i < 2; i++) {
		struct termination_spec *t = &spec.terminations[i];

		t->termination_id = mem_strdup(i == 0 ? "a" : "b");
		t->medias = mem_zalloc(sizeof(*t->medias));
		t->media_count = 1;
		fill_media(t->medias, i == 0 ? a : b, ice);
	}
	c = relay_context_create(gateway.relay, now, id, &spec, &refusal);
	context_spec_finish(&spec);
	if (c == NULL || !relay_media_view(gateway.relay, c, 0, 0, &view)) {
		fprintf(stderr, "no pair: %s\n", refusal.detail);
		exit(1);
	}
	if (ice) {
		check(c, 0, a);
		check(c, 1, b);
	}
	return view.local;
}

static void drop_pairs(void)
{
	struct relay_context *c;
	size_t at = 0;

	while ((c = relay_context_next(gateway.relay, &at)) != NULL) {
		relay_context_delete(gateway.relay, loop_now(gateway.loop), c, CLOSE_LOCAL);
		at = 0;
	}
	relay_turn_end(gateway.relay, loop_now(gateway.loop));
	udp_flush(gateway.udp);
}

/* DTLS by its first byte. */
static void measure(
	struct figures *f, const char *name, struct traffic *t, const struct addr *toward)
{
	int64_t begin;

	traffic_start(t, toward);
	gateway.until = passed() + WARM;
	loop_run(gateway.loop, on_turn_end, NULL);
	gateway.until = passed() + DATAGRAMS;
	begin = cpu_begin();
	loop_run(gateway.loop, on_turn_end, NULL);
	figure_add(f, name, cpu_end(begin), DATAGRAMS);
	traffic_stop(t);
}

static void measure_trains(struct figures *f)
{
	struct traffic t;
	struct addr toward;

	traffic_open(&t, false);
	toward = make_pair(0, &t.a, &t.b, false);
	measure(f, "splice-trains", &t, &toward);
	drop_pairs();
}

static void measure_sparse(struct figures *f)
{
	struct traffic t;
	struct addr toward;

	traffic_open(&t, true);
	for (unsigned i = 0; i < FLOWS_SPARSE; i++) {
		struct addr a = traffic_peer(&t.a, i), b = traffic_peer(&t.b, i);

		toward = make_pair(i, &a, &b, true);
	}
	udp_flush(gateway.udp);
	measure(f, "splice-sparse", &t, &toward);
	drop_pairs();
}

int main(int argc, char **argv)
{
	struct figures f;

	figure_init(&f, &argc, argv);
	cpu_pin(1);
	start_gateway();
	while (figure_round(&f)) {
		if (figure_is_wanted(argc, argv, "splice-trains"))
			measure_trains(&f);
		if (figure_is_wanted(argc, argv, "splice-sparse"))
			measure_sparse(&f);
	}
	figure_print(&f);
	relay_destroy(gateway.relay);
	stun_codec_destroy(gateway.codec);
	udp_destroy(gateway.udp);
	loop_destroy(gateway.loop);
	return 0;
}
