"""A call that SIP carries: sipp calls sipp through an unmodified Kamailio, whose rtpengine module has dcmf anchor the data channels.

    alice (aiortc) ── sipp ── SIP ── Kamailio ── SIP ── sipp ── (aiortc) bob
        └──────────── DTLS ── dcmf ── DTLS ─────────────┘        ng between Kamailio and dcmf, on loopback

Kamailio runs the example configuration that we ship. Usage: test_kamailio.py BUILD_FOLDER SOURCE_FOLDER
"""
import difflib
import importlib.util
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import unittest

import sipp
from lab import Lab, skip

HERE = pathlib.Path(__file__).parent
BUILD, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
NG, PROXY, ALICE, BOB = 2223, 5060, 5061, 5062
PATIENCE = 60
ANSWER_MS = 4000  # for bob's phone to make its answer


def until(condition, what, seconds: float = PATIENCE):
    """What the condition gives once that is something; `what` tells what was waited for, or is asked for it at the end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not {what() if callable(what) else what}")


# What the gateway puts itself into, in the lines it anchors.
OWNED = ("m=", "c=", "a=candidate:", "a=end-of-candidates", "a=ice-", "a=fingerprint:", "a=setup:", "a=tls-id:", "a=sctp-port:",
         "a=sctpmap:", "a=max-message-size:")


def split(sdp: str) -> list[list[str]]:
    """The session's lines, then those of each section."""
    parts = sdp.split("\nm=")
    return [parts[0].splitlines()] + [("m=" + part).splitlines() for part in parts[1:]]


def by_mid(lines: list[list[str]], mid: str) -> list[str]:
    return next(section for section in lines if f"a=mid:{mid}" in section)


def others(section: list[str]) -> list[str]:
    return [line for line in section if not line.startswith(OWNED)]


class Ng:
    """What a proxy says, from the gateway's own loopback."""

    def __init__(self, lab: Lab):
        self.lab, self.cookie = lab, 0

    def ask(self, **dictionary) -> dict:
        self.cookie += 1
        code = ("import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.settimeout(10)\n"
                f"s.sendto(sys.argv[1].encode(),('127.0.0.1',{NG}))\nprint(s.recv(65536).decode())")
        words = self.lab.gw_words([sys.executable, "-c", code, f"t{self.cookie} {json.dumps(dictionary)}"])
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.split(" ", 1)[1])


