/* show.c: answers of the gateway as tables for people. */
#include "tools/ctl/show.h"

#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value != NULL ? value : "-";
}

static long long number(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static void show_workers(const json_t *workers)
{
	size_t i;
	const json_t *w;

	printf("\n%-7s %-5s %8s %7s %9s %8s %8s\n", "WORKER", "STATE", "PID", "STARTS", "CONTEXTS",
		"CPU s", "MiB");
	json_array_foreach (workers, i, w) {
		printf("%-7lld %-5s %8lld %7lld %9lld %8.2f %8.1f\n", number(w, "index"),
			json_is_true(json_object_get(w, "up")) ? "up" : "down", number(w, "pid"),
			number(w, "starts"), number(w, "contexts"),
			json_number_value(json_object_get(w, "cpuSeconds")),
			(double)number(w, "memoryBytes") / 1048576);
	}
}

void show_info(const json_t *info)
{
	size_t i;
	const json_t *v;

	printf("%-14s %s\n", "name", text(info, "name"));
	printf("%-14s %s\n", "version", text(info, "version"));
	printf("%-14s %s\n", "nfInstanceId", text(info, "nfInstanceId"));
	printf("%-14s %s\n", "state", text(info, "state"));
	printf("%-14s %lld s\n", "uptime", number(info, "uptimeSeconds"));
	json_array_foreach (json_object_get(info, "fingerprints"), i, v)
		printf("%-14s %s %s\n", i == 0 ? "fingerprints" : "", text(v, "algorithm"),
			text(v, "value"));
	json_array_foreach (json_object_get(info, "capabilities"), i, v)
		printf("%-14s %s\n", i == 0 ? "capabilities" : "", json_string_value(v));
	show_workers(json_object_get(info, "workers"));
}

void show_stats(const json_t *stats)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)stats, key, value) {
		if (json_is_integer(value))
			printf("%-34s %15lld\n", key, (long long)json_integer_value(value));
	}
	show_workers(json_object_get(stats, "workers"));
}

void show_list(const json_t *list)
{
	size_t i;
	const json_t *c;

	json_array_foreach (json_object_get(list, "contexts"), i, c) {
		const char *owner = json_string_value(json_object_get(c, "owner"));

		printf("%-24s %s\n", text(c, "contextId"),
			owner != NULL ? owner : text(json_object_get(c, "dcmf"), "owner"));
	}
}

static void show_endpoint(const char *name, const json_t *e)
{
	const char *ip = json_string_value(json_object_get(json_object_get(e, "ip"), "ipv4Addr"));

	if (e == NULL)
		return;
	if (ip == NULL)
		ip = text(json_object_get(e, "ip"), "ipv6Addr");
	printf("    %-12s %s port %lld\n", name, ip, number(e, "portNumber"));
}

/* Whatever the status holds, one line a value: it may grow without this program. */
static void show_tree(const json_t *value, const char *name, int depth)
{
	const char *key;
	json_t *part;
	size_t i;

	if (json_is_object(value)) {
		if (name[0] != '\0')
			printf("%*s%s\n", depth * 2, "", name);
		json_object_foreach ((json_t *)(uintptr_t)value, key, part)
			show_tree(part, key, depth + 1);
	} else if (json_is_array(value)) {
		json_array_foreach (value, i, part)
			show_tree(part, name, depth);
	} else if (json_is_string(value)) {
		printf("%*s%-*s %s\n", depth * 2, "", 24 - depth * 2, name,
			json_string_value(value));
	} else {
		char *plain = json_dumps(value, JSON_ENCODE_ANY);

		printf("%*s%-*s %s\n", depth * 2, "", 24 - depth * 2, name,
			plain != NULL ? plain : "?");
		free(plain);
	}
}

static void show_media(const json_t *media)
{
	const json_t *status = json_object_get(json_object_get(media, "dcmf"), "status");

	printf("  media %s\n", text(media, "mediaId"));
	show_endpoint("local", json_object_get(media, "localMbEndpoint"));
	show_endpoint("remote", json_object_get(media, "remoteMbEndpoint"));
	if (status != NULL)
		show_tree(status, "status", 2);
}

void show_context(const json_t *context)
{
	const json_t *termination, *media;
	size_t t, m;

	printf("context %s  owner %s\n", text(context, "contextId"),
		text(json_object_get(context, "dcmf"), "owner"));
	json_array_foreach (json_object_get(context, "terminations"), t, termination) {
		const json_t *medias = json_object_get(termination, "medias");

		printf("termination %s\n", text(termination, "terminationId"));
		if (medias == NULL)
			medias = json_object_get(termination, "mediaInfos");
		json_array_foreach (medias, m, media)
			show_media(media);
	}
}

void show_event(const json_t *params)
{
	static const char *const first[] = { "type", "time", "contextId" };
	const char *key;
	json_t *value;

	printf("%s %-16s %s", text(params, "time"), text(params, "type"),
		text(params, "contextId"));
	json_object_foreach ((json_t *)(uintptr_t)params, key, value) {
		char *plain;

		if (strcmp(key, first[0]) == 0 || strcmp(key, first[1]) == 0 ||
			strcmp(key, first[2]) == 0)
			continue;
		plain = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		printf(" %s=%s", key,
			json_is_string(value) || plain == NULL ? json_string_value(value) : plain);
		free(plain);
	}
	printf("\n");
	fflush(stdout);
}

void show_state(const json_t *state)
{
	printf("%s, %lld contexts\n", text(state, "state"), number(state, "contexts"));
}

static void show_rate(const char *label, const char *key, const json_t *stats, const json_t *before,
	double seconds)
{
	double rate = before != NULL && seconds > 0
			      ? (double)(number(stats, key) - number(before, key)) / seconds
			      : 0;

	printf("%-26s %14lld %12.1f /s\n", label, number(stats, key), rate);
}

void show_top(const json_t *info, const json_t *stats, const json_t *before, double seconds)
{
	static const struct {
		const char *label, *key;
	} rates[] = {
		{ "contexts created", "contexts_created_total" },
		{ "DTLS handshakes", "dtls_connected_total" },
		{ "DTLS failed", "dtls_failed_total" },
		{ "HTTP requests", "http_requests_total" },
		{ "datagrams in", "datagrams_received_total" },
		{ "datagrams out", "datagrams_sent_total" },
		{ "message bytes in", "message_bytes_received_total" },
		{ "message bytes out", "message_bytes_sent_total" },
	};

	printf("\033[H\033[2J%s  %s  up %lld s\n\n", text(info, "name"), text(info, "state"),
		number(info, "uptimeSeconds"));
	printf("contexts %lld  legs open %lld  channels %lld  half open %lld  upstream requests "
	       "%lld\n\n",
		number(stats, "contexts"), number(stats, "legs_open"), number(stats, "channels"),
		number(stats, "half_open"), number(stats, "upstream_requests"));
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		show_rate(rates[i].label, rates[i].key, stats, before, seconds);
	show_workers(json_object_get(stats, "workers"));
	fflush(stdout);
}
