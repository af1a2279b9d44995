/* renumber.c: stream numbers and request numbers of packets, between the wire and the stack. */
#include "sctp/renumber.h"

#include <string.h>

#include "dcmf/base/counters.h"

#define SUPPORTED_EXTENSIONS 0x8008 /* RFC 5061 4.2.7 */
#define INVALID_STREAM       1      /* RFC 9260 3.3.10.1 */
#define STACK_STREAMS_MAX    65535

bool renumber_init(struct renumber *r, uint16_t offered, uint16_t streams)
{
	*r = (struct renumber){
		.offered = offered,
		.out_limit = offered,
		.in_limit = offered,
		.in_count = streams,
		.at_start = streams,
		.refused = STREAM_NONE,
	};
	return stream_map_init(&r->map, streams);
}

void renumber_finish(struct renumber *r)
{
	stream_map_finish(&r->map);
}

/* ---- lists of ids ---- */

static void list_out(struct renumber *r, uint8_t *list, const uint8_t *end, bool flight)
{
	for (; list + 2 <= end; list += 2) {
		struct stream_slot *s = stream_slot(&r->map, get_u16(list));

		if (s != NULL)
			s->out_flight |= flight;
		put_u16(list, s != NULL ? s->wire : STREAM_NONE);
	}
}

static void peer_begins_anew(struct renumber *r, struct stream_slot *s)
{
	s->in_used = false;
	r->map.loose = true;
}

static void list_in(struct renumber *r, uint8_t *list, const uint8_t *end, bool anew)
{
	for (; list + 2 <= end; list += 2) {
		uint16_t inner = stream_inner(&r->map, get_u16(list));

		if (inner != STREAM_NONE && anew)
			peer_begins_anew(r, stream_slot(&r->map, inner));
		put_u16(list, inner);
	}
}

/* ---- RE-CONFIG (RFC 6525 4) ---- */

/* Places in a parameter. */
enum { REQUEST = 4, RESPONSE = 8, RESULT = 8, NEW = 8, IN_LIST = 8, OUT_LIST = 16 };

static void add_u32(uint8_t *p, uint32_t v)
{
	put_u32(p, get_u32(p) + v);
}

/*
 * The stack will take it: it is not one whose answer was lost, nor one that overtook another. There
 * may be several in a packet.
 */
static bool request_is_new(struct renumber *r, const uint8_t *parameter)
{
	if (get_u32(parameter + REQUEST) != r->in_next + r->taken)
		return false;
	r->taken++;
	return true;
}

#define STACK_PARAMETER_MAX 512 /* it denies what is longer: some 250 ids */

/* The peer has dealt with what we wanted to be reset. */
static void settle(struct renumber *r, bool performed)
{
	if (!r->out_open)
		return;
	r->out_open = false;
	for (uint32_t i = 1; i < r->map.fresh; i++) {
		struct stream_slot *s = &r->map.slots[i];

		if (!s->out_flight)
			continue;
		s->out_flight = s->out_wanted = false;
		if (performed)
			s->out_used = false;
	}
	r->map.loose = true;
}

static void reset_in(struct renumber *r, uint8_t *p, size_t len)
{
	bool anew = request_is_new(r, p) && len <= STACK_PARAMETER_MAX;

	add_u32(p + RESPONSE, r->out_shift);
	if (get_u32(p + RESPONSE) == r->out_request)
		settle(r, true); /* the stack takes it for the answer to ours */
	list_in(r, p + OUT_LIST, p + len, anew);
	for (uint32_t i = 1; len == OUT_LIST && anew && i < r->map.fresh; i++)
		peer_begins_anew(r, &r->map.slots[i]);
}

/*
 * The stack has no say in how many ids the peer uses: within what we offered it gets them. For the
 * stack that is a request for no more streams than it has, or for more than there can be.
 */
static void add_in(struct renumber *r, uint8_t *p)
{
	uint32_t wanted = (uint32_t)r->in_limit + get_u16(p + NEW);

	if (!request_is_new(r, p)) {
		put_u16(p + NEW, 0); /* the stack repeats its answer */
		return;
	}
	/* None at all would cost the stack a new table, as often as asked for. */
	if (get_u16(p + NEW) == 0)
		wanted = UINT32_MAX;
	put_u16(p + NEW, wanted > r->offered ? 0xffff : 0);
	if (wanted <= r->offered)
		r->in_limit = (uint16_t)wanted;
}

static void response_in(struct renumber *r, uint8_t *p)
{
	uint32_t result = get_u32(p + RESULT);

	add_u32(p + 4, r->out_shift);
	if (get_u32(p + 4) == r->out_request && result != RESULT_IN_PROGRESS)
		settle(r, result == RESULT_PERFORMED);
}

