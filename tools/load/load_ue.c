/* load_ue.c: one UE of a wave, from its offer to the end of its context. */
#include "tools/load/load_ue_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcmf/base/alloc.h"

#define LINGER_US  TICK_S(3) /* for the gateway's last words, a little longer than it takes */
#define PORT_FIRST 10000
#define PORT_COUNT 50000
#define BIND_TRIES 200

static void on_state_time(void *arg, tick_t now);
static void on_line_time(void *arg, tick_t now);

static void touch(struct load_ue *u)
{
	list_append(&u->load->ready, &u->on_ready);
}

static void on_ue_ready(void *arg)
{
	touch(((struct load_line *)arg)->owner);
}

void load_ue_wait_in(struct load_ue *u, enum load_ue_state state, double seconds)
{
	u->state = state;
	timer_set(&u->load->timers, &u->timer, tick_add(load_ue_now(u), (int64_t)(seconds * 1e6)));
	touch(u);
}

/* ---- the end ---- */

static void drop_line(struct load_line *line)
{
	struct load *l = line->owner->load;

	timer_cancel(&l->timers, &line->timer);
	ue_destroy(line->ue);
	line->ue = NULL;
	if (line->number == 0)
		return;
	HASH_DEL(l->by_number, line);
	udp_close(l->udp, line->number);
	line->number = 0;
}

static void go(struct load_ue *u)
{
	struct load *l = u->load;

	u->state = GONE;
	l->present--;
	l->up_now -= u->was_open;
	l->report.finished++;
	timer_cancel(&l->timers, &u->timer);
	for (unsigned i = 0; i < l->options.lines; i++)
		drop_line(&u->lines[i]);
	bytes_finish(&u->list);
}

static void on_deleted(void *arg, json_t *result, const char *failed)
{
	struct load_ue *u = arg;

	u->delete_due = false;
	if (result == NULL)
		load_ue_fail(u, FAILURE_DELETE, failed);
	touch(u);
}

static void leave(struct load_ue *u)
{
	if (u->state >= LEAVING)
		return;
	load_ue_wait_in(u, LEAVING, LINGER_US / 1e6);
	if (u->context_id[0] == '\0')
		return;
	u->delete_due = true;
	load_control_call(u->load->control, "context.delete",
		json_pack("{s:s}", "contextId", u->context_id), on_deleted, u);
}

void load_ue_fail(struct load_ue *u, enum failure f, const char *detail)
{
	if (u->failed)
		return; /* what follows from the first failure is no failure of its own */
	u->failed = true;
	u->load->wave_failed++;
	check_abandon(&u->check);
	report_fail(&u->load->report, f, u->context_id, detail);
	if (u->state == OFFERING && f != FAILURE_CONTROL && f != FAILURE_ANSWER && u->delete_due)
		return; /* the answer may still come, and with it a context to delete */
	leave(u);
}

void load_ue_dismiss(struct load_ue *u)
{
	if (u->state == HOLDING)
		leave(u);
}

void load_ue_give_up(struct load_ue *u)
{
	u->failed = true;
	check_abandon(&u->check);
	if (u->state != OFFERING || !u->delete_due)
		leave(u);
}

static bool all_closed(const struct load_ue *u)
{
	for (unsigned i = 0; i < u->load->options.lines; i++)
		if (u->lines[i].ue != NULL && !u->lines[i].closed &&
			ue_dtls(u->lines[i].ue) != NULL)
			return false;
	return true;
}

void load_ue_hold(struct load_ue *u)
{
	const struct options *o = &u->load->options;

	u->load->fed++;
	if (o->hold_all) {
		u->state = HOLDING;
		timer_cancel(&u->load->timers, &u->timer);
	} else if (o->hold_s > 0) {
		load_ue_wait_in(u, HOLDING, o->hold_s);
	} else {
		leave(u);
	}
}

/* ---- setting up ---- */

static void on_open(struct load_ue *u, struct load_line *line)
{
	struct load *l = u->load;
	tick_t now = load_ue_now(u);

	line->open = true;
	for (unsigned i = 0; i < l->options.lines; i++)
		if (!u->lines[i].open)
			return;
	if (u->state != SETTING_UP)
		return;
	report_measure(&l->report, MEASURE_OPEN, u->secured, now);
	report_measure(&l->report, MEASURE_SET_UP, u->due, now);
	u->was_open = true;
	l->report.up++;
	l->last_open = now;
	if (++l->up_now > l->wave_peak)
		l->wave_peak = l->up_now;
	load_fetch_begin(u);
}

