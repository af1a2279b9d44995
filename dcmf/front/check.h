/* check.h: would the gateway start with this configuration, on this machine? */
#pragma once

#include "dcmf/config/config.h"

/* Can ports be opened on every media address? False: `error` names the one. */
bool check_media_addresses(const struct config *c, char error[CONFIG_ERROR_MAX]);
/*
 * All that `dcmf --check` looks at. Prints errors and warnings to standard
 * error; returns the number of errors.
 */
unsigned check_config(const struct config *c);
