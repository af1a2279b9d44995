/* random.h: unpredictable bytes and tokens from the kernel. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out, size_t len); /* cannot fail: aborts where the kernel gives none */
uint64_t random_u64(void);

/* `len` characters of A-Z a-z 0-9 + / (six bits each) and a final NUL: ICE credentials, tls-id. */
void random_token(char *out, size_t len);
