/* message.c: a message on its way from one side to the other, that waits in a queue of its channel. */
#include "dcmf/relay/message.h"

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"

struct message *message_create(uint16_t type, uint32_t ppid, struct span bytes)
{
	struct message *m = mem_alloc(sizeof(*m) + bytes.len);

	if (m == NULL) {
		count(allocation_failed_total);
		return NULL;
	}
	list_init(&m->on_queue);
	m->ppid = ppid;
	m->type = type;
	m->len = (uint32_t)bytes.len;
	if (bytes.len > 0)
		memcpy(m->bytes, bytes.p, bytes.len);
	return m;
}
