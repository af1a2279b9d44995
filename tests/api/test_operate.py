#!/usr/bin/python3
"""What an operator does with a gateway, and what it tells: logs, service manager, --check, dcmfctl, drains, listeners that sleep.

usage: test_operate.py DCMF DCMFCTL
"""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import unittest

from gateway import HOST, PATIENCE, Controller, Gateway, GatewayTest, free_port
from signalling import document

DCMF, DCMFCTL = sys.argv[1:3]
CONFIG = """
workers: 2
media: [ { name: local, address: @HOST@, ports: 37000-37199 } ]
mdc1: { embedded: false }
limits: { contexts: 80 }
""".replace("@HOST@", HOST)


class Logs(unittest.TestCase):
    def test_json_lines_of_all_processes_parse_and_hold_what_they_promise(self):
        with Gateway(DCMF, CONFIG.replace("{ embedded: false }", "{}") + "log: { format: json, level: debug }\n") as g:
            c = g.controller()
            for i in range(40):
                made = c.ask("context.create", context=document(owner='o"\\\u00e9%d' % i))
                c.ask("context.delete", contextId=made["contextId"])
            c.type(b"\xff\xfe nonsense\n")
            c.line()
            c.close()
            g.signal(signal.SIGTERM)
            self.assertEqual(g.process.wait(PATIENCE), 0, g.log_text())
            lines = [json.loads(line) for line in g.log_text().splitlines()]
            self.assertGreater(len(lines), 40)
            for line in lines:
                self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
                self.assertIn(line["level"], ("error", "warn", "info", "debug"))
                self.assertIsInstance(line["message"], str)
            self.assertLessEqual({"front", "worker 0", "worker 1", "dcsf"}, {line["who"] for line in lines})
            self.assertEqual(lines[-1]["message"], "stopped")

    def test_the_level_changes_with_sighup_in_front_and_workers(self):
        with Gateway(DCMF, CONFIG.replace("{ embedded: false }", "{}") + "log: { level: error }\n") as g:
            c = g.controller()
            self.addCleanup(c.close)
            c.ask("context.create", context=document())
            self.assertEqual(g.log_text(), "")
            g.write(CONFIG.replace("{ embedded: false }", "{}") + "log: { level: info }\n")
            g.signal(signal.SIGHUP)
            g.until(lambda: "log.level" in g.log_text() or g.log_text() == "", "reloaded")

            def a_worker_talks():
                made = c.ask("context.create", context=document())
                c.ask("context.delete", contextId=made["contextId"])
                return re.search(r"info  worker \d: ", g.log_text())

            g.until(a_worker_talks, "talking")
            g.write(CONFIG.replace("{ embedded: false }", "{}") + "log: { level: error }\n")
            g.signal(signal.SIGHUP)
            g.until(lambda: "reload: log.level changed" in g.log_text(), "reloaded")
            g.until(lambda: self.is_silent(g, c), "silent")

    def is_silent(self, g, c):
        before = len(g.log_text())
        made = c.ask("context.create", context=document())
        c.ask("context.delete", contextId=made["contextId"])
        return len(g.log_text()) == before


