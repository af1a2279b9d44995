/*
 * load_control.h: the generator as a controller: JSON-RPC over the gateway's control
 * socket. Any number of requests may be made; a few hundred are under way at a time, the others wait.
 */
#pragma once

#include <jansson.h>

#include "dcmf/io/loop.h"

struct load_control;

/* `result` is borrowed; NULL: `failed` says why, the gateway's cause first where it refused. */
typedef void load_control_done(void *arg, json_t *result, const char *failed);

/* `path` NULL: the default places in their order. NULL: `failed` says why. */
struct load_control *load_control_open(struct loop *l, const char *path, char failed[256]);
void load_control_close(struct load_control *c); /* nobody is called back */
/*
 * Takes the reference of `params`. `done` is called once; everything under
 * way fails when the gateway goes away.
 */
void load_control_call(struct load_control *c, const char *method, json_t *params,
	load_control_done *done, void *arg);
bool load_control_is_lost(const struct load_control *c);
