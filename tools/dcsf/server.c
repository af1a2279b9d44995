/* server.c: answers requests from a catalog, over HTTP or HTTPS. */
#include "tools/dcsf/server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "tools/dcsf/page.h"
#include "tools/dcsf/target.h"

enum { HEAD_BYTES = 16 << 10, BODY_BYTES = 64 << 20, IDLE_S = 60 };

struct server {
	struct evhttp *http;
	struct catalog *catalog;
	SSL_CTX *tls;
	struct addr at;
};

/* ---- answers ---- */

static void set_header(struct evhttp_request *r, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(r), name, value);
}

static bool is_head(struct evhttp_request *r)
{
	return evhttp_request_get_command(r) == EVHTTP_REQ_HEAD;
}

/* Phones take a reply without Content-Length for complete at once, so there is always one. */
static void set_length(struct evhttp_request *r, size_t len)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", len);
	set_header(r, "Content-Length", text);
}

static void answer(struct evhttp_request *r, int status, const char *type, const char *text)
{
	set_header(r, "Content-Type", type);
	set_length(r, strlen(text));
	if (!is_head(r))
		evbuffer_add(evhttp_request_get_output_buffer(r), text, strlen(text));
	evhttp_send_reply(r, status, NULL, NULL);
}

static void refuse(struct evhttp_request *r, int status, const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "%s\n", why);
	answer(r, status, "text/plain; charset=utf-8", text);
}

/* RFC 9110 13.1.2: "*", or a list of tags of which one is ours; weak ones compare the same here. */
static bool has_it_already(struct evhttp_request *r, const char *etag)
{
	const char *text = evhttp_find_header(evhttp_request_get_input_headers(r), "If-None-Match");
	struct span rest = SPAN_STR(text);

	while (rest.len > 0) {
		struct span tag = span_trim(span_cut(&rest, ','));

		if (span_starts(tag, SPAN_LIT("W/")))
			tag = span_skip(tag, 2);
		if (span_eq(tag, SPAN_LIT("*")) || span_eq(tag, SPAN_STR(etag)))
			return true;
	}
	return false;
}

/* With the ETag set; true: the client was told that nothing changed. */
static bool answer_unchanged(struct evhttp_request *r, const char *etag)
{
	set_header(r, "ETag", etag);
	set_header(r, "Cache-Control", "no-cache");
	if (!has_it_already(r, etag))
		return false;
	evhttp_send_reply(r, 304, NULL, NULL);
	return true;
}

/* Takes the text over. */
static void answer_page(struct evhttp_request *r, const char *type, char *text)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char etag[40] = "\"";

	if (text == NULL) {
		refuse(r, 500, "out of memory");
		return;
	}
	EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL);
	for (int i = 0; i < 12; i++)
		snprintf(etag + 1 + 2 * i, 4, "%02x\"", digest[i]);
	if (!answer_unchanged(r, etag))
		answer(r, 200, type, text);
	free(text);
}

static void on_package_sent(const void *bytes, size_t len, void *arg)
{
	package_unref(arg);
}

static void answer_package(struct evhttp_request *r, const struct app *a)
{
	struct package *p = a->package;
	char name[128];

	if (answer_unchanged(r, a->etag))
		return;
	snprintf(name, sizeof(name), "attachment; filename=\"%.64s.zip\"", a->id);
	set_header(r, "Content-Type", "application/zip");
	set_header(r, "Content-Disposition", name);
	set_length(r, p->size);
	if (!is_head(r) && evbuffer_add_reference(evhttp_request_get_output_buffer(r), p->bytes,
				   p->size, on_package_sent, package_ref(p)) != 0)
		package_unref(p);
	evhttp_send_reply(r, 200, NULL, NULL);
}

static void answer_echo(struct evhttp_request *r)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(r);
	const char *type = evhttp_find_header(evhttp_request_get_input_headers(r), "Content-Type");

	set_header(r, "Content-Type", type != NULL ? type : "application/octet-stream");
	set_length(r, evbuffer_get_length(body));
	evbuffer_add_buffer(evhttp_request_get_output_buffer(r), body);
	evhttp_send_reply(r, 200, NULL, NULL);
}

/* ---- requests ---- */

static void answer_from_catalog(struct server *s, struct evhttp_request *r, const struct target *t)
{
	const struct app **apps = mem_alloc((s->catalog->count + 1) * sizeof(*apps));
	const struct app *wanted = NULL;
	size_t n;

	if (apps == NULL) {
		refuse(r, 500, "out of memory");
		return;
	}
	n = catalog_select(s->catalog, t->subscriber, apps);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(apps[i]->id, t->appid) == 0)
			wanted = apps[i];
	}
	if (t->ask == ASK_ROOT)
		answer_page(r, "text/html; charset=utf-8", page_menu(apps, n, t->subscriber));
	else if (t->ask == ASK_LIST)
		answer_page(r, "application/json", page_list(apps, n, t->begin, t->count));
	else if (wanted == NULL)
		refuse(r, 404, "no such application");
	else
		answer_package(r, wanted);
	mem_free(apps);
}