static void on_secured(struct load_ue *u, struct load_line *line)
{
	line->secured = true;
	u->secured = load_ue_now(u);
	u->load->report.handshakes++;
	report_measure(&u->load->report, MEASURE_SECURE, u->answered, u->secured);
}

static void on_closed(struct load_ue *u, struct load_line *line, const struct ue_event *ev)
{
	line->closed = true;
	if (u->state < LEAVING)
		load_ue_fail(
			u, line->secured ? FAILURE_CLOSED : FAILURE_DTLS, close_text(ev->reason));
}

static void on_event(struct load_ue *u, struct load_line *line, const struct ue_event *ev)
{
	switch (ev->kind) {
	case UE_PATH_UP:
	case UE_MESSAGE:
	case UE_WRITABLE:
	case UE_HEAD: break;
	case UE_SECURED: on_secured(u, line); break;
	case UE_CHANNEL_OPEN: on_open(u, line); break;
	case UE_BODY: load_fetch_bytes(u, ev); break;
	case UE_RESPONSE_END: load_fetch_ended(u, ev->response); break;
	case UE_GARBAGE:
		load_ue_fail(
			u, FAILURE_GARBAGE, "the response is not HTTP, or nobody asked for it");
		break;
	case UE_CHANNEL_CLOSED:
		if (u->state < LEAVING)
			load_ue_fail(u, FAILURE_CHANNEL, close_text(ev->reason));
		break;
	case UE_CLOSED: on_closed(u, line, ev); break;
	}
}

static bool connect_lines(struct load_ue *u, const char *sdp)
{
	struct ue_remote remote[LOAD_LINES_MAX];
	unsigned count = LOAD_LINES_MAX;
	const char *wrong = ue_sdp_read_answer(SPAN_STR(sdp), remote, &count);
	enum err err = ERR_OK;

	if (wrong == NULL && count != (unsigned)u->load->options.lines)
		wrong = "answer with another number of lines";
	for (unsigned i = 0; wrong == NULL && i < count; i++) {
		err = ue_connect(u->lines[i].ue, u->answered, &remote[i]);
		wrong = err == ERR_OK        ? NULL
			: remote[i].accepted ? err_text(err)
					     : "a line was rejected";
	}
	if (wrong != NULL)
		load_ue_fail(u, FAILURE_ANSWER, wrong);
	return wrong == NULL;
}

static void on_answer(void *arg, json_t *result, const char *failed)
{
	struct load_ue *u = arg;
	const char *id = json_string_value(json_object_get(result, "contextId"));
	const char *sdp = json_string_value(json_object_get(result, "sdp"));

	u->delete_due = false;
	u->answered = load_ue_now(u);
	if (id != NULL)
		snprintf(u->context_id, sizeof(u->context_id), "%s", id);
	if (u->failed) { /* it was given up before: only the context is to be deleted */
		leave(u);
		return;
	}
	report_measure(&u->load->report, MEASURE_ANSWER, u->offered, u->answered);
	if (result == NULL || id == NULL || sdp == NULL) {
		load_ue_fail(
			u, FAILURE_CONTROL, result ? "a result without contextId or sdp" : failed);
		return;
	}
	load_ue_wait_in(u, SETTING_UP, u->load->options.timeout);
	connect_lines(u, sdp);
}

static json_t *dc_media_of(const struct load_ue *u)
{
	const char *url = u->load->options.url;
	json_t *media = json_pack("{s:s}", "mediaProxyConfig", "HTTP_PROXY");
	json_t *streams = json_object(), *urls = json_object();
	char key[8];

	for (unsigned i = 0; i < u->load->options.lines; i++) {
		unsigned sid = load_sid(i);

		snprintf(key, sizeof(key), "%u", sid);
		json_object_set_new(streams, key,
			json_pack("{s:i, s:s}", "streamId", sid, "subprotocol", "http"));
		if (url != NULL)
			json_object_set_new(urls, key,
				json_pack("{s:i, s:s}", "streamId", sid, "replaceHttpUrl", url));
	}
	if (u->ice && u->load->options.webrtc) /* such an offer does not name its channels */
		json_object_set(media, "streams", streams);
	if (url != NULL)
		json_object_set(media, "replaceHttpUrl", urls);
	json_decref(streams);
	json_decref(urls);
	return json_pack("{s:o}", "*", media);
}

