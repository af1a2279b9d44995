/* front_pem.c: what the gateway trusts and shows toward servers, out of files. */
#include <stdio.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/log.h"
#include "dcmf/front/front_parts.h"

static void wipe(char *text)
{
	if (text != NULL)
		mem_wipe(text, strlen(text));
	mem_free(text);
}

void pem_finish(struct front_pem *pem)
{
	mem_free(pem->ca);
	mem_free(pem->certificate);
	wipe(pem->key);
	*pem = (struct front_pem){ NULL };
}

static bool read_one(const char *path, char **out, char error[CONFIG_ERROR_MAX])
{
	if (path[0] == '\0')
		return true;
	*out = config_read_file(path, error);
	return *out != NULL;
}

bool pem_read(const char *key, const struct config_tls *tls, struct front_pem *pem,
	char error[CONFIG_ERROR_MAX])
{
	char why[CONFIG_ERROR_MAX] = "";
	const char *doubt = NULL;

	*pem = (struct front_pem){ NULL };
	if (!read_one(tls->ca, &pem->ca, why) ||
		!read_one(tls->certificate, &pem->certificate, why) ||
		!read_one(tls->key, &pem->key, why) || !mdc_tls_check(tls, &doubt, why)) {
		snprintf(error, CONFIG_ERROR_MAX, "%s: %.480s", key, why);
		pem_finish(pem);
		return false;
	}
	if (doubt != NULL)
		log_warn(NULL, "%s: certificate %s: %s", key, tls->certificate, doubt);
	return true;
}
