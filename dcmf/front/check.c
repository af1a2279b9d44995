/*
 * check.c: what a configuration needs of the machine: addresses that can be bound,
 * files that can be read, ports enough.
 */
#include "dcmf/front/check.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/front/front_parts.h"
#include "dcmf/http/http.h"
#include "dtls/cert.h"
#include "dtls/stream.h"

#define FILES_BESIDES 64 /* of a worker, that are no media ports */

static unsigned errors;

static void complain(const char *what, const char *why)
{
	fprintf(stderr, "dcmf: %s: %s\n", what, why);
	errors++;
}

/* 0, or errno. */
static int try_bind(const struct addr *at, int type)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(at, &ss);
	int fd = socket(ss.ss_family, type | SOCK_CLOEXEC, 0), on = 1, why = errno;

	if (fd < 0)
		return why;
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	why = bind(fd, (struct sockaddr *)&ss, len) == 0 ? 0 : errno;
	close(fd);
	return why;
}

/* An address in use may be our own gateway's that is running: worth a word, no reason to fail. */
static void check_bind(const struct addr *at, int type, const char *what)
{
	char text[ADDR_TEXT_MAX], where[160];
	int why = try_bind(at, type);

	snprintf(where, sizeof(where), "%.60s %s", what, addr_text(at, text));
	if (why == EADDRINUSE)
		fprintf(stderr, "dcmf: warning: %s: in use at the moment\n", where);
	else if (why != 0)
		complain(where, strerror(why));
}

bool check_media_addresses(const struct config *c, char error[CONFIG_ERROR_MAX])
{
	char text[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < c->media_count; i++) {
		int why = try_bind(&c->media[i].address, SOCK_DGRAM);

		if (why == 0)
			continue;
		snprintf(error, CONFIG_ERROR_MAX, "media %s: address %s: %s", c->media[i].name,
			addr_ip_text(&c->media[i].address, text), strerror(why));
		return false;
	}
	return true;
}

/* Each context takes a port of its own, unless it speaks ICE and there is a shared one. */
static void warn_of_few_ports(const struct config *c, const struct config_media *m)
{
	unsigned workers = config_workers(c),
		 contexts = (unsigned)((c->limits.contexts + workers - 1) / workers);
	struct config_ports part;
	unsigned ports = config_ports_of(m, 0, workers, &part);

	if (ports < contexts)
		fprintf(stderr,
			"dcmf: warning: media %s: %u ports a worker cannot carry limits.contexts, "
			"%u a worker%s\n",
			m->name, ports, contexts,
			m->shared_port != 0 ? ", but for those with ICE" : "");
}

/* Each port is a socket of the worker that owns it; the gateway raises its limit as far as it may. */
static void warn_of_few_files(const struct config *c)
{
	unsigned workers = config_workers(c), files = FILES_BESIDES;
	struct config_ports part;
	struct rlimit limit;

	for (unsigned i = 0; i < c->media_count; i++)
		files += config_ports_of(&c->media[i], 0, workers, &part) +
			 (c->media[i].shared_port != 0);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && files > limit.rlim_max)
		fprintf(stderr,
			"dcmf: warning: media.ports: a worker that uses all of its ports needs %u "
			"open files, and the limit is %llu (ulimit -Hn, LimitNOFILE=)\n",
			files, (unsigned long long)limit.rlim_max);
}

static void check_media(const struct config *c)
{
	char error[CONFIG_ERROR_MAX];

	if (!check_media_addresses(c, error))
		complain("configuration", error);
	for (unsigned i = 0; i < c->media_count; i++) {
		struct addr at = c->media[i].address;

		for (unsigned w = 0; w < config_workers(c) && c->media[i].shared_port != 0; w++) {
			at.port = (uint16_t)(c->media[i].shared_port + w);
			check_bind(&at, SOCK_DGRAM, c->media[i].name);
		}
		warn_of_few_ports(c, &c->media[i]);
	}
	warn_of_few_files(c);
}

