/* options.h: what dcmf-load was told on its command line. */
#pragma once

#include <stdbool.h>

#include "dcmf/base/addr.h"

#define PARTS_MAX          8 /* scenarios of one run, ours */
#define LOAD_CHANNELS_MAX  16
#define LOAD_PAYLOAD_MAX   262144
#define LOAD_PROCESSES_MAX 64
#define LOAD_WAVES_MAX     256

enum scenario {
#define SCENARIO(name, noun, ues, passes, words, example) SCENARIO_##name,
#include "tools/load/scenarios.def"
#undef SCENARIO
	SCENARIO_MAX
};

struct scenario_info {
	const char *name, *noun;
	unsigned ues; /* of one arrival */
	bool passes;  /* DTLS ends at the UEs, not at the gateway */
	const char *words, *example;
};

extern const struct scenario_info scenario_info[SCENARIO_MAX];

enum protocol {
#define PROTOCOL(name, word, proxy, mdc2_protocol, has_channels, passes) PROTOCOL_##name,
#include "tools/load/protocols.def"
#undef PROTOCOL
	PROTOCOL_MAX
};

struct protocol_info {
	const char *name;
	const char *proxy, *mdc2_protocol; /* mediaProxyConfig; mdc2Protocol, or NULL */
	bool has_channels;                 /* reach the server */
	bool passes;                       /* DTLS ends at the server */
};

extern const struct protocol_info protocol_info[PROTOCOL_MAX];

/* How channels of pairs carry their messages. */
enum load_kind { LOAD_RELIABLE, LOAD_UNORDERED, LOAD_PARTIAL, LOAD_MIXED };

struct options {
	const char *socket, *hold, *ice, *setup, *style, *app, *url, *direct, *bind, *metrics,
		*json, *html, *reliability, *of, *protocol_word, *server_bind, *server_pem,
		*exec_signalling;
	long ues, pairs, waves, processes, lines, fetches, message_size, mtu;
	long messages, payload, window, channels, slow_reader, memory_bound, per_address;
	double rate, duration, timeout, talk, message_rate, idle;
	bool no_refetch, together, slow_both, no_verify, compare, quiet, help, version;

	/* what the texts mean */
	enum scenario scenario; /* what arrives */
	bool idles;             /* and does nothing */
	bool passes;            /* DTLS ends at the UEs, not at the gateway */
	enum protocol protocol;
	struct addr server_at; /* port 0 */
	long arrivals;         /* of a wave */
	enum load_kind kind;
	unsigned ice_percent;
	bool hold_all, webrtc;
	double hold_s;
	struct addr bind_first;
	uint32_t bind_count;
};

static inline const struct scenario_info *options_scenario(const struct options *o)
{
	return &scenario_info[o->scenario];
}

static inline const struct protocol_info *options_protocol(const struct options *o)
{
	return &protocol_info[o->protocol];
}

/* What stands in the table. */
void options_init(struct options *o);
/*
 * Reads options over what is there; *rest is the first word that is none. `part`: of a part of a mix, which cannot change what
 * concerns the whole run. False: what is wrong was printed.
 */
bool options_read(struct options *o, int argc, char **argv, int *rest, bool part);
/* What the texts mean, and whether it can be done. False: what is wrong was printed. */
bool options_settle(struct options *o);
void options_print_help(void);
