/* random.h: unpredictable bytes and tokens from the kernel. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out, size_t len); /* cannot fail: aborts where the kernel gives none */
uint64_t random_u64(void);

/* `len` characters of A-Z a-z 0-9 + / (six bits each) and a final NUL: ICE credentials. */
void random_token(char *out, size_t len);
/* `len` characters of 0-9 a-f (four bits each) and a final NUL: tls-id. */
void random_hex(char *out, size_t len);
