/*
 * fuzz_stun.c: datagrams at an ICE Lite media and at a checker. The first byte chooses: 0, the rest
 * is a datagram; else it is the attributes of a message that is signed as it should be, so that the
 * fuzzer gets past the integrity.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "dcmf/ice/checker.h"
#include "dcmf/ice/stun.h"

static const struct ice_credentials peer = { "peer", "peerpasswordpeerpassword" };
static struct path path = { .port = 1,
	.remote = { .ip = { 192, 0, 2, 1 }, .port = 9, .family = ADDR_IPV4 } };

/* A request with USERNAME, these attributes, MESSAGE-INTEGRITY and FINGERPRINT. */
static size_t sign(struct stun_codec *codec, const struct ice_lite *ice, struct span attributes,
	uint8_t *buf, size_t cap)
{
	StunTransactionId id;
	StunMessage msg;
	char user[ICE_TEXT_MAX];
	size_t len;

	snprintf(user, sizeof(user), "%s:peer", ice_lite_ufrag(ice));
	stun_agent_init_request(&codec->agent, &msg, buf, cap, STUN_BINDING);
	stun_message_append_string(&msg, STUN_ATTRIBUTE_USERNAME, user);
	len = stun_message_length(&msg);
	memcpy(buf + len, attributes.p, attributes.len);
	len += attributes.len - 20;
	buf[2] = (uint8_t)(len >> 8);
	buf[3] = (uint8_t)len;
	len = stun_agent_finish_message(
		&codec->agent, &msg, (const uint8_t *)ice_lite_pwd(ice), ICE_PWD_LEN);
	stun_message_id(&msg, id);
	stun_agent_forget_transaction(&codec->agent, id);
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stun_codec *codec = stun_codec_create();
	struct ice_lite *ice = ice_lite_create(&peer, (tick_t){ 0 });
	struct ice_checker *checker = ice_checker_create(&peer, &peer, (tick_t){ 0 });
	uint8_t *wire = malloc(size + 1000), out[ICE_REPLY_MAX];
	struct ice_reply reply;
	struct span dgram = SPAN(wire, 0), ufrag;
	size_t len;

	if (size > 0 && (data[0] == 0 || size > 60000)) {
		dgram.len = size - 1;
		memcpy(wire, data + 1, dgram.len);
	} else if (size > 0) {
		dgram.len = sign(codec, ice, SPAN(data + 1, (size - 1) / 4 * 4), wire, size + 1000);
	}
	wire = realloc(wire, dgram.len + !dgram.len);
	dgram.p = wire;
	stun_receiver(dgram, &ufrag);
	ice_lite_input(ice, codec, (tick_t){ 1 }, &path, dgram, &reply);
	assert(reply.len <= sizeof(reply.bytes));
	ice_checker_next(checker, codec, (tick_t){ 1 }, out, &len);
	ice_checker_input(checker, codec, (tick_t){ 2 }, &path.remote, dgram);
	ice_checker_next(checker, codec, (tick_t){ 2 }, out, &len);

	free(wire);
	ice_checker_destroy(checker);
	ice_lite_destroy(ice);
	stun_codec_destroy(codec);
	return 0;
}
