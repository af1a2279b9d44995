#!/usr/bin/python3
"""The generator's phones through a real gateway: every way to set up, nothing may fail and nothing may stay behind.

usage: test_load.py DCMF DCMF_LOAD
"""
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from authority import Authority
from gateway import HOST, Gateway, GatewayTest
from load import Load

DCMF, DCMF_LOAD = sys.argv[1:3]
TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/load")
PACKAGE = 65536
PATIENCE = 240  # seconds; sanitizers are slow
BASE = 10000 + 2100 * (os.getpid() % 10)  # ::1 is there once, and runs that stand side by side share it
SHARED = BASE + 2050
CONFIG = """
workers: 2
media: [ { name: local, address: "%%s", ports: %d-%d%%s } ]
mdc1: { synthetic: ["load:%%d"] }
""" % (BASE, BASE + 1999)
LEFT_NOTHING = ("contexts", "legs", "legs_open", "splices", "channels", "associations", "dtls_connections", "half_open",
                "upstream_requests", "buffered_bytes")


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.bind(("::1", 0))
            return True
    except OSError:
        return False


class Gateways(GatewayTest):
    """A gateway for a test: it has to end in peace, and nothing may stay behind in it."""

    def gateway(self, address=HOST, media="", more=""):
        gateway = self.start(DCMF, CONFIG % (address, media, PACKAGE) + more)
        self.addCleanup(self.stop, gateway)
        return gateway

    def stop(self, gateway):
        """Sanitizers speak up at the end: of the front, of the workers, of the embedded DCSF."""
        gateway.signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(PATIENCE), 0, gateway.log_text())
        self.assertNotIn("Sanitizer", gateway.log_text())

    def check_nothing_is_left(self, gateway, ports):
        for gauge in LEFT_NOTHING:
            self.assertEqual(next(gateway.metric(gauge)), "0", gauge)
        self.assertEqual(next(gateway.metric("ports")), ports)


class Waves(Gateways):
    """About sixty phones in two waves, each kind of phone through each kind of gateway."""

    def run_load(self, gateway, *words, ues=30, lines=1):
        """Two waves of `ues`: all of them fetch list and package on every line, byte for byte, and are gone afterwards."""
        ports = next(gateway.metric("ports"))  # the shared ones stay
        with Load(DCMF_LOAD, gateway, "--ues", str(ues), "--rate", "60", "--waves", "2", "--lines", str(lines),
                  "--app", "load", "--timeout", "60", *words) as load:
            load.finish(PATIENCE)
            said = load.said + load.complained + gateway.log_text()
            self.assertEqual(load.status, 0, said)
            report = load.report
        expected = 2 * ues * lines
        part = load.part
        self.assertEqual((part["begun"], part["up"], part["done"], part["failed"]), (2 * ues, 2 * ues, 2 * ues, 0), said)
        self.assertEqual([part[k] for k in ("handshakes", "lists", "packages", "notModified")], [expected] * 4)
        self.assertGreaterEqual(part["bytes"], expected * PACKAGE)
        self.assertEqual(part["checked"], "every byte against the pattern of synthetic packages")
        self.assertEqual([w["gaugesBackToZero"] for w in report["waves"]], [True, True], said)
        self.check_nothing_is_left(gateway, ports)
        return part

    def test_phones_of_every_kind_on_a_port_a_media(self):
        gateway = self.gateway()
        part = self.run_load(gateway, "--ice", "mixed", "--setup", "mixed", "--lines", "1", "--message-size", "1024")
        self.assertEqual(part["withIce"], 30)
        self.run_load(gateway, "--ice", "mixed", "--setup", "mixed", "--message-size", "16384", lines=2)
        self.run_load(gateway, "--ice", "mixed", "--setup", "mixed", "--style", "webrtc", "--message-size", "16384")
        self.run_load(gateway, "--ice", "on", "--style", "webrtc", "--message-size", "1024", lines=2)

    def test_phones_with_ice_share_a_port_a_worker(self):
        gateway = self.gateway(media=", shared_port: %d" % SHARED)
        self.run_load(gateway, "--ice", "mixed", "--setup", "mixed", "--style", "webrtc", "--message-size", "1024")
        self.run_load(gateway, "--ice", "on", "--setup", "mixed", "--message-size", "16384", lines=2)

    @unittest.skipUnless(has_ipv6(), "this host has no ::1")
    def test_phones_over_ipv6(self):
        gateway = self.gateway(address="::1")
        self.run_load(gateway, "--bind", "::1", "--ice", "mixed", "--setup", "mixed")
        self.run_load(gateway, "--bind", "::1", "--ice", "on", "--style", "webrtc", "--message-size", "16384", lines=2)

    @unittest.skipUnless(has_ipv6(), "this host has no ::1")
    def test_phones_over_ipv6_share_a_port(self):
        gateway = self.gateway(address="::1", media=", shared_port: %d" % SHARED)
        self.run_load(gateway, "--bind", "::1", "--ice", "mixed", "--setup", "mixed")


