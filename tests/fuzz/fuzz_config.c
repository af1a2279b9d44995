/*
 * fuzz_config.c: any text as a configuration file: accepted whole, or refused
 * with a sentence that names the file.
 */
#include <string.h>

#include "dcmf/base/alloc.h"
#include "dcmf/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_span_dup(SPAN(data, size));
	char error[CONFIG_ERROR_MAX];
	struct config config;

	if (text == NULL)
		return 0;
	if (config_parse(text, "f.yaml", &config, error))
		config_finish(&config);
	else if (strncmp(error, "f.yaml:", 7) != 0)
		__builtin_trap();
	mem_free(text);
	return 0;
}
