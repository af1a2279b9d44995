/* pcap.c: datagrams as a capture file. */
#include "tests/flow/pcap.h"

#include <stdio.h>
#include <stdlib.h>

#define KEPT_MAX     (16u << 20)
#define LINKTYPE_RAW 101 /* begins with the IP header */

/* Two halves: when the newer one is full the older one is forgotten. */
struct half {
	uint8_t *store;
	size_t len;
};

struct pcap {
	struct half newer, older;
};

struct pcap *pcap_create(void)
{
	return calloc(1, sizeof(struct pcap));
}

void pcap_destroy(struct pcap *p)
{
	if (p == NULL)
		return;
	free(p->newer.store);
	free(p->older.store);
	free(p);
}

static uint8_t *room(struct pcap *p, size_t len)
{
	uint8_t *at;

	if (p->newer.store == NULL || p->newer.len + len > KEPT_MAX / 2) {
		free(p->older.store);
		p->older = p->newer;
		p->newer = (struct half){ .store = malloc(KEPT_MAX / 2) };
	}
	if (p->newer.store == NULL)
		return NULL;
	at = p->newer.store + p->newer.len;
	p->newer.len += len;
	return at;
}

/* Record header, in the order of bytes of this machine as the file header says. */
static void put_record(uint8_t *at, tick_t when, size_t len)
{
	uint32_t h[4] = { (uint32_t)(when.us / 1000000), (uint32_t)(when.us % 1000000),
		(uint32_t)len, (uint32_t)len };

	memcpy(at, h, sizeof(h));
}

static void put_ipv4(struct wr *w, const struct addr *from, const struct addr *to, size_t payload)
{
	wr_u16(w, 0x4500);
	wr_u16(w, (uint16_t)(28 + payload));
	wr_u32(w, 0);
	wr_u16(w, 0x4011); /* TTL 64, UDP */
	wr_u16(w, 0);
	wr_span(w, SPAN(from->ip, 4));
	wr_span(w, SPAN(to->ip, 4));
}

static void put_ipv6(struct wr *w, const struct addr *from, const struct addr *to, size_t payload)
{
	wr_u32(w, 0x60000000);
	wr_u16(w, (uint16_t)(8 + payload));
	wr_u16(w, 0x1140); /* UDP, hop limit 64 */
	wr_span(w, SPAN(from->ip, 16));
	wr_span(w, SPAN(to->ip, 16));
}

void pcap_add(struct pcap *p, tick_t at, const struct addr *from, const struct addr *to,
	struct span dgram)
{
	bool v6 = to->family == ADDR_IPV6;
	size_t len = (v6 ? 40u : 20u) + 8 + dgram.len;
	uint8_t *record = room(p, 16 + len);
	struct wr w;

	if (record == NULL)
		return;
	put_record(record, at, len);
	w = WR(record + 16, len);
	if (v6)
		put_ipv6(&w, from, to, dgram.len);
	else
		put_ipv4(&w, from, to, dgram.len);
	wr_u16(&w, from->port);
	wr_u16(&w, to->port);
	wr_u16(&w, (uint16_t)(8 + dgram.len));
	wr_u16(&w, 0);
	wr_span(&w, dgram);
}

bool pcap_save(const struct pcap *p, const char *path)
{
	const uint32_t head[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, LINKTYPE_RAW };
	FILE *f = fopen(path, "wb");
	bool ok;

	if (f == NULL)
		return false;
	ok = fwrite(head, sizeof(head), 1, f) == 1;
	if (p->older.len > 0)
		ok = fwrite(p->older.store, p->older.len, 1, f) == 1 && ok;
	if (p->newer.len > 0)
		ok = fwrite(p->newer.store, p->newer.len, 1, f) == 1 && ok;
	return fclose(f) == 0 && ok;
}
