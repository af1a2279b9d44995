/*
 * config.h: the configuration file (contract, section 2) as plain values, checked strictly.
 *
 *     config_load(path, &config, error)           the front: reads the file, makes relative paths relative to it
 *     config_parse(text, name, &config, error)    a worker: the same text, handed over by the front
 *     config_finish(&config)
 *
 * An unknown key, a wrong type or an impossible value is an error that names file, line and key.
 * The keys stand in options.def. Durations are in microseconds, sizes in bytes, words are indexes
 * into the option's list of words.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/policy/policy.h"
#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"

#define CONFIG_ERROR_MAX 512
#define CONFIG_MEDIA_MAX 16
#define CONFIG_TEXTS_MAX 64

struct config_ports {
	uint16_t first, last; /* inclusive */
};

struct config_texts {
	char *text[CONFIG_TEXTS_MAX];
	unsigned count;
};

struct config_media {
	char *name;
	struct addr address, advertise; /* port 0; advertise ADDR_NONE: as address */
	struct config_ports ports;
	int64_t shared_port; /* 0: none */
	unsigned line;       /* where it starts in the file */
};

enum config_plain { PLAIN_NEVER, PLAIN_LOOPBACK, PLAIN_OPERATOR, PLAIN_ALWAYS };
enum config_setup { CONFIG_PASSIVE, CONFIG_ACTIVE };

struct config_tls {
	char *ca, *certificate, *key, *client_ca; /* file names; "" or NULL: none */
};

/* Texts are never NULL once parsed; "" means none. */
struct config {
	struct {
		char *name, *nf_instance_id, *locality, *plmn, *nf_set_id;
	} node;
	int64_t workers; /* 0: auto; see config_workers() */
	struct config_media media[CONFIG_MEDIA_MAX];
	unsigned media_count; /* at least 1 */
	struct {
		char *certificate, *key; /* "auto", or file names */
		int64_t rotate, mtu, setup;
	} dtls;
	struct {
		int64_t max_streams, max_message_size, send_buffer, receive_buffer;
	} sctp;
	struct {
		bool embedded;
		char *root, *url;
		struct config_tls tls;
		int64_t allow_plain;
		struct config_texts synthetic;
	} mdc1;
	struct {
		struct config_tls tls;
		int64_t allow_plain;
	} mdc2;
	struct policy policy;
	struct {
		int64_t queue, hold, on_full;
	} channel;
	struct {
		int64_t deadline;
		char *peer;
	} drain;
	struct {
		struct config_texts clients;
		bool others_may_change;
	} authorization;
	struct {
		char *socket;
		struct {
			struct addr listen;
			struct config_tls tls;
		} tcp;
	} control;
	struct {
		struct addr listen;
		struct config_tls tls;
		struct {
			bool required;
			char *keys;
			struct config_texts issuers;
			int64_t skew;
		} oauth2;
		char *advertise;
		struct config_texts nrf;
	} sbi;
	struct {
		struct addr listen, http; /* ADDR_NONE: none */
		struct config_texts clients;
	} ng;
	struct {
		struct addr listen; /* ADDR_NONE: none */
	} admin;
	struct {
		int64_t contexts, half_open, setup_rate, context_idle;
	} limits;
	struct {
		int64_t level, format;
	} log;

	char *text; /* what was parsed; "" when there was no file */
	char *name; /* of the file, for messages */
};

/* False: `error` says why, and *c is finished. An empty text gives the defaults. */
bool config_parse(
	const char *text, const char *name, struct config *c, char error[CONFIG_ERROR_MAX]);
/*
 * `path` NULL: the embedded defaults. Relative file names in the file become relative to the file's
 * folder.
 */
bool config_load(const char *path, struct config *c, char error[CONFIG_ERROR_MAX]);
void config_finish(struct config *c);

/* How many workers to start: as configured, or one a core. */
unsigned config_workers(const struct config *c);
/* Ports of one worker in one media's range; the part of worker `index` is first..last of *part. */
unsigned config_ports_of(
	const struct config_media *m, unsigned index, unsigned workers, struct config_ports *part);

/* Calls fn for each option that differs; `live` tells whether it can change without a restart. */
void config_compare(const struct config *a, const struct config *b,
	void (*fn)(void *arg, const char *path, bool live), void *arg);
/* Takes the live options of *from over into *to; *from has the old ones then. */
void config_take_live(struct config *to, struct config *from);

/*
 * The whole file of up to 16 MiB, mem_alloc'ed and terminated; NULL: `error` says why, naming the
 * file.
 */
char *config_read_file(const char *path, char error[CONFIG_ERROR_MAX]);