class Pairs(Gateways):
    """Pairs of phones that call one another: ended at the gateway and passed through it, of every kind; every message is checked where it arrives."""

    def run_pairs(self, gateway, scenario, *words, pairs=12, messages=150):
        ports = next(gateway.metric("ports"))
        with Load(DCMF_LOAD, gateway, "--pairs", str(pairs), "--messages", str(messages), "--rate", "30", "--waves", "2", "--timeout", "60",
                  "--ice", "mixed", "--setup", "mixed", *words, scenario=scenario) as load:
            load.finish(PATIENCE)
            said = load.said + load.complained + gateway.log_text()
            self.assertEqual(load.status, 0, said)
            report, part = load.report, load.part
        self.assertEqual((part["begun"], part["up"], part["done"], part["failed"]), (2 * pairs, 2 * pairs, 2 * pairs, 0), said)
        self.assertEqual((part["withIce"], part["handshakes"]), (2 * pairs, 4 * pairs))
        self.assertEqual(part["certificates"], 4 * pairs, "each saw whose certificate it should")
        self.assertEqual(part["messagesSent"], part["messagesReceived"] + part["messagesLost"])
        self.assertEqual(part["messagesLost"], 0)
        if "--talk" not in words:
            self.assertEqual(part["messagesSent"], 2 * 2 * pairs * messages)
        self.assertEqual([w["gaugesBackToZero"] for w in report["waves"]], [True, True], said)
        self.check_nothing_is_left(gateway, ports)
        return report

    def run_all(self, gateway, scenario):
        self.run_pairs(gateway, scenario)
        self.run_pairs(gateway, scenario, "--style", "webrtc", "--channels", "5", "--hold", "all")
        self.run_pairs(gateway, scenario, "--payload", "65536", "--reliability", "reliable", pairs=4, messages=12)
        self.run_pairs(gateway, scenario, "--payload", "12", "--reliability", "unordered", "--window", "16", "--no-verify", pairs=4)
        report = self.run_pairs(gateway, scenario, "--message-rate", "100", "--talk", "2", "--reliability", "partial", "--together", pairs=4)
        latency = report["parts"][0]["latency"]["message"]
        self.assertEqual(latency["count"], report["parts"][0]["messagesSent"])
        self.assertTrue(2 * 8 * 2 * 100 * 0.5 <= latency["count"] <= 2 * 8 * 2 * 100 + 32, latency)
        self.assertGreater(report["gateway"]["bytesPerLeg"], 0)

    def test_calls_that_end_at_the_gateway(self):
        gateway = self.gateway()
        self.run_all(gateway, "p2p")
        self.assertNotEqual(next(gateway.metric("messages_bridged_total")), "0")
        self.assertEqual(next(gateway.metric("splice_datagrams_total")), "0")

    def test_calls_that_pass_through(self):
        gateway = self.gateway()
        self.run_all(gateway, "passthrough")
        self.assertEqual(next(gateway.metric("dtls_connected_total")), "0")
        self.assertNotEqual(next(gateway.metric("splice_datagrams_total")), "0")

    def test_calls_on_a_shared_port_from_several_processes(self):
        gateway = self.gateway(media=", shared_port: %d" % SHARED)
        for scenario in ("p2p", "passthrough"):
            report = self.run_pairs(gateway, scenario, "--processes", "3")
            self.assertEqual(report["generator"]["processes"], 3)

    @unittest.skipUnless(has_ipv6(), "this host has no ::1")
    def test_calls_over_ipv6(self):
        gateway = self.gateway(address="::1")
        for scenario in ("p2p", "passthrough"):
            self.run_pairs(gateway, scenario, "--bind", "::1", pairs=6)


