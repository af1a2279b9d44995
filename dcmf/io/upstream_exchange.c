/*
 * upstream_exchange.c: one HTTP request with its response: how curl is set up for
 * it, and the answers to curl's questions.
 */
#include "dcmf/io/upstream_exchange.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"

enum { OUT_BYTES = 65536 }; /* ours: request body held a request */

/* ---- request body ---- */

size_t exchange_write(struct exchange *e, struct span bytes)
{
	size_t n = bytes.len;

	if (e->out_is_done)
		return 0;
	if (e->out_left >= 0 && (int64_t)n > e->out_left)
		n = (size_t)e->out_left;
	if (n > bytes_room(&e->out) && e->out_sent > 0) {
		bytes_take(&e->out, e->out_sent);
		e->out_sent = 0;
		e->out_is_cut = true;
	}
	if (n > bytes_room(&e->out))
		n = bytes_room(&e->out);
	if (!bytes_append(&e->out, SPAN(bytes.p, n)))
		n = 0;
	e->out_was_full = n < bytes.len;
	if (e->out_left >= 0)
		e->out_left -= (int64_t)n;
	return n;
}

static size_t on_read(char *to, size_t size, size_t count, void *arg)
{
	struct exchange *e = arg;
	struct span unsent = span_skip(bytes_view(&e->out), e->out_sent);
	size_t n = unsent.len < size * count ? unsent.len : size * count;

	if (e->is_dead)
		return CURL_READFUNC_ABORT;
	if (n == 0 && (e->out_is_done || e->out_left == 0))
		return 0;
	if (n == 0) {
		e->out_is_paused = true;
		upstream_on_progress(e); /* from here on it is the caller who is slow */
		return CURL_READFUNC_PAUSE;
	}
	memcpy(to, unsent.p, n);
	e->out_sent += n;
	upstream_on_progress(e);
	if (e->out_was_full && unsent.len - n <= OUT_BYTES / 2) {
		e->out_was_full = false;
		upstream_later(e, WORK_WRITABLE);
	}
	return n;
}

/*
 * A kept connection may turn out to be dead after the first bytes;
 * curl then starts over on a new one.
 */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct exchange *e = arg;

	if (origin != SEEK_SET || offset != 0 || e->out_is_cut)
		return CURL_SEEKFUNC_FAIL;
	e->out_sent = 0;
	return CURL_SEEKFUNC_OK;
}

/* ---- response ---- */

static const char *protection(struct exchange *e)
{
	struct curl_tlssessioninfo *info = NULL;

	if (curl_easy_getinfo(e->easy, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || info == NULL ||
		info->internals == NULL)
		return "none";
	return upstream_describe_tls(e->upstream, info->internals);
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
	struct exchange *e = arg;

	if (e->is_dead)
		return 0;
	upstream_on_progress(e);
	switch (upstream_head_line(&e->head, SPAN(line, size * count))) {
	case HEAD_MORE: return size * count;
	case HEAD_BAD: e->failed = e->head.failed; return 0;
	case HEAD_COMPLETE: break;
	}
	upstream_on_head(e, protection(e));
	return e->is_dead ? 0 : size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct exchange *e = arg;

	if (e->is_dead)
		return 0;
	e->in_is_paused = !upstream_on_body(e, SPAN(bytes, size * count));
	if (e->is_dead)
		return 0;
	upstream_on_progress(e);
	return e->in_is_paused ? CURL_WRITEFUNC_PAUSE : size * count;
}

/* ---- connection ---- */

/* curl asks for a socket: only one toward the address the caller named. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct exchange *e = arg;
	struct addr addr;
	int fd, on = 1;

	if (!addr_from_sockaddr(&to->addr, &addr) || addr.port != e->connect.port ||
		memcmp(addr.ip, e->connect.ip, 16) != 0) {
		e->failed = "the connection would have gone to another address than the one given";
		return CURL_SOCKET_BAD;
	}
	if ((fd = socket(to->family, to->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->protocol)) <
		0)
		return CURL_SOCKET_BAD;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	upstream_on_stage(e, EXCHANGE_CONNECTING);
	return fd;
}

static int on_connected(void *arg, char *remote, char *local, int remote_port, int local_port)
{
	upstream_on_stage(arg, EXCHANGE_TALKING);
	return CURL_PREREQFUNC_OK;
}

/* ---- setting up ---- */

static void set_callbacks(struct exchange *e)
{
	CURL *c = e->easy;

	curl_easy_setopt(c, CURLOPT_PRIVATE, e);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, e->error);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, e);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, e);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(c, CURLOPT_READDATA, e);
	curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(c, CURLOPT_SEEKDATA, e);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, e);
	curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_connected);
	curl_easy_setopt(c, CURLOPT_PREREQDATA, e);
}

