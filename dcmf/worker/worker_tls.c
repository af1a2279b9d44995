/* worker_tls.c: what a worker trusts and shows toward the servers of MDC1 and MDC2. */
#include <stdio.h>

#include "dcmf/base/log.h"
#include "dcmf/worker/worker_parts.h"
#include "dtls/stream.h"

static void wipe_text(const char *text)
{
	char *p = (char *)(uintptr_t)text;

	if (p != NULL)
		mem_wipe(p, strlen(p));
	mem_free(p);
}

static void destroy(struct worker_tls *t)
{
	if (t == NULL)
		return;
	wipe_text(t->http.ca);
	wipe_text(t->http.certificate);
	wipe_text(t->http.key);
	tls_factory_destroy(t->streams);
	mem_free(t);
}

static bool copy_texts(struct upstream_tls *to, const struct agent_tls *from)
{
	to->ca = mem_strdup(from->ca);
	to->certificate = mem_strdup(from->certificate);
	to->key = mem_strdup(from->key);
	return (from->ca == NULL || to->ca != NULL) &&
	       (from->certificate == NULL || to->certificate != NULL) &&
	       (from->key == NULL || to->key != NULL);
}

bool worker_tls_set(struct worker *w, enum hop hop, const struct agent_tls *pem, char failed[256])
{
	const struct tls_config config = {
		.side = TLS_CLIENT,
		.certificate = SPAN_STR(pem->certificate),
		.key = SPAN_STR(pem->key),
		.ca = SPAN_STR(pem->ca),
	};
	struct tls_fault fault = { .why = "out of memory" };
	struct worker_tls *t = mem_zalloc(sizeof(*t));

	if (t == NULL || !copy_texts(&t->http, pem) ||
		(t->streams = tls_factory_create(&config, &fault)) == NULL) {
		snprintf(failed, 256, "%s.tls cannot be used: %s",
			hop == HOP_MDC1 ? "mdc1" : "mdc2", fault.why);
		destroy(t);
		return false;
	}
	t->older = w->tls[hop];
	if (t->older != NULL) {
		/* what connects from now on uses the new one */
		tls_factory_destroy(t->older->streams);
		t->older->streams = NULL;
	}
	w->tls[hop] = t;
	return true;
}

void worker_tls_close(struct worker *w)
{
	for (int hop = HOP_MDC1; hop <= HOP_MDC2; hop++) {
		while (w->tls[hop] != NULL) {
			struct worker_tls *t = w->tls[hop];

			w->tls[hop] = t->older;
			destroy(t);
		}
	}
}
