/*
 * httpd.h: a small HTTP server for operators: metrics, health
 * (libevent's evhttp). Whole answers only.
 */
#pragma once

#include "dcmf/base/addr.h"
#include "dcmf/io/loop.h"

struct httpd;
struct httpd_reply; /* lives during the handler */

/* `path` is decoded and without query. Called for GET and HEAD only; other methods get 405. */
typedef void httpd_handler(void *arg, const char *path, struct httpd_reply *reply);

/* NULL: `failed` says why, naming the address. */
struct httpd *httpd_create(
	struct loop *l, const struct addr *at, httpd_handler *handler, void *arg, char failed[256]);
void httpd_destroy(struct httpd *h);
/* Exactly once in a handler, or it is a 404. `body` is copied. */
void httpd_answer(struct httpd_reply *r, int status, const char *content_type, struct span body);
