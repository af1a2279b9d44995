/* target.c: what a request target asks for. */
#include "tools/dcsf/target.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcmf/base/span.h"

enum { SEGMENTS_MAX = 4, LIST_MAX = 1000000 };

static const struct {
	const char *word;
	enum ask ask;
} endings[] = {
	{ "applicationlist", ASK_LIST },
	{ "applications", ASK_PACKAGE },
	{ "echo", ASK_ECHO },
};

bool target_is_name(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
			strchr("._@+-", c) == NULL)
			return false;
	}
	return len > 0 && len <= TARGET_NAME_MAX && strcmp(text, ".") != 0 &&
	       strcmp(text, "..") != 0;
}

static int refuse(const char **why, int status, const char *sentence)
{
	*why = sentence;
	return status;
}

/*
 * "/sub/alice/applicationlist": the known ending, and before it the root,
 * whose last segment names the subscriber.
 */
static int parse_path(char *path, struct target *out, const char **why)
{
	const char *segment[SEGMENTS_MAX];
	size_t n = 0;
	char *rest = path;

	if (path[0] != '/')
		return refuse(why, 400, "the path does not begin with a slash");
	for (char *word; (word = strsep(&rest, "/")) != NULL;) {
		if (word[0] == '\0')
			continue;
		if (n == SEGMENTS_MAX || !target_is_name(word))
			return refuse(why, 404, "no such page");
		segment[n++] = word;
	}
	out->ask = ASK_ROOT;
	for (size_t i = 0; n > 0 && i < sizeof(endings) / sizeof(endings[0]); i++) {
		if (strcmp(segment[n - 1], endings[i].word) != 0)
			continue;
		out->ask = endings[i].ask;
		n--;
		break;
	}
	if (n > 0)
		snprintf(out->subscriber, sizeof(out->subscriber), "%s", segment[n - 1]);
	return 0;
}

/* Absent is fine, anything but digits is not. */
static bool parse_number(const struct evkeyvalq *query, const char *name, size_t *out)
{
	const char *text = evhttp_find_header(query, name);
	uint64_t n;

	if (text == NULL)
		return true;
	if (!span_to_u64(SPAN_STR(text), LIST_MAX, &n))
		return false;
	*out = (size_t)n;
	return true;
}

static int parse_query(const char *text, struct target *out, const char **why)
{
	struct evkeyvalq query;
	const char *appid;
	int status = 0;

	if (evhttp_parse_query_str(text != NULL ? text : "", &query) != 0)
		return refuse(why, 400, "the query is malformed");
	appid = evhttp_find_header(&query, "appid");
	if (!parse_number(&query, "begin-index", &out->begin) ||
		!parse_number(&query, "app-num", &out->count))
		status = refuse(why, 400, "begin-index and app-num are numbers");
	else if (out->ask == ASK_PACKAGE && (appid == NULL || !target_is_name(appid)))
		status = refuse(why, 400, "appid is missing or malformed");
	else if (appid != NULL && target_is_name(appid))
		snprintf(out->appid, sizeof(out->appid), "%s", appid);
	evhttp_clear_headers(&query);
	return status;
}

int target_parse(const char *uri, struct target *out, const char **why)
{
	struct evhttp_uri *parsed = evhttp_uri_parse_with_flags(uri, EVHTTP_URI_NONCONFORMANT);
	const char *raw = parsed != NULL ? evhttp_uri_get_path(parsed) : NULL;
	char *path = NULL;
	size_t len = 0;
	int status;

	*out = (struct target){ .count = SIZE_MAX };
	if (raw != NULL)
		path = evhttp_uridecode(raw[0] != '\0' ? raw : "/", 0, &len);
	if (path == NULL || strlen(path) != len)
		status = refuse(why, 400, "the request target is malformed");
	else if ((status = parse_path(path, out, why)) == 0)
		status = parse_query(evhttp_uri_get_query(parsed), out, why);
	free(path); /* libevent's */
	if (parsed != NULL)
		evhttp_uri_free(parsed);
	return status;
}