static void check_pair(const char *certificate_file, const char *key_file)
{
	char error[CONFIG_ERROR_MAX];
	char *certificate = config_read_file(certificate_file, error);
	char *key = certificate != NULL ? config_read_file(key_file, error) : NULL;
	const char *why = error;
	struct cert *cert =
		key != NULL ? cert_from_pem(SPAN_STR(certificate), SPAN_STR(key), &why) : NULL;

	if (cert == NULL)
		complain("dtls.certificate", why);
	cert_unref(cert);
	mem_free(certificate);
	if (key != NULL)
		mem_wipe(key, strlen(key));
	mem_free(key);
}

static void check_certificate(const struct config *c)
{
	if (strcmp(c->dtls.certificate, "auto") != 0)
		check_pair(c->dtls.certificate,
			c->dtls.key[0] != '\0' ? c->dtls.key : c->dtls.certificate);
}

static void check_listener_tls(const char *key, const struct config_tls *tls, const char *protocol)
{
	char error[CONFIG_ERROR_MAX];
	const char *doubt = NULL;
	struct filter_factory *factory;

	if (tls->certificate[0] == '\0')
		return;
	factory = listener_tls_load(tls, protocol, &doubt, error);
	if (factory == NULL)
		complain(key, error);
	if (doubt != NULL)
		fprintf(stderr, "dcmf: warning: %s: certificate %s: %s\n", key, tls->certificate,
			doubt);
	tls_factory_destroy(factory);
}

/* Toward the servers of mdc1 or mdc2. */
static void check_mdc_tls(const char *key, const struct config_tls *tls)
{
	char error[CONFIG_ERROR_MAX];
	const char *doubt = NULL;

	if (!mdc_tls_check(tls, &doubt, error))
		complain(key, error);
	if (doubt != NULL)
		fprintf(stderr, "dcmf: warning: %s: certificate %s: %s\n", key, tls->certificate,
			doubt);
}

/* The name of a configured DCSF, looked up as the gateway will do it. */
struct lookup {
	const struct config *c;
	struct loop *loop;
	const char *what;
};

static void looked_up(void *arg, const struct addr *addr, const char *failed)
{
	const struct lookup *l = arg;
	char error[CONFIG_ERROR_MAX];

	if (addr == NULL)
		complain(l->c->mdc1.url, failed);
	else if (!dcsf_may_be_asked(l->c, addr, error))
		complain("configuration", error);
	loop_stop(l->loop);
}

static void check_url(const struct config *c)
{
	struct lookup l = { .c = c, .loop = loop_create() };
	struct resolver *resolver = l.loop != NULL ? resolver_create(l.loop) : NULL;
	char host[256], error[CONFIG_ERROR_MAX];
	uint16_t port;

	if (!dcsf_split_url(c, host, &port, error))
		complain("configuration", error);
	else if (resolver == NULL || !resolver_ask(resolver, host, port, looked_up, &l))
		complain(c->mdc1.url, "out of memory");
	else
		loop_run(l.loop, NULL, NULL);
	resolver_destroy(resolver);
	loop_destroy(l.loop);
}

static void check_dcsf(const struct config *c)
{
	char path[512], error[CONFIG_ERROR_MAX];

	if (c->mdc1.url[0] != '\0')
		check_url(c);
	if (!c->mdc1.embedded || c->mdc1.url[0] != '\0')
		return;
	if (!dcsf_find_apps(c, path, error) || !dcsf_find_program(path, error))
		complain("mdc1", error);
}

/* Cuts the last name off: "/run/dcmf/control.sock" becomes "/run/dcmf", "/run" "/", "run" ".". */
static void cut_name(char path[108])
{
	char *slash = strrchr(path, '/');

	if (slash == NULL)
		snprintf(path, 108, ".");
	else
		slash[slash == path] = '\0';
}

/* The socket's folder takes it, or can be made in the one above. */
static bool takes_socket(const char *path)
{
	char folder[108];

	snprintf(folder, sizeof(folder), "%s", path);
	cut_name(folder);
	if (access(folder, W_OK | X_OK) == 0)
		return true;
	if (errno != ENOENT)
		return false;
	cut_name(folder);
	return access(folder, W_OK | X_OK) == 0;
}

static void check_socket(const struct config *c)
{
	char path[108], error[CONFIG_ERROR_MAX];

	if (!control_socket_path(c, path, error)) {
		complain("control.socket", error);
	} else if (!takes_socket(path)) {
		snprintf(error, sizeof(error), "control.socket %s", path);
		complain(error, strerror(errno));
	}
}

