/* pair.c: two phones, the controller that joins them, and what they send one another. */
#include "tests/flow/pair.h"

#include <stdio.h>
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "tests/flow/inside.h"

#define MESSAGE_MAX (1u << 20)

static struct phone *make_phone(struct pair *p, const struct phone_options *options)
{
	struct phone_options o = *options;
	struct phone *phone;

	o.application = true;
	phone = phone_create(p->world, &o);
	phone->pair = p;
	phone->wanted = p->options.stream_count;
	return phone;
}

struct pair *pair_create(struct world *w, const struct pair_options *options)
{
	struct pair *p = calloc(1, sizeof(*p));

	if (p == NULL)
		abort();
	p->world = w;
	p->options = *options;
	p->a = make_phone(p, &options->a);
	p->b = make_phone(p, &options->b);
	for (unsigned i = 0; i < options->stream_count; i++)
		ck_assert_int_eq(ue_open(p->a->ue, &options->streams[i], false), ERR_OK);
	return p;
}

void pair_destroy(struct pair *p)
{
	pair_forget_flows(p);
	phone_destroy(p->a);
	phone_destroy(p->b);
	free(p);
}

/* ---- the controller ---- */

void pair_spec(const struct pair *p, struct context_spec *out)
{
	struct termination_spec *t = mem_zalloc(2 * sizeof(*t));

	*out = (struct context_spec){
		.owner = mem_strdup("test"), .terminations = t, .termination_count = 2
	};
	for (unsigned i = 0; i < 2; i++) {
		t[i].termination_id = mem_strdup(i > 0 && p->options.hop == HOP_MB ? "b" : "a");
		t[i].medias = mem_zalloc(sizeof(struct media_spec));
		t[i].media_count = 1;
		phone_media_spec(i ? p->b : p->a, t[i].medias);
		t[i].medias->proxy = p->options.proxy;
	}
	t[0].medias->has_server = t[1].at_server = p->options.hop != HOP_MB;
	t[1].medias->hop = p->options.hop;
	/* the line that b has not answered yet has the channels of a's offer */
	if (t[1].medias->stream_count == 0 && t[0].medias->stream_count > 0) {
		struct media_spec copy;

		media_spec_copy(&copy, t[0].medias);
		mem_free(t[1].medias->streams);
		t[1].medias->streams = copy.streams;
		t[1].medias->stream_count = copy.stream_count;
		copy.streams = NULL;
		copy.stream_count = 0;
		media_spec_finish(&copy);
	}
}

void pair_view(const struct pair *p, const struct phone *of, struct media_view *out)
{
	const struct relay_context *c = relay_context_find(p->world->relay, p->context_id);

	ck_assert_ptr_nonnull(c);
	if (of == p->b && p->options.hop != HOP_MB)
		ck_assert(relay_server_view(p->world->relay, c, 0, 0, out));
	else
		ck_assert(relay_media_view(p->world->relay, c, of == p->b, 0, out));
}

static void ended_here(const struct media_view *view, struct ue_remote *out)
{
	out->setup = view->setup;
	out->sctp_port = view->sctp_port;
	out->max_message = view->max_message;
	cert_fingerprint(view->cert, HASH_SHA256, &out->fingerprint);
	snprintf(out->tls_id, sizeof(out->tls_id), "%s", view->tls_id);
}

static bool passed_through(const struct media_spec *far, struct ue_remote *out)
{
	if (far == NULL || far->fingerprint_count == 0)
		return false;
	out->setup = far->remote_setup;
	out->sctp_port = far->remote_sctp_port;
	out->max_message = far->remote_max_message;
	out->fingerprint = far->fingerprints[0];
	snprintf(out->tls_id, sizeof(out->tls_id), "%s",
		far->remote_tls_id ? far->remote_tls_id : "");
	return true;
}

