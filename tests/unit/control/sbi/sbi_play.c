/* sbi_play.c: Nmf_MRM on a desk whose workers a test plays itself. */
#include "tests/unit/control/sbi/sbi_play.h"

#include <stdio.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"

struct sbi *sbi;
struct reply replies[REPLIES];
unsigned sbi_load;
int64_t sbi_wall_us;
struct sbi_access access;
bool conn_has_gone;

static int32_t last_stream;

static void answer(void *arg, uint64_t conn, int32_t stream, const struct h2_answer *a)
{
	struct reply *r = &replies[stream];
	size_t len = 0;

	r->count++;
	r->status = a->status;
	for (size_t i = 0; i < a->header_count; i++)
		len += (size_t)snprintf(r->headers + len, sizeof(r->headers) - len, "%.*s: %.*s\n",
			SPAN_FMT(a->headers[i].name), SPAN_FMT(a->headers[i].value));
	snprintf(r->body, sizeof(r->body), "%.*s", SPAN_FMT(a->body));
}

static bool has_hung_up(void *arg, uint64_t conn)
{
	return conn_has_gone;
}

static void authorize(void *arg, const struct sbi_origin *from, const struct h2_request *r,
	struct sbi_access *out)
{
	*out = access;
	if (out->identity[0] == '\0')
		client_identity(from->names, out->identity);
}

static unsigned load(void *arg)
{
	return sbi_load;
}

static int64_t wall_us(void *arg)
{
	return sbi_wall_us;
}

static const struct sbi_ops ops = { answer, has_hung_up, authorize, load, wall_us, NULL };

void open_sbi(void)
{
	const struct sbi_config config = {
		.ops = &ops,
		.nf_instance_id = "3fa85f64-5717-4562-b3fc-2c963f66afa6",
		.most = 8,
	};
	struct sbi_config mine = config;

	open_desk();
	mine.desk = desk;
	memset(replies, 0, sizeof(replies));
	access = (struct sbi_access){ PROBLEM_NONE };
	sbi_load = 0;
	sbi_wall_us = INT64_C(1580806177845000); /* Tue, 04 Feb 2020 08:49:37.845 GMT */
	conn_has_gone = false;
	last_stream = 0;
	sbi = sbi_create(&mine);
	ck_assert_ptr_nonnull(sbi);
}

void close_sbi(void)
{
	sbi_destroy(sbi);
	close_desk();
	for (int32_t i = 0; i <= last_stream; i++)
		ck_assert_uint_le(replies[i].count, 1);
}

int32_t send_wish(struct wish w)
{
	const struct sbi_origin from = { w.conn != 0 ? w.conn : 1,
		"CN=as1 URI:urn:uuid:6f1c0c1e-2a7b-4d0f-9a51-3d0f2b7c8e11" };
	struct h2_header headers[WISH_HEADERS + 1];
	struct h2_request r = {
		.stream = ++last_stream,
		.method = SPAN_STR(w.method),
		.scheme = SPAN_LIT("https"),
		.authority = SPAN_LIT("mf1.example:9443"),
		.path = SPAN_STR(w.path),
		.headers = headers,
		.body = SPAN_STR(w.body),
		.excess = w.excess,
	};

	if (w.content_type != NULL)
		headers[r.header_count++] =
			(struct h2_header){ SPAN_LIT("content-type"), SPAN_STR(w.content_type) };
	for (int i = 0; i < WISH_HEADERS && w.headers[i][0] != NULL; i++)
		headers[r.header_count++] =
			(struct h2_header){ SPAN_STR(w.headers[i][0]), SPAN_STR(w.headers[i][1]) };
	sbi_request(sbi, now, &from, &r);
	return last_stream;
}

const char *header(int32_t id, const char *name)
{
	static char value[512];
	char start[64];
	const char *at;

	snprintf(start, sizeof(start), "%s: ", name);
	at = strstr(replies[id].headers, start);
	if (at == NULL)
		return "";
	at += strlen(start);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\n"), at);
	return value;
}
