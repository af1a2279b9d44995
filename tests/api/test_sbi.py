#!/usr/bin/python3
"""Nmf_MRM over HTTP/2 on a real gateway: every status and its body, who may change what, draining, many at once.

usage: test_sbi.py DCMF
"""
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from authority import Authority
from consumer import API, CONTEXTS, JSON, PATCHING, PROBLEM, Consumer, document, early_document, have
from gateway import HOST, PATIENCE, Controller, Gateway, GatewayTest

DCMF = sys.argv[1]
SBI = "%s:9443" % HOST
CONFIG = """
workers: 2
media: [ { name: local, address: @HOST@, ports: 20000-29999 } ]
mdc1: { embedded: false }
sbi: { listen: @HOST@:9443 }
""".replace("@HOST@", HOST)

STREAM = {"streamId": 1000, "subprotocol": "chat"}
MOVED = [{"op": "replace", "path": "/terminations/0/medias/0/remoteMbEndpoint/portNumber", "value": 50600}]


def local(context):
    return context["terminations"][0]["medias"][0]["localMbEndpoint"]


class Case(GatewayTest):
    def refused(self, answer, status, cause, part=""):
        """A refusal with its ProblemDetails."""
        self.assertEqual(answer.status, status, str(answer))
        self.assertEqual(answer.headers["content-type"], PROBLEM)
        problem = answer.json
        self.assertEqual((problem["status"], problem["cause"]), (status, cause))
        self.assertTrue(problem["title"] and problem["detail"])
        self.assertIn(part, answer.body)
        return problem


