/*
 * front_sbi.c: Nmf_MRM toward the network: its HTTP/2 server, who may use it, and how loaded the
 * node is.
 */
#include <stdio.h>
#include <time.h>

#include "control/sbi/sbi.h"
#include "dcmf/base/log.h"
#include "dcmf/front/front_parts.h"
#include "dcmf/io/h2.h"
#include "dtls/stream.h"

#define UNDER_WAY_MAX 1024 /* ours: requests, of all consumers together */

/* ---- the HTTP/2 server's calls ---- */

static void note_connections(const struct front *f, unsigned leaving)
{
	counter_value[CNT_sbi_connections] = h2_server_connections(f->h2) - leaving;
}

static void opened(void *arg, uint64_t conn)
{
	struct front *f = arg;

	note_connections(f, 0);
	log_info(NULL, "consumer %s joined", h2_server_peer(f->h2, conn));
}

static void request(void *arg, uint64_t conn, const struct h2_request *r)
{
	struct front *f = arg;
	const struct sbi_origin from = { conn, h2_server_names(f->h2, conn) };

	sbi_request(f->sbi, loop_now(f->loop), &from, r);
}

static void gone(void *arg, uint64_t conn, int32_t stream)
{
	struct front *f = arg;

	sbi_gone(f->sbi, conn, stream);
}

static void closed(void *arg, uint64_t conn, const char *failure, bool refused)
{
	struct front *f = arg;
	const char *peer = h2_server_peer(f->h2, conn);

	note_connections(f, 1);
	if (refused)
		log_info(NULL, "consumer %s: TLS: %s", peer, failure);
	else
		log_info(NULL, "consumer %s left%s%s", peer, failure[0] != '\0' ? ": " : "",
			failure);
	if (failure[0] != '\0')
		count(sbi_failed_total);
	sbi_closed(f->sbi, conn);
}

static const struct h2_server_ops server_ops = { opened, request, gone, closed };

/* ---- the service's calls ---- */

static void answer(void *arg, uint64_t conn, int32_t stream, const struct h2_answer *a)
{
	struct front *f = arg;

	h2_server_answer(f->h2, conn, stream, a);
}

static bool has_hung_up(void *arg, uint64_t conn)
{
	struct front *f = arg;

	return h2_server_has_hung_up(f->h2, conn);
}

bool front_lets_in(const struct front *f, const char *names)
{
	const struct config_texts *clients = &f->config.authorization.clients;

	return clients->count == 0 || client_is_listed(names, clients->text, clients->count);
}

/* By the certificate that TLS has checked (TS 33.501 13.3.1), then by the access token (13.4.1). */
static void authorize(void *arg, const struct sbi_origin *from, const struct h2_request *r,
	struct sbi_access *out)
{
	struct front *f = arg;

	client_identity(from->names, out->identity);
	if (front_lets_in(f, from->names)) {
		oauth_authorize(f, from, r, out);
		return;
	}
	out->refused = PROBLEM_NOT_AUTHORIZED;
	snprintf(out->detail, sizeof(out->detail),
		"the client's certificate is not listed in authorization.clients");
}

static unsigned percent(int64_t part, int64_t whole)
{
	if (whole <= 0 || part >= whole)
		return part > 0 ? 100 : 0;
	return part > 0 ? (unsigned)(part * 100 / whole) : 0;
}

/* Ports of one interface may be used up while others are free: each is looked at alone. */
static unsigned ports_load(struct front *f)
{
	int64_t ports = 0;

	for (unsigned i = 0; i < f->config.media_count; i++)
		ports += f->config.media[i].ports.last - f->config.media[i].ports.first + 1;
	return percent(front_counter(f, CNT_ports), ports);
}

unsigned front_load(struct front *f)
{
	const unsigned loads[] = {
		percent((int64_t)desk_contexts(f->desk), f->config.limits.contexts),
		percent(front_counter(f, CNT_half_open), f->config.limits.half_open),
		ports_load(f),
		f->sbi != NULL ? percent(sbi_under_way(f->sbi), UNDER_WAY_MAX) : 0,
	};
	unsigned load = 0;

	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		load = loads[i] > load ? loads[i] : load;
	return load;
}

static unsigned load_of_node(void *arg)
{
	return front_load(arg);
}