class ServiceManager(unittest.TestCase):
    """What systemd hears on NOTIFY_SOCKET (sd_notify(3)), by path and by abstract name."""

    def told(self, s):
        return dict(line.split("=", 1) for line in s.recv(4096).decode().splitlines())

    def life(self, name):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind("\0" + name[1:] if name[0] == "@" else name)
            s.settimeout(PATIENCE)
            os.environ["NOTIFY_SOCKET"] = name
            try:
                gateway = Gateway(DCMF, CONFIG)
            finally:
                del os.environ["NOTIFY_SOCKET"]
            with gateway as g:
                told = self.told(s)
                self.assertEqual(told["READY"], "1")
                self.assertIn(g.socket, told["STATUS"])
                before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                g.signal(signal.SIGHUP)
                told = self.told(s)
                self.assertEqual(told["RELOADING"], "1")
                self.assertTrue(before <= int(told["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)
                self.assertEqual(self.told(s)["READY"], "1")
                g.signal(signal.SIGTERM)
                self.assertEqual(self.told(s)["STOPPING"], "1")
                self.assertEqual(g.process.wait(PATIENCE), 0)

    def test_it_hears_of_ready_reloading_and_stopping(self):
        path = "/tmp/dcmf-notify-%d" % os.getpid()
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        self.life(path)
        self.life("@dcmf-notify-%d" % os.getpid())

    def test_it_is_not_told_ready_by_a_gateway_that_cannot_start(self):
        name = "dcmf-notify-bad-%d" % os.getpid()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind("\0" + name)
            s.setblocking(False)
            done = subprocess.run([DCMF, "-c", "/nowhere.yaml"], env={**os.environ, "NOTIFY_SOCKET": "@" + name},
                                  capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 1)
            self.assertIn("/nowhere.yaml", done.stderr)
            self.assertRaises(BlockingIOError, s.recv, 1)


class Check(unittest.TestCase):
    """dcmf --check: 0 and ok, or 1 and sentences that name the culprit, all of them at once."""

    def check(self, text, *words):
        path = "/tmp/dcmf-check-%d.yaml" % os.getpid()
        with open(path, "w") as f:
            f.write(text)
        done = subprocess.run([DCMF, "--check", "-c", path, *words], capture_output=True, text=True, timeout=PATIENCE)
        os.unlink(path)
        return done.returncode, done.stdout, done.stderr

    def test_a_good_configuration_is_ok(self):
        status, said, complained = self.check("admin: { listen: '' }\ncontrol: { socket: /tmp/dcmf-check.sock }\n" + CONFIG)
        self.assertEqual((status, complained), (0, ""))
        self.assertRegex(said, r"^/tmp/dcmf-check-\d+\.yaml: ok\n$")
        self.assertEqual(subprocess.run([DCMF, "--check"], capture_output=True, timeout=PATIENCE).returncode, 0)

    def test_a_bad_one_names_file_line_and_key(self):
        for text, sentence in (("workers: 2\nnonsense: 1\n", ":2: nonsense: unknown key"),
                               ("workers: none\n", ":1: workers: "),
                               ("dtls: { mtu: 99 }\n", ":1: dtls.mtu: 99 is not between"),
                               ("log:\n  level: loud\n", ":2: log.level: "),
                               ("workers: [\n", ":"),
                               ("media: [ { name: a, address: 127.0.0.1, ports: 5-3 } ]\n", "ports"),
                               ("sbi: { listen: 192.0.2.1:9443 }\n", "sbi.listen"),
                               ("node: { nf_instance_id: x }\n", "neither auto nor a UUID")):
            status, _, complained = self.check(text)
            self.assertEqual(status, 1, text)
            self.assertIn(sentence, complained)
            self.assertEqual(len(complained.splitlines()), 1, complained)

    def test_what_the_machine_does_not_give_is_told_all_at_once(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            status, said, complained = self.check(
                "admin: { listen: '127.0.0.1:%d' }\n" % taken.getsockname()[1] +
                "control: { socket: /nowhere/deep/control.sock }\n"
                "dtls: { certificate: /nowhere.pem }\n"
                "media: [ { name: far, address: 192.0.2.99 } ]\n"
                "mdc1: { root: /nowhere/apps }\n")
        self.assertEqual(status, 1)
        for sentence in ("admin.listen", "in use at the moment", "/nowhere/deep/control.sock", "/nowhere.pem", "192.0.2.99",
                         "/nowhere/apps"):
            self.assertIn(sentence, complained)
        self.assertIn("cannot be started with", said)

    def test_wrong_options_are_2(self):
        for words in (["--nonsense"], ["extra"], ["-c"]):
            done = subprocess.run([DCMF, *words], capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 2)
            self.assertIn("usage: dcmf", done.stderr)
        for word in ("--version", "--help"):
            done = subprocess.run([DCMF, word], capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual((done.returncode, done.stderr), (0, ""))


class Ctl(GatewayTest):
    """dcmfctl: tables for people, --json for programs; 0 done, 1 refused, 2 usage or no connection."""

    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.start_shared(DCMF, CONFIG, control="tcp: { listen: '127.0.0.1:%d' }" % cls.port)

    def ctl(self, *words, text=None, place=None):
        done = subprocess.run([DCMFCTL, *(place or ["--socket", self.gateway.socket]), *words], input=text,
                              capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stdout, done.stderr

    def say(self, *words, text=None):
        status, said, complained = self.ctl(*words, text=text)
        self.assertEqual((status, complained), (0, ""), words)
        return said

    def json(self, *words, text=None):
        return json.loads(self.say("--json", *words, text=text))

    def create(self, owner="ctl"):
        made = self.json("create", "-", text=json.dumps(document(owner)))
        self.addCleanup(self.ctl, "delete", made["contextId"])
        return made["contextId"]

    def start(self, *words):
        process = subprocess.Popen([DCMFCTL, "--socket", self.gateway.socket, *words], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_info_and_stats(self):
        self.assertRegex(self.say("info"), r"(?s)name +mf1\n.*state +running\n.*WORKER .*\n0 +up .*\n1 +up ")
        self.assertEqual(self.json("info")["state"], "running")
        self.assertRegex(self.say("stats"), r"(?m)^contexts_created_total +\d+$")
        self.assertIn("contexts_created_total", self.json("stats"))

    def test_a_sweep_deletes_what_an_owner_left_behind(self):
        left = [self.create("vanished") for _ in range(3)]
        kept = self.create("still here")
        self.assertEqual(self.say("sweep", "vanished"), "3 contexts deleted\n")
        listed = [c["contextId"] for c in self.json("list")["contexts"]]
        self.assertIn(kept, listed)
        self.assertFalse(set(left) & set(listed))

    def test_a_context_from_create_to_delete(self):
        context_id = self.create("dora")
        self.assertRegex(self.say("list"), r"(?m)^%s +dora$" % context_id)
        self.assertIn(context_id, [c["contextId"] for c in self.json("list")["contexts"]])
        shown = self.say("show", context_id)
        self.assertRegex(shown, r"(?s)context %s  owner dora\n.*local +%s port 37\d\d\d\n.*remote +127\.0\.0\.1 port 50500\n.*status\n" % (context_id, re.escape(HOST)))
        self.assertIn("status", self.json("show", context_id)["terminations"][0]["medias"][0]["dcmf"])
        patch = json.dumps([{"op": "replace", "path": "/dcmf/owner", "value": "eve"}])
        self.assertIn("owner eve", self.say("update", context_id, "-", text=patch))
        self.assertEqual(self.say("sweep", "nobody"), "0 contexts deleted\n")
        self.assertEqual(self.say("delete", context_id), "")
        for words in (("show", context_id), ("delete", context_id)):
            status, said, complained = self.ctl(*words)
            self.assertEqual((status, said), (1, ""))
            self.assertRegex(complained, r"^dcmfctl: refused: CONTEXT_NOT_FOUND: .*%s" % context_id)
            status, said, complained = self.ctl("--json", *words)
            self.assertEqual((status, json.loads(said)["data"]["cause"], complained), (1, "CONTEXT_NOT_FOUND", ""))

    def test_a_refused_document_is_told_with_its_places(self):
        bad = document()
        bad["terminations"][0]["medias"][0]["dcMedia"]["streams"]["0"]["streamId"] = 70000
        status, _, complained = self.ctl("create", "-", text=json.dumps(bad))
        self.assertEqual(status, 1)
        self.assertRegex(complained, r"(?m)^  /?terminations/0/medias/0/dcMedia/streams.*: ")

    def test_lists_of_any_length_come_whole(self):
        made = {self.create() for _ in range(30)}
        listed = [line.split()[0] for line in self.say("list").splitlines()]
        self.assertEqual(len(listed), len(set(listed)))
        self.assertLessEqual(made, set(listed))

    def test_events_come_as_they_happen_until_the_gateway_or_the_operator_goes(self):
        people, programs = self.start("events"), self.start("--json", "events", "--types", "context.deleted")
        self.gateway.until(lambda: self.gateway.log_text().count(" joined") > 1, "listening")
        while True:  # they subscribe a moment after they have joined
            context_id = self.create("fay")
            self.say("delete", context_id)
            if self.line_of(programs):
                break
        while "context.created" not in (line := people.stdout.readline()):
            self.assertIn("context.deleted", line)
        self.assertRegex(line, r"^\d{4}-.*Z context\.created +\d-[0-9a-f]+ .*owner=fay")

    def line_of(self, process):
        import select
        if not select.select([process.stdout], [], [], 1)[0]:
            return None
        event = json.loads(process.stdout.readline())
        self.assertEqual(event["type"], "context.deleted")
        return event

    def test_events_nobody_knows_are_refused(self):
        status, _, complained = self.ctl("events", "--types", "context.painted")
        self.assertEqual(status, 1)
        self.assertIn("types[0] is no event type: context.painted", complained)

    def test_top_shows_a_page_a_second(self):
        top = self.start("top")
        page = "".join(top.stdout.readline() for _ in range(5))
        self.assertIn("mf1  running  up ", page)
        self.assertIn("contexts ", page)
        programs = self.start("--json", "top")
        for _ in range(2):
            self.assertIn("contexts", json.loads(programs.stdout.readline()))

    def test_drain_and_resume(self):
        context_id = self.create()
        self.assertRegex(self.say("drain", "--deadline", "600"), r"^draining, \d+ contexts\n$")
        status, _, complained = self.ctl("create", "-", text=json.dumps(document()))
        self.assertEqual(status, 1)
        self.assertIn("NF_CONGESTION", complained)
        self.assertEqual(self.json("info")["state"], "draining")
        self.assertEqual(self.json("resume")["state"], "running")
        self.say("show", context_id)
        self.assertEqual(self.ctl("drain", "--deadline", "soon")[0], 2)

    def test_wrong_usage_and_no_gateway_are_2(self):
        for words in ((), ("nonsense",), ("show",), ("show", "a", "b"), ("--nonsense", "info"), ("create", "/nowhere.json"),
                      ("sdp", "paint", "/dev/null")):
            status, said, complained = self.ctl(*words)
            self.assertEqual((status, said), (2, ""), words)
            self.assertNotEqual(complained, "")
        status, _, complained = self.ctl("create", "-", text="{ nonsense")
        self.assertEqual(status, 2)
        self.assertIn("-:1:", complained)
        status, _, complained = self.ctl("info", place=["--socket", "/nowhere.sock"])
        self.assertEqual(status, 2)
        self.assertIn("/nowhere.sock: No such file", complained)
        status, _, complained = self.ctl("info", place=["--connect", "127.0.0.1:%d" % free_port()])
        self.assertEqual(status, 2)
        self.assertIn("Connection refused", complained)

    def plain(self):
        c = Controller(None, socket.create_connection(("127.0.0.1", self.port), PATIENCE))
        self.addCleanup(c.close)
        return c

    def test_plain_tcp_on_loopback_serves_the_same(self):
        place = ["--connect", "127.0.0.1:%d" % self.port]
        status, said, complained = self.ctl("--json", "info", place=place)
        self.assertEqual((status, complained), (0, ""))
        self.assertEqual(json.loads(said)["state"], "running")
        c = self.plain()
        made = c.ask("context.create", context=document("tcp"))
        self.assertRegex(self.say("list"), "(?m)^%s +tcp$" % made["contextId"])
        c.ask("context.delete", contextId=made["contextId"])

    def test_who_comes_by_plain_tcp_is_not_the_operator(self):
        """Root and our own user on the Unix socket are; here somebody who proves nothing has his own contexts only."""
        operator, first, second = self.gateway.controller(), self.plain(), self.plain()
        self.addCleanup(operator.close)
        ours = operator.ask("context.create", context=document("operator"))["contextId"]
        theirs = first.ask("context.create", context=document("nobody"))["contextId"]
        for c in first, second:
            self.assertEqual(c.ask("context.get", contextId=ours)["contextId"], ours)
            for refusal in c.refused("context.delete", contextId=ours), c.refused("node.drain"), c.refused("node.resume"):
                self.assertEqual((refusal["data"]["status"], refusal["data"]["cause"]), (403, "MODIFICATION_NOT_ALLOWED"))
        self.assertEqual(operator.ask("node.info")["state"], "running")
        second.ask("context.delete", contextId=theirs)  # all of them are the same nobody
        operator.ask("context.delete", contextId=ours)


class Listeners(unittest.TestCase):
    def test_one_that_never_reads_is_dropped_and_the_others_hear_everything(self):
        """What is queued for a controller is bounded: 16 MiB."""
        with Gateway(DCMF, CONFIG + "log: { level: warn }\n") as g:
            asleep, awake, c = g.controller(), g.controller(), g.controller()
            for k in (asleep, awake):
                k.ask("events.subscribe", types=["context.created"])
            try:
                for _ in range(20000):
                    asleep.send("node.stats")  # some 2 KB each
                    if "does not read: given up" in g.log_text():
                        break
            except (BrokenPipeError, ConnectionResetError):
                pass
            g.until(lambda: "does not read: given up" in g.log_text(), "given up")
            for owner in ("grace", "heidi"):
                made = c.ask("context.create", context=document(owner))
                self.assertEqual(awake.event("context.created", contextId=made["contextId"])["owner"], owner)
            self.assertEqual(g.log_text().count("given up"), 1)
            for k in (asleep, awake, c):
                k.close()


class Drain(unittest.TestCase):
    def test_what_is_left_at_the_deadline_is_deleted_and_the_gateway_ends(self):
        with Gateway(DCMF, CONFIG + "drain: { deadline: 1s }\n") as g:
            c = g.controller()
            self.addCleanup(c.close)
            c.ask("events.subscribe", types=["node.draining", "node.drained", "context.deleted"])
            ids = {c.ask("context.create", context=document())["contextId"] for _ in range(4)}
            begun = time.monotonic()
            g.signal(signal.SIGTERM)
            self.assertEqual(c.event("node.draining")["type"], "node.draining")
            self.assertEqual(g.http("/readyz")[0], 503)
            self.assertEqual({c.event("context.deleted")["contextId"] for _ in ids}, ids)
            self.assertGreaterEqual(time.monotonic() - begun, 0.9)
            c.event("node.drained")
            self.assertEqual(g.process.wait(PATIENCE), 0, g.log_text())

    def test_the_last_context_that_goes_ends_it_before_the_deadline(self):
        with Gateway(DCMF, CONFIG + "drain: { deadline: 600s }\n") as g:
            c = g.controller()
            self.addCleanup(c.close)
            context_id = c.ask("context.create", context=document())["contextId"]
            g.signal(signal.SIGTERM)
            g.until(lambda: "draining" in g.log_text(), "draining")
            c.ask("context.get", contextId=context_id)
            c.ask("context.delete", contextId=context_id)
            self.assertEqual(g.process.wait(PATIENCE), 0, g.log_text())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
