/* spec.c: gives back what a wish for a context holds. */
#include "dcmf/relay/spec.h"

#include "dcmf/base/alloc.h"

static void finish_media(struct media_spec *m)
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
	mem_free(m->interface);
	mem_free(m->remote_tls_id);
}

static void finish_termination(struct termination_spec *t)
{
	for (unsigned i = 0; t->medias != NULL && i < t->media_count; i++)
		finish_media(&t->medias[i]);
	mem_free(t->medias);
	mem_free(t->termination_id);
}

void context_spec_finish(struct context_spec *spec)
{
	for (unsigned i = 0; spec->terminations != NULL && i < spec->termination_count; i++)
		finish_termination(&spec->terminations[i]);
	mem_free(spec->terminations);
	mem_free(spec->owner);
	*spec = (struct context_spec){ NULL };
}
