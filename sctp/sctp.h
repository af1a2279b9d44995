/* sctp.h: the SCTP stack of this process (usrsctp), driven by our loop alone. */
#pragma once

#include <stdbool.h>

#include "dcmf/base/tick.h"

/*
 * Once a process, before the first association. Single-threaded; no sockets, no threads, no clock
 * of its own except gettimeofday. Lists the network interfaces once, so call it before a sandbox.
 * False: it has been started already.
 */
bool sctp_start(void);
/*
 * After the last association: pumps the stack until it lets go, at most for a bounded number of
 * rounds. False: it did not.
 */
bool sctp_stop(void);

/*
 * When the timers of the stack want to run: soon while anything is under way, seldom when all is
 * idle, TICK_NEVER without associations. Late is harmless: retransmissions come that much later.
 */
tick_t sctp_deadline(void);
/* May call the output function of any association. */
void sctp_expire(tick_t now);
