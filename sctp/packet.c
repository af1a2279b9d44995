/*
 * packet.c: screens SCTP packets before the stack sees them: one table of
 * chunks, one of RE-CONFIG parameters.
 */
#include "sctp/packet.h"

#include "sctp/chunk.h"

/* The stack copies control chunks into buffers of this size and trusts what it finds there. */
#define CONTROL_CHUNK_MAX 2048

enum body { PLAIN, PARAMETERS, INIT, SACK, RE_CONFIG, FORWARD_TSN, REFUSED };

/* RFC 9260 3.3 where nothing else is said. */
static const struct chunk_rule {
	uint8_t type;
	uint16_t min, max; /* chunk length, header included */
	uint8_t alone;     /* must be the only chunk of its packet (RFC 9260 6.10) */
	uint8_t body;
	uint8_t fixed; /* bytes before parameters or blocks, header included */
} rules[] = {
	/* an empty one would abort the association */
	{ CHUNK_DATA, 17, SCTP_PACKET_MAX, 0, PLAIN, 16 },
	{ CHUNK_INIT, 20, CONTROL_CHUNK_MAX, 1, INIT, 20 },
	{ CHUNK_INIT_ACK, 20, CONTROL_CHUNK_MAX, 1, INIT, 20 },
	{ CHUNK_SACK, 16, CONTROL_CHUNK_MAX, 0, SACK, 16 },
	{ CHUNK_HEARTBEAT, 8, CONTROL_CHUNK_MAX, 0, PARAMETERS, 4 },
	{ CHUNK_HEARTBEAT_ACK, 8, CONTROL_CHUNK_MAX, 0, PARAMETERS, 4 },
	{ CHUNK_ABORT, 4, CONTROL_CHUNK_MAX, 0, PARAMETERS, 4 },
	{ CHUNK_SHUTDOWN, 8, 8, 0, PLAIN, 8 },
	{ CHUNK_SHUTDOWN_ACK, 4, 4, 0, PLAIN, 4 },
	{ CHUNK_ERROR, 4, CONTROL_CHUNK_MAX, 0, PARAMETERS, 4 },
	{ CHUNK_COOKIE_ECHO, 5, CONTROL_CHUNK_MAX, 0, PLAIN, 4 },
	{ CHUNK_COOKIE_ACK, 4, 4, 0, PLAIN, 4 },
	{ CHUNK_SHUTDOWN_COMPLETE, 4, 4, 1, PLAIN, 4 },
	{ CHUNK_RE_CONFIG, 12, CONTROL_CHUNK_MAX, 0, RE_CONFIG, 4 },    /* RFC 6525 3.1 */
	{ CHUNK_FORWARD_TSN, 8, CONTROL_CHUNK_MAX, 0, FORWARD_TSN, 8 }, /* RFC 3758 3.2 */
	{ CHUNK_ECNE, 0, 0, 0, REFUSED, 0 }, /* no ECN on DTLS (RFC 8261 6) */
	{ CHUNK_CWR, 0, 0, 0, REFUSED, 0 },
	{ CHUNK_AUTH, 0, 0, 0, REFUSED, 0 }, /* DTLS authenticates */
	{ CHUNK_NR_SACK, 0, 0, 0, REFUSED, 0 },
	{ CHUNK_I_DATA, 0, 0, 0, REFUSED, 0 }, /* we do not announce interleaving */
	{ CHUNK_I_FORWARD_TSN, 0, 0, 0, REFUSED, 0 },
	{ CHUNK_ASCONF, 0, 0, 0, REFUSED, 0 }, /* one address (RFC 8261 6) */
	{ CHUNK_ASCONF_ACK, 0, 0, 0, REFUSED, 0 },
	{ CHUNK_PACKET_DROPPED, 0, 0, 0, REFUSED, 0 },
};

/*
 * RFC 6525 4. The two left out (15: reset the association, 18: add our
 * streams) are refused: see README.md.
 */
static const struct param_rule {
	uint16_t type;
	uint16_t min, max;
	uint8_t fixed; /* bytes before the list of streams, header included */
} reconfig_rules[] = {
	{ RESET_OUTGOING, 16, CONTROL_CHUNK_MAX, 16 },
	{ RESET_INCOMING, 8, CONTROL_CHUNK_MAX, 8 },
	{ RECONFIG_RESPONSE, 12, 20, 0 },
	{ ADD_OUTGOING, 12, 12, 0 },
};

/*
 * Ours: a sender has one request under way (RFC 6525 5.1.1) and answers ours, which may have come to
 * it more than once. Each costs the stack a walk over all streams.
 */
#define RECONFIGS_MAX 4

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct chunk_rule *rule_of(uint8_t type)
{
	for (size_t i = 0; i < COUNT_OF(rules); i++)
		if (rules[i].type == type)
			return &rules[i];
	return NULL;
}

static enum err screen_parameters(struct span body)
{
	struct span item;
	uint16_t length;

	while (body.len > 0)
		if (!chunk_take(&body, &item, &length))
			return ERR_MALFORMED;
	return ERR_OK;
}

