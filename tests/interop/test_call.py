"""A call between two WebRTC stacks that none of us wrote, anchored by the running gateway.

    Chromium ── veth ── dcmf ── veth ── aiortc        ended on both sides (E2AE), and passed through (E2E)

Every kind of channel at once, thousands of messages each way, both DTLS roles.
Usage: test_call.py BUILD_FOLDER [MESSAGES]
"""
import importlib.util
import json
import pathlib
import subprocess
import sys
import unittest

from call_messages import LABELS
from lab import Lab, skip

HERE = pathlib.Path(__file__).parent
MESSAGES = int(sys.argv[2]) if len(sys.argv) > 2 else 100  # a channel and direction; 2500 makes 10,000 messages each way


class Peer:
    """A peer program in the UE's namespace that speaks JSON lines."""

    def __init__(self, lab: Lab, program: str):
        self.process = subprocess.Popen(["ip", "netns", "exec", lab.ue, sys.executable, str(HERE / program), str(MESSAGES)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def hear(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[5]} ended with {self.process.wait()}")
        return json.loads(line)

    def tell(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def end(self):
        if self.process.poll() is None:
            try:
                self.tell(end=True)
                self.process.wait(20)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Call(unittest.TestCase):
    def call(self, mode: str, setup: str):
        lab = self.lab
        control = lab.gateway(setup)
        chromium, aiortc = Peer(lab, "call_chromium.py"), Peer(lab, "call_aiortc.py")
        try:
            anchored = control.call("sdp.offer", sdp=chromium.hear()["offer"], securityMode=mode)
            # aiortc takes no offer but actpass, where the gateway says which it is; then both legs may have the same role
            aiortc.tell(offer=anchored["sdp"].replace("a=setup:active", "a=setup:actpass")
                        .replace("a=setup:passive", "a=setup:actpass"))
            answered = aiortc.hear()
            answer = control.call("sdp.answer", contextId=anchored["contextId"], sdp=answered["answer"])
            chromium.tell(answer=answer["sdp"])
            heard = {"chromium": chromium.hear()["received"]}
            last = aiortc.hear()
            heard["aiortc"] = last["received"]
            stats = control.call("node.stats")
            for side, ledgers in heard.items():
                self.check(side, ledgers, stats)
            self.check_keys(mode, answer["sdp"], answered["fingerprint"], stats)
            control.call("context.delete", contextId=anchored["contextId"])
            control.close()
        finally:
            chromium.end()
            aiortc.end()
            lab.stop()

    def check(self, side: str, ledgers: dict, stats: dict):
        self.assertEqual(set(ledgers), set(LABELS), side)
        for label, (_, ordered, reliable) in LABELS.items():
            got = ledgers[label]
            self.assertEqual((got["doubled"], got["wrong"]), (0, 0), f"{side} {label} {got}")
            if ordered:
                self.assertEqual(got["late"], 0, f"{side} {label} {got}")
            if reliable:
                self.assertEqual(got["count"], MESSAGES, f"{side} {label} {got}")
        self.assertEqual(stats["messages_dropped_total"], 0, "the gateway dropped for a slow reader, and nobody was slow")

    def check_keys(self, mode: str, answer: str, far: str, stats: dict):
        """Passed through, Chromium is told aiortc's own fingerprint and the gateway holds no DTLS connection; ended, neither."""
        shown = [line.split(" ", 1)[1] for line in answer.splitlines() if line.lower().startswith("a=fingerprint:sha-256")]
        self.assertEqual(far.upper() in [s.upper() for s in shown], mode == "E2E")
        self.assertEqual(stats["dtls_connections"], 0 if mode == "E2E" else 2)
        self.assertEqual(stats["splices"], 2 if mode == "E2E" else 0)

    def test_ended_on_both_sides(self):
        self.call("E2AE", "passive")

    def test_ended_with_the_other_roles(self):
        self.call("E2AE", "active")

    def test_passed_through(self):
        self.call("E2E", "passive")


if __name__ == "__main__":
    if importlib.util.find_spec("aiortc") is None or not pathlib.Path("/usr/bin/chromedriver").exists():
        skip("python3-aiortc or chromium-driver is not installed")
    with Lab(sys.argv[1]) as the_lab:
        Call.lab = the_lab
        outcome = unittest.main(argv=sys.argv[:1], exit=False, verbosity=2).result
    sys.exit(0 if outcome.wasSuccessful() else 1)
