/*
 * document_check.c: walks a document along the tables of document_schema.c,
 * then brings it into its one normal form.
 */
#include "control/document/document_schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/json.h"
#include "dtls/fingerprint.h"

static bool check_object(struct check *k, const struct schema *s, const json_t *object);

/*
 * One step down, to be undone with leave(). Names are escaped (RFC 6901 3);
 * a pointer that is too long is cut.
 */
static size_t enter(struct check *k, const char *name)
{
	size_t len = k->len;

	if (k->len + 2 < POINTER_MAX)
		k->pointer[k->len++] = '/';
	for (; *name != '\0' && k->len + 3 < POINTER_MAX; name++) {
		if (*name == '~' || *name == '/') {
			k->pointer[k->len++] = '~';
			k->pointer[k->len++] = *name == '~' ? '0' : '1';
		} else {
			k->pointer[k->len++] = *name;
		}
	}
	k->pointer[k->len] = '\0';
	return len;
}

static void leave(struct check *k, size_t len)
{
	k->len = len;
	k->pointer[len] = '\0';
}

/* `name` may be a path of names: the tables and rules are ours, nothing in it needs escaping. */
static void note(struct check *k, struct problem *p, enum problem_kind kind, const char *name,
	const char *fmt, va_list ap)
{
	char pointer[POINTER_MAX + 64], reason[200];

	vsnprintf(reason, sizeof(reason), fmt, ap);
	snprintf(pointer, sizeof(pointer), "%s%s%s", k->pointer, name != NULL ? "/" : "",
		name != NULL ? name : "");
	problem_param(p, kind, pointer, "%s", reason);
}

void check_wrong(struct check *k, enum problem_kind kind, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(k, k->wrong, kind, name, fmt, ap);
	va_end(ap);
}

void check_refused(struct check *k, enum problem_kind kind, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(k, &k->refused, kind, name, fmt, ap);
	va_end(ap);
}

static bool is_served(const struct attribute *a, const char *text)
{
	for (const char *const *one = a->served; *one != NULL; one++) {
		if (strcmp(*one, text) == 0)
			return true;
	}
	return false;
}

/* The check_* functions below stand at the attribute; they return false when something is wrong. */

static bool wrong(struct check *k, const struct attribute *a, const char *reason)
{
	check_wrong(k, a->required ? PROBLEM_IE_INCORRECT : PROBLEM_OPTIONAL_INCORRECT, NULL, "%s",
		reason);
	return false;
}

static bool check_text(struct check *k, const struct attribute *a, const json_t *value)
{
	const char *text = json_string_value(value), *fault;
	char reason[80];

	if (text == NULL)
		return wrong(k, a, "not a text");
	if ((int64_t)json_string_length(value) < a->min ||
		(int64_t)json_string_length(value) > a->max) {
		snprintf(reason, sizeof(reason), "%lld to %lld bytes are needed", (long long)a->min,
			(long long)a->max);
		return wrong(k, a, reason);
	}
	if (a->fault != NULL && (fault = a->fault(text)) != NULL)
		return wrong(k, a, fault);
	if (a->served != NULL && !is_served(a, text)) {
		bool is_media = strcmp(text, "AUDIO") == 0 || strcmp(text, "VIDEO") == 0 ||
				strcmp(text, "AR") == 0;

		check_refused(k, PROBLEM_NOT_BUILT, NULL, "%.64s is not served%s", text,
			is_media ? ": audio and video are not anchored yet" : "");
	}
	return true;
}

static bool check_integer(struct check *k, const struct attribute *a, const json_t *value)
{
	char reason[80];

	if (!json_is_integer(value))
		return wrong(k, a, "not an integer");
	if (json_integer_value(value) >= a->min && json_integer_value(value) <= a->max)
		return true;
	snprintf(reason, sizeof(reason), "not in %lld to %lld", (long long)a->min,
		(long long)a->max);
	return wrong(k, a, reason);
}

/* An element of a list or map: an object, or a text as the attribute itself describes it. */
static bool check_element(struct check *k, const struct attribute *a, const json_t *value)
{
	struct attribute text = {
		.shape = SHAPE_TEXT, .required = a->required, .max = 1024, .fault = a->fault
	};

	if (a->of == NULL)
		return check_text(k, &text, value);
	return json_is_object(value) ? check_object(k, a->of, value) : wrong(k, a, "not an object");
}

