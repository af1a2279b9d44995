#!/usr/bin/python3
"""Servers that speak data channels, as controllers see them: what a UE and a server are told, and patches that come true whole or not
at all.

usage: test_p2a.py DCMF
"""
import copy
import sys
import unittest

from gateway import HOST, GatewayTest
from signalling import FINGERPRINT, TLS_ID, offer

DCMF = sys.argv[1]
CONFIG = """
workers: 1
media: [ { name: local, address: @HOST@, ports: 31500-31599 } ]
mdc1: { embedded: false }
policy: { operator_networks: [ 10.0.0.0/8 ] }
""".replace("@HOST@", HOST)
SERVER_PRINT = "SHA-256 " + ":".join("%02X" % (i + 64) for i in range(32))
OFFER = offer('1000 label="board"', "a=max-message-size:4096")
MEDIA = "/terminations/0/medias/0"
REMOTE = MEDIA + "/dcMedia/mdc2Info/remoteMdc2Endpoint"


def server(ip, **more):
    return {"mdc2Protocol": "UDP/DTLS/SCTP",
            "remoteMdc2Endpoint": {"ip": {"ipv4Addr": ip}, "portNumber": 4000, "sctpPort": 5001, "fingerprints": [SERVER_PRINT],
                                   "tlsId": "ServerServerServer20", "securitySetup": "PASSIVE", **more}}


def lines(sdp, name):
    return [line.partition(":")[2] for line in sdp.splitlines() if line.startswith("a=%s:" % name)]


def print_of(sdp):
    return lines(sdp, "fingerprint")[0].replace("sha-256", "SHA-256")


