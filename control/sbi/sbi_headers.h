/*
 * sbi_headers.h: the headers of the service based interface (TS 29.500 5.2.3) that the MF reads and
 * writes. What is not written as the grammar has it is as if it were not there.
 */
#pragma once

#include <stdint.h>

#include "dcmf/io/h2_session.h"

#define SBI_PRIORITY_MAX   31
#define SBI_PRIORITY_USUAL 24 /* ours: of who says nothing, more urgent ones come before it */

struct sbi_hints {
	unsigned priority; /* 3gpp-Sbi-Message-Priority; 0 is the most urgent */
	/*
	 * When the consumer stops waiting, microseconds since the epoch, from
	 * 3gpp-Sbi-Max-Rsp-Time and 3gpp-Sbi-Sender-Timestamp; INT64_MAX: it did not say.
	 */
	int64_t until_us;
};

/* `wall_us`: microseconds since the epoch, now. */
void sbi_read_hints(const struct h2_request *r, int64_t wall_us, struct sbi_hints *out);

/* "Tue, 04 Feb 2020 08:49:37.845 GMT". False: it is something else. */
bool sbi_read_timestamp(struct span text, int64_t *us);

#define SBI_HEADER_MAX 192

/* "Tue, 04 Feb 2020 08:49:37 GMT" (RFC 9110 5.6.7). */
void sbi_write_date(int64_t wall_us, char out[SBI_HEADER_MAX]);
/* 3gpp-Sbi-Lci and 3gpp-Sbi-Oci of this NF instance; false: at that load nothing is said. */
bool sbi_write_lci(int64_t wall_us, unsigned load, const char *nf, char out[SBI_HEADER_MAX]);
bool sbi_write_oci(int64_t wall_us, unsigned load, const char *nf, char out[SBI_HEADER_MAX]);

/*
 * Where the consumer believes to be talking to, for Location: "https://mf1.example:9443", by
 * 3gpp-Sbi-Target-apiRoot behind an SCP, else by the request's own authority. False: that
 * cannot be put into a header.
 */
bool sbi_read_root(const struct h2_request *r, char out[512]);

/* "application/json; charset=utf-8" is "application/json". */
bool sbi_is_media_type(struct span content_type, const char *media_type);
