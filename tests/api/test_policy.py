#!/usr/bin/python3
"""The security policy of a real gateway: rules of its file refuse by name, and dcmfctl tells the same without it.

usage: test_policy.py DCMF DCMFCTL
"""
import json
import os
import signal
import subprocess
import sys
import unittest

from gateway import HOST, GatewayTest
from signalling import FINGERPRINT, offer

DCMF, DCMFCTL = sys.argv[1:3]
CONFIG = """
workers: 1
media: [ { name: local, address: @HOST@, ports: 31400-31499 } ]
mdc1: { embedded: false, allow_plain: operator }
policy:
  operator_networks: [ 10.0.0.0/8 ]
  rules:
    - match: { kind: bdc, bdc: remote }
      then: refuse
    - match: { application: game }
      then: refuse
    - { match: { third_party: strict.example }, then: e2ae, require_protected_mdc: true }
""".replace("@HOST@", HOST)
OFFER = offer("%s subprotocol=\"http\"")


def media(sid, proxy="HTTP_PROXY", url="http://10.1.2.3/alice", server=None, application=None):
    dc = {
        "mediaProxyConfig": proxy,
        "streams": {str(sid): {"streamId": sid, "subprotocol": "http" if sid < 1000 else "mqtt"}},
        "remoteDcEndpoint": {"sctpPort": 5000, "fingerprints": [FINGERPRINT], "securitySetup": "ACTPASS"},
    }
    if proxy == "HTTP_PROXY":
        dc["replaceHttpUrl"] = {str(sid): {"streamId": sid, "replaceHttpUrl": url}}
    if server:
        dc["mdc2Info"] = {"mdc2Protocol": server[1],
                          "remoteMdc2Endpoint": {"ip": {"ipv4Addr": server[0]}, "portNumber": 443}}
    one = {"mediaId": str(sid), "mediaResourceType": "DC", "dcMedia": dc}
    if application:
        one["dcmf"] = {"applications": {str(sid): application}}
    return one


def document(*medias, third_party=None):
    doc = {"terminations": [{"terminationId": "ue", "medias": list(medias)}], "dcmf": {"owner": "alice"}}
    if third_party:
        doc["dcmf"]["thirdParty"] = third_party
    return doc


INSIDE, OUTSIDE = "10.9.9.9", "203.0.113.5"
TAIL = "built-in tail: "
# What a document gets: status, and the rule that decides its last media.
CASES = [
    (200, TAIL + "bdc ends here", document(media(0))),
    (200, TAIL + "bdc ends here", document(media(0, url="https://203.0.113.5/alice"))),
    (403, "mdc1.allow_plain", document(media(0, url="http://203.0.113.5/alice"))),
    (403, "policy.rules[0]", document(media(100))),
    (403, "policy.rules[0]", document(media(0), media(110))),
    (403, TAIL + "bdc ends here", document(media(0, "UDP_PROXY"))),
    (400, TAIL + "bdc ends here", document(media(0, "DC_APPLICATION_PROXY"))),
    (400, TAIL + "adc between two UEs", document(media(1000, "UDP_PROXY"))),
    (400, TAIL + "adc between two UEs", document(media(1000, "DC_APPLICATION_PROXY"))),
    (403, "policy.rules[1]", document(media(1000, "UDP_PROXY", application="game"))),
    (403, "policy.rules[2]", document(media(0), third_party="strict.example")),
    (200, "policy.rules[2]", document(media(0, url="https://10.1.2.3/"), third_party="strict.example")),
    (200, TAIL + "adc to the operator's own", document(media(1000, "DC_APPLICATION_PROXY", server=(INSIDE, "TCP/TLS")))),
    (501, TAIL + "adc to the operator's own", document(media(1000, "DC_APPLICATION_PROXY", server=(INSIDE, "SCTP/DTLS")))),
    (403, TAIL + "adc to the operator's own", document(media(1000, "UDP_PROXY", server=(INSIDE, "UDP")))),
    (403, "mdc2.allow_plain", document(media(1000, "DC_APPLICATION_PROXY", server=(INSIDE, "TCP")))),
    (200, TAIL + "adc to a foreign server that speaks", document(media(1000, "UDP_PROXY", server=(OUTSIDE, "UDP")))),
    (403, TAIL + "adc to a foreign server that speaks",
     document(media(1000, "DC_APPLICATION_PROXY", server=(OUTSIDE, "UDP/DTLS/SCTP")))),
    (403, TAIL + "adc to a foreign server ends here",
     document(media(1000, "DC_APPLICATION_PROXY", server=(OUTSIDE, "TCP")))),
    (200, TAIL + "adc to a foreign server ends here",
     document(media(1000, "DC_APPLICATION_PROXY", server=(OUTSIDE, "TCP/TLS")))),
]