class Plain(Case):
    @classmethod
    def setUpClass(cls):
        cls.start_shared(DCMF, CONFIG)
        cls.consumer = Consumer("http://" + SBI)

    def make(self):
        answer = self.consumer.create()
        self.assertEqual(answer.status, 201, str(answer))
        return answer.json["contextId"]

    def test_a_context_is_made_changed_and_deleted(self):
        made = self.consumer.create()
        self.assertEqual(made.status, 201)
        self.assertEqual(made.headers["content-type"], JSON)
        context = made.json["contextId"]
        self.assertEqual(made.headers["location"], "http://%s%s/%s" % (SBI, CONTEXTS, context))
        self.assertEqual(local(made.json)["ip"]["ipv4Addr"], HOST)
        self.assertRegex(made.headers["3gpp-sbi-binding"], r"^bl=nf-instance; nfinst=[0-9a-f-]{36}$")
        self.assertRegex(made.headers["server"], r"^MF-[0-9a-f-]{36}$")

        changed = self.consumer.patch(context, MOVED)
        self.assertEqual((changed.status, changed.headers["content-type"]), (200, JSON))
        media = changed.json["terminations"][0]["medias"][0]
        self.assertEqual(media["remoteMbEndpoint"]["portNumber"], 50600)
        self.assertEqual(media["localMbEndpoint"], local(made.json))

        gone = self.consumer.delete(context)
        self.assertEqual((gone.status, gone.body), (204, ""))
        self.assertNotIn("content-type", gone.headers)
        self.refused(self.consumer.delete(context), 404, "CONTEXT_NOT_FOUND")
        self.refused(self.consumer.patch(context, MOVED), 404, "CONTEXT_NOT_FOUND")

    def test_the_location_leads_to_the_context(self):
        made = self.consumer.create()
        path = made.headers["location"][len("http://" + SBI):]
        self.assertEqual(self.consumer.ask("DELETE", path).status, 204)

    def test_the_early_shape_is_answered_in_kind(self):
        made = self.consumer.create(early_document())
        self.assertEqual(made.status, 201, str(made))
        dc = made.json["terminations"][0]["medias"][0]["dcMedia"]
        self.assertEqual(dc["mediaProxyConfig"], "HTTP")
        self.assertEqual(dc["securitySetup"], "PASSIVE")
        self.assertIn("fingerprint", dc["localDcEndpoint"])
        changed = self.consumer.patch(made.json["contextId"], MOVED)
        self.assertEqual(changed.json["terminations"][0]["medias"][0]["dcMedia"]["mediaProxyConfig"], "HTTP")

    def test_what_is_asked_of_the_wrong_place_is_refused(self):
        for method, path, status, cause in (
                ("POST", "/", 400, "INVALID_API"),
                ("POST", "/nmf-mrm/v2/contexts", 400, "INVALID_API"),
                ("POST", API + "/calls", 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND"),
                ("POST", CONTEXTS + "?a=1", 400, "INVALID_QUERY_PARAM"),
                ("GET", CONTEXTS, 405, "METHOD_NOT_ALLOWED"),
                ("PUT", CONTEXTS + "/0-1", 405, "METHOD_NOT_ALLOWED"),
                ("OPTIONS", CONTEXTS + "/0-1", 405, "METHOD_NOT_ALLOWED")):
            self.refused(self.consumer.ask(method, path, "{}"), status, cause)
        self.assertEqual(self.consumer.ask("GET", CONTEXTS).headers["allow"], "POST")
        self.assertEqual(self.consumer.ask("GET", CONTEXTS + "/0-1").headers["allow"], "PATCH, DELETE")

    def test_a_body_that_is_not_what_is_wanted_is_refused(self):
        self.refused(self.consumer.create(""), 411, "INCORRECT_LENGTH")
        self.refused(self.consumer.ask("POST", CONTEXTS), 415, "UNSUPPORTED_MEDIA_TYPE")
        self.refused(self.consumer.create(media_type="text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type")
        self.refused(self.consumer.create(headers=["content-encoding: gzip"]), 415, "UNSUPPORTED_MEDIA_TYPE", "Content-Encoding")
        refused = self.consumer.ask("PATCH", CONTEXTS + "/0-1", MOVED, JSON)
        self.refused(refused, 415, "UNSUPPORTED_MEDIA_TYPE")
        self.assertEqual(refused.headers["accept-patch"], PATCHING)
        self.refused(self.consumer.create('{"terminations":'), 400, "INVALID_MSG_FORMAT")
        self.refused(self.consumer.create("[]"), 400, "INVALID_MSG_FORMAT")
        self.refused(self.consumer.create('{"a":' * 500 + "1" + "}" * 500), 400, "INVALID_MSG_FORMAT")
        self.refused(self.consumer.patch(self.make(), []), 400, "INVALID_MSG_FORMAT")

    def test_every_fault_of_a_document_is_listed(self):
        bad = document(maxMessageSize=65, surprise=1)
        del bad["terminations"][0]["medias"][0]["mediaId"]
        problem = self.refused(self.consumer.create(bad), 400, "MANDATORY_IE_MISSING")
        self.assertEqual({p["param"] for p in problem["invalidParams"]}, {
            "/terminations/0/medias/0/mediaId", "/terminations/0/medias/0/dcMedia/maxMessageSize",
            "/terminations/0/medias/0/dcMedia/surprise"})
        self.refused(self.consumer.create({}), 400, "MANDATORY_IE_MISSING", "/terminations")

    def test_open_enumerations_parse_and_are_then_refused(self):
        self.refused(self.consumer.create(document(mediaProxyConfig="HOLOGRAM_PROXY")), 501, "UNSPECIFIED_NF_FAILURE",
                     "/terminations/0/medias/0/dcMedia/mediaProxyConfig")
        asks = document()
        asks["terminations"][0]["medias"][0]["arMedia"] = {"mediaProcessingSpec": "x"}
        self.refused(self.consumer.create(asks), 501, "UNSPECIFIED_NF_FAILURE", "arMedia")

    def test_what_the_policy_forbids_is_a_403_that_names_the_rule(self):
        weak = document()
        weak["terminations"][0]["medias"][0]["dcMedia"]["remoteDcEndpoint"]["fingerprints"] = ["SHA-1 " + ":".join(["AB"] * 20)]
        self.refused(self.consumer.create(weak), 403, "SECURITY_POLICY")

    def test_a_patch_is_done_whole_or_not_at_all(self):
        context = self.make()
        wrong = MOVED + [{"op": "test", "path": "/terminations/0/terminationId", "value": "other"}]
        problem = self.refused(self.consumer.patch(context, wrong), 409, "UNSPECIFIED_MSG_FAILURE")
        self.assertIn("1", problem["invalidParams"][0]["param"] + problem["detail"])
        self.refused(self.consumer.patch(context, MOVED + [{"op": "replace", "path": "/nowhere/at/all", "value": 1}]),
                     409, "UNSPECIFIED_MSG_FAILURE")
        with_test = [{"op": "test", "path": "/terminations/0/medias/0/remoteMbEndpoint/portNumber", "value": 50500}]
        self.assertEqual(self.consumer.patch(context, with_test).status, 200)

    def test_two_controllers_that_patch_the_same_context_have_an_answer_each(self):
        context = self.make()
        port = "/terminations/0/medias/0/remoteMbEndpoint/portNumber"
        answers = []

        def change(value):
            answers.append(self.consumer.patch(context, [{"op": "test", "path": port, "value": 50500},
                                                         {"op": "replace", "path": port, "value": value}]))

        both = [threading.Thread(target=change, args=(v,)) for v in (50601, 50602)]
        for t in both:
            t.start()
        for t in both:
            t.join()
        self.assertEqual(sorted(a.status for a in answers), [200, 409])
        won = next(a for a in answers if a.status == 200)
        now = self.consumer.patch(context, [{"op": "test", "path": "/terminations/0/terminationId", "value": "ue"}])
        self.assertEqual(now.json["terminations"], won.json["terminations"])

    def test_the_same_refusal_on_the_socket_and_on_the_sbi(self):
        controller = self.gateway.controller()
        self.addCleanup(controller.close)
        bad = document(mediaProxyConfig="HOLOGRAM_PROXY")
        self.assertEqual(controller.refused("context.create", context=bad)["data"], self.consumer.create(bad).json)

    def test_a_controller_that_vanishes_leaves_its_contexts(self):
        context = self.make()  # its connection is closed by now
        controller = self.gateway.controller()
        self.addCleanup(controller.close)
        self.assertEqual(controller.ask("context.get", contextId=context)["contextId"], context)
        controller.ask("context.delete", contextId=context)  # the operator may

    def test_a_stopped_worker_costs_a_504_or_a_500_and_no_context(self):
        controller = self.gateway.controller()
        self.addCleanup(controller.close)
        before = len(controller.ask("context.list", limit=1000)["contexts"])
        pids = [w["pid"] for w in controller.ask("node.info")["workers"]]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            started = time.monotonic()
            answer = self.consumer.create(headers=["3gpp-Sbi-Max-Rsp-Time: 500"])
            self.refused(answer, 504, "TIMED_OUT_REQUEST")
            self.assertLess(time.monotonic() - started, 4)
            self.refused(self.consumer.create(), 500, "SYSTEM_FAILURE")
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        late = self.consumer.create(headers=["3gpp-Sbi-Sender-Timestamp: Tue, 04 Feb 2020 08:49:37.845 GMT",
                                             "3gpp-Sbi-Max-Rsp-Time: 2000"])
        self.refused(late, 504, "TIMED_OUT_REQUEST")
        self.gateway.until(lambda: len(controller.ask("context.list", limit=1000)["contexts"]) == before, "undone")

    def test_metrics_tell_what_came(self):
        before = int(next(self.gateway.metric("sbi_requests_total")))
        self.consumer.ask("GET", CONTEXTS)
        self.assertEqual(int(next(self.gateway.metric("sbi_requests_total"))), before + 1)
        self.gateway.until(lambda: next(self.gateway.metric("sbi_connections")) == "0", "gone")
        self.assertNotIn("alice", self.gateway.log_text())


class Draining(Case):
    def test_new_contexts_go_to_the_peer_and_old_ones_stay(self):
        consumer = Consumer("http://" + SBI)
        with Gateway(DCMF, CONFIG) as gateway:
            controller = gateway.controller()
            self.addCleanup(controller.close)
            context = consumer.create().json["contextId"]
            controller.ask("node.drain", deadlineSeconds=60)
            answer = consumer.create()
            self.refused(answer, 503, "NF_CONGESTION")
            self.assertGreater(int(answer.headers["retry-after"]), 0)

            gateway.write(CONFIG + "drain: { peer: 'https://mf2.example' }\n")
            gateway.signal(signal.SIGHUP)
            gateway.until(lambda: "drain.peer changed" in gateway.log_text(), "reloaded")
            answer = consumer.create()
            self.assertEqual((answer.status, answer.headers["location"]), (307, "https://mf2.example" + CONTEXTS))
            self.assertEqual(answer.headers["content-type"], JSON)
            self.assertEqual(answer.json, {"cause": "NF_CONGESTION"})
            self.assertEqual(consumer.patch(context, MOVED).status, 200)
            self.assertEqual(consumer.delete(context).status, 204)
            controller.ask("node.resume")
            self.assertEqual(consumer.create().status, 201)

    def test_a_full_node_says_so(self):
        consumer = Consumer("http://" + SBI)
        with Gateway(DCMF, CONFIG + "limits: { contexts: 3 }\n"):
            self.assertNotIn("3gpp-sbi-lci", consumer.create().headers)
            consumer.create()
            answer = consumer.create()
            self.assertRegex(answer.headers["3gpp-sbi-lci"],
                             r'^Timestamp: "[A-Z][a-z]{2}, [^"]* GMT"; Load-Metric: 100%; NF-Instance: [0-9a-f-]{36}$')
            self.assertIn("Overload-Reduction-Metric: 55%", answer.headers["3gpp-sbi-oci"])
            self.refused(consumer.create(), 500, "INSUFFICIENT_RESOURCES", "limits.contexts")


class Tls(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="dcmf-sbi-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.ca, cls.other = Authority(cls.folder, "authority"), Authority(cls.folder, "other")
        cls.ca.issue("mf1", "DNS:localhost,IP:%s" % HOST)
        cls.ca.issue("as1", "DNS:as1.example,URI:urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6")
        cls.ca.issue("as2", "DNS:as2.example")
        cls.ca.issue("old", "DNS:as1.example", days=-1)
        cls.other.issue("stranger", "DNS:as1.example")
        cls.start_shared(DCMF, cls.config())

    @classmethod
    def config(cls, more=""):
        def path(name):
            return os.path.join(cls.folder, name)
        return CONFIG.replace(":9443 }", ":9443, tls: { certificate: %s, key: %s, client_ca: %s } }" % (
            path("mf1.pem"), path("mf1.key"), path("authority.pem"))) + more

    def consumer(self, who, *more):
        words = ["--cacert", os.path.join(self.folder, "authority.pem"), *more]
        if who is not None:
            words += ["--cert", os.path.join(self.folder, who + ".pem"), "--key", os.path.join(self.folder, who + ".key")]
        return Consumer("https://" + SBI, words)

    def reload(self, more, sign):
        before = self.gateway.log_text().count(sign)
        self.gateway.write(self.config(more))
        self.gateway.signal(signal.SIGHUP)
        self.gateway.until(lambda: self.gateway.log_text().count(sign) > before, "reloaded")

    def test_both_versions_and_both_sides_certificates(self):
        for version in (("--tlsv1.2", "--tls-max", "1.2"), ("--tlsv1.3",)):
            made = self.consumer("as1", *version).create()
            self.assertEqual(made.status, 201, str(made))
            self.assertTrue(made.headers["location"].startswith("https://%s%s/" % (SBI, CONTEXTS)))
        for who in (None, "stranger", "old"):
            with self.assertRaises(OSError):
                self.consumer(who).create()
        with self.assertRaises(OSError):
            self.consumer("as1", "--tlsv1.0", "--tls-max", "1.1").create()
        self.assertIn("TLS: the peer showed no certificate", self.gateway.log_text())

    def test_who_names_http_1_only_is_refused_in_the_handshake(self):
        done = subprocess.run(["curl", "-sS", "--http1.1", *self.consumer("as1").tls, "https://%s%s" % (SBI, CONTEXTS)],
                              capture_output=True, timeout=PATIENCE)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("names other protocols only", self.gateway.log_text())

    def test_a_context_belongs_to_who_made_it(self):
        mine = self.consumer("as1").create().json["contextId"]
        self.refused(self.consumer("as2").patch(mine, MOVED), 403, "MODIFICATION_NOT_ALLOWED")
        self.refused(self.consumer("as2").delete(mine), 403, "MODIFICATION_NOT_ALLOWED")
        self.assertEqual(self.consumer("as1").patch(mine, MOVED).status, 200)
        self.reload("authorization: { others_may_change: true }\n", "authorization.others_may_change changed")
        self.assertEqual(self.consumer("as2").patch(mine, MOVED).status, 200)
        self.reload("", "authorization.others_may_change changed")
        self.refused(self.consumer("as2").delete(mine), 403, "MODIFICATION_NOT_ALLOWED")
        self.assertEqual(self.consumer("as1").delete(mine).status, 204)

    def test_only_who_is_listed_may_use_the_service(self):
        self.reload("authorization: { clients: [ 3FA85F64-5717-4562-B3FC-2C963F66AFA6 ] }\n", "authorization.clients changed")
        try:
            self.assertEqual(self.consumer("as1").create().status, 201)
            self.refused(self.consumer("as2").create(), 403, "ACCESS_NOT_ALLOWED", "authorization.clients")
            self.refused(self.consumer("as2").ask("GET", "/secret"), 403, "ACCESS_NOT_ALLOWED")
        finally:
            self.reload("", "authorization.clients changed")
        self.assertEqual(self.consumer("as2").create().status, 201)

    def test_new_certificates_are_for_new_connections(self):
        self.ca.issue("mf1", "DNS:localhost,IP:%s" % HOST)
        self.reload("", "sbi.tls was read again")
        self.assertEqual(self.consumer("as1").create().status, 201)
        os.rename(os.path.join(self.folder, "mf1.key"), os.path.join(self.folder, "away"))
        self.reload("", "sbi.tls stays as it was")
        self.assertEqual(self.consumer("as1").create().status, 201)
        os.rename(os.path.join(self.folder, "away"), os.path.join(self.folder, "mf1.key"))


class Controllers(Case):
    """Controllers over TCP with the same certificates: a context is its maker's by whatever way he comes."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="dcmf-sbi-")
        self.addCleanup(shutil.rmtree, self.folder)
        ca = Authority(self.folder, "authority")
        ca.issue("mf1", "DNS:localhost,IP:%s" % HOST)
        ca.issue("as1", "URI:urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6")
        ca.issue("as2", "DNS:as2.example")
        ca.issue("as3", "DNS:as3.example")
        tls = "tls: { certificate: %s, key: %s, client_ca: %s }" % tuple(map(self.path, ("mf1.pem", "mf1.key", "authority.pem")))
        config = CONFIG.replace(":9443 }", ":9443, %s }" % tls) + "authorization: { clients: [ CN=as1, DNS:as2.example ] }\n"
        self.gateway = self.start(DCMF, config, control="tcp: { listen: '%s:9055', %s }" % (HOST, tls))

    def path(self, name):
        return os.path.join(self.folder, name)

    def controller(self, who):
        context = ssl.create_default_context(cafile=self.path("authority.pem"))
        context.load_cert_chain(self.path(who + ".pem"), self.path(who + ".key"))
        sock = context.wrap_socket(socket.create_connection((HOST, 9055), PATIENCE), server_hostname="localhost")
        controller = Controller(None, sock)
        self.addCleanup(controller.close)
        return controller

    def test_a_maker_is_known_on_both_interfaces_and_who_is_not_listed_on_none(self):
        consumer = Consumer("https://" + SBI, ["--cacert", self.path("authority.pem"), "--cert", self.path("as1.pem"),
                                               "--key", self.path("as1.key")])
        context = consumer.create().json["contextId"]
        other = self.controller("as2")
        self.assertEqual(other.ask("context.get", contextId=context)["contextId"], context)
        refusal = other.refused("context.update", contextId=context, patch=MOVED)["data"]
        self.assertEqual((refusal["status"], refusal["cause"]), (403, "MODIFICATION_NOT_ALLOWED"))
        self.assertEqual(other.refused("context.delete", contextId=context)["data"]["status"], 403)
        self.controller("as1").ask("context.update", contextId=context, patch=MOVED)
        with self.assertRaises((EOFError, OSError)):
            self.controller("as3").ask("node.info")
        self.assertIn("not listed in authorization.clients", self.gateway.log_text())
        operator = self.gateway.controller()
        self.addCleanup(operator.close)
        operator.ask("context.delete", contextId=context)


class Many(Case):
    """At 64 requests at once on a connection nothing fails; the rates are for the report."""

    COUNT, AT_ONCE = 2000, 64

    def over_socket(self, gateway):
        controller = gateway.controller()
        self.addCleanup(controller.close)
        started = time.monotonic()
        waiting = []
        for _ in range(self.COUNT):
            if len(waiting) == self.AT_ONCE:
                self.assertIn("result", controller.answer(waiting.pop(0)))
            waiting.append(controller.send("context.create", context=document()))
        for w in waiting:
            self.assertIn("result", controller.answer(w))
        return self.COUNT / (time.monotonic() - started)

    @unittest.skipUnless(have("h2load"), "SKIPPED: h2load (nghttp2-client) is not installed")
    def test_64_streams_of_h2load_find_no_error(self):
        with Gateway(DCMF, CONFIG) as gateway, tempfile.NamedTemporaryFile("w") as body:
            json.dump(document(), body)
            body.flush()
            done = subprocess.run(["h2load", "-n", str(self.COUNT), "-c", "1", "-m", str(self.AT_ONCE), "-d", body.name,
                                   "-H", "content-type: application/json", "http://%s%s" % (SBI, CONTEXTS)],
                                  capture_output=True, text=True, timeout=120)
            said = done.stdout
            self.assertIn("%d succeeded, 0 failed, 0 errored, 0 timeout" % self.COUNT, said)
            self.assertIn("status codes: %d 2xx" % self.COUNT, said)
            rate = float(re.search(r"finished in .*?, ([0-9.]+) req/s", said).group(1))
            print("\ncreates a second: %.0f over the SBI (h2load, %d at once), %.0f over the control socket (a Python client)" % (
                rate, self.AT_ONCE, self.over_socket(gateway)))

    @unittest.skipUnless(have("nghttp"), "SKIPPED: nghttp (nghttp2-client) is not installed")
    def test_nghttp_agrees(self):
        with Gateway(DCMF, CONFIG), tempfile.NamedTemporaryFile("w") as body:
            json.dump(document(), body)
            body.flush()
            done = subprocess.run(["nghttp", "-v", "-d", body.name, "-H", "content-type: application/json",
                                   "http://%s%s" % (SBI, CONTEXTS)], capture_output=True, text=True, timeout=PATIENCE)
            self.assertIn(":status: 201", done.stdout)
            self.assertIn("error_code=NO_ERROR", done.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
