/* check.h: dcmf --check: would the gateway start with this configuration? */
#pragma once

#include "dcmf/config.h"

/* Prints errors and warnings to standard error; returns the number of errors. */
unsigned check_config(const struct config *c);
