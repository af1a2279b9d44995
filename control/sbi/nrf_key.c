/*
 * nrf_key.c: the key in an NRF's answer (TS 29.510, RetrieveKeyRsp): as raw bytes in JSON, or as a
 * certificate in a part of its own (multipart/related, RFC 2387).
 */
#include "control/sbi/base64.h"
#include "control/json.h"
#include "control/sbi/nrf_parts.h"
#include "dcmf/base/alloc.h"

/* RFC 2046 5.1.1. */
#define BOUNDARY_MAX 70
/* Ours: JSON, a certificate and its chain are three. */
#define PARTS_MAX 8

struct part {
	struct span head, body;
};

static struct span cut_line(struct span *rest)
{
	return span_trim(span_cut(rest, '\n'));
}

/* Where the text is; len of `in` when it is not. */
static size_t find(struct span in, struct span text)
{
	const uint8_t *at = in.len > 0 ? memmem(in.p, in.len, text.p, text.len) : NULL;

	return at != NULL ? (size_t)(at - in.p) : in.len;
}

/* The value of a parameter, `multipart/related; boundary="x"`. Empty: there is none. */
static struct span parameter(struct span field, struct span name)
{
	span_cut(&field, ';');
	while (field.len > 0) {
		struct span value = span_trim(span_cut(&field, ';')), key = span_cut(&value, '=');

		value = span_trim(value);
		if (!span_eq_nocase(span_trim(key), name))
			continue;
		if (value.len >= 2 && value.p[0] == '"' && value.p[value.len - 1] == '"')
			value = SPAN(value.p + 1, value.len - 2);
		return value;
	}
	return SPAN_NONE;
}

static struct span field_of(struct span head, struct span name)
{
	while (head.len > 0) {
		struct span value = cut_line(&head), key = span_cut(&value, ':');

		if (span_eq_nocase(span_trim(key), name))
			return span_trim(value);
	}
	return SPAN_NONE;
}

/* Head and body of a part, whatever ends its lines. */
static struct part split_part(struct span bytes)
{
	size_t crlf = find(bytes, SPAN_LIT("\r\n\r\n")), lf = find(bytes, SPAN_LIT("\n\n"));
	size_t head = crlf < lf ? crlf : lf;

	return (struct part){ SPAN(bytes.p, head), span_skip(bytes, head + (crlf < lf ? 4 : 2)) };
}

/* How many; 0: it is no multipart, or has too many. */
static unsigned split(struct span content_type, struct span body, struct part out[PARTS_MAX])
{
	struct span boundary = parameter(content_type, SPAN_LIT("boundary"));
	uint8_t line[BOUNDARY_MAX + 4] = { '\r', '\n', '-', '-' };
	struct span mark = SPAN(line, 4 + boundary.len);
	unsigned count = 0;
	size_t at;

	if (boundary.len == 0 || boundary.len > BOUNDARY_MAX)
		return 0;
	memcpy(line + 4, boundary.p, boundary.len);
	/* the first one may stand at the very beginning, without a line end before it */
	at = find(body, span_skip(mark, 2));
	if (at == body.len)
		return 0;
	body = span_skip(body, at + mark.len - 2);
	while (body.len > 0 && !span_starts(body, SPAN_LIT("--"))) {
		if (count == PARTS_MAX || (at = find(body, mark)) == body.len)
			return 0;
		/* the mark's own line end and the head's first line are one */
		out[count++] = split_part(span_skip(SPAN(body.p, at), 2));
		body = span_skip(body, at + mark.len);
	}
	return count;
}

/* Content-Id stands in angle brackets or, by mistake, without. */
static bool is_named(struct span id, struct span name)
{
	if (id.len >= 2 && id.p[0] == '<' && id.p[id.len - 1] == '>')
		id = SPAN(id.p + 1, id.len - 2);
	return name.len > 0 && span_eq(id, name);
}

static bool of_certificate(
	const json_t *o, const struct part *parts, unsigned count, struct public_key *out)
{
	struct span name = SPAN_STR(js_get_text(json_object_get(o, "x509Cert"), "contentId"));
	const char *why;

	for (unsigned i = 1; i < count; i++) {
		if (is_named(field_of(parts[i].head, SPAN_LIT("content-id")), name))
			return public_key_from_der(parts[i].body, out, &why);
	}
	return false;
}

/* SubjectPublicKeyInfo (RFC 7250) in base64. */
static bool of_raw_key(const json_t *o, struct public_key *out)
{
	struct span text = SPAN_STR(js_get_text(o, "rawPubKey"));
	uint8_t *der = text.len > 0 ? mem_alloc(BASE64_BYTES(text.len)) : NULL;
	const char *why;
	size_t len;
	bool ok = der != NULL && base64_decode(text, der, BASE64_BYTES(text.len), &len) &&
		  public_key_from_der(SPAN(der, len), out, &why);

	mem_free(der);
	return ok;
}

bool nrf_key_of(struct span content_type, struct span body, struct public_key *out)
{
	struct part parts[PARTS_MAX];
	unsigned count = split(content_type, body, parts);
	bool no_memory, ok = false;
	json_t *o = NULL;

	*out = (struct public_key){ .pem = NULL };
	if (body.len <= NRF_BODY_MAX)
		o = js_parse(count > 0 ? parts[0].body : body, &no_memory);
	if (json_is_object(o))
		ok = of_raw_key(o, out) || of_certificate(o, parts, count, out);
	json_decref(o);
	return ok;
}
