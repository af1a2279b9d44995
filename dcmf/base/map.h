/*
 * map.h: hash tables (uthash) on our allocator. Out of memory is an ordinary answer: the element
 * was not added, which map_has() tells; uthash itself says so by hh.tbl being NULL.
 */
#pragma once

#include "dcmf/base/alloc.h"

#define uthash_malloc(size)      mem_alloc(size)
#define uthash_free(p, size)     mem_free(p)
#define HASH_NONFATAL_OOM        1
#define uthash_nonfatal_oom(elt) ((void)(elt))

#include <uthash.h>

#define map_has(element) ((element)->hh.tbl != NULL)