class Phones:
    def __init__(self, lab: Lab):
        self.process = subprocess.Popen(lab.ue_words([sys.executable, str(HERE / "kamailio_phones.py")]),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=lab.environment())

    def hear(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the phones ended with {self.process.wait()}")
        return json.loads(line)

    def tell(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()


class Kamailio(unittest.TestCase):
    def setUp(self):
        self.children = []
        self.control = self.lab.gateway("passive", f"ng: {{ listen: 127.0.0.1:{NG} }}\n")
        self.folder = self.lab.folder

    def tearDown(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(10)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()
        self.control.close()
        self.lab.stop()

    def start(self, words: list[str], log: str) -> subprocess.Popen:
        with open(self.folder / log, "w") as out:
            child = subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.folder,
                                     env={**self.lab.environment(), "TERM": "dumb"})
        self.children.append(child)
        return child

    def start_kamailio(self, flags: str):
        run = self.folder / "kamailio"
        run.mkdir(exist_ok=True)
        self.start(self.lab.gw_words([
            "kamailio", "-f", str(SOURCE / "packaging" / "kamailio.cfg"), "-DD", "-E", "-m", "64", "-M", "8", "-Y", str(run),
            "-w", str(run), "-P", str(run / f"{self.id()}.pid"), "-A", f"LISTEN=udp:192.0.2.1:{PROXY}", "-A", f'NG="udp:127.0.0.1:{NG}"',
            "-A", f'NEXT_HOP="sip:192.0.2.2:{BOB}"', "-A", f'FLAGS="{flags}"']), "kamailio.log")
        until(lambda: "rtpengine instance" in self.text("kamailio.log") or "found, support for it enabled" in self.text("kamailio.log"),
              lambda: "Kamailio, which pings the gateway when it starts: " + self.text("kamailio.log"))

    def text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text(errors="replace") if path.exists() else ""

    def start_sipp(self, name: str, scenario: str, port: int, *more: str) -> subprocess.Popen:
        path = self.folder / f"{name}.xml"
        path.write_text(scenario)
        words = ["sipp", "-sf", str(path), "-i", "192.0.2.2", "-p", str(port), "-m", "1", "-nostdin", "-trace_msg", "-message_file",
                 str(self.folder / f"{name}.messages"), "-timeout", "60", "-timeout_error", *more]
        return self.start(self.lab.ue_words(words), f"{name}.out")

    def sdp_of(self, name: str, start: str) -> str:
        return until(lambda: sipp.bodies(self.text(f"{name}.messages"), start), f"{start} at {name}")[-1]

    def go_on(self):
        """The caller waits for it before it hangs up."""
        message = (f"OPTIONS sip:alice@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:9;branch=z9hG4bKgoon\r\n"
                   f"From: <sip:test@192.0.2.1>;tag=t\r\nTo: <sip:alice@192.0.2.2>\r\n"
                   f"Call-ID: {sipp.call_id(self.text('alice.messages'))}\r\nCSeq: 9 OPTIONS\r\nContent-Length: 0\r\n\r\n")
        code = ("import socket,sys\nsocket.socket(socket.AF_INET,socket.SOCK_DGRAM)"
                f".sendto(sys.argv[1].encode(),('192.0.2.2',{ALICE}))")
        subprocess.run(self.lab.ue_words([sys.executable, "-c", code, message]), check=True)

    def check_untouched(self, what: str, came: str, left: str, lines: dict[str, str]):
        """Only what the gateway owns is another; `lines`: the mids of lines that go on, as they came and as they left."""
        print("\n".join(difflib.unified_diff(came.splitlines(), left.splitlines(), f"{what} that came", f"{what} that left", "", "", 0, "")),
              flush=True)
        (session_came, *came_lines), (session_left, *left_lines) = split(came), split(left)
        self.assertEqual(came_lines[0], left_lines[0])  # audio
        self.assertEqual([s for s in session_left if s != "a=ice-lite"],
                         [s.replace("192.0.2.2", "192.0.2.1") if s.startswith("o=") else s for s in session_came])
        for mid_came, mid_left in lines.items():
            self.assertEqual(others(by_mid(came_lines, mid_came)), others(by_mid(left_lines, mid_left)))

    def call(self, flags: str):
        self.start_kamailio(flags)
        phones = Phones(self.lab)
        self.children.append(phones.process)
        offer = phones.hear()["offer"]
        (self.folder / "offer.sdp").write_bytes(offer.encode())
        bob = self.start_sipp("bob", sipp.called(str(self.folder / "answer.sdp"), ANSWER_MS), BOB)
        alice = self.start_sipp("alice", sipp.caller(str(self.folder / "offer.sdp")), ALICE, f"192.0.2.1:{PROXY}")
        offered = self.sdp_of("bob", "INVITE")
        phones.tell(offered=offered.replace("\n", "\r\n"))
        answer = phones.hear()["answer"]
        (self.folder / "answer.sdp").write_bytes(answer.encode())
        answered = self.sdp_of("alice", "SIP/2.0 200")
        phones.tell(answered=answered.replace("\n", "\r\n"))
        heard = phones.hear()
        self.check_untouched("the offer", offer.replace("\r\n", "\n"), offered, {"app": "app"})
        self.check_untouched("the answer", answer.replace("\r\n", "\n"), answered, {"app": "app"})
        return phones, alice, bob, heard

    def test_a_call_with_bootstrap_channels_exchanges_data_and_bye_ends_it(self):
        phones, alice, bob, heard = self.call("replace-origin dcmf-bootstrap=add")
        for who, other in (("alice", "bob"), ("bob", "alice")):
            self.assertEqual(heard[who]["list"]["status"], 200, who)
            self.assertIn("applications", json.loads(heard[who]["list"]["body"]))
            self.assertEqual(heard[who]["heard"], [f"{other} {i}" for i in range(50)])
        contexts = self.control.call("context.list")["contexts"]
        self.assertEqual(len(contexts), 1)
        call_id = sipp.call_id(self.text("alice.messages"))
        self.assertEqual(self.control.call("context.get", contextId=contexts[0]["contextId"])["dcmf"]["owner"], call_id)
        ng = Ng(self.lab)
        self.assertEqual(ng.ask(command="list")["calls"], [call_id])
        told = ng.ask(command="query", **{"call-id": call_id})
        self.assertEqual(len(told["tags"]), 2)
        self.assertGreater(told["totals"]["RTP"]["packets"], 100)
        self.go_on()
        self.assertEqual(alice.wait(PATIENCE), 0, self.text("alice.out"))
        self.assertEqual(bob.wait(PATIENCE), 0, self.text("bob.out"))
        until(lambda: self.control.call("context.list")["contexts"] == [], "deleted by BYE")
        self.assertEqual(ng.ask(command="list")["calls"], [])
        stats = self.control.call("node.stats")
        self.assertEqual(stats["dtls_failed_total"], 0)
        self.assertEqual(stats["ng_malformed_total"], 0)
        self.assertEqual(stats["ng_refused_total"], 0)
        phones.tell(end=True)
        phones.process.wait(PATIENCE)

    def test_a_node_that_drains_is_told_apart_and_the_call_is_refused(self):
        self.start_kamailio("replace-origin")
        self.control.call("node.drain")
        (self.folder / "offer.sdp").write_text(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n")
        alice = self.start_sipp("alice", sipp.caller(str(self.folder / "offer.sdp")), ALICE, f"192.0.2.1:{PROXY}")
        until(lambda: "SIP/2.0 488" in self.text("alice.messages"), lambda: "488: " + self.text("alice.messages"))
        self.assertIn("load limit", self.text("kamailio.log"))
        alice.terminate()


def check_programs():
    for program, package in (("kamailio", "kamailio"), ("sipp", "sip-tester")):
        if shutil.which(program) is None and not pathlib.Path("/usr/sbin", program).exists():
            skip(f"{package} is not installed")
    if importlib.util.find_spec("aiortc") is None:
        skip("python3-aiortc is not installed")


if __name__ == "__main__":
    check_programs()
    with Lab(BUILD) as the_lab:
        Kamailio.lab = the_lab
        the_lab.make_package()
        outcome = unittest.main(argv=sys.argv[:1], exit=False, verbosity=2).result
    sys.exit(0 if outcome.wasSuccessful() else 1)
