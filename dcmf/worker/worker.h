/*
 * worker.h: the process that carries media: one loop, one relay, one usrsctp,
 * its own ports and upstream connections.
 */
#pragma once

/*
 * Runs until the front goes away or tells it to stop. `front_fd` is one end of a socket
 * pair that carries the lines of control/agent.h; `counters_fd` is shared memory of
 * COUNTER_MAX int64_t. Returns the exit status.
 */
int worker_main(int front_fd, int counters_fd);
