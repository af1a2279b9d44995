/*
 * fuzz_sdp.c: an offer, through its document, to an answer that we understand
 * ourselves and that has as many sections.
 */
#include <assert.h>

#include "control/sdp/sdp.h"
#include "dcmf/base/alloc.h"
#include "tests/unit/control/sdp/sdp_gateway.h"

static void check_answer(const struct sdp *offer, const char *text)
{
	struct problem p = { PROBLEM_NONE };
	struct sdp *answer = sdp_parse(span_str(text), &p);

	assert(answer != NULL);
	assert(answer->media_count == offer->media_count);
	for (unsigned i = 0; i < offer->media_count; i++) {
		const struct sdp_media *o = &offer->medias[i], *a = &answer->medias[i];

		assert(span_eq(a->type, o->type) && span_eq(a->proto, o->proto));
		assert(span_eq(a->mid, o->mid));
		assert(a->port == 0 || (a->is_datachannel && a->fingerprint_count == 1));
		assert(a->port == 0 || o->port != 0 || o->bundle_only);
		assert(a->dcmap_count <= o->dcmap_count);
	}
	sdp_destroy(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problem p = { PROBLEM_NONE };
	json_t *dc, *doc = NULL;
	struct sdp *s;
	char *text = NULL;

	control_init();
	s = sdp_parse(SPAN(data, size), &p);
	assert(s != NULL || p.kind != PROBLEM_NONE);
	dc = json_pack("{s:{s:s}}", "*", "mediaProxyConfig", "HTTP_PROXY");
	if (s != NULL)
		doc = sdp_document(s, dc, NULL, &p);
	if (doc != NULL && fill(doc, size % 2 ? "192.0.2.1" : "2001:db8::1"))
		text = sdp_answer(s, doc, &p);
	assert(doc == NULL || text != NULL);
	if (text != NULL)
		check_answer(s, text);

	mem_free(text);
	json_decref(doc);
	json_decref(dc);
	sdp_destroy(s);
	problem_finish(&p);
	assert(mem_live() == 0);
	return 0;
}
