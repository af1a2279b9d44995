/* fuzz_upstream_head.c: response heads of a hostile server, line by line as curl hands them out. */
#include "dcmf/io/upstream_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct upstream_head head;
	struct span rest = SPAN(data, size);

	upstream_head_init(&head);
	while (rest.len > 0) {
		const uint8_t *end = memchr(rest.p, '\n', rest.len);
		size_t len = end != NULL ? (size_t)(end - rest.p) + 1 : rest.len;
		enum upstream_head_state state = upstream_head_line(&head, SPAN(rest.p, len));

		rest = span_skip(rest, len);
		if (state == HEAD_BAD && head.failed == NULL)
			__builtin_trap();
		if (state == HEAD_BAD)
			break;
		if (state == HEAD_COMPLETE && (head.status < 200 || head.length < -1))
			__builtin_trap();
	}
	upstream_head_finish(&head);
	return 0;
}