/* NULL: the method will do. Otherwise those that would. */
static const char *methods_instead(enum evhttp_cmd_type method, enum ask ask)
{
	if (ask == ASK_ECHO)
		return method == EVHTTP_REQ_POST || method == EVHTTP_REQ_PUT ? NULL : "POST, PUT";
	return method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD ? NULL : "GET, HEAD";
}

static void on_request(struct evhttp_request *r, void *arg)
{
	const char *uri = evhttp_request_get_uri(r), *why, *methods;
	struct target target;
	int status;

	log_debug("request", "%.200s", uri);
	if ((status = target_parse(uri, &target, &why)) != 0) {
		refuse(r, status, why);
		return;
	}
	if ((methods = methods_instead(evhttp_request_get_command(r), target.ask)) != NULL) {
		set_header(r, "Allow", methods);
		refuse(r, 405, "not with this method");
		return;
	}
	if (target.ask == ASK_ECHO)
		answer_echo(r);
	else
		answer_from_catalog(arg, r, &target);
}

/* ---- TLS ---- */

static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	struct server *s = arg;
	struct bufferevent *bev = bufferevent_openssl_socket_new(
		base, -1, SSL_new(s->tls), BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);

	if (bev != NULL)
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

static SSL_CTX *tls_failed(SSL_CTX *ctx, char failed[256], const char *what, const char *file)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	snprintf(failed, 256, "%s %s: %s", what, file, reason != NULL ? reason : "cannot be used");
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return NULL;
}

SSL_CTX *server_tls_load(
	const char *certificate, const char *key, const char *client_ca, char failed[256])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		return tls_failed(ctx, failed, "TLS", "set-up");
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
		return tls_failed(ctx, failed, "certificate", certificate);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return tls_failed(ctx, failed, "key", key);
	if (client_ca == NULL)
		return ctx;
	if (SSL_CTX_load_verify_file(ctx, client_ca) != 1)
		return tls_failed(ctx, failed, "client CA", client_ca);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return ctx;
}

/* ---- life ---- */

static bool bind_to(struct server *s, const struct addr *at, char failed[256])
{
	char ip[ADDR_TEXT_MAX], where[ADDR_TEXT_MAX];
	struct evhttp_bound_socket *bound =
		evhttp_bind_socket_with_handle(s->http, addr_ip_text(at, ip), at->port);
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int on = 1;

	if (bound == NULL) {
		snprintf(failed, 256, "cannot listen on %s: %s", addr_text(at, where),
			strerror(errno));
		return false;
	}
	/* inherited by what is accepted: head and body are two writes, Nagle would hold one */
	setsockopt(evhttp_bound_socket_get_fd(bound), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&ss, &len);
	return addr_from_sockaddr((struct sockaddr *)&ss, &s->at);
}

struct server *server_create(
	struct loop *l, const struct addr *at, SSL_CTX *tls, struct catalog *c, char failed[256])
{
	struct server *s = mem_zalloc(sizeof(*s));

	if (s == NULL || (s->http = evhttp_new(loop_base(l))) == NULL) {
		snprintf(failed, 256, "out of memory");
		mem_free(s);
		catalog_destroy(c);
		return NULL;
	}
	s->catalog = c;
	if (tls != NULL) {
		server_set_tls(s, tls);
		evhttp_set_bevcb(s->http, on_connection, s);
	}
	evhttp_set_max_headers_size(s->http, HEAD_BYTES);
	evhttp_set_max_body_size(s->http, BODY_BYTES);
	evhttp_set_timeout(s->http, IDLE_S);
	evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
						    EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
						    EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
						    EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(s->http, on_request, s);
	if (!bind_to(s, at, failed)) {
		server_destroy(s);
		return NULL;
	}
	return s;
}

void server_destroy(struct server *s)
{
	if (s == NULL)
		return;
	evhttp_free(s->http);
	catalog_destroy(s->catalog);
	SSL_CTX_free(s->tls);
	mem_free(s);
}

void server_set_catalog(struct server *s, struct catalog *c)
{
	catalog_destroy(s->catalog);
	s->catalog = c;
}

void server_set_tls(struct server *s, SSL_CTX *tls)
{
	SSL_CTX_up_ref(tls);
	SSL_CTX_free(s->tls);
	s->tls = tls;
}

struct addr server_address(const struct server *s)
{
	return s->at;
}
