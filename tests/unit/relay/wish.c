/* wish.c: contexts wished for in a line of text. */
#include "tests/unit/relay/wish.h"

#include <check.h>
#include <string.h>

#include "dcmf/base/alloc.h"

struct relay_refusal refusal;

void wish(struct context_spec *spec, const char *text)
{
	struct span rest = span_str(text);

	*spec = (struct context_spec){ .owner = mem_strdup("me") };
	spec->terminations = mem_zalloc(8 * sizeof(*spec->terminations));
	while (rest.len > 0) {
		struct span word = span_cut(&rest, ' ');
		struct span name = span_cut(&word, ':');
		struct termination_spec *t = NULL;
		struct media_spec *m;

		if (spec->termination_count > 0)
			t = &spec->terminations[spec->termination_count - 1];
		if (t == NULL || !span_eq(span_str(t->termination_id), name)) {
			t = &spec->terminations[spec->termination_count++];
			t->termination_id = mem_span_dup(name);
			t->medias = mem_zalloc(8 * sizeof(*t->medias));
		}
		m = &t->medias[t->media_count++];
		m->media_id = mem_span_dup(SPAN(word.p, 1));
		m->remote_sctp_port = 5000;
		for (size_t i = 1; i < word.len; i++) {
			m->has_ice |= word.p[i] == '+';
			m->proxy = word.p[i] == '!' ? PROXY_UDP : m->proxy;
			m->setup = word.p[i] == 'A'   ? SETUP_ACTIVE
				   : word.p[i] == 'P' ? SETUP_PASSIVE
						      : m->setup;
			m->remote_setup = word.p[i] == 'a'   ? SETUP_ACTIVE
					  : word.p[i] == 'p' ? SETUP_PASSIVE
							     : m->remote_setup;
			if (word.p[i] == '4' || word.p[i] == '6')
				addr_parse_ip(word.p[i] == '6' ? SPAN_LIT("2001:db8::99")
							       : SPAN_LIT("198.51.100.9"),
					5060, &m->remote);
		}
	}
}

struct relay_context *create(const char *id, const char *text)
{
	struct relay_context *c;
	struct context_spec spec;

	wish(&spec, text);
	memset(&refusal, 'x', sizeof(refusal)); /* all of it has to be filled in */
	c = relay_context_create(relay, now, id, &spec, &refusal);
	context_spec_finish(&spec);
	return c;
}

bool update(struct relay_context *c, const char *text)
{
	struct context_spec spec;
	bool done;

	wish(&spec, text);
	memset(&refusal, 'x', sizeof(refusal));
	done = relay_context_update(relay, now, c, &spec, &refusal);
	context_spec_finish(&spec);
	return done;
}

uint16_t port_of(const struct relay_context *c, unsigned t, unsigned m)
{
	struct media_view view;

	ck_assert(relay_media_view(relay, c, t, m, &view));
	return view.local.port;
}
