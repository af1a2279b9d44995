/*
 * front_mdc.c: what the gateway trusts and shows toward the servers of MDC1 and MDC2: read, checked,
 * handed to the workers, read again at SIGHUP.
 */
#include "control/json.h"
#include "dcmf/base/log.h"
#include "dcmf/front/front_parts.h"

bool mdc_open(struct front *f, char error[CONFIG_ERROR_MAX])
{
	return pem_read("mdc1.tls", &f->config.mdc1.tls, &f->mdc1, error) &&
	       pem_read("mdc2.tls", &f->config.mdc2.tls, &f->mdc2, error);
}

void mdc_close(struct front *f)
{
	pem_finish(&f->mdc1);
	pem_finish(&f->mdc2);
}

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* True: there is something new. */
static bool reload_one(const char *key, const struct config_tls *tls, struct front_pem *pem)
{
	char error[CONFIG_ERROR_MAX];
	struct front_pem fresh;

	if (!pem_read(key, tls, &fresh, error)) {
		log_error(NULL, "reload: stays as it was: %s", error);
		return false;
	}
	if (same(fresh.ca, pem->ca) && same(fresh.certificate, pem->certificate) &&
		same(fresh.key, pem->key)) {
		pem_finish(&fresh);
		return false;
	}
	pem_finish(pem);
	*pem = fresh;
	log_info(NULL, "reload: %s was read again, for connections to come", key);
	return true;
}

bool mdc_reload(struct front *f)
{
	bool mdc1 = reload_one("mdc1.tls", &f->config.mdc1.tls, &f->mdc1);
	bool mdc2 = reload_one("mdc2.tls", &f->config.mdc2.tls, &f->mdc2);

	if (mdc1 || mdc2)
		workers_tell(f, &(struct front_news){ .mdc = true });
	return mdc1 || mdc2;
}

static bool put_one(json_t *params, const char *key, const struct front_pem *pem)
{
	json_t *o = json_object();
	bool ok = o != NULL && (pem->ca == NULL || js_put(o, "ca", json_string(pem->ca))) &&
		  (pem->certificate == NULL ||
			  js_put(o, "certificate", json_string(pem->certificate))) &&
		  (pem->key == NULL || js_put(o, "key", json_string(pem->key)));

	if (ok)
		return js_put(params, key, o);
	json_decref(o);
	return false;
}

bool mdc_put(const struct front *f, json_t *params)
{
	return put_one(params, "mdc1", &f->mdc1) && put_one(params, "mdc2", &f->mdc2);
}
