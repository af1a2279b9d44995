/*
 * log.h: one line a life event, with the object it happened to.
 *
 *     log_info("leg 0-3f2.t1.m0{securing}", "open after %d ms", ms);
 *
 * No secrets, no payload. Per-packet matters are counters, not lines.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Where lines go and how they look. Default: stderr, info, text. */
void log_open(FILE *out, bool json);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
bool log_level_parse(const char *word, enum log_level *out); /* error warn info debug */
const char *log_level_name(enum log_level level);

/* Stands in every line: "front", "worker 0". Copied; at most 31 characters. */
void log_set_who(const char *who);

/*
 * `subject` may be NULL. A text longer than 2 KiB is cut, and so is a line longer than 4 KiB: it is
 * written at once, so that the lines of several processes on one standard error stay whole.
 */
__attribute__((format(printf, 3, 4))) void log_line(
	enum log_level level, const char *subject, const char *fmt, ...);

#define log_error(subject, ...) log_line(LOG_ERROR, subject, __VA_ARGS__)
#define log_warn(subject, ...)  log_line(LOG_WARN, subject, __VA_ARGS__)
#define log_info(subject, ...)  log_line(LOG_INFO, subject, __VA_ARGS__)
#define log_debug(subject, ...)                                    \
	do {                                                       \
		if (log_get_level() >= LOG_DEBUG)                  \
			log_line(LOG_DEBUG, subject, __VA_ARGS__); \
	} while (0)
