/* words.c: the words of the error and close reason tables. */
#include "dcmf/base/close.h"
#include "dcmf/base/err.h"

static const char *const err_words[] = {
#define ERR(name, words) [ERR_##name] = (words),
#include "dcmf/base/err.def"
#undef ERR
};

static const struct {
	const char *name, *words;
	bool fault;
} closes[] = {
#define CLOSE(name, fault, words) [CLOSE_##name] = { #name, (words), (fault) },
#include "dcmf/base/close.def"
#undef CLOSE
};

const char *err_text(enum err e)
{
	return e < ERR_MAX ? err_words[e] : "unknown error";
}

const char *close_name(enum close_reason r)
{
	return r < CLOSE_MAX ? closes[r].name : "UNKNOWN";
}

const char *close_text(enum close_reason r)
{
	return r < CLOSE_MAX ? closes[r].words : "unknown reason";
}

bool close_is_fault(enum close_reason r)
{
	return r < CLOSE_MAX && closes[r].fault;
}
