/*
 * sdp_candidate.c: a=candidate (RFC 8839 5.1): which address, how
 * much wanted, and can we send to it?
 */
#include "control/sdp/sdp_parts.h"

#define PORT_DISCARD 9

static bool is_multicast(const struct addr *a)
{
	if (a->family == ADDR_IPV6)
		return a->ip[0] == 0xff;
	return a->ip[0] >= 224; /* with the reserved block and the broadcast address behind it */
}

bool sdp_addr_is_usable(const struct addr *a)
{
	return addr_is_set(a) && a->port != PORT_DISCARD && !is_multicast(a);
}

static bool is_one_of(struct span word, const char *const *words)
{
	while (*words != NULL && !span_eq_nocase(word, SPAN_STR(*words)))
		words++;
	return *words != NULL;
}

bool sdp_candidate_parse(struct span value, struct sdp_candidate *out)
{
	static const char *const types[] = { "host", "srflx", "prflx", "relay", NULL };
	struct span rest = value;
	struct span foundation = span_cut(&rest, ' ');
	struct span component = span_cut(&rest, ' ');
	struct span transport = span_cut(&rest, ' ');
	struct span priority = span_cut(&rest, ' ');
	struct span address = span_cut(&rest, ' ');
	struct span port = span_cut(&rest, ' ');
	struct span typ = span_cut(&rest, ' ');
	struct span type = span_cut(&rest, ' ');
	uint64_t c, wanted, number;
	struct addr a;

	*out = (struct sdp_candidate){ 0 };
	if (foundation.len == 0 || transport.len == 0 || address.len == 0 || type.len == 0 ||
		!span_eq_nocase(typ, SPAN_LIT("typ")) || !span_to_u64(component, 256, &c) ||
		!span_to_u64(priority, UINT32_MAX, &wanted) || !span_to_u64(port, 65535, &number))
		return false;

	out->priority = (uint32_t)wanted;
	if (c == 1 && span_eq_nocase(transport, SPAN_LIT("UDP")) && is_one_of(type, types) &&
		addr_parse_ip(address, (uint16_t)number, &a) && sdp_addr_is_usable(&a))
		out->addr = a;
	return true;
}
