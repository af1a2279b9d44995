/* craft.h: STUN requests as a peer might make them, right or wrong. */
#pragma once

#include <check.h>
#include <stun/stunagent.h>

#include "dcmf/ice/ice.h"

struct craft {
	const char *user, *password; /* NULL: without the attribute */
	bool use_candidate, controlled, without_fingerprint, indication;
	uint16_t extra; /* an attribute of this type, 4 bytes */
};

struct wire {
	uint8_t bytes[ICE_REPLY_MAX];
	size_t len;
};

static inline struct wire craft(struct craft what)
{
	static const uint16_t known[] = { 0 };
	StunAgent agent;
	StunMessage msg;
	struct wire w;

	stun_agent_init(&agent, known, STUN_COMPATIBILITY_RFC5389,
		what.without_fingerprint ? 0 : STUN_AGENT_USAGE_USE_FINGERPRINT);
	if (what.indication)
		stun_agent_init_indication(&agent, &msg, w.bytes, sizeof(w.bytes), STUN_BINDING);
	else
		stun_agent_init_request(&agent, &msg, w.bytes, sizeof(w.bytes), STUN_BINDING);
	if (what.user != NULL)
		stun_message_append_string(&msg, STUN_ATTRIBUTE_USERNAME, what.user);
	if (what.use_candidate)
		stun_message_append_flag(&msg, STUN_ATTRIBUTE_USE_CANDIDATE);
	stun_message_append32(&msg, STUN_ATTRIBUTE_PRIORITY, 1853693695);
	stun_message_append64(&msg,
		what.controlled ? STUN_ATTRIBUTE_ICE_CONTROLLED : STUN_ATTRIBUTE_ICE_CONTROLLING,
		1234);
	if (what.extra != 0)
		stun_message_append32(&msg, (StunAttribute)what.extra, 7);
	w.len = stun_agent_finish_message(&agent, &msg, (const uint8_t *)what.password,
		what.password != NULL ? strlen(what.password) : 0);
	ck_assert_uint_gt(w.len, 0);
	return w;
}
