/*
 * fuzz_bencode.c: what is read can be written and read again to the same, and where a dictionary ends in a stream is where it ends.
 */
#include <assert.h>
#include <string.h>

#include "control/ng/bencode.h"
#include "control/json.h"
#include "control/ng/ng_frame.h"
#include "dcmf/base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Behind a cookie, with something behind it. */
static void check_frame(struct span dictionary)
{
	size_t len = dictionary.len + 4, used;
	uint8_t *stream = mem_alloc(len);
	struct ng_frame f = { 0 };
	struct span message;

	memcpy(stream, "1 ", 2);
	memcpy(stream + 2, dictionary.p, dictionary.len);
	memcpy(stream + 2 + dictionary.len, "2 ", 2);
	assert(ng_frame_next(&f, SPAN(stream, len), &message, &used) == NG_FRAME_WHOLE);
	assert(used == dictionary.len + 2 && message.len == used);
	mem_free(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = SPAN(data, size), message;
	struct ng_frame f = { 0 };
	const char *why = NULL;
	json_t *value, *again;
	size_t len;
	char *out;

	control_init();
	ng_frame_next(&f, text, &message, &len);
	value = bencode_read(text, &why);
	assert((value == NULL) == (why != NULL));
	if (value == NULL)
		return 0;
	out = bencode_write(value, &len);
	assert(out != NULL && strlen(out) == len);
	again = bencode_read(SPAN(out, len), &why);
	assert(json_equal(value, again));
	if (json_is_object(value) && size + 4 < NG_MESSAGE_MAX)
		check_frame(text);
	json_decref(again);
	json_decref(value);
	mem_free(out);
	assert(mem_live() == 0);
	return 0;
}