static bool check_count(struct check *k, const struct attribute *a, size_t count)
{
	char reason[80];

	if ((int64_t)count >= a->min && (int64_t)count <= a->max)
		return true;
	snprintf(reason, sizeof(reason), "%lld to %lld entries are needed", (long long)a->min,
		(long long)a->max);
	return wrong(k, a, reason);
}

static bool check_list(struct check *k, const struct attribute *a, const json_t *list)
{
	const json_t *value;
	bool fine;
	size_t i;

	if (!json_is_array(list))
		return wrong(k, a, "not an array");
	if (!check_count(k, a, json_array_size(list)))
		return false;
	fine = true;
	json_array_foreach (list, i, value) {
		char index[24];
		size_t back;

		snprintf(index, sizeof(index), "%zu", i);
		back = enter(k, index);
		fine = check_element(k, a, value) && fine;
		leave(k, back);
	}
	return fine;
}

bool stream_id_parse(const char *text, uint16_t *sid)
{
	uint64_t n;

	if ((text[0] == '0' && text[1] != '\0') || !span_to_u64(span_str(text), UINT16_MAX, &n))
		return false;
	*sid = (uint16_t)n;
	return true;
}

/* The key of a map says which stream; a streamId inside must say the same. */
static bool check_stream_key(
	struct check *k, const struct attribute *a, const char *key, const json_t *value)
{
	uint16_t sid;

	if (!stream_id_parse(key, &sid))
		return wrong(k, a, "the key is no stream id");
	if (sid >= k->rules->max_streams || sid > SCTP_SID_MAX) {
		check_wrong(k, PROBLEM_IE_INCORRECT, NULL,
			"stream ids end below sctp.max_streams, %u", k->rules->max_streams);
		return false;
	}
	if (js_get_integer(value, "streamId", sid) != sid) {
		check_wrong(k, PROBLEM_IE_INCORRECT, "streamId", "not the key of the map");
		return false;
	}
	return true;
}

static bool check_stream_map(struct check *k, const struct attribute *a, const json_t *map)
{
	const char *key;
	json_t *value;
	bool fine;

	if (!json_is_object(map))
		return wrong(k, a, "not an object");
	if (!check_count(k, a, json_object_size(map)))
		return false;
	fine = true;
	json_object_foreach ((json_t *)(uintptr_t)map, key, value) {
		size_t back = enter(k, key);

		fine = check_stream_key(k, a, key, value) && check_element(k, a, value) && fine;
		leave(k, back);
	}
	return fine;
}

static bool check_value(struct check *k, const struct attribute *a, const json_t *value)
{
	switch (a->shape) {
	case SHAPE_TEXT: return check_text(k, a, value);
	case SHAPE_INTEGER: return check_integer(k, a, value);
	case SHAPE_BOOLEAN: return json_is_boolean(value) || wrong(k, a, "neither true nor false");
	case SHAPE_OBJECT:
		return json_is_object(value) ? check_object(k, a->of, value)
					     : wrong(k, a, "not an object");
	case SHAPE_LIST: return check_list(k, a, value);
	case SHAPE_STREAM_MAP: return check_stream_map(k, a, value);
	case SHAPE_ANY: return true;
	}
	return true;
}

static const struct attribute *find_attribute(const struct schema *s, const char *name)
{
	for (const struct attribute *a = s->attributes; a->name != NULL; a++) {
		if (strcmp(a->name, name) == 0)
			return a;
	}
	return NULL;
}

static bool check_member(
	struct check *k, const struct schema *s, const char *name, const json_t *value)
{
	const struct attribute *a = find_attribute(s, name);
	size_t back = enter(k, name);
	bool fine = a != NULL;

	if (a == NULL)
		check_wrong(k, PROBLEM_OPTIONAL_INCORRECT, NULL, "there is no such attribute");
	else
		fine = check_value(k, a, value);
	if (a != NULL && a->unbuilt != NULL)
		check_refused(k, PROBLEM_NOT_BUILT, NULL, "%s", a->unbuilt);
	leave(k, back);
	return fine;
}

static bool check_object(struct check *k, const struct schema *s, const json_t *object)
{
	const char *name;
	json_t *value;
	bool fine = true;

	for (const struct attribute *a = s->attributes; a->name != NULL; a++) {
		if (a->required && json_object_get(object, a->name) == NULL) {
			check_wrong(k, PROBLEM_IE_MISSING, a->name, "missing");
			fine = false;
		}
	}
	json_object_foreach ((json_t *)(uintptr_t)object, name, value)
		fine = check_member(k, s, name, value) && fine;
	if (fine && s->rule != NULL)
		s->rule(k, object);
	return fine;
}

