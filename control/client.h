/*
 * client.h: who a controller is, by the names that its certificate has: "CN=as1 DNS:as1.example
 * URI:urn:uuid:3fa8..", separated by blanks, as a stream filter tells them.
 */
#pragma once

#include <stdbool.h>

#include "dcmf/base/uuid.h"

#define CLIENT_IDENTITY_MAX 320 /* as long as all names together may be */
#define NF_INSTANCE_MAX     UUID_TEXT_MAX

/* Who comes plainly, over loopback: nobody in particular, and always the same. */
#define CLIENT_LOOPBACK "loopback"

/* The NF instance id among the names (TS 33.310 6.1.3c), in lower case. False: there is none. */
bool client_nf_instance(const char *names, char out[NF_INSTANCE_MAX]);

/*
 * Whose contexts it makes: its NF instance where it has one, so that a new certificate of
 * the same instance still finds them; else all its names; CLIENT_LOOPBACK without any.
 */
void client_identity(const char *names, char out[CLIENT_IDENTITY_MAX]);

/*
 * Is one of the names listed? What is listed is a name with its kind, or an NF instance id alone.
 */
bool client_is_listed(const char *names, char *const *list, unsigned count);

/* Can that be a name in a list: "CN=..", "DNS:..", "URI:..", "IP:..", "email:..", or a UUID? */
bool client_can_be_listed(const char *name);
