/*
 * socket.c: opens, drives and closes the stack's sockets, one-to-one sockets on addresses that are
 * our small ids.
 */
#include "sctp/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <usrsctp.h>

#include "sctp/assoc.h"
#include "sctp/chunk.h"

/* All times in ms. */
#define RTO_INITIAL 1000 /* RFC 9260 16 */
#define RTO_MIN     200 /* media stacks use this; a lost packet on a LAN should not cost a second */
/*
 * Ours: a peer that returns from silence, or a path that loses every third packet, is tried again
 * every two seconds. It is our own watchdog that gives up (assoc.c); the limit of the stack only
 * stands behind it.
 */
#define RTO_MAX          2000
#define RETRANSMISSIONS  60
#define INIT_ATTEMPTS    16   /* more than the watchdog of the set-up allows */
#define INIT_TIMEOUT_MAX 3000 /* between two INITs */
#define SACK_DELAY       20
#define SACK_EVERY       2 /* packets; larger values starve small congestion windows */

static struct sockaddr_conn address_of(slot_id id, uint16_t port)
{
	struct sockaddr_conn a = { .sconn_family = AF_CONN, .sconn_port = htons(port) };

	/* An id, never a pointer: the stack puts this value into the cookie it sends. */
	a.sconn_addr = (void *)(uintptr_t)id;
	return a;
}

static bool set_option(struct socket *so, int option, const void *value, size_t len)
{
	return usrsctp_setsockopt(so, IPPROTO_SCTP, option, value, (socklen_t)len) == 0;
}

#define SET(so, option, value) set_option((so), (option), &(value), sizeof(value))

static bool set_timing(struct socket *so)
{
	struct sctp_rtoinfo rto = {
		.srto_initial = RTO_INITIAL, .srto_min = RTO_MIN, .srto_max = RTO_MAX
	};
	struct sctp_assocparams limits = { .sasoc_asocmaxrxt = RETRANSMISSIONS };
	struct sctp_sack_info sack = { .sack_delay = SACK_DELAY, .sack_freq = SACK_EVERY };
	int on = 1;

	return SET(so, SCTP_RTOINFO, rto) && SET(so, SCTP_ASSOCINFO, limits) &&
	       SET(so, SCTP_DELAYED_SACK, sack) && SET(so, SCTP_NODELAY, on);
}

/*
 * No heartbeats: an idle association must own no timer, because the stack walks all of them at
 * every tick. No path MTU discovery: the stack has none over AF_CONN. It adds the common header to
 * the size it is given.
 */
static bool set_path(struct socket *so, const struct assoc_config *config)
{
	uint32_t mtu = (config->mtu < ASSOC_MTU_MIN ? ASSOC_MTU_MIN : config->mtu) - COMMON_HEADER;
	struct sctp_paddrparams path = {
		.spp_flags = SPP_HB_DISABLE | SPP_PMTUD_DISABLE,
		.spp_pathmtu = mtu & ~3u,
		.spp_pathmaxrxt = RETRANSMISSIONS,
	};

	path.spp_address.ss_family = AF_CONN;
	return SET(so, SCTP_PEER_ADDR_PARAMS, path);
}

void sock_probe(struct socket *so, slot_id id)
{
	struct sctp_paddrparams path = { .spp_flags = SPP_HB_DEMAND };
	struct sockaddr_conn to = address_of(id, 0);

	memcpy(&path.spp_address, &to, sizeof(to));
	SET(so, SCTP_PEER_ADDR_PARAMS, path);
}

static bool set_streams(struct socket *so, uint16_t out_streams)
{
	struct sctp_initmsg init = {
		.sinit_num_ostreams = out_streams,
		/* What the peer is told is another matter: renumber.h. */
		.sinit_max_instreams = UINT16_MAX,
		.sinit_max_attempts = INIT_ATTEMPTS,
		.sinit_max_init_timeo = INIT_TIMEOUT_MAX,
	};
	struct sctp_assoc_value reconfig = {
		.assoc_id = SCTP_ALL_ASSOC,
		.assoc_value = SCTP_ENABLE_RESET_STREAM_REQ | SCTP_ENABLE_CHANGE_ASSOC_REQ,
	};

	return SET(so, SCTP_INITMSG, init) && SET(so, SCTP_ENABLE_STREAM_RESET, reconfig);
}

static bool set_notices(struct socket *so)
{
	static const uint16_t wanted[] = { SCTP_ASSOC_CHANGE, SCTP_SHUTDOWN_EVENT,
		SCTP_STREAM_RESET_EVENT };
	int on = 1;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct sctp_event event = {
			.se_assoc_id = SCTP_ALL_ASSOC, .se_type = wanted[i], .se_on = 1
		};

		if (!SET(so, SCTP_EVENT, event))
			return false;
	}
	return SET(so, SCTP_RECVRCVINFO, on);
}

/*
 * The stack begins to hand out a message in pieces when it exceeds half the receive buffer. That
 * path has seen many repairs since, and pieces are a burden to everybody above; so a message we
 * accept never gets there.
 */