static int64_t wall_us(void *arg)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- certificates ---- */

static bool wants_tls(const struct front *f)
{
	return f->config.sbi.tls.certificate[0] != '\0';
}

/* Takes the files as they are now. False: what was there stays. */
static bool take_tls(struct front *f, char error[CONFIG_ERROR_MAX])
{
	const char *doubt = NULL;
	struct filter_factory *fresh =
		listener_tls_load(&f->config.sbi.tls, SBI_PROTOCOL, &doubt, error);

	if (fresh == NULL)
		return false;
	tls_factory_destroy(f->sbi_tls);
	f->sbi_tls = fresh;
	if (doubt != NULL)
		log_warn(NULL, "sbi.tls: certificate %s: %s", f->config.sbi.tls.certificate, doubt);
	return true;
}

static bool reload_tls(struct front *f)
{
	char why[CONFIG_ERROR_MAX];

	if (wants_tls(f)) {
		if (take_tls(f, why))
			log_info(NULL, "reload: sbi.tls was read again, for connections to come");
		else
			log_error(NULL, "reload: sbi.tls stays as it was: %s", why);
	} else if (f->sbi_tls == NULL) {
		return false;
	} else if (addr_is_loopback(&f->config.sbi.listen)) {
		tls_factory_destroy(f->sbi_tls);
		f->sbi_tls = NULL;
	} else { /* the file gives up an address that we still listen on */
		log_error(NULL, "reload: sbi.tls stays as it was: without it HTTP/2 is allowed on "
				"loopback only");
	}
	h2_server_set_filter(f->h2, f->sbi_tls);
	return true;
}

/* ---- life ---- */

static bool open_service(struct front *f)
{
	f->sbi_ops = (struct sbi_ops){ answer, has_hung_up, authorize, load_of_node, wall_us, f };
	f->sbi = sbi_create(&(struct sbi_config){
		.desk = f->desk,
		.ops = &f->sbi_ops,
		.nf_instance_id = f->nf_instance_id,
		.most = UNDER_WAY_MAX,
	});
	return f->sbi != NULL && sbi_set_peer(f->sbi, f->config.drain.peer);
}

bool sbi_open(struct front *f, char error[CONFIG_ERROR_MAX])
{
	const struct h2_server_config config = { .ops = &server_ops, .arg = f };
	const struct addr *at = &f->config.sbi.listen;
	char why[CONFIG_ERROR_MAX], text[ADDR_TEXT_MAX];

	if (at->family == ADDR_NONE)
		return true;
	if (wants_tls(f) && !take_tls(f, why)) {
		snprintf(error, CONFIG_ERROR_MAX, "sbi.tls: %.480s", why);
		return false;
	}
	if (!open_service(f)) {
		snprintf(error, CONFIG_ERROR_MAX, "out of memory");
		return false;
	}
	f->h2 = h2_server_create(f->loop, at, &config, why);
	if (f->h2 == NULL) {
		snprintf(error, CONFIG_ERROR_MAX, "sbi.listen: %.256s", why);
		return false;
	}
	h2_server_set_filter(f->h2, f->sbi_tls);
	log_info(NULL, "Nmf_MRM on %s over %s", addr_text(at, text), wants_tls(f) ? "TLS" : "h2c");
	return true;
}

bool sbi_reload(struct front *f)
{
	if (f->h2 == NULL)
		return false;
	if (!sbi_set_peer(f->sbi, f->config.drain.peer))
		log_error(NULL, "reload: out of memory: drain.peer stays as it was");
	return reload_tls(f);
}

void sbi_bow_out(struct front *f)
{
	if (f->h2 != NULL)
		h2_server_bow_out(f->h2);
}

tick_t sbi_next(const struct front *f)
{
	return f->sbi != NULL ? sbi_deadline(f->sbi) : TICK_NEVER;
}

void sbi_due(struct front *f, tick_t now)
{
	if (f->sbi != NULL)
		sbi_expire(f->sbi, now);
}

void sbi_close(struct front *f)
{
	sbi_destroy(f->sbi);
	f->sbi = NULL;
	h2_server_destroy(f->h2);
	f->h2 = NULL;
	tls_factory_destroy(f->sbi_tls);
	f->sbi_tls = NULL;
}
