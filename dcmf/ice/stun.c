/* stun.c: binding requests and their responses (RFC 8489, RFC 8445 7) on libnice's codec. */
#include "dcmf/ice/stun.h"

#include <stun/usages/ice.h>

#include "dcmf/base/alloc.h"

enum {
	HEADER_BYTES = 20,
	ID_BYTES = 16,
	INTEGRITY_BYTES = 20,
	MAGIC_COOKIE = 0x2112a442,
	/* RFC 8489 14.6; rides along with the SHA-1 one, which is what ICE uses */
	INTEGRITY_SHA256 = 0x001c,
	OPTIONAL_FROM = 0x8000,
	/* RFC 8445 5.1.2.1: peer-reflexive, only address, component 1 */
	CHECK_PRIORITY = 110 << 24 | 65535 << 8 | 255,
};

/* Attributes one must understand, and we do or may ignore. libnice wants the list ended by 0. */
static const uint16_t known_attributes[] = {
	STUN_ATTRIBUTE_MAPPED_ADDRESS,
	STUN_ATTRIBUTE_USERNAME,
	STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
	STUN_ATTRIBUTE_ERROR_CODE,
	STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES,
	INTEGRITY_SHA256,
	STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
	STUN_ATTRIBUTE_PRIORITY,
	STUN_ATTRIBUTE_USE_CANDIDATE,
	0,
};

struct stun_codec *stun_codec_create(void)
{
	struct stun_codec *c = mem_zalloc(sizeof(*c));

	if (c != NULL)
		stun_agent_init(&c->agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	return c;
}

void stun_codec_destroy(struct stun_codec *c)
{
	mem_free(c);
}

bool stun_is_one(struct span dgram)
{
	struct rd r = RD(dgram);
	uint16_t type = rd_u16(&r), len = rd_u16(&r);
	uint32_t cookie = rd_u32(&r);

	return dgram.len >= HEADER_BYTES && type >> 14 == 0 && cookie == MAGIC_COOKIE &&
	       len % 4 == 0 && dgram.len == (size_t)HEADER_BYTES + len;
}

static bool is_known(uint16_t type)
{
	for (size_t i = 0; known_attributes[i] != 0; i++) {
		if (known_attributes[i] == type)
			return true;
	}
	return type >= OPTIONAL_FROM;
}

static void note_attribute(struct stun_shape *shape, uint16_t type, struct span value)
{
	if (type == STUN_ATTRIBUTE_MESSAGE_INTEGRITY)
		shape->has_integrity = true;
	else if (type == STUN_ATTRIBUTE_USERNAME && shape->user.p == NULL)
		shape->user = value;
	else if (!is_known(type) && shape->unknown_count < STUN_UNKNOWN_MAX)
		shape->unknown[shape->unknown_count++] = type;
}

bool stun_shape(struct span dgram, struct stun_shape *out)
{
	struct rd r = RD(dgram);

	*out = (struct stun_shape){ 0 };
	if (!stun_is_one(dgram))
		return false;
	out->type = rd_u16(&r);
	rd_u16(&r);
	out->id = rd_span(&r, ID_BYTES);
	while (r.rest.len > 0 && !r.failed) {
		uint16_t type = rd_u16(&r), len = rd_u16(&r);
		struct span value = rd_span(&r, len);

		rd_span(&r, (4 - len % 4) % 4);
		if (type == STUN_ATTRIBUTE_MESSAGE_INTEGRITY && len != INTEGRITY_BYTES)
			return false;
		if (type == STUN_ATTRIBUTE_FINGERPRINT) {
			out->has_fingerprint = true;
			return !r.failed && len == 4 && r.rest.len == 0;
		}
		if (!out->has_integrity)
			note_attribute(out, type, value);
	}
	return !r.failed;
}

bool stun_split_user(struct span user, struct span *receiver, struct span *sender)
{
	if (user.len == 0 || memchr(user.p, ':', user.len) == NULL)
		return false;
	*receiver = span_cut(&user, ':');
	*sender = user;
	return true;
}

bool stun_receiver(struct span dgram, struct span *ufrag)
{
	struct stun_shape shape;
	struct span sender;

	return stun_shape(dgram, &shape) && shape.type == STUN_TYPE_REQUEST &&
	       stun_split_user(shape.user, ufrag, &sender);
}

struct question {
	stun_password_fn *password;
	void *arg;
};

static bool look_up(StunAgent *agent, StunMessage *msg, uint8_t *user, uint16_t user_len,
	uint8_t **password, size_t *password_len, void *data)
{
	const struct question *q = data;
	struct span receiver, sender;
	union {
		const char *ours;
		uint8_t *libnice; /* which only reads it */
	} found;

	if (!stun_split_user(SPAN(user, user_len), &receiver, &sender) ||
		(found.ours = q->password(q->arg, receiver, sender)) == NULL)
		return false;
	*password_len = strlen(found.ours);
	*password = found.libnice;
	return true;
}

static void read_request(struct stun_request *req)
{
	StunMessage *msg = &req->msg;

	req->use_candidate = stun_usage_ice_conncheck_use_candidate(msg);
	if (stun_message_find64(msg, STUN_ATTRIBUTE_ICE_CONTROLLING, &req->tie_breaker) ==
		STUN_MESSAGE_RETURN_SUCCESS)
		req->role = STUN_ROLE_CONTROLLING;
	else if (stun_message_find64(msg, STUN_ATTRIBUTE_ICE_CONTROLLED, &req->tie_breaker) ==
		 STUN_MESSAGE_RETURN_SUCCESS)
		req->role = STUN_ROLE_CONTROLLED;
}

static void finish(struct stun_codec *c, StunMessage *msg, struct ice_reply *reply)
{
	/* signed with the password of the request, when that was proved */
	reply->len = stun_agent_finish_message(&c->agent, msg, NULL, 0);
}

void stun_answer(struct stun_codec *c, const struct stun_request *req, const struct addr *mapped,
	struct ice_reply *reply)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(mapped, &ss);
	StunMessage msg;