static void parameter_in(struct renumber *r, uint8_t *p, size_t len)
{
	switch (get_u16(p)) {
	case RESET_OUTGOING:
		add_u32(p + REQUEST, r->in_shift);
		reset_in(r, p, len);
		break;
	case RESET_INCOMING:
		add_u32(p + REQUEST, r->in_shift);
		request_is_new(r, p);
		list_in(r, p + IN_LIST, p + len, false);
		break;
	case ADD_OUTGOING:
		add_u32(p + REQUEST, r->in_shift);
		add_in(r, p);
		break;
	case RECONFIG_RESPONSE: response_in(r, p); break;
	default: break;
	}
}

/* True: it answers a request that never was on the wire. */
static bool is_answer_to_us(struct renumber *r, const uint8_t *p)
{
	if (!r->asked.open || get_u32(p + 4) != r->asked.number)
		return false;
	r->asked.open = false;
	if (get_u32(p + RESULT) == RESULT_BAD_NUMBER)
		return true;
	r->in_next = r->asked.number + 1;
	r->in_shift++;
	if (get_u32(p + RESULT) == RESULT_PERFORMED)
		r->in_count += r->asked.streams;
	return true;
}

/*
 * The stack remembers its last answers by number. To a request repeated after one that stayed
 * inside it gives the answer to that one, so we remember ours.
 */
static void response_out(struct renumber *r, uint8_t *p)
{
	uint32_t number = get_u32(p + 4), result = get_u32(p + RESULT);

	put_u32(p + 4, number - r->in_shift);
	if (result == RESULT_BAD_NUMBER)
		return;
	r->set_aside |= result == RESULT_IN_PROGRESS;
	if ((int32_t)(number + 1 - r->in_next) > 0) {
		r->in_next = number + 1;
		r->answered.number = number - r->in_shift;
		r->answered.result = result;
	} else if (r->answered.number == number - r->in_shift &&
		   r->answered.result != RESULT_IN_PROGRESS)
		put_u32(p + RESULT, r->answered.result);
}

/* False: it stays inside. */
static bool parameter_out(struct renumber *r, uint8_t *p, size_t len)
{
	switch (get_u16(p)) {
	case RESET_OUTGOING:
		r->out_request = get_u32(p + REQUEST);
		r->out_open = true;
		add_u32(p + REQUEST, 0 - r->out_shift);
		add_u32(p + RESPONSE, 0 - r->in_shift);
		list_out(r, p + OUT_LIST, p + len, true);
		for (uint32_t i = 1; len == OUT_LIST && i < r->map.fresh; i++)
			r->map.slots[i].out_flight = r->map.slots[i].bound;
		return true;
	case RESET_INCOMING:
		add_u32(p + REQUEST, 0 - r->out_shift);
		list_out(r, p + IN_LIST, p + len, false);
		return true;
	case ADD_OUTGOING:
		if (!r->asks.any || r->asks.number != get_u32(p + REQUEST))
			r->out_shift++;
		r->asks.due = r->asks.any = true;
		r->asks.number = get_u32(p + REQUEST);
		return false;
	case RECONFIG_RESPONSE:
		if (is_answer_to_us(r, p))
			return false;
		response_out(r, p);
		return true;
	default: return true;
	}
}

/* False: the chunk stays inside. The stack puts what does so into chunks of its own. */
static bool reconfig(struct renumber *r, uint8_t *chunk, size_t len, bool in)
{
	bool passes = true;

	for (size_t at = 4; at + 8 <= len;) {
		size_t length = get_u16(chunk + at + 2);

		if (length < 8 || length > len - at)
			break;
		if (in)
			parameter_in(r, chunk + at, length);
		else
			passes = parameter_out(r, chunk + at, length) && passes;
		at += chunk_padded(length);
	}
	return passes;
}

/* ---- what the peer sends ---- */

static void refuse(struct renumber *r, uint16_t wire, uint16_t *inner)
{
	r->refused = wire;
	count(sctp_stream_refused_total);
	*inner = STREAM_NONE;
}

/* The number it has, or would get. */
static uint32_t would_have(const struct stream_map *m, uint16_t inner)
{
	if (inner != STREAM_NONE)
		return inner;
	return m->free != STREAM_NONE ? m->free : m->fresh;
}

/*
 * The stream that stands for `wire`, which the peer has used; STREAM_NONE: none ever will. False:
 * none at the moment.
 */
static bool stream_of_peer(struct renumber *r, uint16_t wire, uint16_t *inner)
{
	*inner = stream_inner(&r->map, wire);
	if (wire >= r->in_limit || (*inner == STREAM_NONE && r->map.count == STREAM_MAP_LAST) ||
		(!r->peer_reconfigures && would_have(&r->map, *inner) >= r->in_count)) {
		refuse(r, wire, inner);
		return true;
	}
	if (*inner == STREAM_NONE && (*inner = stream_bind(&r->map, wire)) == STREAM_NONE) {
		count(allocation_failed_total);
		return false;
	}
	if (*inner >= r->in_count && (!r->established || !r->more(r->arg, *inner))) {
		r->map.loose = true;
		return false;
	}
	stream_slot(&r->map, *inner)->in_used = true;
	return true;
}

