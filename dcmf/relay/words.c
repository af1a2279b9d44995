/* words.c: what events, states and protocols are called, in logs and at the API. */
#include "dcmf/relay/relay.h"

static const char *const event_words[] = {
#define RELAY_EVENT(name, word) [RELAY_EVENT_##name] = (word),
#include "dcmf/relay/events.def"
#undef RELAY_EVENT
};

static const char *const leg_state_words[] = {
#define LEG_STATE(name, word) [LEG_##name] = (word),
#include "dcmf/relay/leg_states.def"
#undef LEG_STATE
};

static const char *const link_state_words[] = {
#define LINK_STATE(name, word) [LINK_##name] = (word),
#include "dcmf/relay/link_states.def"
#undef LINK_STATE
};

static const char *const link_protocol_words[] = {
	[LINK_TCP] = "TCP", [LINK_TLS] = "TCP/TLS", [LINK_UDP] = "UDP"
};

const char *relay_event_name(enum relay_event_type t)
{
	return event_words[t];
}

const char *leg_state_name(enum leg_state s)
{
	return leg_state_words[s];
}

const char *link_state_name(enum link_state s)
{
	return link_state_words[s];
}

const char *link_protocol_name(enum link_protocol p)
{
	return link_protocol_words[p];
}
