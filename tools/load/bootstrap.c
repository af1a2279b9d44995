/* bootstrap.c: the scenario "bootstrap": a UE whose bootstrap channels end at the gateway, and what it fetches on them. */
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "tools/load/fetch.h"

struct bootstrap {
	struct load_actor actor; /* first */
	struct fetch fetch;
};

static struct bootstrap *bootstrap_of(struct load_actor *a)
{
	return container_of(a, struct bootstrap, actor);
}

static bool connect_lines(struct load_actor *a, const char *sdp)
{
	struct ue_remote remote[LOAD_LINES_MAX];
	unsigned count = LOAD_LINES_MAX;
	const char *wrong = ue_sdp_read_answer(SPAN_STR(sdp), remote, &count);
	enum err err = ERR_OK;

	if (wrong == NULL && count != a->line_count)
		wrong = "answer with another number of lines";
	for (unsigned i = 0; wrong == NULL && i < count; i++) {
		err = ue_connect(a->lines[i].ue, a->connected, &remote[i]);
		wrong = err == ERR_OK        ? NULL
			: remote[i].accepted ? err_text(err)
					     : "a line was rejected";
	}
	if (wrong != NULL)
		load_actor_fail(a, FAILURE_ANSWER, wrong);
	return wrong == NULL;
}

static void on_answer(struct load_actor *a, const char *sdp, const json_t *result)
{
	(void)result;
	a->connected = load_actor_now(a);
	load_actor_measure(a, MEASURE_ANSWER, a->begun, a->connected);
	if (connect_lines(a, sdp))
		load_actor_set_up(a);
}

/* A browser's offer does not name its channels: the controller does. */
static json_t *dc_media_of(const struct load_actor *a, bool webrtc)
{
	const char *url = a->options->url;
	json_t *media = json_pack("{s:s}", "mediaProxyConfig", "HTTP_PROXY");
	json_t *streams = json_object(), *urls = json_object();
	char key[8];

	for (unsigned i = 0; i < a->line_count; i++) {
		unsigned sid = fetch_sid(i);

		snprintf(key, sizeof(key), "%u", sid);
		json_object_set_new(streams, key,
			json_pack("{s:i, s:s}", "streamId", sid, "subprotocol", "http"));
		if (url != NULL)
			json_object_set_new(urls, key,
				json_pack("{s:i, s:s}", "streamId", sid, "replaceHttpUrl", url));
	}
	if (webrtc)
		json_object_set(media, "streams", streams);
	if (url != NULL)
		json_object_set(media, "replaceHttpUrl", urls);
	json_decref(streams);
	json_decref(urls);
	return json_pack("{s:o}", "*", media);
}

static void offer(struct load_actor *a, bool webrtc)
{
	struct ue_media media[LOAD_LINES_MAX];
	char owner[32], *sdp;

	for (unsigned i = 0; i < a->line_count; i++)
		ue_media(a->lines[i].ue, &media[i]);
	if ((sdp = ue_sdp_write_offer(media, a->line_count, !webrtc)) == NULL) {
		load_actor_fail(a, FAILURE_MEMORY, "the offer does not fit");
		return;
	}
	snprintf(owner, sizeof(owner), "load-%u", a->index);
	load_actor_ask(a, "sdp.terminate",
		json_pack("{s:s, s:s, s:o}", "sdp", sdp, "owner", owner, "dcMedia",
			dc_media_of(a, webrtc)),
		on_answer);
	mem_free(sdp);
}

static void begin(struct load_actor *a)
{
	bool ice = load_is_chosen(a->index, a->options->ice_percent);

	a->part->with_ice += ice;
	for (unsigned i = 0; i < (unsigned)a->options->lines; i++) {
		struct ue_config config;

		/* UEs without ICE take the roles in turn, and so do those with ICE */
		load_actor_config(a, ice, a->index / 2, &config);
		config.sids[0] = fetch_sid(i);
		if (load_actor_line(a, i ? "the remote line" : "the local line", &config, 1) ==
			NULL)
			return;
	}
	offer(a, ice && a->options->webrtc);
}

static void work(struct load_actor *a, tick_t now)
{
	(void)now;
	fetch_begin(&bootstrap_of(a)->fetch, a);
}

static void on_event(struct load_actor *a, struct load_line *line, const struct ue_event *ev)
{
	(void)line;
	fetch_event(&bootstrap_of(a)->fetch, ev);
}

static void late(struct load_actor *a, tick_t now)
{
	(void)now;
	fetch_late(&bootstrap_of(a)->fetch);
}

static void stop(struct load_actor *a)
{
	fetch_stop(&bootstrap_of(a)->fetch);
}

static void finish(struct load_actor *a)
{
	fetch_finish(&bootstrap_of(a)->fetch);
}

const struct load_ops bootstrap_ops = {
	.size = sizeof(struct bootstrap),
	.begin = begin,
	.work = work,
	.event = on_event,
	.late = late,
	.stop = stop,
	.finish = finish,
};