static void offer(struct load_ue *u)
{
	struct ue_media media[LOAD_LINES_MAX];
	char owner[32], *sdp;

	for (unsigned i = 0; i < u->load->options.lines; i++)
		ue_media(u->lines[i].ue, &media[i]);
	sdp = ue_sdp_write_offer(
		media, (unsigned)u->load->options.lines, !(u->ice && u->load->options.webrtc));
	if (sdp == NULL) {
		load_ue_fail(u, FAILURE_MEMORY, "the offer does not fit");
		return;
	}
	snprintf(owner, sizeof(owner), "load-%u", u->index);
	load_ue_wait_in(u, OFFERING, u->load->options.timeout);
	u->delete_due = true; /* from now on there may be a context */
	load_control_call(u->load->control, "sdp.terminate",
		json_pack("{s:s, s:s, s:o}", "sdp", sdp, "owner", owner, "dcMedia", dc_media_of(u)),
		on_answer, u);
	mem_free(sdp);
}

/* ---- beginning ---- */

static struct addr address_of(const struct load *l, unsigned index)
{
	struct addr a = l->options.bind_first;
	uint32_t ip;

	if (a.family != ADDR_IPV4)
		return a;
	ip = (uint32_t)a.ip[0] << 24 | (uint32_t)a.ip[1] << 16 | (uint32_t)a.ip[2] << 8 | a.ip[3];
	ip += index % l->options.bind_count;
	for (unsigned i = 0; i < 4; i++)
		a.ip[i] = (uint8_t)(ip >> (24 - 8 * i));
	return a;
}

static bool open_socket(struct load_line *line, struct path *at)
{
	struct load *l = line->owner->load;
	enum err err = ERR_EXISTS;

	*at = (struct path){ .local = address_of(l, line->owner->index) };
	for (unsigned i = 0; i < BIND_TRIES && err == ERR_EXISTS; i++) {
		at->local.port = (uint16_t)(PORT_FIRST + l->next_port++ % PORT_COUNT);
		err = udp_open(l->udp, &at->local, &at->port);
	}
	if (err != ERR_OK) {
		load_ue_fail(line->owner, FAILURE_SOCKET, err_text(err));
		return false;
	}
	line->number = at->port;
	HASH_ADD(hh, l->by_number, number, sizeof(line->number), line);
	return true;
}

/* UEs without ICE take the roles in turn, and so do those with ICE. */
static enum setup setup_of(const struct load_ue *u)
{
	static const enum setup mixed[] = { SETUP_ACTIVE, SETUP_PASSIVE, SETUP_ACTPASS };
	const char *word = u->load->options.setup;

	if (strcmp(word, "mixed") == 0)
		return mixed[u->index / 2 % 3];
	return word[0] == 'p'                ? SETUP_PASSIVE
	       : strcmp(word, "active") == 0 ? SETUP_ACTIVE
					     : SETUP_ACTPASS;
}

static bool make_line(struct load_ue *u, unsigned i, tick_t now)
{
	struct load *l = u->load;
	struct load_line *line = &u->lines[i];
	struct ue_config config;

	ue_config_init(&config);
	if (!open_socket(line, &config.local))
		return false;
	config.dtls = l->identities[u->index];
	config.codec = l->codec;
	config.ice = u->ice;
	config.style = u->ice && l->options.webrtc ? UE_STYLE_WEBRTC : UE_STYLE_IMS;
	config.setup = setup_of(u);
	config.sids[0] = load_sid(i);
	config.mtu = (uint16_t)l->options.mtu;
	config.max_message = config.piece = (uint32_t)l->options.message_size;
	config.ready = on_ue_ready;
	config.arg = line;
	if ((line->ue = ue_create(&config, now)) == NULL)
		load_ue_fail(u, FAILURE_MEMORY, "the UE does not fit");
	return line->ue != NULL;
}

struct load_ue *load_ue_begin(struct load *l, unsigned index, tick_t due, tick_t now)
{
	struct load_ue *u = mem_zalloc(sizeof(*u));
	bool ok = true;

