/*
 * stack.h: what the associations share: ids, private ports, the clock of the stack, the buffer
 * messages are read into.
 */
#pragma once

#include <stdbool.h>

#include "dcmf/base/slots.h"
#include "dcmf/base/tick.h"

struct assoc;

/*
 * Enters an association: gives it an id for the stack and a local port nobody else has, and makes
 * the common buffer large enough for messages of `max_message` bytes. False: out of memory or out
 * of ports, or sctp_start() was not called.
 */
bool stack_enter(struct assoc *a, size_t max_message, slot_id *id, uint16_t *port);
void stack_leave(slot_id id, uint16_t port);

/*
 * Every call with a time brings the stack's clock up to date; traffic
 * keeps it ticking fast for a while.
 */
void stack_advance(tick_t now);
/* Only tells the time, where the stack is given nothing that sets a timer. */
void stack_clock(tick_t now);
void stack_traffic(void);
/* The latest time anybody told us. */
tick_t stack_now(void);

/* The buffer all messages are read into; valid contents until the next read. */
void *stack_inbox(size_t *cap);