static bool set_buffers(struct socket *so, const struct assoc_config *config)
{
	size_t for_one = 2 * ((size_t)config->local_max_message + 1);
	int in = (int)(config->receive_buffer > for_one ? config->receive_buffer : for_one);
	int out = (int)config->send_buffer;
	uint32_t pieces_from = (uint32_t)in / 2;
	struct linger linger = { .l_onoff = 1, .l_linger = 0 }; /* closing means ABORT */

	return usrsctp_setsockopt(so, SOL_SOCKET, SO_RCVBUF, &in, sizeof(in)) == 0 &&
	       usrsctp_setsockopt(so, SOL_SOCKET, SO_SNDBUF, &out, sizeof(out)) == 0 &&
	       usrsctp_setsockopt(so, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0 &&
	       SET(so, SCTP_PARTIAL_DELIVERY_POINT, pieces_from);
}

static bool connect_to_itself(
	struct socket *so, const struct assoc_config *config, slot_id id, uint16_t private_port)
{
	struct sockaddr_conn local = address_of(id, private_port);
	struct sockaddr_conn remote = address_of(id, config->remote_port);

	return usrsctp_bind(so, (struct sockaddr *)&local, sizeof(local)) == 0 &&
	       (usrsctp_connect(so, (struct sockaddr *)&remote, sizeof(remote)) == 0 ||
		       errno == EINPROGRESS);
}

struct socket *sock_open(
	const struct assoc_config *config, slot_id id, uint16_t private_port, uint16_t out_streams)
{
	struct socket *so = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);

	if (so == NULL)
		return NULL;
	usrsctp_register_address((void *)(uintptr_t)id);
	if (usrsctp_set_non_blocking(so, 1) != 0 || !set_buffers(so, config) || !set_timing(so) ||
		!set_path(so, config) || !set_streams(so, out_streams) || !set_notices(so) ||
		!connect_to_itself(so, config, id, private_port)) {
		sock_close(so, id);
		return NULL;
	}
	return so;
}

void sock_close(struct socket *so, slot_id id)
{
	usrsctp_close(so);
	usrsctp_deregister_address((void *)(uintptr_t)id);
}

void sock_shutdown(struct socket *so)
{
	usrsctp_shutdown(so, SHUT_WR);
}

void sock_input(slot_id id, struct span packet)
{
	usrsctp_conninput((void *)(uintptr_t)id, packet.p, packet.len, 0);
}

static void describe_quality(const struct channel_quality *quality, struct sctp_sendv_spa *spa)
{
	if (quality->unordered)
		spa->sendv_sndinfo.snd_flags = SCTP_UNORDERED;
	if (quality->reliability == RELIABLE)
		return;
	spa->sendv_flags |= SCTP_SEND_PRINFO_VALID;
	spa->sendv_prinfo.pr_policy =
		quality->reliability == MAX_RETRANSMITS ? SCTP_PR_SCTP_RTX : SCTP_PR_SCTP_TTL;
	spa->sendv_prinfo.pr_value = quality->limit;
}

enum err sock_send(struct socket *so, uint16_t sid, uint32_t ppid,
	const struct channel_quality *quality, struct span message)
{
	struct sctp_sendv_spa spa = { .sendv_flags = SCTP_SEND_SNDINFO_VALID };

	spa.sendv_sndinfo.snd_sid = sid;
	spa.sendv_sndinfo.snd_ppid = htonl(ppid);
	describe_quality(quality, &spa);
	if (usrsctp_sendv(
		    so, message.p, message.len, NULL, 0, &spa, sizeof(spa), SCTP_SENDV_SPA, 0) >= 0)
		return ERR_OK;
	switch (errno) {
	case EWOULDBLOCK: return ERR_BLOCKED;
	case EMSGSIZE: return ERR_MESSAGE_SIZE;
	case EINVAL: return ERR_STATE;
	case ENOMEM: return ERR_NO_MEMORY;
	default: return ERR_CLOSED;
	}
}

static enum err request_error(void)
{
	switch (errno) {
	case EOPNOTSUPP: return ERR_UNSUPPORTED;
	case EALREADY:
	case EBUSY: return ERR_BLOCKED;
	case ENOMEM: return ERR_NO_MEMORY;
	default: return ERR_CLOSED;
	}
}

/*
 * The stack keeps a mark for each stream that waits for its reset. It sends the request when the
 * stream's queue is empty and no other request is under way, by itself; a second request for the
 * same stream does nothing.
 */
enum err sock_reset_stream(struct socket *so, uint16_t sid)
{
	union {
		struct sctp_reset_streams head;
		uint8_t room[sizeof(struct sctp_reset_streams) + sizeof(uint16_t)];
	} request = { .head = {
			      .srs_flags = SCTP_STREAM_RESET_OUTGOING, .srs_number_streams = 1 } };

	request.head.srs_stream_list[0] = sid;
	return SET(so, SCTP_RESET_STREAMS, request) ? ERR_OK : request_error();
}

enum err sock_add_streams(struct socket *so, uint16_t count)
{
	struct sctp_add_streams request = { .sas_outstrms = count };