static bool is_old(uint32_t received_tsn, uint32_t tsn)
{
	return (int32_t)(received_tsn - tsn) >= 0;
}

static bool data_in(struct renumber *r, uint32_t received_tsn, uint8_t *chunk)
{
	uint16_t wire = get_u16(chunk + 8), inner;

	/* Repeated needlessly: the stack looks no further than the TSN, and the stream may be over. */
	if (is_old(received_tsn, get_u32(chunk + 4)))
		inner = STREAM_NONE;
	else if (!stream_of_peer(r, wire, &inner))
		return false;
	put_u16(chunk + 8, inner);
	return true;
}

/* The stack reads the pairs up to the first of a stream it does not have: those come last. */
static bool skip_in(struct renumber *r, uint32_t received_tsn, uint8_t *chunk, size_t len)
{
	size_t at = 8, keep = 8;

	if (is_old(received_tsn, get_u32(chunk + 4)))
		return true;
	for (; at + 4 <= len; at += 4) {
		uint16_t ssn = get_u16(chunk + at + 2), inner;

		if (!stream_of_peer(r, get_u16(chunk + at), &inner))
			return false;
		if (inner == STREAM_NONE)
			continue;
		put_u16(chunk + keep, inner);
		put_u16(chunk + keep + 2, ssn);
		keep += 4;
	}
	memset(chunk + keep, 0xff, len - keep);
	return true;
}

/* A stream that is free again keeps its id: whatever may be repeated still goes there. */
static uint16_t wire_of(const struct stream_map *m, uint16_t inner)
{
	return inner < m->fresh ? m->slots[inner].wire : STREAM_NONE;
}

static void skip_out(const struct renumber *r, uint8_t *chunk, size_t len)
{
	for (size_t at = 8; at + 4 <= len; at += 4)
		put_u16(chunk + at, wire_of(&r->map, get_u16(chunk + at)));
}

/* ---- set-up (RFC 9260 3.3.2) ---- */

enum { TAG = 4, OUT_STREAMS = 12, IN_STREAMS = 14, FIRST_TSN = 16, INIT_FIXED = 20 };

static bool knows_reconfig(const uint8_t *init, size_t len)
{
	struct span rest = span_skip(SPAN(init, len), INIT_FIXED), item;
	uint16_t length;

	while (rest.len > 0 && chunk_take(&rest, &item, &length))
		if (get_u16(item.p) == SUPPORTED_EXTENSIONS &&
			memchr(item.p + 4, CHUNK_RE_CONFIG, item.len - 4) != NULL)
			return true;
	return false;
}

