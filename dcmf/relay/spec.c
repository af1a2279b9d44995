/* spec.c: the life of a controller's wish: copied whole, freed whole. */
#include "dcmf/relay/spec.h"

#include "dcmf/base/alloc.h"

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
	to->ice = NULL;
	if (from->ice != NULL) {
		if ((to->ice = mem_alloc(sizeof(*to->ice))) != NULL)
			*to->ice = *from->ice;
		else
			ok = false;
	}
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

bool media_specs_are_twins(const struct media_spec *a, const struct media_spec *b)
{
	if (a->proxy == PROXY_HTTP || a->proxy != b->proxy)
		return false;
	if (a->twin == NULL && b->twin == NULL)
		return strcmp(a->media_id, b->media_id) == 0;
	return (a->twin != NULL && strcmp(a->twin, b->media_id) == 0) ||
	       (b->twin != NULL && strcmp(b->twin, a->media_id) == 0);
}

bool context_spec_has_twin(const struct context_spec *spec, unsigned termination, unsigned media)
{
	const struct media_spec *of = &spec->terminations[termination].medias[media];

	for (unsigned t = 0; t < spec->termination_count; t++) {
		const struct termination_spec *other = &spec->terminations[t];

		for (unsigned m = 0; t != termination && m < other->media_count; m++) {
			if (media_specs_are_twins(of, &other->medias[m]))
				return true;
		}
	}
	return false;
}
