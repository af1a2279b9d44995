/*
 * alloc.h: the one allocator of our own code.
 *
 * Everything we allocate ourselves goes through here, so that a test can make the n-th
 * allocation fail and count what is still alive. Foreign libraries keep their own allocators.
 * Every function may return NULL; callers must cope.
 */
#pragma once

#include <stddef.h>

#include "dcmf/base/span.h"

void *mem_alloc(size_t size);            /* not cleared */
void *mem_zalloc(size_t size);           /* cleared */
void *mem_realloc(void *p, size_t size); /* on failure p stays valid */
void mem_free(void *p);                  /* NULL is fine */
char *mem_strdup(const char *text);      /* NULL in, NULL out */
char *mem_span_dup(struct span s);       /* a terminated copy */

__attribute__((format(printf, 1, 2))) char *mem_printf(const char *fmt, ...);

/* Bytes are cleared in a way the compiler keeps; for keys and passwords. */
void mem_wipe(void *p, size_t len);

/* For tests. The n-th allocation from now fails (1 is the next one); 0 turns this off. */
void mem_fail_at(unsigned long n);
/* Did the planned failure happen since mem_fail_at()? */
int mem_failed(void);
/* Allocations asked for so far, failed ones included. */
unsigned long mem_count(void);
/* Allocations of ours that are alive. */
long mem_live(void);
