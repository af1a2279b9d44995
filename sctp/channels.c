/*
 * channels.c: the channels of an association, ordered by stream id,
 * and the events they have to tell.
 */
#include "dcmf/base/alloc.h"
#include "dcmf/base/chars.h"
#include "dcmf/base/counters.h"
#include "sctp/assoc_impl.h"
#include "sctp/stack.h"

/* Index of the first channel at or after `sid`. */
static size_t place_of(const struct channel_table *t, uint32_t sid)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (t->at[middle]->view.sid < sid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct channel *channel_from(const struct assoc *a, uint32_t sid)
{
	size_t i = place_of(&a->channels, sid);

	return i < a->channels.count ? a->channels.at[i] : NULL;
}

struct channel *channel_find(const struct assoc *a, uint16_t sid)
{
	struct channel *c = channel_from(a, sid);

	return c != NULL && c->view.sid == sid ? c : NULL;
}

static bool table_grow(struct channel_table *t)
{
	size_t cap = t->cap ? 2 * t->cap : 4;
	struct channel **at;

	if (t->count < t->cap)
		return true;
	if ((at = mem_realloc(t->at, cap * sizeof(struct channel *))) == NULL)
		return false;
	t->at = at;
	t->cap = cap;
	return true;
}

static void table_insert(struct channel_table *t, struct channel *c)
{
	size_t i = place_of(t, c->view.sid);

	memmove(t->at + i + 1, t->at + i, (t->count - i) * sizeof(struct channel *));
	t->at[i] = c;
	t->count++;
}

static void table_remove(struct channel_table *t, const struct channel *c)
{
	size_t i = place_of(t, c->view.sid);

	t->count--;
	memmove(t->at + i, t->at + i + 1, (t->count - i) * sizeof(struct channel *));
}

/* Length of the character at the front of `s`, 0 if it is none a log or a JSON text could show. */
static size_t shown_length(struct span s)
{
	return s.p[0] < ' ' || s.p[0] == 0x7f ? 0 : char_utf8(s);
}

/*
 * RFC 8832 5.1 says UTF-8, the wire says what it likes. Whole characters up to the limit; what is
 * no character, or a control character, becomes a question mark. Never longer than the source.
 */
static void copy_text(char *to, struct span from)
{
	size_t room = SCTP_LABEL_MAX;

	while (from.len > 0) {
		size_t len = shown_length(from);
		size_t take = len > 0 ? len : 1;

		if (take > room)
			break;
		memcpy(to, len > 0 ? (const char *)from.p : "?", take);
		to += take;
		room -= take;
		from = span_skip(from, take);
	}
	*to = '\0';
}

static size_t text_room(struct span s)
{
	return (s.len < SCTP_LABEL_MAX ? s.len : SCTP_LABEL_MAX) + 1;
}

struct channel *channel_create(
	struct assoc *a, uint16_t sid, struct span label, struct span protocol)
{
	size_t size = sizeof(struct channel) + text_room(label) + text_room(protocol);
	uint16_t inner = stream_bind(&a->numbers.map, sid);
	struct channel *c;

	a->numbers.map.loose = true; /* as long as no channel stands for it */
	if (inner == STREAM_NONE || !table_grow(&a->channels) || (c = mem_zalloc(size)) == NULL) {
		count(allocation_failed_total);
		return NULL;
	}
	list_init(&c->on_telling);
	list_init(&c->on_waiting);
	list_init(&c->on_blocked);
	c->patience = TICK_NEVER;
	c->hidden = true;
	copy_text(c->text, label);
	copy_text(c->text + text_room(label), protocol);
	c->view.sid = sid;
	c->inner = inner;
	c->view.label = c->text;
	c->view.protocol = c->text + text_room(label);
	c->in_table = true;
	table_insert(&a->channels, c);
	return c;
}

static void channel_free(struct channel *c)
{
	list_unlink(&c->on_telling);
	list_unlink(&c->on_waiting);
	list_unlink(&c->on_blocked);
	mem_free(c);
}

void channel_over(struct assoc *a, struct channel *c)
{
	table_remove(&a->channels, c);
	a->numbers.map.loose = true;
	c->in_table = false;
	list_unlink(&c->on_waiting);
	list_unlink(&c->on_blocked);
	if (c->tell == 0)
		channel_free(c);
}

void channel_tell(struct assoc *a, struct channel *c, uint8_t what)
{
	if (c->hidden)
		return;
	/* Whoever was not yet told of a beginning needs no news of it at the end. */
	c->tell = what == TELL_CLOSED ? TELL_CLOSED : (uint8_t)(c->tell | what);
	if (list_is_empty(&c->on_telling))
		list_append(&a->telling, &c->on_telling);
	assoc_news(a);
}

static enum assoc_event_kind next_kind(struct channel *c)
{
	static const struct {
		uint8_t bit;
		enum assoc_event_kind kind;
	} order[] = { { TELL_OPEN, CHANNEL_OPEN }, { TELL_WRITABLE, CHANNEL_WRITABLE },
		{ TELL_CLOSED, CHANNEL_CLOSED } };
	size_t i = 0;

	while ((c->tell & order[i].bit) == 0)
		i++;
	c->tell &= (uint8_t)~order[i].bit;
	return order[i].kind;
}

bool channel_next_event(struct assoc *a, struct assoc_event *out)
{
	struct channel *c;

	if (list_is_empty(&a->telling))
		return false;
	c = container_of(a->telling.next, struct channel, on_telling);
	*out = (struct assoc_event){
		.kind = next_kind(c), .sid = c->view.sid, .reason = c->reason
	};
	if (c->tell == 0)
		list_unlink(&c->on_telling);
	if (out->kind != CHANNEL_CLOSED)
		return true;
	c->hidden = true;
	if (!c->in_table)
		channel_free(c);
	return true;
}

bool channel_is_ending(const struct assoc *a, uint16_t sid)
{
	list_for_each (n, &a->telling) {
		const struct channel *c = container_of(n, struct channel, on_telling);

		if (c->view.sid == sid && !c->in_table)
			return true;
	}
	return false;
}

void channels_drop(struct assoc *a)
{
	for (size_t i = 0; i < a->channels.count; i++) {
		struct channel *c = a->channels.at[i];

		if (c->view.open) {
			count_add(channels, -1);
			count(channels_closed_total);
		}
		channel_free(c);
	}
	a->channels.count = 0;
	list_for_each_safe (n, tmp, &a->telling)
		channel_free(container_of(n, struct channel, on_telling));
}

void channels_finish(struct assoc *a)
{
	channels_drop(a);
	mem_free(a->channels.at);
	a->channels = (struct channel_table){ 0 };
}
