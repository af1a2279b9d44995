/* server_parts.h: a connection of a server, and what is spoken on it. */
#pragma once

#include "dcmf/base/bytes.h"
#include "tools/load/server.h"

#define SERVER_OUT_MAX (4u << 20) /* bytes that wait for a gateway that does not read */

/* Takes what is complete from the front of `in`, and answers to `out`. False: nothing that could be understood. */
typedef bool server_talk(struct bytes *in, struct bytes *out);

server_talk server_echo_frames; /* FRAMING.md of the gateway's relay */
server_talk server_answer_http;
