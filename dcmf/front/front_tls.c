/*
 * front_tls.c: the certificates that controllers over TCP are met with: read, doubted, replaced at
 * SIGHUP; and whether those toward servers will do.
 */
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "dcmf/front/front_parts.h"
#include "dtls/stream.h"

enum { PARTS = TLS_CA + 1 };

/* As the configuration calls them. */
static const char *const part_names[][PARTS] = {
	[TLS_SERVER] = { "certificate", "key", "client_ca" },
	[TLS_CLIENT] = { "certificate", "key", "ca" },
};

static bool read_parts(enum tls_side side, const char *const paths[PARTS], char *pem[PARTS],
	char error[CONFIG_ERROR_MAX])
{
	char why[CONFIG_ERROR_MAX];

	for (int i = 0; i < PARTS; i++) {
		pem[i] = paths[i][0] == '\0' ? mem_strdup("") : config_read_file(paths[i], why);
		if (pem[i] == NULL) {
			snprintf(error, CONFIG_ERROR_MAX, "%s %.480s", part_names[side][i], why);
			return false;
		}
	}
	return true;
}

static void free_parts(char *pem[PARTS])
{
	for (int i = 0; i < PARTS; i++) {
		if (pem[i] != NULL)
			mem_wipe(pem[i], strlen(pem[i]));
		mem_free(pem[i]);
	}
}

static struct filter_factory *load(enum tls_side side, const char *const paths[PARTS],
	const char *protocol, const char **doubt, char error[CONFIG_ERROR_MAX])
{
	char *pem[PARTS] = { NULL };
	struct filter_factory *factory = NULL;
	struct tls_fault fault;

	if (read_parts(side, paths, pem, error)) {
		const struct tls_config config = {
			.side = side,
			.server_name = side == TLS_CLIENT ? "localhost" : NULL,
			.certificate = SPAN_STR(pem[TLS_CERTIFICATE]),
			.key = SPAN_STR(pem[TLS_KEY]),
			.ca = SPAN_STR(pem[TLS_CA]),
			.protocol = protocol,
		};

		factory = tls_factory_create(&config, &fault);
		if (factory == NULL)
			snprintf(error, CONFIG_ERROR_MAX, "%s %.300s: %s",
				part_names[side][fault.part], paths[fault.part], fault.why);
		else
			*doubt = tls_factory_doubt(factory);
	}
	free_parts(pem);
	return factory;
}

struct filter_factory *listener_tls_load(const struct config_tls *tls, const char *protocol,
	const char **doubt, char error[CONFIG_ERROR_MAX])
{
	const char *const paths[PARTS] = { tls->certificate, tls->key, tls->client_ca };

	return load(TLS_SERVER, paths, protocol, doubt, error);
}

bool mdc_tls_check(const struct config_tls *tls, const char **doubt, char error[CONFIG_ERROR_MAX])
{
	const char *const paths[PARTS] = { tls->certificate, tls->key, tls->ca };
	struct filter_factory *factory = load(TLS_CLIENT, paths, NULL, doubt, error);

	tls_factory_destroy(factory); /* the workers make their own */
	return factory != NULL;
}

static bool is_wanted(const struct front *f)
{
	return f->config.control.tcp.tls.certificate[0] != '\0';
}

/* Takes the files as they are now. False: what was there stays. */
static bool take(struct front *f, char error[CONFIG_ERROR_MAX])
{
	const char *doubt = NULL;
	struct filter_factory *fresh =
		listener_tls_load(&f->config.control.tcp.tls, NULL, &doubt, error);

	if (fresh == NULL)
		return false;
	tls_factory_destroy(f->control_tls);
	f->control_tls = fresh;
	if (doubt != NULL)
		log_warn(NULL, "control.tcp.tls: certificate %s: %s",
			f->config.control.tcp.tls.certificate, doubt);
	return true;
}

bool control_tls_open(struct front *f, char error[CONFIG_ERROR_MAX])
{
	char why[CONFIG_ERROR_MAX];

	if (!is_wanted(f) || take(f, why))
		return true;
	snprintf(error, CONFIG_ERROR_MAX, "control.tcp.tls: %.480s", why);
	return false;
}

bool control_tls_reload(struct front *f)
{
	char why[CONFIG_ERROR_MAX] = "";

	if (!is_wanted(f) && f->control_tls == NULL)
		return false;
	if (is_wanted(f)) {
		if (take(f, why))
			log_info(NULL,
				"reload: control.tcp.tls was read again, for connections to come");
		else
			log_error(NULL, "reload: control.tcp.tls stays as it was: %s", why);
	} else if (addr_is_loopback(&f->config.control.tcp.listen)) {
		control_tls_close(f);
	} else {
		/* the file gives up an address that we still listen on */
		log_error(NULL,
			"reload: control.tcp.tls stays as it was: without it TCP is allowed "
			"on loopback only");
	}
	return true;
}

void control_tls_close(struct front *f)
{
	tls_factory_destroy(f->control_tls);
	f->control_tls = NULL;
}