static uint16_t lesser(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

/* A peer without streams is left to the stack, which ends the association (RFC 9260 3.3.2). */
static void init_in(struct renumber *r, uint8_t *chunk, size_t len)
{
	uint16_t theirs = get_u16(chunk + OUT_STREAMS), ours = get_u16(chunk + IN_STREAMS);

	if (!r->established) {
		r->in_limit = lesser(r->offered, theirs);
		r->out_limit = lesser(r->offered, ours);
		r->in_next = get_u32(chunk + FIRST_TSN);
		r->peer_reconfigures = knows_reconfig(chunk, len);
	}
	if (theirs != 0)
		put_u16(chunk + OUT_STREAMS, r->at_start);
	if (ours != 0)
		put_u16(chunk + IN_STREAMS, r->at_start);
}

/* An INIT that comes late is answered with a tag for an association that never will be. */
static void init_out(struct renumber *r, uint8_t *chunk)
{
	if (!r->established)
		r->tag = get_u32(chunk + TAG);
	put_u16(chunk + OUT_STREAMS, chunk[0] == CHUNK_INIT ? r->offered : r->out_limit);
	put_u16(chunk + IN_STREAMS, r->offered);
}

/* ---- ERROR: "invalid stream identifier" (RFC 9260 3.3.10.1) ---- */

/* The stack names what it was given for the id; that was one we refused. */
static uint16_t named_out(const struct renumber *r, uint16_t inner)
{
	return inner == STREAM_NONE ? r->refused : stream_wire(&r->map, inner);
}

static void error(struct renumber *r, uint8_t *chunk, size_t len, bool in)
{
	for (size_t at = 4; at + 4 <= len;) {
		size_t length = get_u16(chunk + at + 2);
		uint8_t *id = chunk + at + 4;

		if (length < 4 || length > len - at)
			return;
		if (get_u16(chunk + at) == INVALID_STREAM && length >= 8)
			put_u16(id, in ? stream_inner(&r->map, get_u16(id))
				       : named_out(r, get_u16(id)));
		at += chunk_padded(length);
	}
}

/* ---- packets ---- */

static bool chunk_in(struct renumber *r, uint32_t received_tsn, uint8_t *chunk, size_t len)
{
	switch (chunk[0]) {
	case CHUNK_DATA: return data_in(r, received_tsn, chunk);
	case CHUNK_FORWARD_TSN: return skip_in(r, received_tsn, chunk, len);
	case CHUNK_INIT:
	case CHUNK_INIT_ACK: init_in(r, chunk, len); return true;
	case CHUNK_ERROR: error(r, chunk, len, true); return true;
	default: return true;
	}
}

static bool chunk_out(struct renumber *r, uint8_t *chunk, size_t len)
{
	switch (chunk[0]) {
	case CHUNK_DATA: put_u16(chunk + 8, wire_of(&r->map, get_u16(chunk + 8))); return true;
	case CHUNK_FORWARD_TSN: skip_out(r, chunk, len); return true;
	case CHUNK_RE_CONFIG: return reconfig(r, chunk, len, false);
	case CHUNK_INIT:
	case CHUNK_INIT_ACK: init_out(r, chunk); return true;
	case CHUNK_COOKIE_ACK: r->established = true; return true;
	case CHUNK_ERROR: error(r, chunk, len, false); return true;
	default: return true;
	}
}

/* The length of the chunk at `at`; 0: there is no further one. */
static size_t chunk_length(const uint8_t *packet, size_t len, size_t at)
{
	size_t length;

	if (at + 4 > len)
		return 0;
	length = get_u16(packet + at + 2);
	return length >= 4 && length <= len - at ? length : 0;
}

/* After the rest of the packet: what that needs is asked of the stack before, and has its number. */
static void requests_in(struct renumber *r, uint8_t *packet, size_t len)
{
	size_t length;

	r->taken = 0;
	for (size_t at = COMMON_HEADER; (length = chunk_length(packet, len, at)) > 0;
		at += chunk_padded(length))
		if (packet[at] == CHUNK_RE_CONFIG)
			reconfig(r, packet + at, length, true);
}

size_t renumber_in(struct renumber *r, uint32_t received_tsn, uint8_t *packet, size_t len)
{
	size_t at = COMMON_HEADER, length;
	bool established = r->established;

	while ((length = chunk_length(packet, len, at)) > 0) {
		established |= packet[at] == CHUNK_COOKIE_ACK;
		if (chunk_in(r, received_tsn, packet + at, length))
			at += chunk_padded(length);
		else
			len = chunk_cut(packet, len, at, length);
	}
	requests_in(r, packet, len);
	r->established = established; /* when the stack has seen it */
	return len;
}

size_t renumber_out(struct renumber *r, uint8_t *packet, size_t len)
{
	size_t at = COMMON_HEADER, length;

	while ((length = chunk_length(packet, len, at)) > 0) {
		if (chunk_out(r, packet + at, length))
			at += chunk_padded(length);
		else
			len = chunk_cut(packet, len, at, length);
	}
	return len;
}

/* ---- requests that stay inside ---- */

static void write_reconfig(const struct renumber *r, uint8_t packet[RENUMBER_PACKET], uint16_t type,
	uint32_t number, uint32_t value)
{
	memset(packet, 0, RENUMBER_PACKET);
	put_u32(packet + 4, r->tag);
	packet[12] = CHUNK_RE_CONFIG;
	put_u16(packet + 14, 16);
	put_u16(packet + 16, type);
	put_u16(packet + 18, 12);
	put_u32(packet + 20, number);
	put_u32(packet + 24, value);
}

/* Twice as many as there are: a peer that uses one id after the other costs few moves. */
void renumber_ask(struct renumber *r, uint16_t inner, uint8_t packet[RENUMBER_PACKET])
{
	uint32_t target = 2 * r->in_count > inner ? 2 * r->in_count : inner + 1u;

	if (target > STACK_STREAMS_MAX)
		target = STACK_STREAMS_MAX;
	if (!r->asked.open) { /* else once more, since it was not answered */
		r->asked.open = true;
		r->asked.number = r->in_next;
		r->asked.streams = (uint16_t)(target - r->in_count);
	}
	write_reconfig(r, packet, ADD_OUTGOING, r->asked.number, (uint32_t)r->asked.streams << 16);
}

bool renumber_grant(struct renumber *r, uint8_t packet[RENUMBER_PACKET])
{
	if (!r->asks.due)
		return false;
	r->asks.due = false;
	write_reconfig(r, packet, RECONFIG_RESPONSE, r->asks.number, RESULT_PERFORMED);
	return true;
}
