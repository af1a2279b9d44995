/*
 * exec.h: a command that is given a text on its standard input and says one on its standard output.
 *
 * The answer ends with the output, or with an empty line where the command lives on: a server that answers and then serves. It gets SIGTERM
 * when nobody needs it any more.
 */
#pragma once

#include "dcmf/io/loop.h"

struct exec;

/* `output` is terminated and valid during the call; NULL: `failed` says why. Once, never from inside exec_start(). */
typedef void exec_done(void *arg, const char *output, const char *failed);

/* Run by /bin/sh. NULL: it could not be started. */
struct exec *exec_start(
	struct loop *l, const char *command, const char *input, exec_done *done, void *arg);
void exec_stop(struct exec *e); /* done() is not called any more; NULL is fine */
