/* load_line.c: the UEs of whoever arrives: each with a socket and a certificate of its own. */
#include <string.h>

#include "dcmf/base/alloc.h"
#include "tools/load/load_actor.h"

#define PORT_FIRST 10000
#define PORT_COUNT 50000
#define BIND_TRIES 200

static void on_ue_ready(void *arg)
{
	load_actor_touch(((struct load_line *)arg)->owner);
}

static void on_line_time(void *arg, tick_t now)
{
	struct load_line *line = arg;

	ue_expire(line->ue, now);
	load_actor_touch(line->owner);
}

static struct addr address_of(const struct options *o, unsigned number)
{
	struct addr a = o->bind_first;
	uint32_t ip;

	if (a.family != ADDR_IPV4)
		return a;
	ip = (uint32_t)a.ip[0] << 24 | (uint32_t)a.ip[1] << 16 | (uint32_t)a.ip[2] << 8 | a.ip[3];
	ip += number / (unsigned)o->per_address % o->bind_count;
	for (unsigned i = 0; i < 4; i++)
		a.ip[i] = (uint8_t)(ip >> (24 - 8 * i));
	return a;
}

static bool open_socket(struct load_line *line, unsigned number, struct path *at)
{
	struct load *l = line->owner->load;
	enum err err = ERR_EXISTS;

	if (at->local.family == ADDR_NONE)
		*at = (struct path){ .local = address_of(line->owner->options, number) };
	for (unsigned i = 0; i < BIND_TRIES && err == ERR_EXISTS; i++) {
		at->local.port = (uint16_t)(PORT_FIRST + l->next_port++ % PORT_COUNT);
		err = udp_open(l->udp, &at->local, &at->port);
	}
	if (err != ERR_OK) {
		load_actor_fail(line->owner, FAILURE_SOCKET, err_text(err));
		return false;
	}
	line->number = at->port;
	HASH_ADD(hh, l->by_number, number, sizeof(line->number), line);
	return true;
}

static enum setup setup_of(const struct options *o, unsigned turn)
{
	static const enum setup mixed[] = { SETUP_ACTIVE, SETUP_PASSIVE, SETUP_ACTPASS };

	if (strcmp(o->setup, "mixed") == 0)
		return mixed[turn % 3];
	return o->setup[0] == 'p'                ? SETUP_PASSIVE
	       : strcmp(o->setup, "active") == 0 ? SETUP_ACTIVE
						 : SETUP_ACTPASS;
}

void load_actor_config(
	const struct load_actor *a, bool ice, unsigned turn, struct ue_config *config)
{
	const struct options *o = a->options;

	ue_config_init(config);
	config->codec = a->load->codec;
	config->ice = ice;
	config->style = ice && o->webrtc ? UE_STYLE_WEBRTC : UE_STYLE_IMS;
	config->setup = setup_of(o, turn);
	config->mtu = (uint16_t)o->mtu;
	config->max_message = config->piece = (uint32_t)o->message_size;
	config->ready = on_ue_ready;
}

void load_actor_config_talk(const struct load_actor *a, struct ue_config *config)
{
	const struct options *o = a->options;

	config->sid_count = 0;
	config->max_message =
		(uint32_t)(o->payload > o->message_size ? o->payload : o->message_size);
	if (config->send_buffer < 2 * config->max_message)
		config->send_buffer = 2 * config->max_message;
	/* a window that never shuts, unless it shall: it would be the generator that slows things down */
	if (o->slow_reader == 0)
		config->receive_buffer = 4 * config->send_buffer;
}

struct load_line *load_actor_line(
	struct load_actor *a, const char *who, struct ue_config *config, unsigned wanted)
{
	struct load_line *line = &a->lines[a->line_count];
	unsigned ues = options_scenario(a->options)->ues;
	/* two UEs of an actor differ in address and certificate, two lines of one UE do not */
	unsigned side = ues > 1 ? a->line_count : 0, ours = a->index / a->load->board->seat_count;

	line->owner = a;
	line->who = who;
	line->wanted = wanted;
	line->ice = config->ice;
	line->identity = (ours * ues + side) % a->load->identity_count;
	timer_init(&line->timer, on_line_time, line);
	a->line_count++;
	if (!open_socket(line, a->index * ues + side, &config->local))
		return NULL;
	config->dtls = a->load->identities[line->identity];
	config->arg = line;
	if ((line->ue = ue_create(config, load_actor_now(a))) != NULL)
		return line;
	load_actor_fail(a, FAILURE_MEMORY, "the UE does not fit");
	return NULL;
}
