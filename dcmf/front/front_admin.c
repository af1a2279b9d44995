/*
 * front_admin.c: what operators' tools read over HTTP: metrics,
 * health, and a small page for people.
 */
#include <stdarg.h>
#include <stdio.h>

#include "dcmf/base/bytes.h"
#include "dcmf/base/log.h"
#include "dcmf/front/front_parts.h"

#define PAGE_MAX (1u << 20)

__attribute__((format(printf, 2, 3))) static void put(struct bytes *out, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	bytes_append(out, SPAN(line, len < (int)sizeof(line) ? len : (int)sizeof(line) - 1));
}

static void put_head(struct bytes *out, const char *name, const char *type, const char *help)
{
	put(out, "# HELP dcmf_%s %s\n# TYPE dcmf_%s %s\n", name, help, name, type);
}

static void put_counters(struct front *f, struct bytes *out)
{
	for (int i = 0; i < COUNTER_MAX; i++) {
		put_head(out, counter_info[i].name, counter_info[i].is_gauge ? "gauge" : "counter",
			counter_info[i].help);
		put(out, "dcmf_%s %lld\n", counter_info[i].name, (long long)front_counter(f, i));
	}
}

/* One metric of every worker. */
enum worker_metric {
	WORKER_UP_NOW,
	WORKER_CPU,
	WORKER_MEMORY,
	WORKER_CONTEXTS,
	WORKER_STARTS,
	WORKER_METRICS
};

static const struct {
	const char *name, *type, *help;
} worker_metrics[WORKER_METRICS] = {
	[WORKER_UP_NOW] = { "worker_up", "gauge", "1 while the worker takes contexts" },
	[WORKER_CPU] = { "worker_cpu_seconds_total", "counter",
		"CPU time of the worker's processes, user and system" },
	[WORKER_MEMORY] = { "worker_memory_bytes", "gauge",
		"resident memory of the worker's process" },
	[WORKER_CONTEXTS] = { "worker_contexts", "gauge", "contexts in the worker" },
	[WORKER_STARTS] = { "worker_starts_total", "counter",
		"processes started as this worker; 1: never replaced" },
};

static double worker_value(
	struct front *f, enum worker_metric metric, const struct desk_worker_info *info)
{
	switch (metric) {
	case WORKER_UP_NOW: return f->workers[info->index].state == WORKER_UP;
	case WORKER_CPU: return info->cpu_seconds;
	case WORKER_MEMORY: return (double)info->memory_bytes;
	case WORKER_CONTEXTS: return (double)desk_contexts_of(f->desk, info->index);
	default: return info->starts;
	}
}

static void put_workers(struct front *f, struct bytes *out)
{
	struct desk_worker_info info[FRONT_WORKERS_MAX];

	for (unsigned w = 0; w < f->worker_count; w++)
		front_worker_info(f, w, &info[w]);
	for (int m = 0; m < WORKER_METRICS; m++) {
		put_head(out, worker_metrics[m].name, worker_metrics[m].type,
			worker_metrics[m].help);
		for (unsigned w = 0; w < f->worker_count; w++)
			put(out, "dcmf_%s{worker=\"%u\"} %.15g\n", worker_metrics[m].name, w,
				worker_value(f, (enum worker_metric)m, &info[w]));
	}
}

static void put_metrics(struct front *f, struct bytes *out)
{
	put_head(out, "build_info", "gauge", "1, with the version that runs");
	put(out, "dcmf_build_info{version=\"" DCMF_VERSION "\"} 1\n");
	put_head(out, "draining", "gauge", "1 while no new contexts are taken");
	put(out, "dcmf_draining %d\n", strcmp(desk_state(f->desk), "running") != 0);
	put_counters(f, out);
	put_workers(f, out);
}

static void put_html_text(struct bytes *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '<' || *text == '&')
			put(out, "&#%d;", *text);
		else
			put(out, "%c", *text);
	}
}

static void put_page(struct front *f, struct bytes *out)
{
	put(out, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>dcmf</title>"
		 "<style>body{font:15px sans-serif;margin:2em}table{border-collapse:collapse}"
		 "td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid "
		 "#ddd}th{text-align:left}</style><h1>");
	put_html_text(out, f->config.node.name);
	put(out,
		"</h1><p>dcmf " DCMF_VERSION
		", %s. <a href=\"/metrics\">metrics</a> <a href=\"/healthz\">health</a> "
		"<a "
		"href=\"/readyz\">ready</a></"
		"p><table><tr><th>worker<th>pid<th>starts<th>contexts<th>CPU s<th>MiB</tr>",
		desk_state(f->desk));
	for (unsigned w = 0; w < f->worker_count; w++) {
		struct desk_worker_info info;

		front_worker_info(f, w, &info);
		put(out, "<tr><th>%u<td>%d<td>%u<td>%llu<td>%.2f<td>%.1f</tr>", w, info.pid,
			info.starts, (unsigned long long)desk_contexts_of(f->desk, w),
			info.cpu_seconds, (double)info.memory_bytes / 1048576);
	}
	put(out, "</table><h2>Counters</h2><table>");
	for (int i = 0; i < COUNTER_MAX; i++)
		put(out, "<tr><th title=\"%s\">%s<td>%lld</tr>", counter_info[i].help,
			counter_info[i].name, (long long)front_counter(f, i));
	put(out, "</table></html>\n");
}

static void answer_built(struct front *f, struct httpd_reply *r, const char *type,
	void (*build)(struct front *f, struct bytes *out))
{
	struct bytes page = { .limit = PAGE_MAX };

	build(f, &page);
	httpd_answer(r, 200, type, bytes_view(&page));
	bytes_finish(&page);
}

static void handle(void *arg, const char *path, struct httpd_reply *r)
{
	struct front *f = arg;
	bool is_ready = f->stage == FRONT_READY && desk_is_ready(f->desk);

	if (strcmp(path, "/metrics") == 0)
		answer_built(f, r, "text/plain; version=0.0.4; charset=utf-8", put_metrics);
	else if (strcmp(path, "/") == 0)
		answer_built(f, r, "text/html; charset=utf-8", put_page);
	else if (strcmp(path, "/healthz") == 0)
		httpd_answer(r, 200, "text/plain", SPAN_LIT("ok\n"));
	else if (strcmp(path, "/readyz") == 0 && is_ready)
		httpd_answer(r, 200, "text/plain", SPAN_LIT("ready\n"));
	else if (strcmp(path, "/readyz") == 0)
		httpd_answer(r, 503, "text/plain", SPAN_LIT("draining, or a worker is missing\n"));
}

bool admin_open(struct front *f, char error[CONFIG_ERROR_MAX])
{
	if (f->config.admin.listen.family == ADDR_NONE)
		return true;
	f->httpd = httpd_create(f->loop, &f->config.admin.listen, handle, f, error);
	return f->httpd != NULL;
}