bool pair_remote(const struct pair *p, const struct phone *of, struct ue_remote *out)
{
	struct media_view view;
	struct ue_media a;

	pair_view(p, of, &view);
	*out = (struct ue_remote){ .accepted = true,
		.addr = view.local,
		.ice = view.ice_ufrag != NULL,
		.ice_lite = !view.ice_checks };
	if (out->ice) {
		snprintf(out->credentials.ufrag, sizeof(out->credentials.ufrag), "%s",
			view.ice_ufrag);
		snprintf(out->credentials.pwd, sizeof(out->credentials.pwd), "%s", view.ice_pwd);
	}
	if (of->lite != NULL) {
		ck_assert(ice_lite_set_remote(of->lite, &out->credentials));
		out->ice = false;
	}
	ue_media(p->a->ue, &a);
	memcpy(out->streams, a.streams, sizeof(out->streams));
	out->stream_count = a.stream_count;
	if (view.passes)
		return passed_through(view.far, out);
	ended_here(&view, out);
	return true;
}

/* The offer that goes on to b. */
static void ask_b(struct pair *p)
{
	struct ue_remote remote;

	if (!pair_remote(p, p->b, &remote))
		return;
	p->b->touched = true;
	ck_assert_int_eq(ue_accept(p->b->ue, sim_now(), &remote), ERR_OK);
}

/* The answer that goes back to a. */
static void tell_a(struct pair *p)
{
	struct ue_remote remote;

	if (!pair_remote(p, p->a, &remote))
		return;
	if (remote.setup == SETUP_ACTPASS)
		remote.setup = SETUP_PASSIVE;
	if (p->options.a_believes > 0)
		remote.max_message = p->options.a_believes;
	p->a->touched = true;
	ck_assert_int_eq(ue_connect(p->a->ue, sim_now(), &remote), ERR_OK);
}

static bool update(struct pair *p)
{
	struct context_spec spec;
	bool done;

	pair_spec(p, &spec);
	done = world_update_context(p->world, p->context_id, &spec);
	context_spec_finish(&spec);
	return done;
}

static bool create(struct pair *p, struct relay_refusal *refusal)
{
	struct relay_refusal unasked;
	struct context_spec spec;
	struct relay_context *c;

	snprintf(p->context_id, sizeof(p->context_id), "0-%x", ++p->world->contexts);
	snprintf(p->a->context_id, sizeof(p->a->context_id), "%s", p->context_id);
	snprintf(p->b->context_id, sizeof(p->b->context_id), "%s", p->context_id);
	pair_spec(p, &spec);
	c = world_create_context(p->world, p->context_id, &spec, refusal ? refusal : &unasked);
	context_spec_finish(&spec);
	return c != NULL;
}

bool pair_call(struct pair *p, struct relay_refusal *refusal)
{
	p->b->unknown = !p->options.together;
	if (!create(p, refusal))
		return false;
	ask_b(p);
	p->b->unknown = false;
	if (!p->options.together && !update(p))
		return false;
	tell_a(p);
	return true;
}

void pair_call_without_b(struct pair *p)
{
	p->b->unknown = true;
	ck_assert(create(p, NULL));
	tell_a(p);
}

void pair_set_up(struct pair *p)
{
	ck_assert(pair_call(p, NULL));
	ck_assert_msg(world_until(p->world, 10, all_up), "not up");
	world_run(p->world, 0.2); /* the relay's own ends come up a moment later */
}

bool pair_update(struct pair *p)
{
	if (!update(p))
		return false;
	ask_b(p);
	if (!update(p))
		return false;
	tell_a(p);
	return true;
}

void pair_hang_up(struct pair *p)
{
	world_delete_context(p->world, p->context_id);
}

/* ---- what they send one another ---- */

struct flow *pair_flow(struct pair *p, struct phone *from, uint16_t sid_from, uint16_t sid_to,
	size_t size, uint32_t count)
{
	struct flow *f = &p->flows[p->flow_count];

	ck_assert_uint_lt(p->flow_count, FLOWS_MAX);
	ck_assert_uint_le(size, MESSAGE_MAX);
	*f = (struct flow){ .from = from,
		.to = from == p->a ? p->b : p->a,
		.sid_from = sid_from,
		.sid_to = sid_to,
		.size = size,
		.count = count,
		.ledger.flow = (uint16_t)p->flow_count };
	p->flow_count++;
	from->touched = true;
	return f;
}

static void flow_both_ways(struct pair *p, uint16_t sid, size_t size, uint32_t count)
{
	pair_flow(p, p->a, sid, sid, size, count);
	pair_flow(p, p->b, sid, sid, size, count);
}

