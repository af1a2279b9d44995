/* spec.c: the life of a controller's wish: copied whole, freed whole. */
#include "dcmf/relay/spec.h"

#include "dcmf/base/alloc.h"

const char *hop_name(uint8_t hop)
{
	static const char *const names[] = { "Mb", "MDC1", "MDC2" };

	return names[hop];
}

static void link_free(struct link_spec *link)
{
	if (link == NULL)
		return;
	mem_free(link->server_name);
	mem_free(link->fingerprints);
	mem_free(link);
}

void media_spec_finish(struct media_spec *m)
{
	for (unsigned i = 0; m->streams != NULL && i < m->stream_count; i++) {
		mem_free(m->streams[i].label);
		mem_free(m->streams[i].subprotocol);
	}
	for (unsigned i = 0; m->roots != NULL && i < m->root_count; i++)
		mem_free(m->roots[i].url);
	if (m->ice != NULL)
		mem_wipe(m->ice, sizeof(*m->ice));
	mem_free(m->ice);
	link_free(m->link);
	mem_free(m->fingerprints);
	mem_free(m->streams);
	mem_free(m->roots);
	mem_free(m->media_id);
	mem_free(m->twin);
	mem_free(m->interface);
	mem_free(m->remote_tls_id);
	*m = (struct media_spec){ 0 };
}

/* NULL stays NULL; *ok turns false when memory runs out. */
static char *copy_text(const char *text, bool *ok)
{
	char *copy = mem_strdup(text);

	if (text != NULL && copy == NULL)
		*ok = false;
	return copy;
}

static void copy_streams(struct media_spec *to, const struct media_spec *from, bool *ok)
{
	to->stream_count = 0;
	to->streams = NULL;
	if (from->stream_count == 0)
		return;
	if ((to->streams = mem_zalloc(from->stream_count * sizeof(*to->streams))) == NULL) {
		*ok = false;
		return;
	}
	to->stream_count = from->stream_count;
	for (unsigned i = 0; i < from->stream_count; i++) {
		to->streams[i] = from->streams[i];
		to->streams[i].label = copy_text(from->streams[i].label, ok);
		to->streams[i].subprotocol = copy_text(from->streams[i].subprotocol, ok);
	}
}

static void copy_roots(struct media_spec *to, const struct media_spec *from, bool *ok)
{
	to->root_count = 0;
	to->roots = NULL;
	if (from->root_count == 0)
		return;
	if ((to->roots = mem_zalloc(from->root_count * sizeof(*to->roots))) == NULL) {
		*ok = false;
		return;
	}
	to->root_count = from->root_count;
	for (unsigned i = 0; i < from->root_count; i++) {
		to->roots[i] = from->roots[i];
		to->roots[i].url = copy_text(from->roots[i].url, ok);
	}
}

/* NULL stays NULL. */
static void *copy_bytes(const void *from, size_t size, bool *ok)
{
	void *copy = from != NULL && size > 0 ? mem_alloc(size) : NULL;

	if (copy != NULL)
		memcpy(copy, from, size);
	else if (from != NULL && size > 0)
		*ok = false;
	return copy;
}

static struct fingerprint *copy_fingerprints(
	const struct fingerprint *from, unsigned count, bool *ok)
{
	return copy_bytes(from, count * sizeof(*from), ok);
}

static struct link_spec *copy_link(const struct link_spec *from, bool *ok)
{
	struct link_spec *copy = copy_bytes(from, sizeof(*from), ok);

	if (copy == NULL)
		return NULL;
	copy->server_name = copy_text(from->server_name, ok);
	copy->fingerprints = copy_fingerprints(from->fingerprints, from->fingerprint_count, ok);
	return copy;
}

bool media_spec_copy(struct media_spec *to, const struct media_spec *from)
{
	bool ok = true;

	*to = *from;
	to->media_id = copy_text(from->media_id, &ok);
	to->twin = copy_text(from->twin, &ok);
	to->interface = copy_text(from->interface, &ok);
	to->remote_tls_id = copy_text(from->remote_tls_id, &ok);
	copy_streams(to, from, &ok);
	copy_roots(to, from, &ok);
	to->ice = copy_bytes(from->ice, sizeof(*from->ice), &ok);
	to->fingerprints = copy_fingerprints(from->fingerprints, from->fingerprint_count, &ok);
	to->link = copy_link(from->link, &ok);
	if (!ok)
		media_spec_finish(to);
	return ok;
}

void context_spec_finish(struct context_spec *spec)
{
	for (unsigned t = 0; spec->terminations != NULL && t < spec->termination_count; t++) {
		struct termination_spec *ts = &spec->terminations[t];

		for (unsigned m = 0; ts->medias != NULL && m < ts->media_count; m++)
			media_spec_finish(&ts->medias[m]);
		mem_free(ts->medias);
		mem_free(ts->termination_id);
	}
	mem_free(spec->terminations);
	mem_free(spec->owner);
	*spec = (struct context_spec){ 0 };
}

static bool same_text(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

bool media_specs_are_twins(const char *a_termination, const struct media_spec *a,
	const char *b_termination, const struct media_spec *b)
{
	if (a->proxy == PROXY_HTTP || a->proxy != b->proxy || a->link != NULL || b->link != NULL)
		return false;
	if (a->hop != b->hop)
		return (a->hop == HOP_MB ? a : b)->has_server &&
		       strcmp(a_termination, b_termination) == 0 &&
		       strcmp(a->media_id, b->media_id) == 0;
	if (a->hop != HOP_MB || a->has_server || b->has_server)
		return false;
	if (a->twin == NULL && b->twin == NULL)
		return strcmp(a->media_id, b->media_id) == 0;
	return same_text(a->twin, b->media_id) || same_text(b->twin, a->media_id);
}

bool context_spec_has_twin(const struct context_spec *spec, unsigned termination, unsigned media)
{
	const struct termination_spec *mine = &spec->terminations[termination];

	for (unsigned t = 0; t < spec->termination_count; t++) {
		const struct termination_spec *other = &spec->terminations[t];

		for (unsigned m = 0; t != termination && m < other->media_count; m++) {
			if (media_specs_are_twins(mine->termination_id, &mine->medias[media],
				    other->termination_id, &other->medias[m]))
				return true;
		}
	}
	return false;
}
