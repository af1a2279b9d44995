/*
 * front_cert.c: the node's certificate: made or loaded, shown to all
 * workers alike, replaced in time.
 */
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "dcmf/front/front_parts.h"
#include "dtls/cert.h"

#define DAY_US INT64_C(86400000000)

static bool is_made(const struct front *f)
{
	return strcmp(f->config.dtls.certificate, "auto") == 0;
}

static void wipe(char *pem)
{
	if (pem != NULL)
		mem_wipe(pem, strlen(pem));
	mem_free(pem);
}

static struct cert *load(const struct config *c, char error[CONFIG_ERROR_MAX])
{
	bool has_key_file = c->dtls.key[0] != '\0';
	char *certificate = config_read_file(c->dtls.certificate, error);
	char *key =
		certificate != NULL && has_key_file ? config_read_file(c->dtls.key, error) : NULL;
	struct cert *cert = NULL;
	const char *why = "";

	if (certificate != NULL && (key != NULL || !has_key_file)) {
		cert = cert_from_pem(
			SPAN_STR(certificate), SPAN_STR(has_key_file ? key : certificate), &why);
		if (cert == NULL)
			snprintf(error, CONFIG_ERROR_MAX, "dtls.certificate %s: %s",
				c->dtls.certificate, why);
	}
	wipe(certificate);
	wipe(key);
	return cert;
}

/* It lives twice as long as it is shown: contexts that were told of it keep it. */
static struct cert *make(const struct config *c, char error[CONFIG_ERROR_MAX])
{
	struct cert *cert = cert_generate((int)(2 * c->dtls.rotate / DAY_US) + 30);

	if (cert == NULL)
		snprintf(error, CONFIG_ERROR_MAX, "a certificate cannot be made");
	return cert;
}

static void show(struct front *f)
{
	const char *text = f->fingerprint;

	desk_set_fingerprints(f->desk, &text, 1);
}

/* Takes the certificate over. True: it is another one than before. */
static bool take(struct front *f, struct cert *cert, char error[CONFIG_ERROR_MAX])
{
	char text[FINGERPRINT_TEXT_MAX];
	struct fingerprint fp;
	char *pem = NULL;
	size_t len;

	error[0] = '\0';
	if (cert_fingerprint(cert, HASH_SHA256, &fp) != ERR_OK ||
		(pem = cert_to_pem(cert, &len)) == NULL) {
		snprintf(error, CONFIG_ERROR_MAX, "the certificate cannot be used: out of memory");
		cert_unref(cert);
		return false;
	}
	cert_unref(cert);
	fingerprint_text(&fp, text);
	if (strcmp(text, f->fingerprint) == 0) {
		wipe(pem);
		return false;
	}
	wipe(f->certificate);
	f->certificate = pem;
	snprintf(f->fingerprint, sizeof(f->fingerprint), "%s", text);
	show(f);
	log_info(NULL, "certificate %s", f->fingerprint);
	return true;
}

static void schedule(struct front *f)
{
	alarm_set(f->rotate,
		is_made(f) ? tick_add(loop_now(f->loop), f->config.dtls.rotate) : TICK_NEVER);
}

static void rotate_due(void *arg, tick_t now)
{
	struct front *f = arg;
	char error[CONFIG_ERROR_MAX];
	struct cert *cert = make(&f->config, error);

	if (cert != NULL && take(f, cert, error))
		workers_tell(f, &(struct front_news){ .certificate = f->certificate });
	else
		log_error(NULL, "the certificate stays: %s", error);
	schedule(f);
}

bool cert_open(struct front *f, char error[CONFIG_ERROR_MAX])
{
	struct cert *cert = is_made(f) ? make(&f->config, error) : load(&f->config, error);

	if (cert == NULL || !take(f, cert, error))
		return false;
	f->rotate = loop_alarm(f->loop, rotate_due, f);
	if (f->rotate == NULL) {
		snprintf(error, CONFIG_ERROR_MAX, "out of memory");
		return false;
	}
	schedule(f);
	return true;
}

bool cert_reload(struct front *f, bool is_other_option, char error[CONFIG_ERROR_MAX])
{
	struct cert *cert;

	error[0] = '\0';
	if (is_made(f) && !is_other_option)
		return false; /* the clock replaces it, not the operator */
	cert = is_made(f) ? make(&f->config, error) : load(&f->config, error);
	if (cert == NULL || !take(f, cert, error))
		return false;
	workers_tell(f, &(struct front_news){ .certificate = f->certificate });
	schedule(f);
	return true;
}

void cert_close(struct front *f)
{
	alarm_destroy(f->rotate);
	wipe(f->certificate);
	f->rotate = NULL;
	f->certificate = NULL;
}
