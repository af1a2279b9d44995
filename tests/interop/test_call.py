"""A call between two WebRTC stacks that none of us wrote, anchored by the running gateway.

    Chromium ── veth ── dcmf ── veth ── aiortc        ended on both sides (E2AE), and passed through (E2E)

Channels of every kind at once, messages of 0 to 65,536 bytes, both DTLS roles. What was sent was heard: once, unchanged, in order
where order was asked. Where loss is allowed, whoever lost a message has counted it.
Usage: test_call.py BUILD_FOLDER [MESSAGES each way, 2000]
"""
import importlib.util
import os
import pathlib
import subprocess
import sys
import time
import unittest

from call_messages import CHANNELS, size_of
from lab import Control, Lab, skip
from peer import Peer

MESSAGES = (int(sys.argv[2]) if len(sys.argv) > 2 else 2000) // len(CHANNELS)  # a channel
BYTES = len(CHANNELS) * sum(size_of(n) for n in range(MESSAGES))
SECONDS = 60 + MESSAGES // 10  # patience for a whole call; sanitizers and neighbours are slow


def socket_losses(lab: Lab) -> int:
    """Datagrams that the kernel threw away because a UDP socket was full, in both namespaces."""
    losses = 0
    for ns in (lab.gw, lab.ue):
        text = subprocess.run(["ip", "netns", "exec", ns, "cat", "/proc/net/snmp"], capture_output=True, text=True, check=True).stdout
        names, values = (line.split()[1:] for line in text.splitlines() if line.startswith("Udp:"))
        losses += int(dict(zip(names, values))["RcvbufErrors"])
    return losses


def fingerprints(sdp: str) -> list[str]:
    return [line.split(" ", 1)[1].upper() for line in sdp.splitlines() if line.lower().startswith("a=fingerprint:sha-256")]


def setup_of(sdp: str) -> str:
    return next(line for line in sdp.splitlines() if line.startswith("a=setup:"))


