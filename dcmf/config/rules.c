/* rules.c: what a configuration says about documents. */
#include "dcmf/config/rules.h"

static struct plain_rules plain_of(int64_t word)
{
	return (struct plain_rules){ .loopback = word != PLAIN_NEVER,
		.operator_networks = word >= PLAIN_OPERATOR,
		.always = word == PLAIN_ALWAYS };
}

void rules_of(const struct config *c, struct document_rules *rules)
{
	*rules = (struct document_rules){
		.max_streams = (uint16_t)c->sctp.max_streams,
		.max_message = (uint32_t)c->sctp.max_message_size,
		.mdc1_plain = plain_of(c->mdc1.allow_plain),
		.mdc2_plain = plain_of(c->mdc2.allow_plain),
		.policy = &c->policy,
	};
}