void pair_flow_all(struct pair *p, size_t size, uint32_t count)
{
	for (unsigned i = 0; i < p->options.stream_count; i++)
		flow_both_ways(p, p->options.streams[i].sid, size, count);
}

void pair_flow_reliable(struct pair *p, size_t size, uint32_t count)
{
	for (unsigned i = 0; i < p->options.stream_count; i++)
		if (p->options.streams[i].quality.reliability == RELIABLE)
			flow_both_ways(p, p->options.streams[i].sid, size, count);
}

void pair_forget_flows(struct pair *p)
{
	while (p->flow_count > 0)
		ue_ledger_finish(&p->flows[--p->flow_count].ledger);
}

static void send_some(struct flow *f)
{
	static uint8_t buf[MESSAGE_MAX];

	while (!f->paused && f->sent < f->count) {
		ue_traffic_fill(buf, f->size, f->ledger.flow, f->sent);
		f->refused = ue_send(f->from->ue, sim_now(), f->sid_from, ue_traffic_ppid(f->sent),
			SPAN(buf, f->size));
		if (f->refused != ERR_OK)
			return; /* no room, or not open: another time */
		f->sent++;
	}
}

void pair_on_turn(struct pair *p, struct phone *phone)
{
	for (unsigned i = 0; i < p->flow_count; i++)
		if (p->flows[i].from == phone)
			send_some(&p->flows[i]);
}

static void note(struct pair *p, const struct phone *phone, const struct ue_event *ev)
{
	unsigned side = phone == p->b, at = p->note_count[side]++ % NOTES_MAX;
	struct note *n = &p->notes[side][at];

	*n = (struct note){
		.sid = ev->sid, .ppid = ev->ppid, .len = ev->bytes.len, .unordered = ev->unordered
	};
	snprintf(n->text, sizeof(n->text), "%.*s", SPAN_FMT(ev->bytes));
}

void pair_on_message(struct pair *p, struct phone *phone, const struct ue_event *ev)
{
	for (unsigned i = 0; i < p->flow_count; i++) {
		struct flow *f = &p->flows[i];

		if (f->to != phone || f->sid_to != ev->sid)
			continue;
		ck_assert(ue_ledger_take(&f->ledger, ev->ppid, ev->bytes));
		return;
	}
	note(p, phone, ev);
}

void flow_is_whole(const struct flow *f, bool in_order)
{
	const struct ue_ledger *l = &f->ledger;

	ck_assert_msg(l->received == f->count && l->wrong == 0 && l->doubled == 0 &&
			      (!in_order || l->overtaken == 0),
		"sid %u: %u of %u sent, %llu received, %llu wrong, %llu doubled, %llu overtaken",
		f->sid_from, f->sent, f->count, (unsigned long long)l->received,
		(unsigned long long)l->wrong, (unsigned long long)l->doubled,
		(unsigned long long)l->overtaken);
}

void flows_are_whole(const struct pair *p)
{
	for (unsigned i = 0; i < p->flow_count; i++) {
		const struct flow *f = &p->flows[i];
		const struct channel_view *v = ue_channel(f->from->ue, f->sid_from);

		ck_assert_ptr_nonnull(v);
		flow_is_whole(f, !v->quality.unordered);
	}
}

enum err pair_say(
	struct pair *p, struct phone *from, uint16_t sid, uint32_t ppid, struct span message)
{
	(void)p;
	from->touched = true;
	return ue_send(from->ue, sim_now(), sid, ppid, message);
}

const struct note *pair_note(struct pair *p, const struct phone *of, unsigned n)
{
	unsigned side = of == p->b;

	for (unsigned i = 0; i < 500 && p->note_count[side] <= n; i++)
		world_run(p->world, 0.01);
	return n < p->note_count[side] ? &p->notes[side][n % NOTES_MAX] : NULL;
}

/* ---- channels ---- */

void pair_reopen(struct pair *p, struct phone *of)
{
	for (unsigned i = 0; i < p->options.stream_count; i++)
		ck_assert_int_eq(ue_open(of->ue, &p->options.streams[i], false), ERR_OK);
	of->touched = true;
}

static const char *label_awaited;

