/* show.h: answers of the gateway as tables for people. */
#pragma once

#include <jansson.h>

void show_info(const json_t *info);
void show_stats(const json_t *stats);
void show_list(const json_t *list); /* one page */
void show_context(const json_t *context);
void show_event(const json_t *params);
void show_state(const json_t *state);
/* One screen of `top`: what changed since the stats before, `seconds` ago. `before` may be NULL. */
void show_top(const json_t *info, const json_t *stats, const json_t *before, double seconds);