static void check_ng(const struct config *c)
{
	const struct addr *listen = &c->ng.listen, *http = &c->ng.http;

	if (listen->family != ADDR_NONE) {
		check_bind(listen, SOCK_DGRAM, "ng.listen");
		check_bind(listen, SOCK_STREAM, "ng.listen");
	}
	if (http->family != ADDR_NONE)
		check_bind(http, SOCK_STREAM, "ng.http");
	if ((listen->family != ADDR_NONE && !addr_is_loopback(listen)) ||
		(http->family != ADDR_NONE && !addr_is_loopback(http)))
		fprintf(stderr,
			"dcmf: warning: ng: no authentication: who sends in the name of ng.clients "
			"controls calls\n");
}

static void check_oauth2(const struct config *c)
{
	char error[CONFIG_ERROR_MAX];
	unsigned passed_over = 0;
	struct token_keys *keys;

	if (c->sbi.oauth2.keys[0] == '\0')
		return;
	if ((keys = oauth_keys_load(c->sbi.oauth2.keys, &passed_over, error)) == NULL)
		complain("sbi.oauth2.keys", error);
	if (passed_over > 0)
		fprintf(stderr,
			"dcmf: warning: sbi.oauth2.keys %s: %u keys are neither for ES256 nor for "
			"RS256\n",
			c->sbi.oauth2.keys, passed_over);
	token_keys_destroy(keys);
}

static void nrf_looked_up(void *arg, const struct addr *addr, const char *failed)
{
	struct lookup *l = arg;

	if (addr == NULL)
		complain(l->what, failed);
	else if (strncmp(l->what, "https:", 6) != 0 && !addr_is_loopback(addr))
		complain(l->what, "plain http is allowed on loopback only");
	loop_stop(l->loop);
}

/* Each NRF must have an address; whether it answers is another matter. */
static void check_nrfs(const struct config *c)
{
	const struct config_tls tls = nrf_tls_of(c);

	if (c->sbi.nrf.count > 0 && strcmp(c->node.nf_instance_id, "auto") == 0)
		fprintf(stderr, "dcmf: warning: sbi.nrf: with node.nf_instance_id auto an NRF "
				"sees another node at every start\n");
	if (c->sbi.nrf.count > 0 && tls.ca != c->sbi.tls.client_ca)
		check_mdc_tls("sbi.tls", &tls); /* the others have been looked at */
	for (unsigned i = 0; i < c->sbi.nrf.count; i++) {
		struct lookup l = { .c = c, .loop = loop_create(), .what = c->sbi.nrf.text[i] };
		struct resolver *resolver = l.loop != NULL ? resolver_create(l.loop) : NULL;
		struct http_url url;
		char host[256] = "";

		http_url_parse(SPAN_STR(l.what), &url);
		if (url.host.len < sizeof(host))
			snprintf(host, sizeof(host), "%.*s", SPAN_FMT(url.host));
		if (resolver == NULL || !resolver_ask(resolver, host, url.port, nrf_looked_up, &l))
			complain(l.what, "out of memory");
		else
			loop_run(l.loop, NULL, NULL);
		resolver_destroy(resolver);
		loop_destroy(l.loop);
	}
}

unsigned check_config(const struct config *c)
{
	errors = 0;
	check_media(c);
	check_certificate(c);
	check_mdc_tls("mdc1.tls", &c->mdc1.tls);
	check_mdc_tls("mdc2.tls", &c->mdc2.tls);
	check_dcsf(c);
	check_ng(c);
	check_socket(c);
	check_listener_tls("control.tcp.tls", &c->control.tcp.tls, NULL);
	check_listener_tls("sbi.tls", &c->sbi.tls, SBI_PROTOCOL);
	check_oauth2(c);
	check_nrfs(c);
	if (c->sbi.listen.family != ADDR_NONE)
		check_bind(&c->sbi.listen, SOCK_STREAM, "sbi.listen");
	if (c->control.tcp.listen.family != ADDR_NONE)
		check_bind(&c->control.tcp.listen, SOCK_STREAM, "control.tcp.listen");
	if (c->admin.listen.family != ADDR_NONE)
		check_bind(&c->admin.listen, SOCK_STREAM, "admin.listen");
	return errors;
}
