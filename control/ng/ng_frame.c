/* ng_frame.c: where a message of the ng protocol ends in a stream. */
#include "control/ng/ng_frame.h"

#include "control/ng/bencode.h"
#include "control/json.h"

#define LENGTH_DIGITS 7  /* of a string that fits into NG_MESSAGE_MAX */
#define NUMBER_DIGITS 24 /* of an integer, with its sign */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Blanks before the cookie, the cookie, and the one blank behind it. */
static enum ng_frame_end find_form(struct ng_frame *f, struct span bytes)
{
	while (f->blanks == f->at && f->at < bytes.len && is_blank(bytes.p[f->at]))
		f->blanks = ++f->at;
	while (f->at < bytes.len && bytes.p[f->at] != ' ') {
		if (bytes.p[f->at] < ' ' || f->at - f->blanks >= NG_COOKIE_MAX)
			return NG_FRAME_BAD;
		f->at++;
	}
	if (f->at + 1 >= bytes.len)
		return NG_FRAME_MORE;
	f->form = (char)bytes.p[++f->at];
	return f->form == 'd' || f->form == '{' ? NG_FRAME_WHOLE : NG_FRAME_BAD;
}

/* 'e' or ':' behind at most `max` bytes. *len: with it. */
static enum ng_frame_end find_end(struct span s, uint8_t end, size_t max, size_t *len)
{
	for (*len = 1; *len <= s.len && *len <= max + 1; ++*len) {
		if (s.p[*len - 1] == end)
			return NG_FRAME_WHOLE;
	}
	return s.len > max ? NG_FRAME_BAD : NG_FRAME_MORE;
}

/* One token of bencoding; a string counts as a whole. */
static enum ng_frame_end bencode_token(struct ng_frame *f, struct span rest)
{
	enum ng_frame_end end;
	uint64_t length;
	size_t len;

	switch (rest.p[0]) {
	case 'd':
	case 'l':
		f->depth++;
		f->at++;
		return f->depth > BENCODE_DEPTH_MAX ? NG_FRAME_BAD : NG_FRAME_WHOLE;
	case 'e':
		f->depth--;
		f->at++;
		return NG_FRAME_WHOLE;
	case 'i':
		end = find_end(rest, 'e', NUMBER_DIGITS, &len);
		f->at += end == NG_FRAME_WHOLE ? len : 0;
		return end;
	default: break;
	}
	end = find_end(rest, ':', LENGTH_DIGITS, &len);
	if (end != NG_FRAME_WHOLE)
		return end;
	if (!span_to_u64(SPAN(rest.p, len - 1), NG_MESSAGE_MAX, &length))
		return NG_FRAME_BAD;
	if (rest.len - len < length)
		return NG_FRAME_MORE;
	f->at += len + (size_t)length;
	return NG_FRAME_WHOLE;
}

static enum ng_frame_end json_character(struct ng_frame *f, struct span rest)
{
	uint8_t c = rest.p[0];

	f->at++;
	if (f->in_text) {
		f->in_text = f->is_escaped || c != '"';
		f->is_escaped = !f->is_escaped && c == '\\';
	} else if (c == '"') {
		f->in_text = true;
	} else if (c == '{' || c == '[') {
		f->depth++;
	} else if (c == '}' || c == ']') {
		f->depth--;
	}
	return f->depth > JS_DEPTH_MAX ? NG_FRAME_BAD : NG_FRAME_WHOLE;
}

enum ng_frame_end ng_frame_next(
	struct ng_frame *f, struct span bytes, struct span *message, size_t *len)
{
	enum ng_frame_end end = f->form == 0 ? find_form(f, bytes) : NG_FRAME_WHOLE;
	bool is_open = true;

	while (end == NG_FRAME_WHOLE && is_open) {
		struct span rest = span_skip(bytes, f->at);

		if (rest.len == 0)
			end = NG_FRAME_MORE;
		else
			end = f->form == 'd' ? bencode_token(f, rest) : json_character(f, rest);
		is_open = f->depth > 0;
	}
	if (end == NG_FRAME_MORE && bytes.len - f->blanks > NG_MESSAGE_MAX)
		return NG_FRAME_BAD;
	if (end != NG_FRAME_WHOLE)
		return end;
	*message = SPAN(bytes.p + f->blanks, f->at - f->blanks);
	*len = f->at;
	*f = (struct ng_frame){ 0 };
	return message->len > NG_MESSAGE_MAX ? NG_FRAME_BAD : NG_FRAME_WHOLE;
}
