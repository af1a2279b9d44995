/*
 * echo.c: the scenario "echo": a UE talks to any WebRTC data channel server that says back what it hears, without a gateway. A command
 * carries the offer to the server and brings its answer.
 */
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "tools/load/exec.h"
#include "tools/load/talk.h"

struct echo {
	struct load_actor actor; /* first */
	struct talk talk;
	struct exec *exec;
};

static struct echo *echo_of(struct load_actor *a)
{
	return container_of(a, struct echo, actor);
}

static bool add_channels(struct load_actor *a)
{
	struct talk_way *w = talk_add_way(&echo_of(a)->talk, &a->lines[0], &a->lines[0]);

	for (unsigned i = 0; i < (unsigned)a->options->channels; i++) {
		struct ue_stream s = talk_stream(a->options, i);
		uint16_t sid;

		if (!ue_find_label(a->lines[0].ue, s.label, &sid) ||
			!talk_add_channel(&echo_of(a)->talk, w, &s, sid, sid))
			return false;
	}
	return true;
}

static void work(struct load_actor *a, tick_t now)
{
	if (!add_channels(a))
		load_actor_fail(a, FAILURE_MEMORY, "the channels do not fit");
	else
		talk_begin(&echo_of(a)->talk, now);
}

static void on_event(struct load_actor *a, struct load_line *line, const struct ue_event *ev)
{
	talk_event(&echo_of(a)->talk, line, ev);
}

static void turned(struct load_actor *a, tick_t now)
{
	talk_turned(&echo_of(a)->talk, now);
}

static void late(struct load_actor *a, tick_t now)
{
	talk_late(&echo_of(a)->talk, now);
}

static void connect_ue(struct load_actor *a, const char *sdp)
{
	struct ue_remote remote;
	unsigned count = 1;
	const char *wrong = ue_sdp_read_answer(SPAN_STR(sdp), &remote, &count);
	enum err err;

	if (wrong == NULL && (count != 1 || !remote.accepted))
		wrong = "the line was rejected";
	if (wrong == NULL && (err = ue_connect(a->lines[0].ue, a->connected, &remote)) != ERR_OK)
		wrong = err_text(err);
	if (wrong != NULL)
		load_actor_fail(a, FAILURE_ANSWER, wrong);
	else
		load_actor_set_up(a);
}

static void on_answer(void *arg, const char *output, const char *failed)
{
	struct load_actor *a = arg;

	a->connected = load_actor_now(a);
	load_actor_measure(a, MEASURE_ANSWER, a->begun, a->connected);
	if (output == NULL)
		load_actor_fail(a, FAILURE_COMMAND, failed);
	else
		connect_ue(a, output);
	load_actor_touch(a);
}

static void offer(struct load_actor *a)
{
	struct ue_media media;
	char *sdp;

	ue_media(a->lines[0].ue, &media);
	if ((sdp = ue_sdp_write_offer(&media, 1, false)) == NULL) {
		load_actor_fail(a, FAILURE_MEMORY, "the offer does not fit");
		return;
	}
	load_actor_wait(a, a->options->timeout);
	echo_of(a)->exec =
		exec_start(a->load->loop, a->options->exec_signalling, sdp, on_answer, a);
	mem_free(sdp);
	if (echo_of(a)->exec == NULL)
		load_actor_fail(a, FAILURE_COMMAND, "the command cannot be started");
}

static bool open_channels(struct load_actor *a)
{
	for (unsigned i = 0; i < (unsigned)a->options->channels; i++) {
		struct ue_stream s = talk_stream(a->options, i);

		if (ue_open(a->lines[0].ue, &s, true) != ERR_OK)
			return false;
	}
	return true;
}

static void begin(struct load_actor *a)
{
	struct ue_config config;

	talk_init(&echo_of(a)->talk, a);
	echo_of(a)->talk.binary = true; /* our strings are no UTF-8, and some servers look */
	a->part->with_ice++;
	/* as browsers are: ICE, actpass, channels opened in band */
	load_actor_config(a, true, 2, &config);
	config.style = UE_STYLE_WEBRTC;
	load_actor_config_talk(a, &config);
	config.accept_dcep = true;
	if (load_actor_line(a, "the UE", &config, (unsigned)a->options->channels) == NULL)
		return;
	if (open_channels(a))
		offer(a);
	else
		load_actor_fail(a, FAILURE_MEMORY, "the channels do not fit");
}

static void stop(struct load_actor *a)
{
	talk_stop(&echo_of(a)->talk);
}

/* Nobody deletes a context here: the UE says goodbye itself. */
static void part(struct load_actor *a, tick_t now)
{
	if (a->line_count > 0 && a->lines[0].ue != NULL)
		ue_close(a->lines[0].ue, now);
}

static void finish(struct load_actor *a)
{
	exec_stop(echo_of(a)->exec);
	talk_finish(&echo_of(a)->talk);
}

const struct load_ops echo_ops = {
	.size = sizeof(struct echo),
	.begin = begin,
	.work = work,
	.event = on_event,
	.turned = turned,
	.late = late,
	.stop = stop,
	.part = part,
	.finish = finish,
};