	return SET(so, SCTP_ADD_STREAMS, request) ? ERR_OK : request_error();
}

/*
 * In the stack's own header only, though the socket option is there: <netinet/sctp.h>,
 * <netinet/sctp_uio.h>.
 */
#define GET_SNDBUF_USE 0x00001101
struct sndbuf_use {
	sctp_assoc_t assoc_id;
	uint32_t send_bytes, receive_bytes;
};

size_t sock_unsent(struct socket *so)
{
	struct sndbuf_use use = { 0 };
	socklen_t len = sizeof(use);

	if (usrsctp_getsockopt(so, IPPROTO_SCTP, GET_SNDBUF_USE, &use, &len) != 0)
		return 0;
	return use.send_bytes;
}

/*
 * Asked for, not told by SCTP_SEND_FAILED: that notice brings each piece of the message back
 * through the receive buffer. The counts of single streams do not survive growth.
 */
#define EVERY_POLICY 0x000f /* SCTP_PR_SCTP_ALL, in the stack's own header only */

uint64_t sock_abandoned(struct socket *so)
{
	struct sctp_prstatus status = { .sprstat_policy = EVERY_POLICY };
	socklen_t len = sizeof(status);

	if (usrsctp_getsockopt(so, IPPROTO_SCTP, SCTP_PR_ASSOC_STATUS, &status, &len) != 0)
		return 0;
	return status.sprstat_abandoned_sent + status.sprstat_abandoned_unsent;
}

bool sock_has_failed(struct socket *so)
{
	return (usrsctp_get_events(so) & SCTP_EVENT_ERROR) != 0;
}

bool sock_notice_is_next(struct socket *so)
{
	struct sctp_rcvinfo info;
	socklen_t info_len = sizeof(info);
	unsigned int info_type = 0;
	int flags = MSG_PEEK;
	char byte;

	return usrsctp_recvv(so, &byte, 1, NULL, NULL, &info, &info_len, &info_type, &flags) > 0 &&
	       (flags & MSG_NOTIFICATION) != 0;
}

static void read_assoc_change(const struct sctp_assoc_change *change, struct notice *out)
{
	/* Only an ABORT of the peer is appended to the notice. */
	out->by_peer = change->sac_length > sizeof(*change);
	out->out_streams = change->sac_outbound_streams;
	switch (change->sac_state) {
	case SCTP_COMM_UP: out->kind = NOTICE_UP; break;
	case SCTP_RESTART: out->kind = NOTICE_RESTART; break;
	case SCTP_SHUTDOWN_COMP: out->kind = NOTICE_ENDED; break;
	case SCTP_COMM_LOST: out->kind = NOTICE_LOST; break;
	case SCTP_CANT_STR_ASSOC:
		out->kind = NOTICE_LOST;
		out->in_setup = true;
		break;
	default: break;
	}
}

static void read_reset(const struct sctp_stream_reset_event *event, struct notice *out)
{
	out->kind = event->strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN ? NOTICE_RESET_IN
									   : NOTICE_RESET_OUT;
	out->failed = (event->strreset_flags &
			      (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED)) != 0;
	out->sids = event->strreset_stream_list;
	out->sid_count = (event->strreset_length - sizeof(*event)) / sizeof(uint16_t);
}

static void read_notice(const union sctp_notification *n, size_t len, struct notice *out)
{
	*out = (struct notice){ .kind = NOTICE_OTHER };
	if (len < sizeof(n->sn_header) || n->sn_header.sn_length > len)
		return;
	switch (n->sn_header.sn_type) {
	case SCTP_ASSOC_CHANGE: read_assoc_change(&n->sn_assoc_change, out); break;
	case SCTP_SHUTDOWN_EVENT: out->kind = NOTICE_SHUTDOWN; break;
	case SCTP_STREAM_RESET_EVENT: read_reset(&n->sn_strreset_event, out); break;
	default: break;
	}
}

enum received sock_receive(struct socket *so, void *buf, size_t cap, struct reception *out)
{
	struct sctp_rcvinfo info = { 0 };
	socklen_t info_len = sizeof(info);
	unsigned int info_type = SCTP_RECVV_NOINFO;
	int flags = 0;
	ssize_t n;

	n = usrsctp_recvv(so, buf, cap, NULL, NULL, &info, &info_len, &info_type, &flags);
	if (n < 0)
		return errno == EWOULDBLOCK || errno == EINTR ? RECEIVED_NOTHING : RECEIVED_END;
	if (n == 0)
		return RECEIVED_END;
	if (flags & MSG_NOTIFICATION) {
		read_notice(buf, (size_t)n, &out->notice);
		return RECEIVED_NOTICE;
	}
	if ((flags & MSG_EOR) == 0)
		return RECEIVED_TOO_MUCH;
	out->sid = info.rcv_sid;
	out->ppid = ntohl(info.rcv_ppid);
	out->unordered = (info.rcv_flags & SCTP_UNORDERED) != 0;
	out->message = SPAN(buf, (size_t)n);
	return RECEIVED_MESSAGE;
}