static void strip(const struct schema *s, json_t *object);

static void strip_parts(const struct attribute *a, json_t *value)
{
	const char *key;
	json_t *part;
	size_t i;

	if (a->shape == SHAPE_OBJECT)
		strip(a->of, value);
	json_array_foreach (value, i, part)
		strip(a->of, part);
	if (a->shape == SHAPE_STREAM_MAP) {
		json_object_foreach (value, key, part)
			strip(a->of, part);
	}
}

/* Takes out what only the gateway sets. */
static void strip(const struct schema *s, json_t *object)
{
	for (const struct attribute *a = s->attributes; a->name != NULL; a++) {
		json_t *value = json_object_get(object, a->name);

		if (a->ours)
			json_object_del(object, a->name);
		else if (a->of != NULL && value != NULL)
			strip_parts(a, value);
	}
}

static bool append_fingerprint(json_t *list, const char *text)
{
	char canonical[FINGERPRINT_TEXT_MAX];
	struct fingerprint f;
	const json_t *item;
	size_t i;

	fingerprint_parse(span_str(text), &f);
	fingerprint_text(&f, canonical);
	json_array_foreach (list, i, item) {
		if (strcmp(json_string_value(item), canonical) == 0)
			return true;
	}
	return js_append(list, json_string(canonical));
}

/* One list in upper case, whichever of the two attributes brought them. */
static bool normalise_fingerprints(json_t *endpoint)
{
	const char *single = js_get_text(endpoint, "fingerprint");
	const json_t *old = json_object_get(endpoint, "fingerprints"), *item;
	json_t *list;
	bool done;
	size_t i;

	if (single == NULL && old == NULL)
		return true;
	done = (list = json_array()) != NULL;
	json_array_foreach (old, i, item)
		done = done && append_fingerprint(list, json_string_value(item));
	if (single != NULL && json_array_size(list) < SPEC_FINGERPRINTS_MAX)
		done = done && append_fingerprint(list, single);
	done = done && json_object_set(endpoint, "fingerprints", list) == 0;
	json_decref(list);
	json_object_del(endpoint, "fingerprint");
	return done;
}

static bool normalise_map(json_t *map)
{
	const char *key;
	json_t *value;

	json_object_foreach (map, key, value) {
		uint16_t sid = 0;

		if (json_object_get(value, "streamId") == NULL &&
			!(stream_id_parse(key, &sid) && js_put_integer(value, "streamId", sid)))
			return false;
	}
	return true;
}

static bool normalise(json_t *doc)
{
	for (size_t t = 0; t < document_terminations(doc); t++) {
		const json_t *termination = document_termination(doc, t);

		for (size_t m = 0; m < document_medias(termination); m++) {
			json_t *media = document_media(termination, m);
			json_t *dc = json_object_get(media, "dcMedia");

			const json_t *mdc1 = json_object_get(dc, "mdc1Info"),
				     *mdc2 = json_object_get(dc, "mdc2Info");

			if (!normalise_fingerprints(json_object_get(dc, "remoteDcEndpoint")) ||
				!normalise_fingerprints(
					json_object_get(mdc1, "remoteMdc1Endpoint")) ||
				!normalise_fingerprints(
					json_object_get(mdc2, "remoteMdc2Endpoint")) ||
				!normalise_map(json_object_get(dc, "streams")) ||
				!normalise_map(json_object_get(dc, "replaceHttpUrl")))
				return false;
			if (json_object_size(json_object_get(media, "dcmf")) == 0)
				json_object_del(media, "dcmf");
		}
	}
	return true;
}

bool document_check(json_t *doc, const struct document_rules *rules, bool *rel18, struct problem *p)
{
	struct check k = { .rules = rules, .wrong = p };

	*rel18 = k.rel18 = document_is_rel18(doc);
	if (!json_is_object(doc))
		return problem_set(p, PROBLEM_IE_INCORRECT, "a MediaContext is an object");
	check_object(&k, &media_context_schema, doc);
	if (p->kind != PROBLEM_NONE) {
		problem_finish(&k.refused);
		return false;
	}
	*p = k.refused;
	if (p->kind != PROBLEM_NONE)
		return false;
	strip(&media_context_schema, doc);
	if ((k.rel18 && !document_from_rel18(doc)) || !normalise(doc))
		return problem_set(p, PROBLEM_NO_RESOURCES, "out of memory");
	return true;
}
