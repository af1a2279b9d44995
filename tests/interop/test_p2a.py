"""A UE and a DC application server that none of us wrote, joined by the running gateway: P2A over UDP/DTLS/SCTP.

    aiortc (UE) ── veth ── dcmf ── veth ── aiortc (application server, MDC2)      ended here twice, and passed through

The test is the controller: it turns the server's SDP into mdc2Info and back. Both speak full ICE, so the gateway is ICE Lite toward
both. Both DTLS roles toward both with channels that are agreed; with DCEP, aiortc takes its ids from its ICE role and not from its
DTLS role (RFC 8832 6), and facing ICE Lite that is always the same: it must be DTLS server where it opens channels itself. For the
same reason two of them cannot speak SCTP with one another where ICE ends in between: what passes through has Chromium as UE.
Usage: test_p2a.py BUILD_FOLDER
"""
import importlib.util
import pathlib
import re
import sys
import time
import unittest

from lab import Lab, skip
from peer import Peer

MESSAGES = 200
PATIENCE = 60
AGREED = [1000, 1001]


# ---- what a controller does with SDP -------------------------------------------------------------------

def value(sdp: str, name: str) -> str:
    return re.search(rf"^a={name}:(.*?)\r?$", sdp, re.MULTILINE).group(1)


def host_of(sdp: str) -> tuple[str, int]:
    """One host candidate is all there is here."""
    words = value(sdp, "candidate").split()
    return words[4], int(words[5])


def sctp_port_of(sdp: str) -> int:
    """aiortc offers in the old form, and answers in that of the offer."""
    return int(value(sdp, "sctp-port" if "a=sctp-port:" in sdp else "sctpmap").split()[0])


def fingerprint_of(sdp: str) -> str:
    return next("SHA-256 " + line.split(" ", 1)[1].strip().upper()
                for line in sdp.splitlines() if line.lower().startswith("a=fingerprint:sha-256"))


def dtls_of(sdp: str) -> dict:
    return {"sctpPort": sctp_port_of(sdp), "fingerprints": [fingerprint_of(sdp)], "securitySetup": value(sdp, "setup").upper()}


def extensions_of(sdp: str) -> dict:
    return {"ice": {"ufrag": value(sdp, "ice-ufrag"), "pwd": value(sdp, "ice-pwd")},
            "maxMessageSize": int(value(sdp, "max-message-size"))}


def mdc2_of(sdp: str) -> tuple[dict, dict]:
    """The server's words as remoteMdc2Endpoint and dcmf.mdc2."""
    ip, port = host_of(sdp)
    return {"ip": {"ipv4Addr": ip}, "portNumber": port, **dtls_of(sdp)}, extensions_of(sdp)


def sdp_of(ip: str, port: int, dtls: dict, dcmf: dict, setup: str) -> str:
    """The gateway's side toward somebody as SDP."""
    ice = dcmf["ice"]
    lines = ["v=0", f"o=- 1 1 IN IP4 {ip}", "s=-", "t=0 0", "a=ice-lite", "a=group:BUNDLE 0",
             f"m=application {port} UDP/DTLS/SCTP webrtc-datachannel", f"c=IN IP4 {ip}", "a=mid:0",
             f"a=sctp-port:{dtls['sctpPort']}", f"a=max-message-size:{dcmf['maxMessageSize']}",
             f"a=ice-ufrag:{ice['ufrag']}", f"a=ice-pwd:{ice['pwd']}", "a=" + ice["candidates"][0], "a=end-of-candidates",
             *("a=fingerprint:" + f.replace("SHA-256", "sha-256") for f in dtls["fingerprints"]), f"a=setup:{setup.lower()}"]
    return "\r\n".join(lines) + "\r\n"


def media_of(context: dict) -> dict:
    return context["terminations"][0]["medias"][0]


def toward_server(context: dict) -> str:
    media = media_of(context)
    local = media["dcMedia"]["mdc2Info"]["localMdc2Endpoint"]
    return sdp_of(local["ip"]["ipv4Addr"], local["portNumber"], local, media["dcmf"]["mdc2"], local["securitySetup"])


def toward_ue(context: dict) -> str:
    media = media_of(context)
    at, dtls = media["localMbEndpoint"], media["dcMedia"]["localDcEndpoint"]
    return sdp_of(at["ip"]["ipv4Addr"], at["portNumber"], dtls, media["dcmf"], dtls["securitySetup"])


STREAMS = {str(i): {"streamId": i} for i in AGREED}
POLICY = "policy: { operator_networks: [ 192.0.2.0/24 ] }\n"
FOREIGN = ""  # the built-in tail lets what goes to a foreign server pass


