/* check.c: what a configuration needs of the machine: addresses that can be bound, files that can be read, ports enough. */
#include "dcmf/check.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/front_parts.h"
#include "dtls/cert.h"

static unsigned errors;

static void complain(const char *what, const char *why)
{
	fprintf(stderr, "dcmf: %s: %s\n", what, why);
	errors++;
}

/* An address in use may be our own gateway's that is running: worth a word, no reason to fail. */
static void try_bind(const struct addr *at, int type, const char *what)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(at, &ss);
	char text[ADDR_TEXT_MAX], where[160];
	int fd = socket(ss.ss_family, type | SOCK_CLOEXEC, 0), on = 1;

	snprintf(where, sizeof(where), "%.60s %s", what, addr_text(at, text));
	if (fd >= 0 && type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd >= 0 && bind(fd, (struct sockaddr *)&ss, len) == 0) {
		close(fd);
		return;
	}
	if (errno == EADDRINUSE)
		fprintf(stderr, "dcmf: warning: %s: in use at the moment\n", where);
	else
		complain(where, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void check_media(const struct config *c, const struct config_media *m)
{
	unsigned workers = config_workers(c),
		 contexts = (unsigned)((c->limits.contexts + workers - 1) / workers);
	struct config_ports part;
	struct addr at = m->address;
	char what[80];

	snprintf(what, sizeof(what), "media %s", m->name);
	at.port = 0;
	try_bind(&at, SOCK_DGRAM, what);
	for (unsigned w = 0; w < workers && m->shared_port != 0; w++) {
		at.port = (uint16_t)(m->shared_port + w);
		try_bind(&at, SOCK_DGRAM, what);
	}
	if (config_ports_of(m, 0, workers, &part) < contexts)
		fprintf(stderr,
			"dcmf: warning: media %s: %u ports a worker cannot carry limits.contexts: "
			"%u contexts a worker%s\n",
			m->name, config_ports_of(m, 0, workers, &part), contexts,
			m->shared_port != 0 ? ", but for those with ICE" : "");
}

static void check_readable(const char *path, const char *what)
{
	char error[CONFIG_ERROR_MAX];
	char *text;

	if (path[0] == '\0')
		return;
	text = config_read_file(path, error);
	if (text == NULL)
		complain(what, error);
	else
		mem_wipe(text, strlen(text));
	mem_free(text);
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

static void check_dcsf(const struct config *c)
{
	char path[512], error[CONFIG_ERROR_MAX];

	if (!c->mdc1.embedded || c->mdc1.url[0] != '\0')
		return;
	if (!dcsf_find_program(path, error) || !dcsf_find_apps(c, path, error))
		complain("mdc1", error);
}

unsigned check_config(const struct config *c)
{
	char path[108], error[CONFIG_ERROR_MAX];

	errors = 0;
	for (unsigned i = 0; i < c->media_count; i++)
		check_media(c, &c->media[i]);
	check_certificate(c);
	check_readable(c->mdc1.tls.ca, "mdc1.tls.ca");
	check_readable(c->mdc1.tls.certificate, "mdc1.tls.certificate");
	check_readable(c->mdc1.tls.key, "mdc1.tls.key");
	check_dcsf(c);
	if (!control_socket_path(c, path, error))
		complain("control.socket", error);
	if (c->control.tcp.listen.family != ADDR_NONE)
		try_bind(&c->control.tcp.listen, SOCK_STREAM, "control.tcp.listen");
	if (c->admin.listen.family != ADDR_NONE)
		try_bind(&c->admin.listen, SOCK_STREAM, "admin.listen");
	return errors;
}
