/* pcap.h: datagrams as a capture file that Wireshark opens: the evidence a failed test leaves. */
#pragma once

#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"
#include "dcmf/base/tick.h"

struct pcap;

struct pcap *pcap_create(void);
void pcap_destroy(struct pcap *p);
/* Remembers it; what is older than the latest 16 MiB is forgotten. IPv4 and IPv6. */
void pcap_add(struct pcap *p, tick_t at, const struct addr *from, const struct addr *to,
	struct span dgram);
bool pcap_save(const struct pcap *p, const char *path);