	/* libnice's own reply repeats USERNAME, which RFC 8489 9.1.4 forbids */
	if (stun_agent_init_response(
		    &c->agent, &msg, reply->bytes, sizeof(reply->bytes), &req->msg) &&
		stun_message_append_xor_addr(&msg, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &ss, len) ==
			STUN_MESSAGE_RETURN_SUCCESS)
		finish(c, &msg, reply);
}

void stun_refuse(struct stun_codec *c, const struct stun_request *req, StunError code,
	struct ice_reply *reply)
{
	StunMessage msg;

	if (stun_agent_init_error(
		    &c->agent, &msg, reply->bytes, sizeof(reply->bytes), &req->msg, code))
		finish(c, &msg, reply);
}

static void refuse_unknown(struct stun_codec *c, const struct stun_request *req,
	const struct stun_shape *shape, struct ice_reply *reply)
{
	uint8_t list[2 * STUN_UNKNOWN_MAX];
	struct wr w = WR(list, sizeof(list));
	StunMessage msg;

	for (size_t i = 0; i < shape->unknown_count; i++)
		wr_u16(&w, shape->unknown[i]);
	if (stun_agent_init_error(&c->agent, &msg, reply->bytes, sizeof(reply->bytes), &req->msg,
		    STUN_ERROR_UNKNOWN_ATTRIBUTE) &&
		stun_message_append_bytes(&msg, STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, list, w.len) ==
			STUN_MESSAGE_RETURN_SUCCESS)
		finish(c, &msg, reply);
}

enum stun_proof stun_prove_request(struct stun_codec *c, struct span dgram,
	const struct stun_shape *shape, stun_password_fn *password, void *arg,
	struct stun_request *out, struct ice_reply *reply)
{
	struct question q = { password, arg };

	*out = (struct stun_request){ 0 };
	reply->len = 0;
	if (!shape->has_fingerprint)
		return STUN_BROKEN;
	switch (stun_agent_validate(&c->agent, &out->msg, dgram.p, dgram.len, look_up, &q)) {
	case STUN_VALIDATION_UNAUTHORIZED_BAD_REQUEST:
		stun_refuse(c, out, STUN_ERROR_BAD_REQUEST, reply);
		return STUN_BROKEN;
	case STUN_VALIDATION_UNAUTHORIZED:
		stun_refuse(c, out, STUN_ERROR_UNAUTHORIZED, reply);
		return STUN_STRANGER;
	case STUN_VALIDATION_SUCCESS:
	case STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE: /* libnice looks too far: shape knows */
		break;
	default: return STUN_BROKEN;
	}
	if (shape->unknown_count > 0) {
		refuse_unknown(c, out, shape, reply);
		return STUN_UNKNOWN;
	}
	read_request(out);
	return STUN_PROVED;
}

size_t stun_write_check(struct stun_codec *c, const char *user, const char *password,
	uint64_t tie_breaker, struct span *id, uint8_t *buf, size_t cap)
{
	StunTransactionId sent;
	StunMessage msg;
	size_t len =
		stun_usage_ice_conncheck_create(&c->agent, &msg, buf, cap, (const uint8_t *)user,
			strlen(user), (const uint8_t *)password, strlen(password), true, true,
			CHECK_PRIORITY, tie_breaker, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);

	if (len == 0)
		return 0;
	/* the agent has room for 199 transactions; ours are many more and stay with their owners */
	stun_message_id(&msg, sent);
	stun_agent_forget_transaction(&c->agent, sent);
	*id = SPAN(buf + STUN_MESSAGE_TRANS_ID_POS, ID_BYTES);
	return len;
}

bool stun_prove_response(struct stun_codec *c, struct span dgram, struct span id,
	const char *password, struct addr *mapped)
{
	StunAgentSavedIds *saved = &c->agent.sent_ids[0];
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	StunValidationStatus status;
	StunMessage msg;
	union {
		const char *ours;
		uint8_t *libnice;
	} key = { .ours = password };

	*saved = (StunAgentSavedIds){ .method = STUN_BINDING, .valid = true };
	memcpy(saved->id, id.p, ID_BYTES);
	saved->key = key.libnice;
	saved->key_len = strlen(password);
	status = stun_agent_validate(&c->agent, &msg, dgram.p, dgram.len, NULL, NULL);
	*saved = (StunAgentSavedIds){ 0 };
	return status == STUN_VALIDATION_SUCCESS &&
	       stun_usage_ice_conncheck_process(&msg, &ss, &len,
		       STUN_USAGE_ICE_COMPATIBILITY_RFC5245) == STUN_USAGE_ICE_RETURN_SUCCESS &&
	       addr_from_sockaddr((const struct sockaddr *)&ss, mapped);
}
