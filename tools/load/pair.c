/*
 * pair.c: the scenarios "p2p", "passthrough" and "direct": one UE calls another through the gateway, or without one, and they talk.
 *
 *     caller ─ offer ─► sdp.offer ─ offer ─► called ─ answer ─► sdp.answer ─ answer ─► caller
 */
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "tools/load/talk.h"

struct pair {
	struct load_actor actor; /* first; lines[0] calls, lines[1] is called */
	struct talk talk;
};

static struct pair *pair_of(struct load_actor *a)
{
	return container_of(a, struct pair, actor);
}

/* Nobody stands in between. */
static bool is_direct(const struct load_actor *a)
{
	return a->options->scenario == SCENARIO_direct;
}

/* ---- work ---- */

/* Whose certificate did a UE see? The other UE's where DTLS passes through, the gateway's where it ends there. */
static bool check_certificate(struct load_actor *a, unsigned side)
{
	struct load_line *line = &a->lines[side], *other = &a->lines[!side];
	struct fingerprint others;
	struct dtls_info info;

	dtls_info(ue_dtls(line->ue), &info);
	cert_fingerprint(
		dtls_ctx_cert(a->load->identities[other->identity]), info.peer.hash, &others);
	if (fingerprint_eq(&info.peer, &others) == a->options->passes) {
		a->part->certificates++;
		return true;
	}
	load_actor_fail(a, FAILURE_CERTIFICATE,
		a->options->passes
			? "a certificate that is not the other UE's"
			: "the other UE's certificate, though DTLS was to end at the gateway");
	return false;
}

/* Ids as they are on each side: the gateway may have had to map them. */
static bool add_channels(struct load_actor *a)
{
	struct talk *t = &pair_of(a)->talk;
	struct talk_way *ways[] = { talk_add_way(t, &a->lines[0], &a->lines[1]),
		talk_add_way(t, &a->lines[1], &a->lines[0]) };

	for (unsigned i = 0; i < (unsigned)a->options->channels; i++) {
		struct ue_stream s = talk_stream(a->options, i);
		uint16_t sid[2];

		for (unsigned side = 0; side < 2; side++) {
			if (ue_find_label(a->lines[side].ue, s.label, &sid[side]))
				continue;
			load_actor_fail(
				a, FAILURE_CHANNEL, "the channels of the two sides do not match");
			return false;
		}
		if (talk_add_channel(t, ways[0], &s, sid[0], sid[1]) &&
			talk_add_channel(t, ways[1], &s, sid[1], sid[0]))
			continue;
		load_actor_fail(a, FAILURE_MEMORY, "the channels do not fit");
		return false;
	}
	return true;
}

static void work(struct load_actor *a, tick_t now)
{
	struct talk *t = &pair_of(a)->talk;

	if (!check_certificate(a, 0) || !check_certificate(a, 1) || !add_channels(a))
		return;
	if (a->options->slow_reader > 0)
		talk_slow(t, &a->lines[1]);
	if (a->options->slow_reader > 0 && a->options->slow_both)
		talk_slow(t, &a->lines[0]);
	talk_begin(t, now);
}

static void on_event(struct load_actor *a, struct load_line *line, const struct ue_event *ev)
{
	talk_event(&pair_of(a)->talk, line, ev);
}

static void turned(struct load_actor *a, tick_t now)
{
	talk_turned(&pair_of(a)->talk, now);
}

static void late(struct load_actor *a, tick_t now)
{
	talk_late(&pair_of(a)->talk, now);
}

static void stop(struct load_actor *a)
{
	talk_stop(&pair_of(a)->talk);
}

static void finish(struct load_actor *a)
{
	talk_finish(&pair_of(a)->talk);
}

/* ---- offer and answer ---- */

/* The one line of what the gateway says. */
static bool read_line(struct load_actor *a, const char *sdp, bool is_answer, struct ue_remote *out)
{
	unsigned count = 1;
	const char *wrong = is_answer ? ue_sdp_read_answer(SPAN_STR(sdp), out, &count)
				      : ue_sdp_read_offer(SPAN_STR(sdp), out, &count);

	if (wrong == NULL && count != 1)
		wrong = "another number of lines";
	if (wrong == NULL && !out->accepted)
		wrong = "the line was rejected";
	if (wrong != NULL)
		load_actor_fail(a, FAILURE_ANSWER, wrong);
	return wrong == NULL;
}

