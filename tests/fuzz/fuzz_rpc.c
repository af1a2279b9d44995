/*
 * fuzz_rpc.c: any line as a JSON-RPC request; what is taken apart
 * must go together again as one line.
 */
#include <assert.h>
#include <string.h>

#include "control/json.h"
#include "control/rpc.h"
#include "dcmf/base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rpc_request r;
	const char *why = NULL;
	int error;
	char *line;

	control_init();
	error = rpc_parse(SPAN(data, size), &r, &why);
	assert((error != 0) == (why != NULL));
	line = error != 0 ? rpc_error(r.id, error, why) : rpc_request(r.id, r.method, r.params);
	assert(line != NULL && strchr(line, '\n') == NULL);
	mem_free(line);
	rpc_request_finish(&r);
	return 0;
}
