/*
 * front.h: the process that operators and controllers talk to: control
 * interfaces, supervision of workers, statistics.
 */
#pragma once

#include "dcmf/config/config.h"

/*
 * Runs until it is told to stop; takes *config over. `path` is the file it came from,
 * NULL: the embedded defaults. Returns the exit status: 0 after an orderly stop, 1
 * when it could not start (the log says why).
 */
int front_run(struct config *config, const char *path);
