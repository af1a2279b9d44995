/* err.h: what can go wrong, as a value with words. */
#pragma once

enum err {
#define ERR(name, words) ERR_##name,
#include "dcmf/base/err.def"
#undef ERR
	ERR_MAX
};

const char *err_text(enum err e);
