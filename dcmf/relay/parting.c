/* parting.c: a stream whose end the server is being told, or has not confirmed. */
#include "dcmf/relay/parting.h"

#include "dcmf/base/alloc.h"

struct parting *parting_find(const struct link *k, uint16_t sid)
{
	list_for_each (n, &k->partings) {
		struct parting *p = container_of(n, struct parting, on_link);

		if (p->sid == sid)
			return p;
	}
	return NULL;
}

static void waits(struct link *k, int64_t cost)
{
	k->parted += (size_t)cost;
	relay_buffered(k->media->context->relay, cost);
}

static void drop_frame(struct link *k, struct message *m)
{
	list_unlink(&m->on_queue);
	waits(k, -message_cost(m));
	mem_free(m);
}

static void parting_destroy(struct link *k, struct parting *p)
{
	struct message *m;

	while ((m = message_first(&p->frames)) != NULL)
		drop_frame(k, m);
	list_unlink(&p->on_link);
	mem_free(p);
}

static void settle(struct link *k, struct parting *p)
{
	if (p->awaited == 0 && list_is_empty(&p->frames))
		parting_destroy(k, p);
}

void parting_confirmed(struct link *k, struct parting *p)
{
	p->awaited--;
	settle(k, p);
}

void partings_forget(struct link *k)
{
	while (!list_is_empty(&k->partings))
		parting_destroy(k, container_of(k->partings.next, struct parting, on_link));
}

bool partings_send(struct link *k)
{
	list_for_each_safe (n, next, &k->partings) {
		struct parting *p = container_of(n, struct parting, on_link);
		struct message *m;

		while ((m = message_first(&p->frames)) != NULL) {
			if (!link_put(k, p->sid, m->type, m->ppid, message_bytes(m)))
				return false;
			drop_frame(k, m);
		}
		settle(k, p);
	}
	return true;
}

static struct parting *make(struct link *k, uint16_t sid)
{
	struct parting *p = mem_zalloc(sizeof(*p));

	if (p == NULL)
		return NULL;
	p->sid = sid;
	list_init(&p->on_link);
	list_init(&p->frames);
	list_append(&k->partings, &p->on_link);
	return p;
}

struct parting *parting_make(struct link *k, uint16_t sid, bool is_answer)
{
	struct message *bye = message_create(FRAME_CLOSE, 0, SPAN_NONE);
	struct parting *p = parting_find(k, sid);

	if (bye == NULL || (p == NULL && (p = make(k, sid)) == NULL)) {
		mem_free(bye);
		link_fail(k, "out of memory");
		return NULL;
	}
	p->awaited += !is_answer;
	list_append(&p->frames, &bye->on_queue);
	waits(k, message_cost(bye));
	return p;
}

void parting_add(struct link *k, struct parting *p, struct message *m)
{
	struct list_node *bye = p->frames.prev;

	waits(k, message_cost(m));
	list_append(&p->frames, &m->on_queue);
	list_append(&p->frames, bye);
}