class P2a(GatewayTest):
    @classmethod
    def setUpClass(cls):
        cls.start_shared(DCMF, CONFIG)

    def setUp(self):
        self.c = self.connect()

    def terminate(self, proxy, info, **more):
        done = self.c.ask("sdp.terminate", sdp=OFFER, dcMedia={"dc": {"mediaProxyConfig": proxy, "mdc2Info": info, **more}})
        self.addCleanup(self.c.ask, "context.delete", contextId=done["contextId"])
        return done

    def media(self, context):
        return context["terminations"][0]["medias"][0]

    def local(self, context):
        return self.media(context)["dcMedia"]["mdc2Info"]["localMdc2Endpoint"]

    def test_ended_each_side_is_told_the_gateways_words(self):
        done = self.terminate("DC_APPLICATION_PROXY", server("10.0.0.7"))
        own = "SHA-256 " + self.c.ask("node.info")["fingerprints"][0]["value"]
        local = self.local(done["context"])
        self.assertEqual((print_of(done["sdp"]), local["fingerprints"]), (own, [own]))
        self.assertEqual((lines(done["sdp"], "setup"), local["securitySetup"]), (["passive"], "ACTIVE"))
        self.assertEqual((lines(done["sdp"], "sctp-port"), local["sctpPort"]), (["5000"], 5000))
        self.assertEqual(lines(done["sdp"], "dcmap"), ['1000 label="board"'])
        self.assertEqual(self.media(done["context"])["dcmf"]["mdc2"], {"maxMessageSize": 4096})
        self.assertNotEqual(local["portNumber"], self.media(done["context"])["localMbEndpoint"]["portNumber"])

    def test_passed_through_each_side_is_told_the_others_words(self):
        done = self.terminate("UDP_PROXY", server("203.0.113.5"), dcmf={"mdc2": {"maxMessageSize": 9000}})
        local = self.local(done["context"])
        self.assertEqual((print_of(done["sdp"]), lines(done["sdp"], "setup")), (SERVER_PRINT, ["passive"]))
        self.assertEqual((lines(done["sdp"], "sctp-port"), lines(done["sdp"], "tls-id")), (["5001"], ["ServerServerServer20"]))
        self.assertEqual(lines(done["sdp"], "max-message-size"), ["9000"])
        self.assertEqual((local["fingerprints"], local["securitySetup"], local["tlsId"]),
                         ([FINGERPRINT], "ACTPASS", TLS_ID))
        self.assertEqual(local["ip"], {"ipv4Addr": HOST})

    def test_the_server_is_replaced_by_a_patch(self):
        done = self.terminate("DC_APPLICATION_PROXY", server("10.0.0.7"))
        other = "SHA-256 " + ":".join(["EE"] * 32)
        changed = self.c.ask("context.update", contextId=done["contextId"], patch=[
            {"op": "replace", "path": REMOTE + "/ip/ipv4Addr", "value": "10.0.0.8"},
            {"op": "replace", "path": REMOTE + "/fingerprints", "value": [other]},
            {"op": "replace", "path": REMOTE + "/securitySetup", "value": "ACTIVE"}])
        self.assertEqual(self.local(changed)["securitySetup"], "PASSIVE")
        self.assertEqual(self.local(changed)["portNumber"], self.local(done["context"])["portNumber"])
        self.assertNotEqual(self.local(changed)["tlsId"], self.local(done["context"])["tlsId"])
        self.assertEqual(self.media(changed)["dcMedia"]["localDcEndpoint"], self.media(done["context"])["dcMedia"]["localDcEndpoint"])

    def test_a_patch_whose_any_operation_fails_changes_nothing(self):
        done = self.terminate("DC_APPLICATION_PROXY", server("10.0.0.7"))
        second = copy.deepcopy(self.media(done["context"]))
        second["mediaId"] = "two"
        del second["dcmf"]
        good = [
            {"op": "test", "path": "/terminations/0/terminationId", "value": "ue"},
            {"op": "replace", "path": REMOTE + "/portNumber", "value": 4001},
            {"op": "add", "path": MEDIA + "/dcMedia/streams/1002", "value": {"streamId": 1002}},
            {"op": "add", "path": "/terminations/0/medias/-", "value": second},
            {"op": "replace", "path": REMOTE + "/fingerprints", "value": [FINGERPRINT]},
        ]
        bad = [
            {"op": "test", "path": "/terminations/0/terminationId", "value": "nobody"},
            {"op": "remove", "path": REMOTE + "/nothing"},
            {"op": "replace", "path": REMOTE + "/sctpPort", "value": "high"},
            {"op": "replace", "path": MEDIA + "/dcMedia/mediaProxyConfig", "value": "UDP_PROXY"},
            {"op": "add", "path": MEDIA + "/dcmf/mdc2", "value": {"interface": "no such"}},
        ]

        def seen():
            context = self.c.ask("context.get", contextId=done["contextId"])
            for media in context["terminations"][0]["medias"]:
                del media["dcmf"]["status"]
            return context

        before = seen()
        for at in range(len(good) + 1):
            for failing in bad:
                self.c.refused("context.update", contextId=done["contextId"], patch=good[:at] + [failing] + good[at:])
                self.assertEqual(seen(), before, failing)
        after = self.c.ask("context.update", contextId=done["contextId"], patch=good)
        self.assertEqual(len(after["terminations"][0]["medias"]), 2)

    def test_what_cannot_be_is_refused_with_its_place(self):
        for proxy, info, more, place in (
                ("UDP_PROXY", {"mdc2Protocol": "UDP"}, {}, "the answer needs the fingerprints"),
                ("DC_APPLICATION_PROXY", {}, {}, "mdc2Info/mdc2Protocol: missing"),
                ("DC_APPLICATION_PROXY", server("203.0.113.5"), {}, "DTLS is to pass (e2e)"),
                ("UDP_PROXY", server("10.0.0.7"), {}, "operator's own"),
                ("DC_APPLICATION_PROXY", {**server("10.0.0.7"), "mdc2Protocol": "SCTP/DTLS"}, {}, "only data channels know it"),
                ("DC_APPLICATION_PROXY", {"mdc2Protocol": "SCTP/DTLS", "remoteMdc2Endpoint": {
                    "ip": {"ipv4Addr": "10.0.0.7"}, "portNumber": 4000}}, {}, "SCTP straight on IP is not built"),
                ("DC_APPLICATION_PROXY", server("10.0.0.7"), {"dcmf": {"mdc2": {"ice": {"gather": True}}}}, "are not gathered"),
                ("DC_APPLICATION_PROXY", server("10.0.0.7"), {"dcmf": {"acceptDcep": True}}, "the SDP says this"),
                ("DC_APPLICATION_PROXY", server("10.0.0.7", fingerprints=["SHA-1 " + ":".join(["00"] * 20)]), {}, "too weak"),
        ):
            with self.subTest(place=place):
                error = self.c.refused("sdp.terminate", sdp=OFFER,
                                       dcMedia={"dc": {"mediaProxyConfig": proxy, "mdc2Info": info, **more}})
                self.assertIn(place, error["message"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
