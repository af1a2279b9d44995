/* fuzz_dcep.c: DATA_CHANNEL_OPEN: whatever parses comes out the same when it is written again. */
#include <assert.h>
#include <stdlib.h>

#include "sctp/dcep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span wire = SPAN(data, size);
	struct dcep_open open, again;
	uint8_t *buf;
	size_t len;

	dcep_is_ack(wire);
	if (dcep_parse_open(wire, &open) != ERR_OK)
		return 0;
	assert(dcep_is_open(wire));
	buf = malloc(size);
	len = dcep_write_open(&open, buf, size);
	assert(len == size);
	assert(dcep_parse_open(SPAN(buf, len), &again) == ERR_OK);
	assert(span_eq(open.label, again.label) && span_eq(open.protocol, again.protocol));
	assert(open.quality.unordered == again.quality.unordered &&
		open.quality.reliability == again.quality.reliability &&
		open.quality.limit == again.quality.limit);
	free(buf);
	return 0;
}
