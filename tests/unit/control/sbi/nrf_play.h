/* nrf_play.h: the NRFs of a node, played by a test in virtual time. */
#pragma once

#include "control/sbi/nrf.h"
#include "tests/unit/main.h"

extern const char *const roots[]; /* A and B */
extern struct nrf_config config;
extern struct nrf *n;
extern tick_t now;
extern struct nrf_request request; /* the last one that went out */
extern long live;                  /* memory before start() */

/* With the first one or both of A and B. */
void start(unsigned count);
void stop(void); /* nothing is left */
void wait_s(int64_t seconds);
/* A request is due, and it is this one. */
void wants(const char *method, const char *url);
void is_idle(void);
/* To the last request; a status of 0 is no answer. */
void reply_with(int status, struct nrf_reply reply);
void reply(int status, const char *body);
/* The time of the next request lies in between, in seconds from now; it is that time then. */
void is_due_in(double from, double to);
void register_at_a(void);

#define US   "6f1c0c1e-2a7b-4d0f-9a51-3d0f2b7c8e11"
#define ISS  "11111111-2222-4333-8444-555555555555"
#define A    "https://nrf-a.example"
#define B    "https://nrf-b.example:8443/core"
#define PATH "/nnrf-nfm/v1/nf-instances/" US