/* Nothing happens behind our back: no files, no environment, no redirects, no guesses. */
static void set_manners(CURL *c)
{
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(c, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	curl_easy_setopt(c, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 16384L);
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
}

/*
 * Over TLS the server chooses by ALPN; plainly nobody can ask it. curl 7.88 finds a connection
 * again that it began with prior knowledge, and cannot go on with it ("Error in the HTTP2 framing
 * layer"): each request has its own.
 */
static void set_version(CURL *c, const struct upstream_request *r)
{
	bool is_known = r->knows_h2 && strncasecmp(r->url, "http:", 5) == 0;

	curl_easy_setopt(c, CURLOPT_HTTP_VERSION,
		is_known ? (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
			 : (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(c, CURLOPT_FORBID_REUSE, is_known ? 1L : 0L);
}

static struct curl_blob blob(const char *pem)
{
	union {
		const char *text;
		void *data;
	} p = { .text = pem }; /* curl's struct has no const; NOCOPY leaves the bytes alone */

	return (struct curl_blob){ .data = p.data, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY };
}

static CURLcode set_tls(CURL *c, const struct upstream_tls *tls)
{
	CURLcode code = CURLE_OK;
	struct curl_blob b;

	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* TS 33.210 6.2.3: ephemeral key exchange and AEAD only; TLS 1.3 knows nothing else */
	curl_easy_setopt(c, CURLOPT_SSL_CIPHER_LIST, "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM");
	curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	if (tls == NULL)
		return CURLE_OK;
	if (tls->ca != NULL) {
		b = blob(tls->ca);
		code = curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &b);
	}
	if (code == CURLE_OK && tls->certificate != NULL && tls->key != NULL) {
		b = blob(tls->certificate);
		code = curl_easy_setopt(c, CURLOPT_SSLCERT_BLOB, &b);
		b = blob(tls->key);
		if (code == CURLE_OK)
			code = curl_easy_setopt(c, CURLOPT_SSLKEY_BLOB, &b);
	}
	return code;
}

static bool append(struct curl_slist **list, const char *text)
{
	struct curl_slist *longer = text != NULL ? curl_slist_append(*list, text) : NULL;

	if (longer == NULL)
		return false;
	*list = longer;
	return true;
}

/* The framing of the message and of the connection is curl's business. */
static bool is_ours(struct span name)
{
	static const char *const names[] = { "host", "content-length", "transfer-encoding",
		"connection", "expect" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_eq_nocase(name, SPAN_STR(names[i])))
			return true;
	}
	return false;
}

static bool has_line_end(struct span s)
{
	return memchr(s.p, '\r', s.len) != NULL || memchr(s.p, '\n', s.len) != NULL ||
	       memchr(s.p, '\0', s.len) != NULL;
}

static bool set_headers(struct exchange *e, const struct upstream_request *r)
{
	bool has_accept = false;

	for (size_t i = 0; i < r->header_count; i++) {
		struct span name = r->headers[i].name, value = r->headers[i].value;
		char *line;
		bool ok;

		if (is_ours(name))
			continue;
		if (name.len == 0 || has_line_end(name) || (value.len > 0 && has_line_end(value)))
			return false;
		has_accept |= span_eq_nocase(name, SPAN_LIT("accept"));
		/* curl's way to say "with an empty value" is a semicolon */
		line = value.len > 0 ? mem_printf("%.*s: %.*s", SPAN_FMT(name), SPAN_FMT(value))
				     : mem_printf("%.*s;", SPAN_FMT(name));
		ok = append(&e->headers, line);
		mem_free(line);
		if (!ok)
			return false;
	}
	/* a name with nothing behind its colon takes curl's own header out */
	if (!append(&e->headers, "Expect:") || (!has_accept && !append(&e->headers, "Accept:")))
		return false;
	return curl_easy_setopt(e->easy, CURLOPT_HTTPHEADER, e->headers) == CURLE_OK;
}

static bool set_target(struct exchange *e, const struct upstream_request *r)
{
	char where[ADDR_TEXT_MAX];
	char *rule;
	bool ok;

	if (curl_easy_setopt(e->easy, CURLOPT_URL, r->url) != CURLE_OK)
		return false;
	/*
	 * host and port of the URL, whatever they are, stand for this
	 * address: nothing is ever resolved
	 */
	rule = mem_printf("::%s", addr_text(&r->connect, where));
	ok = append(&e->connect_to, rule);
	mem_free(rule);
	if (r->connect.scope != 0)
		curl_easy_setopt(e->easy, CURLOPT_ADDRESS_SCOPE, (long)r->connect.scope);
	return ok && curl_easy_setopt(e->easy, CURLOPT_CONNECT_TO, e->connect_to) == CURLE_OK;
}

static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 127 || strchr("()<>@,;:\\\"/[]?={}", s.p[i]) != NULL)
			return false;
	}
	return s.len > 0 && s.len < 32;
}