static void on_answer(struct load_actor *a, const char *sdp, const json_t *result)
{
	struct ue_remote remote;
	tick_t now = load_actor_now(a);
	enum err err;

	(void)result;
	load_actor_measure(a, MEASURE_ANSWER, a->begun, now);
	if (!read_line(a, sdp, true, &remote))
		return;
	if ((err = ue_connect(a->lines[0].ue, now, &remote)) != ERR_OK)
		load_actor_fail(a, FAILURE_ANSWER, err_text(err));
	else
		load_actor_set_up(a);
}

static void on_offer(struct load_actor *a, const char *sdp, const json_t *result)
{
	struct ue *called = a->lines[1].ue;
	struct ue_remote remote;
	struct ue_media media;
	char *answer;
	enum err err;

	(void)result;
	a->connected = load_actor_now(a); /* the called UE may begin */
	if (!read_line(a, sdp, false, &remote))
		return;
	if ((err = ue_accept(called, a->connected, &remote)) != ERR_OK) {
		load_actor_fail(a, FAILURE_ANSWER, err_text(err));
		return;
	}
	ue_media(called, &media);
	if ((answer = ue_sdp_write_answer(SPAN_STR(sdp), &media, 1)) == NULL) {
		load_actor_fail(a, FAILURE_MEMORY, "the answer does not fit");
		return;
	}
	if (is_direct(a))
		on_answer(a, answer, NULL);
	else
		load_actor_ask(a, "sdp.answer",
			json_pack("{s:s, s:s}", "contextId", a->context_id, "sdp", answer),
			on_answer);
	mem_free(answer);
}

static void offer(struct load_actor *a)
{
	struct ue_media media;
	char owner[32], *sdp;

	ue_media(a->lines[0].ue, &media);
	if ((sdp = ue_sdp_write_offer(&media, 1, media.style == UE_STYLE_IMS)) == NULL) {
		load_actor_fail(a, FAILURE_MEMORY, "the offer does not fit");
		return;
	}
	snprintf(owner, sizeof(owner), "load-%u", a->index);
	if (is_direct(a))
		on_offer(a, sdp, NULL);
	else
		load_actor_ask(a, "sdp.offer",
			json_pack("{s:s, s:s, s:s}", "sdp", sdp, "owner", owner, "securityMode",
				a->options->passes ? "E2E" : "E2AE"),
			on_offer);
	mem_free(sdp);
}

/* Where no context ends, UEs say goodbye themselves. */
static void part(struct load_actor *a, tick_t now)
{
	for (unsigned i = 0; i < a->line_count; i++)
		if (is_direct(a) && a->lines[i].ue != NULL)
			ue_close(a->lines[i].ue, now);
}

/* ---- beginning ---- */

static bool make_side(struct load_actor *a, unsigned side)
{
	const struct options *o = a->options;
	/* an answer has ICE when its offer has, and the gateway offers what it was offered */
	bool ice = load_is_chosen(a->index, o->ice_percent);
	struct ue_config config;

	load_actor_config(a, ice, side ? a->index / 4 : a->index / 2, &config);
	load_actor_config_talk(a, &config);
	config.accept_dcep = true;
	a->part->with_ice += ice;
	return load_actor_line(a, side ? "the called UE" : "the calling UE", &config,
		       (unsigned)o->channels) != NULL;
}

/* An IMS phone agrees on its channels in SDP, a browser opens them in band. */
static bool open_channels(struct load_actor *a)
{
	bool dcep = a->lines[0].ice && a->options->webrtc;

	for (unsigned i = 0; i < (unsigned)a->options->channels; i++) {
		struct ue_stream s = talk_stream(a->options, i);

		if (ue_open(a->lines[0].ue, &s, dcep) == ERR_OK)
			continue;
		load_actor_fail(a, FAILURE_MEMORY, "the channels do not fit");
		return false;
	}
	return true;
}

static void begin(struct load_actor *a)
{
	talk_init(&pair_of(a)->talk, a);
	a->ends_silently = a->options->passes && !is_direct(a);
	if (make_side(a, 0) && make_side(a, 1) && open_channels(a))
		offer(a);
}

const struct load_ops pair_ops = {
	.size = sizeof(struct pair),
	.begin = begin,
	.work = work,
	.event = on_event,
	.turned = turned,
	.late = late,
	.stop = stop,
	.part = part,
	.finish = finish,
};
