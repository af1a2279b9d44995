/*
 * sctp.c: starts and stops the stack, turns its clock, and hands its
 * packets to the right association.
 */
#include "sctp/sctp.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <usrsctp.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "sctp/assoc_impl.h"
#include "sctp/socket.h"
#include "sctp/stack.h"

#define TICK_BUSY_MS 10
#define TICK_IDLE_MS 100
/* Ours: the rarest. Debian's stack then spends 5 ms a second on 10,000 idle associations. */
#define TICK_REST_MS 2000
/*
 * A timer that is still pending was set before the last packet, so it lasts longer than the quiet has
 * lasted until now; it may come late by this part of its own length.
 */
#define LATE_PART 5
/* Ours: delayed SACKs and first retransmissions come within this time of a packet. */
#define BUSY_FOR_MS 500
/* The stack walks all its timers at each tick, some 0.2 us each: this keeps it near 4% of a CPU. */
#define ASSOCS_A_MS  200
#define TICK_SLOW_MS 50
/*
 * Ours, well below the least time before a repetition: whoever comes so late was not running, and
 * what arrived meanwhile waits to be read. That time proves no loss, so it is not counted.
 */
#define LATE_MS     50
#define STOP_ROUNDS 2000

#define PORT_MIN 1024
#define PORT_MAX 65535

/* A queued message costs memory beyond its bytes, so both are bounded; see also assoc_send(). */
#define CHUNKS_ON_QUEUE 8192

static struct {
	bool started;
	struct slots assocs;

	tick_t now;        /* the latest time we were told */
	tick_t turned;     /* what the stack believes the time is */
	tick_t busy_until; /* tick fast until then */

	uint8_t port_taken[(PORT_MAX + 1) / 8];
	uint16_t next_port;

	void *inbox;
	size_t inbox_cap;
} stack;

/* Called by the stack in the middle of its work: nothing of it may be called from here. */
static int output(void *addr, void *buffer, size_t len, uint8_t tos, uint8_t set_df)
{
	struct assoc *a = slots_get(&stack.assocs, (slot_id)(uintptr_t)addr);

	if (a != NULL)
		assoc_output(a, buffer, len);
	return 0;
}

__attribute__((format(printf, 1, 2))) static void no_log(const char *format, ...)
{
}

/* Everything a data channel does not need is off; its old bugs are then off too. */
static void set_defaults(void)
{
	usrsctp_sysctl_set_sctp_ecn_enable(0);
	usrsctp_sysctl_set_sctp_asconf_enable(0);
	usrsctp_sysctl_set_sctp_auto_asconf(0);
	usrsctp_sysctl_set_sctp_auth_enable(0);
	usrsctp_sysctl_set_sctp_nrsack_enable(0);
	usrsctp_sysctl_set_sctp_pktdrop_enable(0);
	usrsctp_sysctl_set_sctp_cmt_on_off(0);
	usrsctp_sysctl_set_sctp_blackhole(2); /* no ABORT for packets of nobody */
	usrsctp_sysctl_set_sctp_pr_enable(1);
	usrsctp_sysctl_set_sctp_reconfig_enable(1);
	usrsctp_sysctl_set_sctp_max_chunks_on_queue(CHUNKS_ON_QUEUE);
	usrsctp_sysctl_set_sctp_shutdown_guard_time_default(30);
	usrsctp_sysctl_set_sctp_asoc_free_resc_limit(16);
	usrsctp_sysctl_set_sctp_system_free_resc_limit(4096);
}

bool sctp_start(void)
{
	if (stack.started)
		return false;
	/*
	 * Before the start. The first is the table all are found in, by verification tag and by
	 * port; the second is made for each socket, to find its associations: one socket has one.
	 */
	usrsctp_tunable_set_sctp_hashtblsize(16384);
	usrsctp_tunable_set_sctp_pcbtblsize(1);
	usrsctp_init_nothreads(0, output, no_log);
	/* We fill it in: assoc_output(). DTLS has authenticated what we receive. */
	usrsctp_enable_crc32c_offload();
	set_defaults();
	stack.next_port = PORT_MIN;
	stack.now = stack.turned = stack.busy_until = (tick_t){ 0 };
	stack.started = true;
	return true;
}