/* Methods that mean a body (RFC 9110 8.6) say "Content-Length: 0" when they have none. */
static bool expects_body(struct span method)
{
	return span_eq(method, SPAN_LIT("POST")) || span_eq(method, SPAN_LIT("PUT")) ||
	       span_eq(method, SPAN_LIT("PATCH"));
}

static bool set_method(struct exchange *e, const struct upstream_request *r)
{
	char method[32];

	if (!is_token(r->method) || span_eq(r->method, SPAN_LIT("CONNECT")))
		return false;
	memcpy(method, r->method.p, r->method.len);
	method[r->method.len] = '\0';
	e->out_left = r->body_length;
	if (span_eq(r->method, SPAN_LIT("HEAD"))) {
		e->out_left = 0;
		return curl_easy_setopt(e->easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
	}
	if (r->body_length != 0 || expects_body(r->method)) {
		curl_easy_setopt(e->easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(e->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body_length);
	}
	return curl_easy_setopt(e->easy, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK;
}

struct exchange *exchange_create(struct upstream *u, const struct upstream_request *r)
{
	struct exchange *e = mem_zalloc(sizeof(*e));

	if (e == NULL)
		return NULL;
	e->upstream = u;
	e->tag = r->tag;
	e->connect = r->connect;
	e->deadline = TICK_NEVER;
	e->out.limit = OUT_BYTES;
	list_init(&e->on_list);
	upstream_head_init(&e->head);
	if (!addr_is_set(&r->connect) || (e->easy = curl_easy_init()) == NULL) {
		exchange_destroy(e);
		return NULL;
	}
	set_callbacks(e);
	set_manners(e->easy);
	set_version(e->easy, r);
	if (set_tls(e->easy, r->tls) != CURLE_OK || !set_target(e, r) || !set_method(e, r) ||
		!set_headers(e, r)) {
		exchange_destroy(e);
		return NULL;
	}
	return e;
}

void exchange_destroy(struct exchange *e)
{
	if (e == NULL)
		return;
	list_unlink(&e->on_list);
	if (e->easy != NULL)
		curl_easy_cleanup(e->easy);
	curl_slist_free_all(e->headers);
	curl_slist_free_all(e->connect_to);
	upstream_head_finish(&e->head);
	bytes_finish(&e->out);
	mem_free(e);
}