static bool both_have_it(struct world *w)
{
	uint16_t sid;

	for (unsigned i = 0; i < w->phone_count; i++)
		if (w->phones[i] != NULL && w->phones[i]->pair != NULL &&
			!ue_find_label(w->phones[i]->ue, label_awaited, &sid))
			return false;
	return true;
}

void pair_open(struct pair *p, struct phone *from, const struct ue_stream *stream,
	uint16_t *of_from, uint16_t *of_other)
{
	struct phone *other = from == p->a ? p->b : p->a;

	ck_assert_int_eq(ue_open(from->ue, stream, true), ERR_OK);
	from->touched = true;
	label_awaited = stream->label;
	ck_assert_msg(world_until(p->world, 5, both_have_it), "channel %s", stream->label);
	ck_assert(ue_find_label(from->ue, stream->label, of_from));
	ck_assert(ue_find_label(other->ue, stream->label, of_other));
}

/* ---- conditions ---- */

static bool is_done(const struct pair *p)
{
	for (unsigned i = 0; i < p->flow_count; i++)
		if (!p->flows[i].paused && p->flows[i].ledger.received < p->flows[i].count)
			return false;
	return true;
}

bool flows_done(struct world *w)
{
	for (unsigned i = 0; i < w->phone_count; i++)
		if (w->phones[i] != NULL && w->phones[i]->pair != NULL &&
			!is_done(w->phones[i]->pair))
			return false;
	return true;
}

/* ---- what every pair has to stand ---- */

static void arrive_within(struct pair *p, double seconds)
{
	ck_assert(world_until(p->world, seconds, flows_done));
	flows_are_whole(p);
	pair_forget_flows(p);
}

void pair_works(struct pair *p, size_t size, uint32_t count)
{
	pair_flow_all(p, size, count);
	arrive_within(p, 60);
}

void pair_works_over_bad_lines(struct pair *p)
{
	phone_has_bad_line(p->a);
	phone_has_bad_line(p->b);
	ck_assert(pair_call(p, NULL));
	ck_assert(world_until(p->world, 300, all_up));
	pair_flow_all(p, 3000, 100);
	arrive_within(p, 3600);
}

void pair_stands_updates(struct pair *p)
{
	unsigned secured = p->a->secured + p->b->secured;

	pair_flow_reliable(p, 2000, 500);
	for (unsigned i = 0; i < 10; i++) {
		world_run(p->world, 0.1);
		ck_assert(pair_update(p));
	}
	arrive_within(p, 60);
	ck_assert_uint_eq(p->a->secured + p->b->secured, secured);
	ck_assert_uint_eq(p->a->closed + p->b->closed, 0);
}

void pair_ends_at_any_moment(const char *name, const struct pair_options *options)
{
	struct world *w = world_create(name);

	for (unsigned ms = 0; ms < 320; ms += 10) {
		struct pair *p = pair_create(w, options);

		ck_assert(pair_call(p, NULL));
		pair_flow_all(p, 500, 10);
		world_run(w, ms / 1e3);
		pair_hang_up(p);
		ck_assert(world_until(w, 2.1, nothing_left));
		pair_destroy(p);
	}
	world_finish(w);
}

/* Whatever fails on the way, the end comes, and nobody hears what nobody said. */
static void whole_call(struct world *w, const void *options)
{
	static const struct ue_stream brief = { .sid = 1010, .label = "brief" };
	struct pair *p = pair_create(w, options);

	if (pair_call(p, NULL)) {
		world_run(w, 1);
		ue_open(p->a->ue, &brief, true);
		pair_flow_all(p, 3000, 5);
		world_run(w, 0.5);
		for (unsigned i = 0; i < p->flow_count; i++)
			ck_assert_uint_eq(p->flows[i].ledger.wrong, 0);
		pair_update(p);
		ue_close_channel(p->b->ue, sim_now(), p->options.streams[0].sid);
		p->b->touched = true;
		world_run(w, 0.5);
	}
	pair_hang_up(p);
	pair_destroy(p);
	world_run(w, 3);
}

void pair_sweep(const char *name, const struct pair_options *options, unsigned at_least)
{
	struct world *w = world_create(name);

	world_sweep(w, whole_call, options, at_least);
	world_finish(w);
}