class Servers(Gateways):
    """Phones that talk to an application server, which the generator plays, in every way a server is spoken to."""

    AT = "127.200.%s" % HOST.split(".", 2)[2]  # of this process alone
    FOREIGN = "127.201.%s" % HOST.split(".", 2)[2]
    MORE = "mdc2: { allow_plain: loopback%s }\npolicy: { operator_networks: [ 127.200.0.0/16 ] }\n"

    def run_p2a(self, gateway, protocol, *words, at=AT, ues=12):
        ports = next(gateway.metric("ports"))
        with Load(DCMF_LOAD, gateway, "--protocol", protocol, "--server-bind", at, "--ues", str(ues), "--messages", "90", "--rate", "30",
                  "--waves", "2", "--timeout", "60", "--ice", "mixed", "--setup", "mixed", *words, scenario="p2a") as load:
            load.finish(PATIENCE)
            said = load.said + load.complained + gateway.log_text()
            self.assertEqual(load.status, 0, said)
            part = load.part
        self.assertEqual((part["begun"], part["done"], part["certificates"]), (2 * ues, 2 * ues, 2 * ues), said)
        self.assertEqual([w["gaugesBackToZero"] for w in load.report["waves"]], [True, True], said)
        self.check_nothing_is_left(gateway, ports)
        return part

    def check_messages(self, part, count=2 * 12 * 90):
        self.assertEqual((part["messagesSent"], part["messagesReceived"] + part["messagesLost"]), (count, count))

    def test_servers_that_speak_data_channels(self):
        gateway = self.gateway(more=self.MORE % "")
        part = self.run_p2a(gateway, "UDP/DTLS/SCTP")
        self.check_messages(part)
        self.assertEqual((part["handshakes"], part["messagesLost"], part["passedThrough"]), (48, 0, False))
        self.check_messages(self.run_p2a(gateway, "UDP/DTLS/SCTP", "--payload", "60000", "--reliability", "reliable", ues=4), 2 * 4 * 90)
        part = self.run_p2a(gateway, "UDP_PROXY", at=self.FOREIGN)
        self.check_messages(part)
        self.assertEqual((part["handshakes"], part["messagesLost"], part["passedThrough"]), (48, 0, True))

    def test_servers_that_speak_frames(self):
        gateway = self.gateway(more=self.MORE % "")
        part = self.run_p2a(gateway, "TCP")
        self.check_messages(part)
        self.assertEqual((part["handshakes"], part["messagesLost"]), (24, 0))
        self.check_messages(self.run_p2a(gateway, "TCP", "--payload", "60000", "--reliability", "reliable", ues=4), 2 * 4 * 90)

    def test_servers_that_speak_frames_over_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            ca = Authority(folder, "ca")
            ca.issue("server", "DNS:as.example")
            ca.issue("gateway", "DNS:gateway.example")
            pem = os.path.join(folder, "all.pem")
            with open(pem, "w") as f:
                for path in (ca.path("server"), ca.path("server", "key"), ca.path("ca")):
                    with open(path) as g:
                        f.write(g.read())
            tls = ", tls: { certificate: %s, key: %s }" % (ca.path("gateway"), ca.path("gateway", "key"))
            self.check_messages(self.run_p2a(self.gateway(more=self.MORE % tls), "TCP/TLS", "--server-pem", pem))

    def test_servers_that_take_datagrams(self):
        part = self.run_p2a(self.gateway(more=self.MORE % ""), "UDP", "--message-rate", "200")
        self.check_messages(part)
        self.assertLess(part["messagesLost"], part["messagesSent"] / 10)

    def test_servers_that_speak_http(self):
        part = self.run_p2a(self.gateway(more=self.MORE % ""), "HTTP", "--fetches", "2")
        self.assertEqual([part[k] for k in ("lists", "packages", "notModified")], [24, 48, 24])
        self.assertEqual(part["checked"], "every byte against the pattern of synthetic packages")

    def test_a_server_without_protection_is_refused_where_that_is_not_allowed(self):
        for protocol in ("TCP", "UDP", "HTTP"):
            with Load(DCMF_LOAD, self.gateway(more=(self.MORE % "").replace("loopback", "never")), "--protocol", protocol, "--server-bind", self.AT,
                      "--ues", "2", scenario="p2a") as load:
                load.finish(PATIENCE)
                self.assertEqual((load.status, load.report["failures"]["CONTROL"]["count"]), (1, 2), load.said)
                self.assertIn("allow_plain", load.report["failures"]["CONTROL"]["first"])


