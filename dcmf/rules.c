/* rules.c: what a configuration says about documents. */
#include "dcmf/rules.h"

void rules_of(const struct config *c, struct document_rules *rules)
{
	*rules = (struct document_rules){
		.max_streams = (uint16_t)c->sctp.max_streams,
		.max_message = (uint32_t)c->sctp.max_message_size,
		.mdc1_plain_loopback = c->mdc1.allow_plain != PLAIN_NEVER,
		.mdc1_plain_operator = c->mdc1.allow_plain >= PLAIN_OPERATOR,
		.mdc1_plain_always = c->mdc1.allow_plain == PLAIN_ALWAYS,
		.policy = &c->policy,
	};
}
