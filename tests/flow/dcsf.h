/*
 * dcsf.h: the server behind the relay, made up: pages that are honest, late,
 * slow, lying or dead, in virtual time.
 *
 * It stands where upstream.c stands in the worker: same calls, same promises (never calls
 * back from inside, bodies wait for room).
 */
#pragma once

#include "dcmf/relay/relay.h"

#define PAGE_SILENT (-1) /* says no length */

struct page {
	const char *url;     /* the whole of it, as the relay has to ask for it */
	int status;          /* 0: 200 */
	size_t size;         /* bytes of dcsf_byte() it sends */
	const char *text;    /* instead of the pattern; sets size */
	const char *etag;    /* sent, and compared with If-None-Match: 304 */
	const char *headers; /* more header lines, "Name: value\n" each */
	int64_t length;      /* what it says when `lies` is set, PAGE_SILENT included */
	bool lies;
	bool echo;          /* sends back what it was posted, after it was posted */
	bool early;         /* answers without waiting for the request body */
	int64_t delay_us;   /* before the head */
	int64_t pace_us;    /* between pieces */
	size_t piece;       /* bytes at once; 0: 16 KiB */
	int64_t read_us;    /* takes the next 16 KiB of a request body after so long */
	bool dead;          /* no connection: ends without a head */
	bool refused;       /* cannot even be started */
	bool breaks;        /* ends with a failure after `size` bytes */
	bool hangs;         /* head and `size` bytes, then nothing until it times out */
	int64_t timeout_us; /* when it does; 0: 30 s */
};

/* The byte at a place of a page. */
static inline uint8_t dcsf_byte(uint64_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

struct dcsf;

struct dcsf *dcsf_create(void);
void dcsf_destroy(struct dcsf *d);
void dcsf_page(struct dcsf *d, const struct page *page); /* texts stay the caller's */

/* The relay's ops. */
uint64_t dcsf_start(struct dcsf *d, const struct relay_request *r);
size_t dcsf_write(struct dcsf *d, uint64_t id, struct span bytes);
void dcsf_finish(struct dcsf *d, uint64_t id);
void dcsf_resume(struct dcsf *d, uint64_t id);
void dcsf_cancel(struct dcsf *d, uint64_t id);

tick_t dcsf_next(const struct dcsf *d);
void dcsf_run(struct dcsf *d, struct relay *r, tick_t now); /* what is due */

/* What it saw. */
struct dcsf_seen {
	unsigned requests, under_way, cancelled;
	char method[32], url[1024]; /* of the last request */
	char headers[4096];         /* of the last request, "Name: value\n" each */
	int64_t body_length;        /* as announced */
	uint64_t body;              /* bytes that came */
	bool body_wrong;            /* they were not dcsf_byte() */
	bool body_complete;
	uint64_t offered; /* bytes of bodies the relay has taken, of all requests */
};

const struct dcsf_seen *dcsf_seen(const struct dcsf *d);
