/*
 * metrics.c: what is read from outside: the gateway's /metrics, a package
 * fetched directly, this host's own counters.
 */
#include "tools/load/metrics.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/bytes.h"

#define BODY_MAX (256u << 20)

static size_t collect(char *p, size_t size, size_t count, void *arg)
{
	return bytes_append(arg, SPAN(p, size * count)) ? size * count : 0;
}

char *http_get_body(const char *url, size_t *len)
{
	struct bytes body = { .limit = BODY_MAX };
	CURL *curl = curl_easy_init();
	char *out = NULL;
	CURLcode code;
	long status = 0;

	if (curl == NULL)
		return NULL;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK || status != 200)
		fprintf(stderr, "dcmf-load: %s: %s (status %ld)\n", url, curl_easy_strerror(code),
			status);
	else if ((out = mem_span_dup(bytes_view(&body))) != NULL && len != NULL)
		*len = body.len;
	curl_easy_cleanup(curl);
	bytes_finish(&body);
	return out;
}

/* ---- the gateway ---- */

/* Gauges of objects that exist only for somebody. */
static const char *const objects[] = { "dcmf_contexts", "dcmf_legs", "dcmf_legs_open",
	"dcmf_splices", "dcmf_channels", "dcmf_associations", "dcmf_dtls_connections",
	"dcmf_half_open", "dcmf_upstream_requests", "dcmf_buffered_bytes" };

/* The value of a label, as a number; 0 without it. */
static unsigned label_number(const char *labels, const char *name)
{
	const char *at = labels ? strstr(labels, name) : NULL;

	return at ? (unsigned)strtoul(at + strlen(name) + 2, NULL, 10) : 0; /* behind =" */
}

static void per_worker(struct metrics *m, double *into, const char *labels, double value)
{
	unsigned worker = label_number(labels, "worker");

	if (worker >= METRICS_WORKERS_MAX)
		return;
	into[worker] = value;
	if (worker >= m->workers)
		m->workers = worker + 1;
}

static void take_line(struct metrics *m, char *line)
{
	char *blank = strrchr(line, ' '), *labels = strchr(line, '{');
	double value = blank ? strtod(blank + 1, NULL) : 0;

	if (line[0] == '#' || blank == NULL)
		return;
	*(labels ? labels : blank) = '\0';
	labels = labels ? labels + 1 : NULL;
	if (strcmp(line, "dcmf_worker_cpu_seconds_total") == 0)
		per_worker(m, m->cpu_seconds, labels, value);
	if (strcmp(line, "dcmf_worker_memory_bytes") == 0)
		per_worker(m, m->memory_bytes, labels, value);
	if (strcmp(line, "dcmf_datagrams_received_total") == 0 ||
		strcmp(line, "dcmf_datagrams_sent_total") == 0)
		m->datagrams += value;
	if (strcmp(line, "dcmf_legs") == 0 || strcmp(line, "dcmf_splices") == 0)
		m->media += value;
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		if (strcmp(line, objects[i]) != 0 || value == 0)
			continue;
		m->objects += value;
		snprintf(m->busiest, sizeof(m->busiest), "%.40s %.0f", line, value);
	}
}

void metrics_parse(const char *text, struct metrics *out)
{
	struct span rest = SPAN_STR(text);
	char line[512];

	*out = (struct metrics){ .known = true };
	while (rest.len > 0) {
		struct span s = span_cut(&rest, '\n');

		snprintf(line, sizeof(line), "%.*s", SPAN_FMT(s));
		take_line(out, line);
	}
}

bool metrics_read(const char *url, struct metrics *out)
{
	char *text = http_get_body(url, NULL);

	*out = (struct metrics){ .known = false };
	if (text == NULL)
		return false;
	metrics_parse(text, out);
	mem_free(text);
	return true;
}

static double sum(const double *v, unsigned n)
{
	double all = 0;

	for (unsigned i = 0; i < n; i++)
		all += v[i];
	return all;
}

double metrics_cpu(const struct metrics *m)
{
	return sum(m->cpu_seconds, m->workers);
}

double metrics_memory(const struct metrics *m)
{
	return sum(m->memory_bytes, m->workers);
}

/* ---- this host ---- */

uint64_t host_udp_overflows(void)
{
	FILE *f = fopen("/proc/net/snmp", "r");
	unsigned long long v[5] = { 0 };
	char line[512];

	/* Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors ... */
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Udp: %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3],
			    &v[4]) == 5)
			break;
	if (f != NULL)
		fclose(f);
	return v[4];
}