class P2a(unittest.TestCase):
    def setUp(self):
        self.peers, self.control = [], None

    def tearDown(self):
        for peer in self.peers:
            peer.end()
        if self.control is not None:
            self.control.close()
        self.lab.stop()

    def begin(self, setup: str, extra: str = POLICY):
        self.control = self.lab.gateway(setup, extra)

    def peer(self, kind: str) -> Peer:
        self.peers.append(Peer(self.lab, "p2a_peer.py", kind))
        return self.peers[-1]

    def caller(self, program: str) -> Peer:
        """One side of a call (test_call.py)."""
        self.peers.append(Peer(self.lab, program, str(MESSAGES), str(PATIENCE)))
        return self.peers[-1]

    def status(self, context: dict) -> dict:
        return media_of(self.control.call("context.get", contextId=context["contextId"]))["dcmf"]["status"]

    def until(self, condition, what: str):
        end = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.1)

    def terminate(self, ue: Peer, server: Peer, agreed: list[int], **said) -> dict:
        """The server has made an offer before the UE has: sdp.terminate does the rest at once."""
        endpoint, more = mdc2_of(server.ask(offer=None, agreed=agreed)["offer"])
        endpoint.update(said)
        offer = ue.ask(offer=None, agreed=agreed)["offer"]
        dc = {"mediaProxyConfig": "DC_APPLICATION_PROXY", "dcmf": {"mdc2": more},
              "mdc2Info": {"mdc2Protocol": "UDP/DTLS/SCTP", "remoteMdc2Endpoint": endpoint}}
        if agreed:
            dc["streams"] = STREAMS
        done = self.control.call("sdp.terminate", sdp=offer, dcMedia={"*": dc})
        server.tell(answer=toward_server(done["context"]))
        ue.tell(answer=done["sdp"])
        return done["context"]

    def check_talk(self, report: dict, labels: int):
        self.assertEqual(len(report["talk"]), labels)
        for label, channel in report["talk"].items():
            self.assertTrue(channel["right"], label)

    def check_hops(self, context: dict, same_ids: bool = True):
        """Each hop tells what protects it, and who knows whom by what; what came in on one side went out on the other."""
        status = self.status(context)
        self.assertEqual([(h["hop"], h["protocol"], h["peer"]) for h in status["protection"]],
                         [("Mb", "DTLSv1.2", "certificate fingerprint"), ("MDC2", "DTLSv1.2", "certificate fingerprint")])
        self.assertEqual(status["server"]["ice"]["state"], "connected")
        near, far = ({c["streamId"] if same_ids else c["label"]: (c["subprotocol"], c["messagesIn"], c["messagesOut"])
                      for c in s["channels"]} for s in (status, status["server"]))
        self.assertEqual(near, {key: (c[0], c[2], c[1]) for key, c in far.items()})

    def is_gateways(self, fingerprint: str):
        self.assertIn(fingerprint.upper(), [f["value"].upper() for f in self.control.call("node.info")["fingerprints"]])

    def agreed(self, setup: str, role: str):
        self.begin(setup)
        ue, server = self.peer("ue"), self.peer("server")
        context = self.terminate(ue, server, AGREED)
        report = ue.ask(talk=MESSAGES)
        self.check_talk(report, 2)
        self.assertEqual(report["role"], role)
        self.is_gateways(report["peer"])
        self.check_hops(context)
        self.control.call("context.delete", contextId=context["contextId"])

    def test_ended_agreed_server_is_dtls_server(self):
        self.agreed("passive", "client")

    def test_ended_agreed_server_is_dtls_client(self):
        self.agreed("active", "server")

    def test_ended_dcep_with_equal_roles(self):
        """UE and server are both DTLS server, and each opens channels: ids are mapped where they meet."""
        self.begin("active")
        ue, server = self.peer("ue"), self.peer("server")
        context = self.terminate(ue, server, [], securitySetup="PASSIVE")
        report = ue.ask(talk=MESSAGES)
        self.check_talk(report, 2)
        self.assertEqual((report["role"], report["news"]), ("server", ["extra, extra"]))
        self.check_hops(context, same_ids=False)

    def document(self, offer: str, proxy: str) -> dict:
        """The UE's offer as a context whose server is not known yet."""
        return {"terminations": [{"terminationId": "ue", "medias": [{
            "mediaId": "0", "mediaResourceType": "DC",
            "dcMedia": {"mediaProxyConfig": proxy, "remoteDcEndpoint": dtls_of(offer), "mdc2Info": {"mdc2Protocol": "UDP/DTLS/SCTP"}},
            "dcmf": {**extensions_of(offer), "acceptDcep": True, "mdc2": {"ice": {}}}}]}]}

    def told(self, context: dict, answer: str) -> dict:
        endpoint, more = mdc2_of(answer)
        return self.control.call("context.update", contextId=context["contextId"], patch=[
            {"op": "add", "path": "/terminations/0/medias/0/dcMedia/mdc2Info/remoteMdc2Endpoint", "value": endpoint},
            {"op": "add", "path": "/terminations/0/medias/0/dcmf/mdc2", "value": more}])

    def answered_later(self, extra: str) -> tuple[Peer, dict]:
        """The other way round: the gateway's side is made first, the server answers it, and a patch says what it answered."""
        self.begin("active", extra)
        ue, server = self.peer("ue"), self.peer("server")
        offer = ue.ask(offer=None, agreed=[])["offer"]
        context = self.control.call("context.create", context=self.document(offer, "DC_APPLICATION_PROXY"))
        offered = toward_server(context).replace("a=setup:passive", "a=setup:actpass")  # aiortc takes no other
        context = self.told(context, server.ask(offer=offered, agreed=[])["answer"])
        ue.tell(answer=toward_ue(context))
        return ue, context

    def test_ended_dcep_server_answers(self):
        """The gateway is DTLS client of the UE and server of the server: ids are kept."""
        rule = "policy: { operator_networks: [ 192.0.2.0/24 ], rules: [ { match: { kind: adc }, then: e2ae } ] }\n"
        ue, context = self.answered_later(rule)
        report = ue.ask(talk=MESSAGES)
        self.check_talk(report, 2)
        self.assertEqual(report["role"], "server")
        self.is_gateways(report["peer"])
        self.check_hops(context)

    @unittest.skipUnless(pathlib.Path("/usr/bin/chromedriver").exists(), "chromium-driver is not installed")
    def test_passed_through_from_chromium(self):
        """A foreign server that speaks data channels: what the UE sees is its certificate, and the gateway holds no key."""
        self.begin("passive", FOREIGN)
        chromium, aiortc = self.caller("call_chromium.py"), self.caller("call_aiortc.py")
        context = self.control.call("context.create", context=self.document(chromium.hear()["offer"], "UDP_PROXY"))
        aiortc.tell(offer=toward_server(context), role="client")
        answered = aiortc.hear()
        context = self.told(context, answered["answer"])
        chromium.tell(answer=toward_ue(context))
        reports = [peer.hear() for peer in (chromium, aiortc)]
        self.assertEqual(reports[0]["peer"].upper(), answered["fingerprint"].upper())
        self.assertEqual([report["role"] for report in reports], ["server", "client"])
        for report in reports:
            for label in ("ordered", "unordered"):
                heard = report["heard"][label]
                self.assertEqual((heard["count"], heard["wrong"], heard["doubled"]), (MESSAGES, 0, 0), label)
        stats = self.control.call("node.stats")
        self.assertEqual((stats["dtls_connections"], stats["splices"]), (0, 2))
        self.assertTrue(all(h["endToEnd"] for h in self.status(context)["protection"]))

    def test_wrong_certificate_is_refused(self):
        self.begin("passive")
        ue, server = self.peer("ue"), self.peer("server")
        endpoint, more = mdc2_of(server.ask(offer=None, agreed=[])["offer"])
        endpoint["fingerprints"] = ["SHA-256 " + ":".join(["42"] * 32)]
        offer = ue.ask(offer=None, agreed=[])["offer"]
        done = self.control.call("sdp.terminate", sdp=offer, dcMedia={"*": {
            "mediaProxyConfig": "DC_APPLICATION_PROXY", "dcmf": {"mdc2": more},
            "mdc2Info": {"mdc2Protocol": "UDP/DTLS/SCTP", "remoteMdc2Endpoint": endpoint}}})
        server.tell(answer=toward_server(done["context"]))
        ue.tell(answer=done["sdp"])
        self.until(lambda: self.status(done["context"])["server"].get("reason") == "DTLS_FINGERPRINT", "refused")
        self.assertEqual(self.status(done["context"])["protection"][1], {"hop": "MDC2", "protocol": "not established"})

    def test_a_server_that_hangs_up_ends_the_channels_of_the_ue(self):
        self.begin("passive")
        ue, server = self.peer("ue"), self.peer("server")
        context = self.terminate(ue, server, AGREED)
        self.check_talk(ue.ask(talk=MESSAGES), 2)
        server.tell(hangUp=True)
        self.assertEqual(ue.ask(closed=2)["closed"], ["agreed 1000", "agreed 1001"])
        self.assertEqual(self.status(context)["state"], "open")
        self.assertEqual(self.status(context)["server"]["state"], "closed")

    def test_two_ues_at_one_application_live_and_die_alone(self):
        """P2A2P: each has its own way to the server."""
        self.begin("passive")
        pairs = [(self.peer("ue"), self.peer("server")) for _ in range(2)]
        contexts = [self.terminate(ue, server, AGREED) for ue, server in pairs]
        for ue, _ in pairs:
            self.check_talk(ue.ask(talk=MESSAGES), 2)
        self.control.call("context.delete", contextId=contexts[0]["contextId"])
        self.check_talk(pairs[1][0].ask(talk=MESSAGES), 2)


if __name__ == "__main__":
    if importlib.util.find_spec("aiortc") is None:
        skip("python3-aiortc is not installed")
    with Lab(sys.argv[1]) as the_lab:
        P2a.lab = the_lab
        outcome = unittest.main(argv=sys.argv[:1], exit=False, verbosity=2).result
    sys.exit(0 if outcome.wasSuccessful() else 1)
