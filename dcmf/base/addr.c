/* addr.c: an IP address with a port, as a value that compares, prints and parses. */
#include "dcmf/base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return a->family != ADDR_NONE && memcmp(a->ip, zero, 16) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (a->family == ADDR_IPV4)
		return a->ip[0] == 127;
	return a->family == ADDR_IPV6 && memcmp(a->ip, one, 16) == 0;
}

bool addr_is_set(const struct addr *a)
{
	return a->family != ADDR_NONE && !addr_is_any(a) && a->port != 0;
}

bool addr_parse_ip(struct span text, uint16_t port, struct addr *out)
{
	char z[INET6_ADDRSTRLEN];
	struct addr a = { .port = port };

	if (text.len >= 2 && text.p[0] == '[' && text.p[text.len - 1] == ']')
		text = SPAN(text.p + 1, text.len - 2);
	if (text.len == 0 || text.len >= sizeof(z) || memchr(text.p, 0, text.len) != NULL)
		return false;
	memcpy(z, text.p, text.len);
	z[text.len] = '\0';
	if (inet_pton(AF_INET, z, a.ip) == 1)
		a.family = ADDR_IPV4;
	else if (inet_pton(AF_INET6, z, a.ip) == 1)
		a.family = ADDR_IPV6;
	else
		return false;
	*out = a;
	return true;
}

bool addr_parse(struct span text, struct addr *out)
{
	size_t colon = text.len;
	uint64_t port;

	while (colon > 0 && text.p[colon - 1] != ':')
		colon--;
	if (colon < 2 || !span_to_u64(span_skip(text, colon), 65535, &port))
		return false;
	/* a bare IPv6 address has colons of its own: it needs its brackets here */
	if (memchr(text.p, ':', colon - 1) != NULL && text.p[0] != '[')
		return false;
	return addr_parse_ip(SPAN(text.p, colon - 1), (uint16_t)port, out);
}

const char *addr_ip_text(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
	int family = a->family == ADDR_IPV6 ? AF_INET6 : AF_INET;

	if (a->family == ADDR_NONE || inet_ntop(family, a->ip, buf, ADDR_TEXT_MAX) == NULL)
		snprintf(buf, ADDR_TEXT_MAX, "none");
	return buf;
}

const char *addr_text(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
	char ip[ADDR_TEXT_MAX];

	addr_ip_text(a, ip);
	if (a->family == ADDR_IPV6)
		snprintf(buf, ADDR_TEXT_MAX, "[%.46s]:%u", ip, a->port);
	else
		snprintf(buf, ADDR_TEXT_MAX, "%.46s:%u", ip, a->port);
	return buf;
}

bool addr_from_sockaddr(const struct sockaddr *sa, struct addr *out)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct addr a = { 0 };

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		a.family = ADDR_IPV4;
		a.port = ntohs(in->sin_port);
		memcpy(a.ip, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		a.family = ADDR_IPV6;
		a.port = ntohs(in6->sin6_port);
		memcpy(a.ip, &in6->sin6_addr, 16);
		if (memcmp(a.ip, mapped, 12) == 0) {
			a.family = ADDR_IPV4;
			memmove(a.ip, a.ip + 12, 4);
			memset(a.ip + 4, 0, 12);
		} else {
			a.scope = in6->sin6_scope_id;
		}
	} else {
		return false;
	}
	*out = a;
	return true;
}

socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	if (a->family == ADDR_IPV6) {
		struct sockaddr_in6 *in6 = (void *)out;

		memset(in6, 0, sizeof(*in6));
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(a->port);
		in6->sin6_scope_id = a->scope;
		memcpy(&in6->sin6_addr, a->ip, 16);
		return sizeof(*in6);
	}
	struct sockaddr_in *in = (void *)out;

	memset(in, 0, sizeof(*in));
	in->sin_family = AF_INET;
	in->sin_port = htons(a->port);
	memcpy(&in->sin_addr, a->ip, 4);
	return sizeof(*in);
}
