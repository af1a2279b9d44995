/* alloc.c: the one allocator of our own code, with planned failures for tests. */
#include "dcmf/base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long fail_in; /* 0: never */
static int has_failed;
static unsigned long asked;
static long live;

static int planned_failure(void)
{
	asked++;
	if (fail_in == 0 || --fail_in > 0)
		return 0;
	has_failed = 1;
	return 1;
}

void *mem_alloc(size_t size)
{
	void *p = planned_failure() ? NULL : malloc(size ? size : 1);

	live += p != NULL;
	return p;
}

void *mem_zalloc(size_t size)
{
	void *p = planned_failure() ? NULL : calloc(1, size ? size : 1);

	live += p != NULL;
	return p;
}

void *mem_realloc(void *p, size_t size)
{
	void *q = planned_failure() ? NULL : realloc(p, size ? size : 1);

	live += q != NULL && p == NULL;
	return q;
}

void mem_free(void *p)
{
	live -= p != NULL;
	free(p);
}

char *mem_strdup(const char *text)
{
	return text ? mem_span_dup(span_str(text)) : NULL;
}

char *mem_span_dup(struct span s)
{
	char *p = mem_alloc(s.len + 1);

	if (p == NULL)
		return NULL;
	if (s.len > 0)
		memcpy(p, s.p, s.len);
	p[s.len] = '\0';
	return p;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	p = n < 0 ? NULL : mem_alloc((size_t)n + 1);
	if (p != NULL)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return p;
}

void mem_wipe(void *p, size_t len)
{
	explicit_bzero(p, len);
}

void mem_fail_at(unsigned long n)
{
	fail_in = n;
	has_failed = 0;
}

int mem_failed(void)
{
	return has_failed;
}

unsigned long mem_count(void)
{
	return asked;
}

long mem_live(void)
{
	return live;
}
