/* crc32c.h: the checksum of SCTP packets (RFC 9260, appendix A). */
#pragma once

#include <stdint.h>

#include "dcmf/base/span.h"

/*
 * The checksum of `s`; SCTP stores it least significant byte first.
 * Uses SSE4.2 where the CPU has it.
 */
uint32_t crc32c(struct span s);
/* The same by table alone, for CPUs without SSE4.2. */
uint32_t crc32c_by_table(struct span s);