class Others(Gateways):
    """What is made of the other scenarios, and what becomes of a report."""

    def run_load(self, gateway, *words, scenario):
        with Load(DCMF_LOAD, gateway, "--rate", "30", "--timeout", "60", "--setup", "mixed", *words, scenario=scenario) as load:
            load.finish(PATIENCE)
            self.assertEqual(load.status, 0, load.said + load.complained + gateway.log_text())
            self.assertEqual([w["gaugesBackToZero"] for w in load.report["waves"]], [True])
            return load.report

    def test_those_who_idle_only_keep_alive(self):
        gateway = self.gateway()
        for of in ("bootstrap", "p2p", "passthrough"):
            report = self.run_load(gateway, "--of", of, "--ues", "20", "--pairs", "10", "--ice", "on", "--idle", "2", "--per-address", "4",
                                   scenario="idle")
            self.assertEqual((report["scenario"], report["up"], report["parts"][0]["messagesSent"]), ("idle", report["atOnce"], 0))
            self.assertEqual(report["parts"][0]["handshakes"], 20)
            self.assertGreaterEqual(report["gateway"]["workShareOfACore"], 0)

    def test_those_who_are_connected_directly_need_no_gateway(self):
        for words in (("--waves", "2"), ("--style", "webrtc", "--ice", "on", "--window", "8", "--payload", "20000")):
            done = subprocess.run([DCMF_LOAD, "direct", "--quiet", "--pairs", "6", "--rate", "30", "--messages", "60", "--setup", "mixed", *words],
                                  capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertRegex(done.stdout, r"(?m)^certificates: \d+ UEs saw that of the other end$")

    def test_those_who_churn_come_and_go_at_their_rate(self):
        report = self.run_load(self.gateway(), "--of", "p2p", "--duration", "2", "--messages", "6", scenario="churn")
        self.assertEqual((report["begun"], report["up"], report["failed"]), (60, 60, 0))

    def test_a_mix_has_its_shares_and_its_report_is_a_page_too(self):
        gateway = self.gateway()
        with tempfile.TemporaryDirectory() as folder:
            mix, page, a, b = (os.path.join(folder, name) for name in ("mix", "page.html", "a.json", "b.json"))
            with open(mix, "w") as f:
                f.write("2 bootstrap --app load --ice on\n1 p2p --messages 12\n1 passthrough --messages 12 --ice mixed\n")
            report = self.run_load(gateway, mix, "--ues", "40", "--processes", "2", "--html", page, scenario="mix")
            begun = {part["scenario"]: part["begun"] for part in report["parts"]}
            self.assertEqual(sum(begun.values()), 40)
            for scenario, share in (("bootstrap", 20), ("p2p", 10), ("passthrough", 10)):
                self.assertAlmostEqual(begun[scenario], share, delta=2)
            with open(page) as f:
                text = f.read()
            self.assertIn("<svg", text)
            self.assertNotRegex(text, "(src|href|url)=?[(\"']?http")  # nothing from elsewhere

            for path, failed in ((a, 0), (b, 5)):
                with open(path, "w") as f:
                    json.dump({**report, "failed": failed}, f)
            done = subprocess.run([DCMF_LOAD, "--compare", a, b], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"(?m)^failed +0\.000 +5\.000$")
            self.assertRegex(done.stdout, r"(?m)^messages a second .*\+0\.0 %$")
            self.assertRegex(done.stdout, r"(?m)^bootstrap package p99, ms .*\+0\.0 %$")
            done = subprocess.run([DCMF_LOAD, "--compare", a, b, "--html", page], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(page) as f:
                text = f.read()
            self.assertIn("<h1>dcmf-load: two reports</h1>", text)
            self.assertIn("p2p: message, sent (or due) to received", text)
            self.assertNotRegex(text, "(src|href|url)=?[(\"']?http")
            done = subprocess.run([DCMF_LOAD, "--compare", a, mix], capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(mix, done.stderr)


class Echo(unittest.TestCase):
    """Servers that are none of ours, and no gateway: whatever answers an offer."""

    SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "echo_server.py")

    def run_echo(self, command, *words):
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            done = subprocess.run([DCMF_LOAD, "echo", "--quiet", "--exec-signalling", command, "--json", out.name, *words], capture_output=True,
                                  text=True, timeout=PATIENCE)
            return done.returncode, json.load(out), done.stdout + done.stderr

    @unittest.skipUnless(importlib.util.find_spec("aiortc"), "aiortc is not installed")
    def test_a_server_made_of_aiortc(self):
        status, report, said = self.run_echo("exec %s %s" % (sys.executable, self.SERVER), "--ues", "2", "--rate", "5", "--messages", "60",
                                             "--message-rate", "100", "--timeout", "90")
        self.assertEqual(status, 0, said)
        part = report["parts"][0]
        self.assertEqual((part["done"], part["handshakes"], part["messagesSent"], part["messagesReceived"]), (2, 2, 120, 120))

    def test_janus(self):
        done = subprocess.run([os.path.join(TOOLS, "janus-lab"), DCMF_LOAD, "--ues", "2", "--talk", "1"], capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode == 77:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)
        cost = json.loads(done.stdout)
        self.assertGreater(cost["messages"], 100)
        self.assertGreater(cost["cpuUsPerSetUp"], 0)

    def test_janus_where_there_is_none(self):
        with socket.socket() as nobody:
            nobody.bind((HOST, 0))  # and does not listen
            command = "exec %s http://%s:%d/janus" % (os.path.join(TOOLS, "janus-echotest"), HOST, nobody.getsockname()[1])
            status, report, said = self.run_echo(command, "--ues", "1", "--timeout", "20")
        self.assertEqual((status, report["failures"]["COMMAND"]["first"]), (1, "the command said nothing"), said)
        self.assertIn("Connection refused", said)

    def test_a_command_that_is_of_no_use_is_a_failure_with_its_reason(self):
        for command, failure, words in (("exit 3", "COMMAND", "the command said nothing"),
                                        ("echo hello", "ANSWER", "cannot be understood"),
                                        ("cat", "ANSWER", "an answer that does not decide the role"),
                                        ("sleep 60", "NO_ANSWER", "the command is silent")):
            status, report, said = self.run_echo(command, "--ues", "2", "--timeout", "1")
            self.assertEqual((status, report["failures"][failure]["count"]), (1, 2), said)
            self.assertEqual(report["failures"][failure]["first"], words)

    def test_a_command_ends_with_its_phone(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "pid")
            self.run_echo("echo $$ >%s; sleep 60" % path, "--ues", "1", "--timeout", "1")
            with open(path) as f:
                pid = int(f.read())
            deadline = time.monotonic() + PATIENCE
            while os.path.exists("/proc/%d" % pid) and time.monotonic() < deadline:
                time.sleep(0.05)
            self.assertFalse(os.path.exists("/proc/%d" % pid))


class SlowReaders(Gateways):
    """Phones that send as fast as they can to phones that read slowly: what the gateway holds for them is bounded, and nothing is lost for it."""

    SIZES = "sctp: { receive_buffer: 128KiB, send_buffer: 128KiB, max_message_size: 16KiB }\nchannel: { queue: 64KiB, hold: 10s }\n"
    QUEUE = 65536
    MESSAGE = 16384

    def run_slowly(self, *words):
        gateway, pairs, most, samples = self.gateway(more=self.SIZES), 6, 0, 0
        with Load(DCMF_LOAD, gateway, "--pairs", str(pairs), "--rate", "50", "--talk", "5", "--slow-reader", "40000", "--slow-both", "--together",
                  "--timeout", "60", *words, scenario="p2p") as load:
            while load.process.poll() is None:
                most = max(most, int(next(gateway.metric("buffered_bytes"))))
                samples += 1
                time.sleep(0.05)
            load.finish(PATIENCE)
            self.assertEqual(load.status, 0, load.said + load.complained + gateway.log_text())
            self.assertEqual(load.report["waves"][0]["gaugesBackToZero"], True)
        # two legs a pair; two channels' worth a leg, and what was fetched last
        bound = pairs * 2 * (2 * self.QUEUE + self.MESSAGE)
        self.assertGreater(samples, 20)
        self.assertGreater(most, pairs * self.QUEUE, "readers were not slow enough to prove anything")
        self.assertLessEqual(most, bound)
        self.assertEqual(next(gateway.metric("buffered_bytes")), "0")
        return load.part

    def test_what_is_reliable_comes_whole(self):
        part = self.run_slowly("--reliability", "reliable", "--channels", "3")
        self.assertEqual((part["messagesLost"], part["messagesSent"]), (0, part["messagesReceived"]))

    def test_what_may_be_lost_is_counted_and_the_rest_comes(self):
        part = self.run_slowly("--channels", "3", "--payload", "16000")
        self.assertEqual(part["messagesSent"], part["messagesReceived"] + part["messagesLost"])


class Sentences(unittest.TestCase):
    """What cannot be done is said, and the exit status tells."""

    def run_load(self, *words):
        done = subprocess.run([DCMF_LOAD, "bootstrap", *words], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr

    def test_wrong_options_and_no_gateway_are_named(self):
        for words, sentence in ((("--bind", "here"), "--bind here: a literal address"),
                                (("--bind", "::1/64"), "--bind ::1/64: a prefix"),
                                (("--ices", "on"), "--ices"),
                                (("--ues", "0"), "ues"),
                                (("--metrics", "http://127.0.0.1:1/metrics"), "the gateway's metrics cannot be read"),
                                (("--socket", "/nowhere"), "no gateway at /nowhere: No such file")):
            status, complained = self.run_load(*words)
            self.assertEqual(status, 2, words)
            self.assertIn(sentence, complained)

    def test_workers_that_grow_beyond_the_bound_are_a_failure(self):
        with Gateway(DCMF, CONFIG % (HOST, "", PACKAGE)) as g:
            for bound, status, word in (("1", 1, "TOO MUCH"), (str(1 << 30), 0, "within")):
                with Load(DCMF_LOAD, g, "--ues", "4", "--hold", "1", "--memory-bound", bound) as load:
                    load.finish(PATIENCE)
                    self.assertEqual(load.status, status, load.said)
                    self.assertIn(word, load.said)

    def test_phones_that_hold_stay_for_so_long(self):
        with Gateway(DCMF, CONFIG % (HOST, "", PACKAGE)) as g:
            c = g.controller()
            c.ask("events.subscribe", types=["channel.opened", "context.deleted"])
            with Load(DCMF_LOAD, g, "--ues", "1", "--app", "load", "--hold", "2") as load:
                context_id = c.event("channel.opened")["contextId"]
                opened = time.monotonic()
                c.event("context.deleted", contextId=context_id)
                self.assertGreaterEqual(time.monotonic() - opened, 1.9)
                self.assertEqual(load.finish(PATIENCE).status, 0)
            c.close()

    def test_phones_that_fail_are_counted_with_their_reason_and_leave_nothing_behind(self):
        with Gateway(DCMF, CONFIG % (HOST, "", PACKAGE)) as g:
            with Load(DCMF_LOAD, g, "--ues", "3", "--app", "nothing-of-that-name") as load:
                load.finish(PATIENCE)
                self.assertEqual(load.status, 1)
                self.assertEqual(load.report["failed"], 3)
                self.assertEqual(sum(f["count"] for f in load.report["failures"].values()), 3)
                self.assertTrue(load.report["waves"][0]["gaugesBackToZero"])

    def test_pairs_that_fail_are_counted_with_their_reason_and_leave_nothing_behind(self):
        with Gateway(DCMF, CONFIG % (HOST, "", PACKAGE) + "policy: { rules: [ { match: { topology: p2p }, then: e2ae } ] }\n") as g:
            with Load(DCMF_LOAD, g, "--pairs", "3", scenario="passthrough") as load:
                load.finish(PATIENCE)
                self.assertEqual((load.status, load.report["failed"]), (1, 3), load.said)
                self.assertIn("SECURITY_POLICY", load.report["failures"]["CONTROL"]["first"])
                self.assertTrue(load.report["waves"][0]["gaugesBackToZero"])

    def test_an_interrupted_run_deletes_its_contexts(self):
        with Gateway(DCMF, CONFIG % (HOST, "", PACKAGE)) as g:
            with Load(DCMF_LOAD, g, "--pairs", "6", "--talk", "60", "--message-rate", "10", "--processes", "2", scenario="p2p") as load:
                g.until(lambda: next(g.metric("contexts")) == "6", "all there")
                load.process.send_signal(signal.SIGINT)
                load.finish(PATIENCE)
                self.assertEqual(load.status, 1, load.said + load.complained)
                self.assertEqual(next(g.metric("contexts")), "0")

    @unittest.skipUnless(has_ipv6(), "this host has no ::1")
    def test_phones_of_another_address_family_than_the_gateway_are_told_at_once(self):
        with Gateway(DCMF, CONFIG % ("::1", "", PACKAGE)) as g:
            with Load(DCMF_LOAD, g, "--ues", "2", "--bind", "127.0.0.1") as load:
                load.finish(PATIENCE)
                self.assertEqual(load.report["failures"]["CONTROL"]["count"], 2)
                self.assertIn("/terminations/0/medias/0: the address cannot be used", load.said)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
