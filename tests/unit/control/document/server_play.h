/*
 * server_play.h: documents that name a server behind a media, as the tests of them write, check and
 * decode them.
 */
#pragma once

#include "control/policy/policy.h"
#include "control/problem.h"
#include "tests/unit/control/document/document_samples.h"
#include "tests/unit/control/fake_relay.h"
#include "tests/unit/main.h"

extern struct policy policy;        /* 10.0.0.0/8 is ours; */
extern struct document_rules rules; /* plain connections may go there */
void set_up(void);
void tear_down(void);

/* JSON with ' for ": these documents are long. */
json_t *load(const char *text);
/* One termination with one media; its dcMedia and dcmf without their braces. */
json_t *document(const char *dc, const char *dcmf);
json_t *media_of(const json_t *doc);
/* Checks and decodes. False: *p says why. */
bool wish_of(json_t *doc, struct context_spec *spec, struct problem *p);
/* What the relay is to have, as fake_wish() writes it, has `part` in it. */
void expect_wish(const char *dc, const char *dcmf, const char *part);
void expect_refused(const char *dc, const char *dcmf, enum problem_kind kind, const char *words);

#define AT         "'ip':{'ipv4Addr':'10.1.2.3'},'portNumber':4000"
#define STREAM     "'streams':{'1000':{'streamId':1000}}"
#define PRINTS     "'fingerprints':['" FP "']"
#define TOLD       AT "," PRINTS ",'sctpPort':5001,'tlsId':'ServerServerServer20','securitySetup':"
#define MDC2(p, e) "'mdc2Info':{'mdc2Protocol':'" p "','remoteMdc2Endpoint':{" e "}}"
#define MDC1(e)    "'mdc1Info':{'remoteMdc1Endpoint':{" e "}}"
#define ENDED      "'mediaProxyConfig':'DC_APPLICATION_PROXY'," STREAM ","
#define PASSED     "'mediaProxyConfig':'UDP_PROXY'," STREAM ","
#define FETCHED                                                                                 \
	"'mediaProxyConfig':'HTTP_PROXY'," STREAM ",'replaceHttpUrl':{'1000':{'streamId':1000," \
	"'replaceHttpUrl':'https://as.example/app'}},"
#define ICE "'ice':{'ufrag':'abcd','pwd':'aaaaaaaaaaaaaaaaaaaaaa'"

#define FAR(p, rest) " ue{m " p " if=- at=MDC2 remote=" rest