static enum err screen_init(struct span chunk, struct packet_facts *facts)
{
	struct rd r = RD(span_skip(chunk, 16));

	facts->has_init = true;
	facts->first_tsn = rd_u32(&r);
	return screen_parameters(span_skip(chunk, 20));
}

static enum err screen_sack(struct span chunk, struct packet_facts *facts)
{
	struct rd r = RD(span_skip(chunk, 4));
	uint16_t gaps, duplicates;

	facts->has_sack = true;
	facts->cum_tsn = rd_u32(&r);
	rd_u32(&r);
	gaps = rd_u16(&r);
	duplicates = rd_u16(&r);
	return !r.failed && r.rest.len == 4 * ((size_t)gaps + duplicates) ? ERR_OK : ERR_MALFORMED;
}

static enum err screen_reconfig_parameter(struct span item, uint16_t length)
{
	uint16_t type = get_u16(item.p);

	for (size_t i = 0; i < COUNT_OF(reconfig_rules); i++) {
		const struct param_rule *p = &reconfig_rules[i];

		if (p->type != type)
			continue;
		if (length < p->min || length > p->max)
			return ERR_MALFORMED;
		return p->fixed == 0 || (length - p->fixed) % 2 == 0 ? ERR_OK : ERR_MALFORMED;
	}
	return ERR_UNSUPPORTED;
}

/* False: a second one, which cannot be under way with the first. */
static bool note_reset(struct span parameter, struct span chunk, struct packet_facts *facts)
{
	struct rd r = RD(span_skip(parameter, 12));

	if (facts->has_reset)
		return false;
	facts->has_reset = true;
	facts->reset_tsn = rd_u32(&r);
	facts->reset = chunk;
	return true;
}

static enum err screen_reconfig(struct span chunk, struct packet_facts *facts)
{
	struct span body = span_skip(chunk, 4);
	struct span item;
	uint16_t length;
	int items = 0;

	if (++facts->reconfigs > RECONFIGS_MAX)
		return ERR_MALFORMED;
	while (body.len > 0) {
		enum err e;

		if (!chunk_take(&body, &item, &length) ||
			++items > 2) /* RFC 6525 3.1: one or two */
			return ERR_MALFORMED;
		e = screen_reconfig_parameter(item, length);
		if (e != ERR_OK)
			return e;
		if (get_u16(item.p) == RESET_OUTGOING && !note_reset(item, chunk, facts))
			return ERR_MALFORMED;
	}
	return ERR_OK;
}

static enum err screen_chunk(struct span chunk, struct packet_facts *facts)
{
	const struct chunk_rule *rule = rule_of(chunk.p[0]);

	if (rule == NULL) /* RFC 9260 3.2: the type itself says what to do; the stack does it */
		return chunk.len <= CONTROL_CHUNK_MAX ? ERR_OK : ERR_MALFORMED;
	if (rule->body == REFUSED)
		return ERR_UNSUPPORTED;
	if (chunk.len < rule->min || chunk.len > rule->max)
		return ERR_MALFORMED;
	facts->has_data |= rule->type == CHUNK_DATA;
	facts->has_skip |= rule->type == CHUNK_FORWARD_TSN;
	switch (rule->body) {
	case PARAMETERS: return screen_parameters(span_skip(chunk, rule->fixed));
	case INIT: return screen_init(chunk, facts);
	case SACK: return screen_sack(chunk, facts);
	case RE_CONFIG: return screen_reconfig(chunk, facts);
	case FORWARD_TSN: return (chunk.len - rule->fixed) % 4 == 0 ? ERR_OK : ERR_MALFORMED;
	default: return ERR_OK;
	}
}

enum err packet_screen(
	struct span packet, uint16_t source, uint16_t destination, struct packet_facts *facts)
{
	struct rd header = RD(packet);
	bool alone = false;
	int chunks = 0;
	struct span rest;

	*facts = (struct packet_facts){ 0 };
	if (packet.len < 16 || packet.len > SCTP_PACKET_MAX || rd_u16(&header) != source ||
		rd_u16(&header) != destination)
		return ERR_MALFORMED;

	rest = span_skip(packet, 12);
	while (rest.len > 0) {
		const struct chunk_rule *rule;
		struct span chunk;
		uint16_t length;
		enum err e;

		if (!chunk_take(&rest, &chunk, &length))
			return ERR_MALFORMED;
		rule = rule_of(chunk.p[0]);
		alone = alone || (rule != NULL && rule->alone);
		if (++chunks > 1 && alone)
			return ERR_MALFORMED;
		e = screen_chunk(chunk, facts);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

void packet_sent_facts(struct span packet, struct packet_facts *facts)
{
	struct span rest = span_skip(packet, 12), chunk;
	uint16_t length;

	*facts = (struct packet_facts){ 0 };
	while (rest.len > 0 && !facts->has_data && chunk_take(&rest, &chunk, &length)) {
		if (chunk.p[0] == CHUNK_SACK)
			screen_sack(chunk, facts);
		facts->has_data = chunk.p[0] == CHUNK_DATA; /* data comes last */
	}
}