	if (u == NULL)
		return NULL;
	u->load = l;
	u->index = index;
	u->due = due;
	u->offered = now;
	/* spread evenly over the wave */
	u->ice = (index + 1) * l->options.ice_percent / 100 > index * l->options.ice_percent / 100;
	timer_init(&u->timer, on_state_time, u);
	list_init(&u->on_ready);
	for (unsigned i = 0; i < LOAD_LINES_MAX; i++) {
		u->lines[i].owner = u;
		timer_init(&u->lines[i].timer, on_line_time, &u->lines[i]);
	}
	l->present++;
	l->report.ues++;
	l->report.ice_ues += u->ice;
	report_measure(&l->report, MEASURE_LATE, due, now);
	for (unsigned i = 0; i < l->options.lines && ok; i++)
		ok = make_line(u, i, now);
	if (ok)
		offer(u);
	return u;
}

void load_ue_destroy(struct load_ue *u)
{
	if (u == NULL)
		return;
	timer_cancel(&u->load->timers, &u->timer);
	for (unsigned i = 0; i < LOAD_LINES_MAX; i++)
		drop_line(&u->lines[i]);
	list_unlink(&u->on_ready);
	bytes_finish(&u->list);
	mem_free(u);
}

/* ---- time and datagrams ---- */

static void on_setting_up_time(struct load_ue *u)
{
	const struct load_line *line = u->lines;

	while (line->open)
		line++;
	if (line->secured)
		load_ue_fail(u, FAILURE_SCTP, "the association or its channel did not open");
	else if (u->ice && ue_dtls(line->ue) != NULL &&
		 dtls_state(ue_dtls(line->ue)) == DTLS_HANDSHAKING)
		load_ue_fail(u, FAILURE_ICE, "ICE or DTLS did not finish");
	else
		load_ue_fail(u, FAILURE_DTLS, "the handshake did not finish");
}

/* Late is a failure of this UE; never means that the gateway has stopped working. */
static void on_no_answer(struct load_ue *u)
{
	if (u->failed) {
		u->load->gave_up = "the gateway does not answer on its control socket";
		loop_stop(u->load->loop);
		return;
	}
	timer_set(&u->load->timers, &u->timer,
		tick_add(load_ue_now(u), (int64_t)(u->load->options.timeout * 1e6)));
	load_ue_fail(u, FAILURE_NO_ANSWER, "the control socket is silent");
}

static void on_state_time(void *arg, tick_t now)
{
	struct load_ue *u = arg;

	(void)now;
	switch (u->state) {
	case OFFERING: on_no_answer(u); break;
	case SETTING_UP: on_setting_up_time(u); break;
	case LIST: load_ue_fail(u, FAILURE_FETCH_TIME, "the application list"); break;
	case PACKAGE: load_ue_fail(u, FAILURE_FETCH_TIME, "the package"); break;
	case AGAIN: load_ue_fail(u, FAILURE_FETCH_TIME, "the conditional request"); break;
	case HOLDING: leave(u); break;
	case LEAVING:
		if (u->delete_due)
			load_ue_wait_in(
				u, LEAVING, 1); /* the controller's answer is still to come */
		else
			go(u);
		break;
	case GONE: break;
	}
}

static void on_line_time(void *arg, tick_t now)
{
	struct load_line *line = arg;

	ue_expire(line->ue, now);
	touch(line->owner);
}

void load_ue_input(struct load *l, tick_t now, const struct path *path, struct span dgram)
{
	struct load_line *line;

	HASH_FIND(hh, l->by_number, &path->port, sizeof(path->port), line);
	if (line == NULL)
		return;
	l->report.datagrams_in++;
	ue_input(line->ue, now, &path->remote, dgram);
	touch(line->owner);
}

static void turn_line(struct load_ue *u, struct load_line *line, tick_t now)
{
	struct load *l = u->load;
	struct ue_event ev;
	struct dgram *d;

	while (line->ue != NULL && ue_next_event(line->ue, now, &ev))
		on_event(u, line, &ev);
	if (line->ue == NULL)
		return;
	while ((d = ue_next_dgram(line->ue)) != NULL) {
		l->report.datagrams_out++;
		udp_send(l->udp, &d->path, dgram_span(d));
		dgram_free(d);
	}
	timer_set(&l->timers, &line->timer, ue_deadline(line->ue));
}

void load_ue_turn(struct load *l, tick_t now)
{
	while (!list_is_empty(&l->ready)) {
		struct load_ue *u = container_of(l->ready.next, struct load_ue, on_ready);

		list_unlink(&u->on_ready);
		for (unsigned i = 0; i < l->options.lines; i++)
			turn_line(u, &u->lines[i], now);
		if (u->state == LEAVING && !u->delete_due && all_closed(u))
			go(u);
	}
}
