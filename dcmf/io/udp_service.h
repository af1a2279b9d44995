/*
 * udp_service.h: one UDP socket for requests and their answers: what is not media and comes in small
 * numbers. Media sockets are udp.h's.
 */
#pragma once

#include "dcmf/base/addr.h"
#include "dcmf/base/span.h"
#include "dcmf/io/loop.h"

struct udp_service;

/* A request, valid during the call. */
typedef void udp_service_handler(void *arg, const struct addr *from, struct span dgram);

/* NULL: `failed` says why, naming the address. */
struct udp_service *udp_service_create(struct loop *l, const struct addr *at,
	udp_service_handler *handler, void *arg, char failed[256]);
void udp_service_destroy(struct udp_service *u); /* not from inside the handler */
/* What the kernel has no room for is lost, as datagrams are. */
void udp_service_send(struct udp_service *u, const struct addr *to, struct span dgram);