def namespace_of(pid: str) -> str | None:
    """Of its processes; None for one that is gone, or is about to be."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None


class Nobody(unittest.TestCase):
    def test_browser_and_driver_of_a_call_that_failed_do_not_stay(self):
        def alive() -> list[str]:
            return [pid for pid in os.listdir("/proc") if pid.isdigit() and namespace_of(pid) == namespace]

        peer = Peer(self.lab, "call_chromium.py", str(MESSAGES), str(SECONDS))
        try:
            peer.hear()
            child = pathlib.Path(f"/proc/{peer.process.pid}/task/{peer.process.pid}/children").read_text().split()[0]
            namespace = namespace_of(child)
            self.assertNotEqual(namespace, namespace_of("self"))
            self.assertGreater(len(alive()), 3)  # the program, the driver, the browser
            peer.process.kill()
            peer.process.wait()
            end = time.monotonic() + 10
            while alive() and time.monotonic() < end:
                time.sleep(0.05)
            self.assertEqual(alive(), [])  # though nobody has closed the pipe that the program reads
        finally:
            peer.end()


class Call(unittest.TestCase):
    """`roles`: DTLS roles of Chromium and aiortc. `setup`: the gateway's, where the offer leaves it open."""

    def call(self, mode: str, setup: str, roles: tuple[str, str]):
        lab = self.lab
        before = socket_losses(lab)
        control = lab.gateway(setup)
        peers = [Peer(lab, program, str(MESSAGES), str(SECONDS)) for program in ("call_chromium.py", "call_aiortc.py")]
        try:
            self.talk(control, *peers, mode, roles)
            what = control.call("context.get", contextId=self.context_id)
            stats = control.call("node.stats")
            control.call("context.delete", contextId=self.context_id)
            for peer in peers:
                peer.part()
        finally:
            for peer in peers:
                peer.end()
            control.close()
            lab.stop()
        self.lost_in_sockets = socket_losses(lab) - before
        self.check_heard()
        self.check_roles(roles)
        self.check_keys(mode, stats)
        if mode == "E2AE":
            self.check_books(what, stats)
        else:
            self.check_splice(stats)
        self.print_figures(mode, roles, stats)

    def talk(self, control: Control, chromium: Peer, aiortc: Peer, mode: str, roles: tuple[str, str]):
        offer = chromium.hear()["offer"]
        anchored = control.call("sdp.offer", sdp=offer, securityMode=mode)
        self.context_id = anchored["contextId"]
        # aiortc takes no offer but actpass; the role that the offer leaves it, it gets otherwise
        aiortc.tell(offer=anchored["sdp"].replace(setup_of(anchored["sdp"]), "a=setup:actpass"), role=roles[1])
        answered = aiortc.hear()
        answer = control.call("sdp.answer", contextId=self.context_id, sdp=answered["answer"])["sdp"]
        began = time.monotonic()
        chromium.tell(answer=answer)
        self.reports = {"chromium": chromium.hear(SECONDS + 60), "aiortc": aiortc.hear(SECONDS + 60)}
        self.seconds = time.monotonic() - began
        self.own = {"chromium": fingerprints(offer)[0], "aiortc": answered["fingerprint"].upper()}
        self.gateways = [f["value"].upper() for f in control.call("node.info")["fingerprints"]]

    def ways(self):
        """Each channel in each direction: who sends, how many, who hears, what the ledger says."""
        for source, target in (("chromium", "aiortc"), ("aiortc", "chromium")):
            for label in CHANNELS:
                yield source, target, label, self.reports[source]["sent"][label], self.reports[target]["heard"][label]

    def lost(self, source: str) -> int:
        return sum(sent - heard["count"] for who, _, _, sent, heard in self.ways() if who == source)

    def check_heard(self):
        self.assertEqual(self.reports["chromium"]["errors"], [])
        for source, target, label, sent, heard in self.ways():
            _, ordered, reliable = CHANNELS[label]
            what = f"{source} to {target}, {label}: {heard}"
            self.assertEqual(sent, MESSAGES, what)
            self.assertEqual((heard["wrong"], heard["doubled"]), (0, 0), what)
            if ordered:
                self.assertEqual(heard["late"], 0, what)
            if reliable:
                self.assertEqual(heard["count"], sent, what)

    def check_roles(self, roles: tuple[str, str]):
        self.assertEqual((self.reports["chromium"]["role"], self.reports["aiortc"]["role"]), roles)

    def check_keys(self, mode: str, stats: dict):
        """Whose certificate each side saw: the other side's, or the gateway's. Passing through, the gateway holds no DTLS connection."""
        seen = {side: report["peer"].upper() for side, report in self.reports.items()}
        if mode == "E2E":
            self.assertEqual(seen, {"chromium": self.own["aiortc"], "aiortc": self.own["chromium"]})
        else:
            self.assertIn(seen["chromium"], self.gateways)
            self.assertIn(seen["aiortc"], self.gateways)
        self.assertEqual((stats["dtls_connections"], stats["splices"]), (0, 2) if mode == "E2E" else (2, 0))

    def check_books(self, context: dict, stats: dict):
        """Ended: what came in went out, channel by channel. What is missing before was given up by its sender, what is missing
        behind by the gateway's SCTP, and both are counted."""
        legs = [{c["label"]: c for c in t["medias"][0]["dcmf"]["status"]["channels"]} for t in context["terminations"]]
        self.assertEqual((stats["messages_dropped_total"], stats["messages_refused_total"]), (0, 0))
        given_up = behind = 0
        for source, target, label, sent, heard in self.ways():
            near, far = legs if source == "chromium" else legs[::-1]
            came, went = near[label]["messagesIn"], far[label]["messagesOut"]
            self.assertEqual(came, went, f"{source} to {target}, {label}")
            given_up += sent - came
            behind += went - heard["count"]
        self.assertLessEqual(behind, stats["messages_abandoned_total"])
        self.assertTrue(given_up == 0 or stats["sctp_forward_tsn_total"] > 0, f"{given_up} messages never reached the gateway")

    def check_splice(self, stats: dict):
        """Passed through: every datagram that came is accounted for, and what is missing the peers gave up between themselves."""
        self.assertEqual(stats["datagrams_received_total"],
                         sum(stats[name] for name in ("splice_datagrams_total", "splice_dropped_total", "ice_checks_total",
                                                      "datagrams_source_total", "datagrams_other_total", "datagrams_unknown_total")))
        self.assertEqual(stats["datagrams_dropped_total"], 0)
        self.assertLessEqual(self.lost("aiortc"), self.reports["aiortc"]["abandoned"])
        self.assertTrue(self.lost("chromium") == 0 or self.reports["aiortc"]["toldOfAbandoned"] > 0)

    def print_figures(self, mode: str, roles: tuple[str, str], stats: dict):
        total = MESSAGES * len(CHANNELS)
        print(f"{mode}, Chromium DTLS {roles[0]}, aiortc DTLS {roles[1]}: {total:,} messages ({BYTES / 1e6:.1f} MB) each way"
              f" in {self.seconds:.1f} s; lost {self.lost('chromium')} and {self.lost('aiortc')};"
              f" given up by the gateway {stats['messages_abandoned_total']}, dropped {stats['messages_dropped_total']},"
              f" by aiortc {self.reports['aiortc']['abandoned']}; datagrams lost in full sockets {self.lost_in_sockets}", flush=True)

    def test_ended_gateway_passive(self):
        self.call("E2AE", "passive", ("client", "server"))

    def test_ended_gateway_active(self):
        self.call("E2AE", "active", ("server", "client"))

    # aiortc insists on the role that Chromium has, too: ids of channels that Chromium opens are mapped on the way
    def test_ended_with_equal_roles(self):
        self.call("E2AE", "passive", ("client", "client"))

    def test_passed_through_answerer_active(self):
        self.call("E2E", "passive", ("server", "client"))

    def test_passed_through_answerer_passive(self):
        self.call("E2E", "passive", ("client", "server"))


if __name__ == "__main__":
    if importlib.util.find_spec("aiortc") is None or not pathlib.Path("/usr/bin/chromedriver").exists():
        skip("python3-aiortc or chromium-driver is not installed")
    with Lab(sys.argv[1]) as the_lab:
        Call.lab = Nobody.lab = the_lab
        outcome = unittest.main(argv=sys.argv[:1], exit=False, verbosity=2).result
    sys.exit(0 if outcome.wasSuccessful() else 1)
