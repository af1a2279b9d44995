/*
 * synthetic.h: packages for load tests, made of bytes that a client can work out for itself.
 *
 * Byte i of package `id` is synthetic_byte(synthetic_seed(id), i). The server makes
 * them, the load generator checks them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* FNV-1a of the id. */
static inline uint32_t synthetic_seed(const char *id)
{
	uint32_t h = 2166136261u;

	for (; *id != '\0'; id++)
		h = (h ^ (uint8_t)*id) * 16777619u;
	return h;
}

/* No short period, so that a missing, doubled or swapped stretch shows. */
static inline uint8_t synthetic_byte(uint32_t seed, uint64_t i)
{
	uint32_t x = seed + (uint32_t)i * 0x9e3779b1u + (uint32_t)(i >> 32) * 0x85ebca6bu;

	x ^= x >> 15;
	x *= 0x2c1b3c6du;
	return (uint8_t)(x >> 24);
}

/* Bytes offset..offset+len of the package. */
static inline void synthetic_fill(uint32_t seed, uint64_t offset, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = synthetic_byte(seed, offset + i);
}

static inline bool synthetic_matches(
	uint32_t seed, uint64_t offset, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != synthetic_byte(seed, offset + i))
			return false;
	}
	return true;
}