class Policy(GatewayTest):
    @classmethod
    def setUpClass(cls):
        cls.start_shared(DCMF, CONFIG)

    def setUp(self):
        self.c = self.connect()

    def delete(self, context_id):
        own = self.gateway.controller()
        own.ask("context.delete", contextId=context_id)
        own.close()

    def test_each_case_gets_its_answer_and_the_rule_is_named(self):
        for status, rule, doc in CASES:
            with self.subTest(rule=rule, status=status):
                answer = self.c.answer(self.c.send("context.create", context=doc))
                if status == 200:
                    self.c.ask("context.delete", contextId=answer["result"]["contextId"])
                    continue
                problem = answer["error"]["data"]
                self.assertEqual(problem["status"], status, problem)
                if status == 403:
                    self.assertEqual(problem["cause"], "SECURITY_POLICY")
                    self.assertIn(rule, problem["detail"])
                    self.assertIn(rule, problem["invalidParams"][-1]["reason"])
                else:
                    self.assertIn("needs a server" if status == 400 else "is not built", problem["detail"])

    def test_a_refusal_is_an_event_that_carries_the_rule(self):
        listener = self.gateway.controller()
        self.addCleanup(listener.close)
        listener.ask("events.subscribe", types=["policy.refused"])
        self.c.refused("context.create", context=document(media(100)))
        event = listener.event("policy.refused")
        self.assertEqual(event["owner"], "alice")
        self.assertIn("policy.rules[0]: refused", event["detail"])

    def test_an_update_that_a_rule_refuses_changes_nothing(self):
        made = self.c.ask("context.create", context=document(media(0)))
        named = {"contextId": made["contextId"]}
        self.addCleanup(self.delete, made["contextId"])
        error = self.c.refused("context.update", patch=[
            {"op": "add", "path": "/terminations/0/medias/0/dcMedia/streams/100", "value": {"streamId": 100}}], **named)
        self.assertEqual(error["data"]["cause"], "SECURITY_POLICY")
        self.assertIn("policy.rules[0]", error["data"]["detail"])
        got = self.c.ask("context.get", **named)
        self.assertEqual(list(got["terminations"][0]["medias"][0]["dcMedia"]["streams"]), ["0"])

    def test_an_offer_is_decided_by_the_same_rules(self):
        dc_media = {"*": {"mediaProxyConfig": "HTTP_PROXY"}}
        error = self.c.refused("sdp.terminate", sdp=OFFER % 100, dcMedia=dc_media)
        self.assertEqual(error["data"]["status"], 403)
        self.assertIn("policy.rules[0]", error["data"]["detail"])
        made = self.c.ask("sdp.terminate", sdp=OFFER % 0, dcMedia=dc_media)
        self.c.ask("context.delete", contextId=made["contextId"])

    def test_an_update_of_the_file_needs_a_restart_and_the_log_says_so(self):
        try:
            self.gateway.write(CONFIG.replace("bdc: remote", "bdc: local"))
            self.gateway.signal(signal.SIGHUP)
            self.gateway.until(lambda: "policy.rules" in self.gateway.log_text(), "told")
        finally:
            self.gateway.write(CONFIG)
        made = self.c.ask("context.create", context=document(media(0)))
        self.c.ask("context.delete", contextId=made["contextId"])

    # dcmfctl policy test: the same answers, without the gateway

    def ctl(self, text, *options, config=CONFIG):
        path = os.path.join(self.gateway.dir, "policy.yaml")
        with open(path, "w") as f:
            f.write(config)
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        return subprocess.run([DCMFCTL, "policy", "test", "-", "-c", path, *options], input=text, text=True,
                              capture_output=True, timeout=60)

    def test_dcmfctl_says_what_the_gateway_does(self):
        for status, rule, doc in CASES:
            with self.subTest(rule=rule, status=status):
                done = self.ctl(json.dumps(doc), "--json")
                self.assertEqual(done.returncode, {403: 1, 400: 2}.get(status, 0), done.stdout + done.stderr)
                told = json.loads(done.stdout)
                self.assertEqual(told.get("allowed"), {403: False, 400: None}.get(status, True))  # 400: no document
                self.assertTrue(told["decisions"][-1]["rule"].startswith(rule), told)
                self.assertEqual(told["decisions"][-1]["allowed"], status != 403)
                self.assertEqual(told.get("refusal", {}).get("status", 200), status)

    def test_dcmfctl_makes_a_table_and_tells_the_line_of_the_rule(self):
        done = self.ctl(json.dumps(document(media(0), media(100))))
        self.assertEqual(done.returncode, 1)
        head, first, second = done.stdout.splitlines()
        self.assertEqual(head.split(), ["TERMINATION", "MEDIA", "STREAM", "CHANNEL", "ASKED", "SERVER", "MDC", "ANSWER", "BY"])
        self.assertRegex(first, r"^ue +0 +0 +bdc local +e2ae +10\.1\.2\.3:80 internal +plain +allowed +built-in tail: bdc ends")
        self.assertRegex(second, r"^ue +100 +100 +bdc remote +.* refused +policy\.rules\[0\], line 8$")
        self.assertIn("SECURITY_POLICY", done.stderr)

    def test_dcmfctl_decides_offers_and_names_that_it_is_told(self):
        self.assertEqual(self.ctl(OFFER % 0, "--sdp").returncode, 0)
        self.assertEqual(self.ctl(OFFER % 100, "--sdp").returncode, 1)
        doc = json.dumps(document(media(0, url="http://dcsf.invalid/alice")))
        self.assertEqual(self.ctl(doc, "--resolve", "dcsf.invalid=10.1.1.1").returncode, 0)
        self.assertEqual(self.ctl(doc, "--resolve", "dcsf.invalid=192.0.2.1").returncode, 1)

    def test_dcmfctl_cannot_decide_what_cannot_be_understood(self):
        for text, options, config in (
                ("nonsense", (), CONFIG), ("{}", (), CONFIG), ("hello", ("--sdp",), CONFIG),
                (json.dumps(document(media(0))), (), "policy: { rules: [ { match: { kind: xdc }, then: refuse } ] }"),
                (json.dumps(document(media(0))), ("--resolve", "x"), CONFIG)):
            done = self.ctl(text, *options, config=config)
            self.assertEqual(done.returncode, 2, text)
            self.assertTrue(done.stderr)
        self.assertEqual(subprocess.run([DCMFCTL, "policy", "show", "-"], capture_output=True).returncode, 2)

    def test_the_gateway_does_not_start_with_a_rule_that_cannot_be(self):
        path = os.path.join(self.gateway.dir, "bad.yaml")
        self.addCleanup(os.unlink, path)
        for text, said in (
                ("policy:\n  rules:\n  - { match: { kind: xdc }, then: refuse }\n",
                 "bad.yaml:3: policy.rules[0].match.kind: bdc or adc is wanted"),
                ("policy: { operator_networks: [ 10.0.0.0/99 ] }\n", "bad.yaml:1: policy.operator_networks: \"10.0.0.0/99\""),
                ("mdc2: { allow_plain: operator }\n", "bad.yaml:1: mdc2.allow_plain: operator needs policy.operator_networks")):
            with open(path, "w") as f:
                f.write(text)
            done = subprocess.run([DCMF, "--check", "-c", path], capture_output=True, text=True, timeout=60)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(said, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