bool sctp_stop(void)
{
	if (!stack.started)
		return true;
	for (int round = 0; usrsctp_finish() != 0; round++) {
		if (round == STOP_ROUNDS)
			return false;
		usrsctp_handle_timers(TICK_BUSY_MS);
	}
	slots_finish(&stack.assocs);
	stack.started = false;
	return true;
}

static int64_t idle_interval_ms(void)
{
	int64_t quiet_ms = BUSY_FOR_MS + tick_since(stack.busy_until, stack.turned) / 1000;
	int64_t interval = quiet_ms / LATE_PART;

	if (interval < TICK_IDLE_MS)
		return TICK_IDLE_MS;
	return interval < TICK_REST_MS ? interval : TICK_REST_MS;
}

static int64_t tick_interval_ms(void)
{
	int64_t by_number = (int64_t)slots_count(&stack.assocs) / ASSOCS_A_MS;

	if (!tick_before(stack.turned, stack.busy_until))
		return idle_interval_ms();
	if (by_number < TICK_BUSY_MS)
		return TICK_BUSY_MS;
	return by_number < TICK_SLOW_MS ? by_number : TICK_SLOW_MS;
}

tick_t sctp_deadline(void)
{
	if (slots_count(&stack.assocs) == 0)
		return TICK_NEVER;
	return tick_add(stack.turned, TICK_MS(tick_interval_ms()));
}

void sctp_expire(tick_t now)
{
	stack_advance(now);
}

/*
 * The stack counts its timers from its own idea of the time, so it must be
 * brought up to date before it is given work: otherwise a retransmission would
 * come early by the length of the last pause.
 */
void stack_advance(tick_t now)
{
	int64_t elapsed_ms = tick_since(stack.turned, now) / 1000;
	int64_t at_most_ms = tick_interval_ms() + LATE_MS;

	stack_clock(now);
	if (slots_count(&stack.assocs) == 0) {
		stack.turned = stack.now; /* nobody has a timer */
		return;
	}
	if (elapsed_ms < TICK_BUSY_MS)
		return;
	stack.turned = tick_add(stack.turned, TICK_MS(elapsed_ms));
	usrsctp_handle_timers((uint32_t)(elapsed_ms < at_most_ms ? elapsed_ms : at_most_ms));
}

void stack_clock(tick_t now)
{
	if (tick_before(stack.now, now))
		stack.now = now;
}

void stack_traffic(void)
{
	stack.busy_until = tick_add(stack.now, TICK_MS(BUSY_FOR_MS));
}

tick_t stack_now(void)
{
	return stack.now;
}

static bool take_port(uint16_t *port)
{
	for (int tries = 0; tries <= PORT_MAX - PORT_MIN; tries++) {
		uint16_t p = stack.next_port;

		stack.next_port = p == PORT_MAX ? PORT_MIN : (uint16_t)(p + 1);
		if (stack.port_taken[p / 8] & (1 << p % 8))
			continue;
		stack.port_taken[p / 8] |= (uint8_t)(1 << p % 8);
		*port = p;
		return true;
	}
	return false;
}

static void give_port_back(uint16_t p)
{
	stack.port_taken[p / 8] &= (uint8_t) ~(1 << p % 8);
}

static bool make_inbox(size_t max_message)
{
	size_t cap = max_message < SOCK_NOTICE_MAX ? SOCK_NOTICE_MAX : max_message;
	void *larger;

	if (cap <= stack.inbox_cap)
		return true;
	if ((larger = mem_alloc(cap)) == NULL)
		return false;
	mem_free(stack.inbox);
	stack.inbox = larger;
	stack.inbox_cap = cap;
	return true;
}

static void drop_inbox_of_nobody(void)
{
	if (slots_count(&stack.assocs) > 0)
		return;
	mem_free(stack.inbox);
	stack.inbox = NULL;
	stack.inbox_cap = 0;
}

bool stack_enter(struct assoc *a, size_t max_message, slot_id *id, uint16_t *port)
{
	if (!stack.started || !take_port(port))
		return false;
	*id = slots_add(&stack.assocs, a);
	if (*id == 0 || !make_inbox(max_message)) {
		stack_leave(*id, *port);
		return false;
	}
	return true;
}

void stack_leave(slot_id id, uint16_t port)
{
	if (id != 0)
		slots_remove(&stack.assocs, id);
	give_port_back(port);
	drop_inbox_of_nobody();
}

void *stack_inbox(size_t *cap)
{
	*cap = stack.inbox_cap;
	return stack.inbox;
}
