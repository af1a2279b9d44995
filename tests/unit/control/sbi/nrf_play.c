/* nrf_play.c: the NRFs of a node, played by a test in virtual time. */
#include "tests/unit/control/sbi/nrf_play.h"

#include "control/json.h"
#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/log.h"

const char *const roots[] = { A, B "/" };
struct nrf_config config = {
	.roots = roots,
	.count = 1,
	.profile = { .nf_instance_id = US,
		.fqdn = "",
		.locality = "dc-east-1",
		.plmn = "",
		.nf_set_id = "",
		.has_tls = true,
		.needs_token = true,
		.capacity = 100000,
		.started_s = 1800000000 },
};

struct nrf *n;
tick_t now;
struct nrf_request request;
long live;

void start(unsigned count)
{
	control_init();
	log_set_level(LOG_ERROR);
	live = mem_live();
	now = (tick_t){ TICK_S(1000) };
	config.count = count;
	ck_assert(addr_parse(SPAN_LIT("192.0.2.10:8443"), &config.profile.at));
	n = nrf_create(&config);
	ck_assert_ptr_nonnull(n);
}

void stop(void)
{
	nrf_destroy(n);
	ck_assert_int_eq(mem_live(), live);
	ck_assert_int_eq(counter_value[CNT_nrf_registered], 0);
}

void wait_s(int64_t seconds)
{
	now = tick_add(now, TICK_S(seconds));
}

void wants(const char *method, const char *url)
{
	ck_assert_msg(nrf_next_request(n, now, &request), "nothing where %s is due", method);
	ck_assert_str_eq(request.method, method);
	ck_assert_str_eq(request.url, url);
}

void is_idle(void)
{
	struct nrf_request other;

	ck_assert_msg(!nrf_next_request(n, now, &other), "%s %s", other.method, other.url);
}

void reply_with(int status, struct nrf_reply reply)
{
	reply.status = status;
	nrf_reply(n, now, request.id, &reply);
}

void reply(int status, const char *body)
{
	reply_with(status, (struct nrf_reply){ .failed = status == 0 ? "no answer" : NULL,
				   .body = SPAN_STR(body) });
}

void is_due_in(double from, double to)
{
	double due = (double)tick_since(now, nrf_deadline(n)) / 1e6;

	ck_assert_msg(due >= from && due <= to, "due in %f s, not %f to %f", due, from, to);
	is_idle();
	now = nrf_deadline(n);
}

void register_at_a(void)
{
	nrf_register(n, now);
	wants("PUT", A PATH);
	reply(201, "{\"heartBeatTimer\":20}");
	ck_assert_uint_eq(nrf_registrations(n), 1);
}
