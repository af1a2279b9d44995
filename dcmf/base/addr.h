/* addr.h: an IP address with a port, as a value that compares, prints and parses. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dcmf/base/span.h"

enum addr_family { ADDR_NONE = 0, ADDR_IPV4 = 4, ADDR_IPV6 = 6 };

/*
 * Zeroed is ADDR_NONE. Unused bytes of ip are zero, so values may be
 * hashed and compared as a whole.
 */
struct addr {
	uint8_t ip[16];
	uint32_t scope; /* IPv6 link-local zone, else 0 */
	uint16_t port;  /* host order */
	uint8_t family; /* enum addr_family */
	uint8_t zero;
};

#define ADDR_TEXT_MAX 72 /* "[v6%zone]:port" and its end */

/* Several times for each datagram: here, so that the compiler can take them apart. */
static inline bool addr_eq_ip(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->scope == b->scope && memcmp(a->ip, b->ip, 16) == 0;
}

static inline bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_eq_ip(a, b) && a->port == b->port;
}

bool addr_is_any(const struct addr *a);      /* 0.0.0.0 or :: */
bool addr_is_loopback(const struct addr *a); /* 127.0.0.0/8, ::1 */
bool addr_is_set(const struct addr *a);      /* family, not any, port not 0 */

/* A literal IP address, no port, no name: "192.0.2.1", "2001:db8::1", "[2001:db8::1]". */
bool addr_parse_ip(struct span text, uint16_t port, struct addr *out);
/* "192.0.2.1:80", "[2001:db8::1]:80". */
bool addr_parse(struct span text, struct addr *out);

/* "192.0.2.1:80", "[2001:db8::1]:80". Returns buf. */
const char *addr_text(const struct addr *a, char buf[ADDR_TEXT_MAX]);
/* Without the port and without brackets. */
const char *addr_ip_text(const struct addr *a, char buf[ADDR_TEXT_MAX]);

/* IPv4-mapped IPv6 becomes IPv4. False for another family. */
bool addr_from_sockaddr(const struct sockaddr *sa, struct addr *out);
/* Fills, and touches, as many bytes as it returns. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out);
