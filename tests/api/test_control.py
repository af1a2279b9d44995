#!/usr/bin/python3
"""The control socket of a real gateway: every method, every class of refusal, signals, workers that die.

usage: test_control.py DCMF DCMFCTL
"""
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import unittest
import urllib.request

from gateway import HOST, Gateway, GatewayTest
from signalling import BOOTSTRAP, ROOT, document, offer, phone

DCMF, DCMFCTL = sys.argv[1:3]
CONFIG = """
workers: 2
media: [ { name: local, address: @HOST@, ports: 31000-31199 } ]
mdc1: { embedded: false }
drain: { deadline: 1s }
""".replace("@HOST@", HOST)
OFFER = offer(BOOTSTRAP, "a=max-message-size:65536")
CALL_OFFER = phone("3918", "A", "actpass", ((50500, 'a=dcmap:0 subprotocol="http"'), (50502, "a=dcmap:1000")))
CALL_ANSWER = phone("7711", "B", "passive", ((50600, "a=dcmap:1000"),))
DC_MEDIA = {"*": {"mediaProxyConfig": "HTTP_PROXY", "replaceHttpUrl": {"0": {"streamId": 0, "replaceHttpUrl": ROOT}}}}


class Control(GatewayTest):
    """One gateway for all of them: what one does must not disturb the next."""

    @classmethod
    def setUpClass(cls):
        cls.start_shared(DCMF, CONFIG)

    def setUp(self):
        self.c = self.connect()

    def make(self, **how):
        made = self.c.ask("context.create", context=document(**how))
        self.addCleanup(self.delete, made["contextId"])
        return made

    def delete(self, context_id):
        with_own = self.gateway.controller()
        with_own.answer(with_own.send("context.delete", contextId=context_id))
        with_own.close()

    def assert_refused(self, error, status, cause):
        self.assertEqual(error["code"], -32000, error)
        self.assertEqual((error["data"]["status"], error["data"]["cause"]), (status, cause), error)

    def test_info(self):
        info = self.c.ask("node.info")
        self.assertEqual(info["state"], "running")
        self.assertEqual([w["index"] for w in info["workers"]], [0, 1])
        self.assertTrue(all(w["up"] and w["memoryBytes"] > 0 for w in info["workers"]))
        self.assertRegex(info["fingerprints"][0]["value"], "^([0-9A-F]{2}:){31}[0-9A-F]{2}$")
        self.assertRegex(info["nfInstanceId"], "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")

    def test_stats_and_metrics_have_the_same_names(self):
        stats = self.c.ask("node.stats")
        metrics = self.gateway.http("/metrics")[1]
        for name in stats:
            if name != "workers":
                self.assertIn("\n# HELP dcmf_%s " % name, metrics)
                self.assertIn("\n# TYPE dcmf_%s " % name, metrics)
        self.assertIn('dcmf_worker_up{worker="1"} 1', metrics)
        self.assertEqual(self.gateway.http("/healthz")[0], 200)
        self.assertEqual(self.gateway.http("/nothing")[0], 404)
        self.assertIn("<h1>", self.gateway.http("/")[1])

    def test_a_context_lives_from_create_to_delete(self):
        made = self.make()
        context_id = made["contextId"]
        media = made["terminations"][0]["medias"][0]
        self.assertEqual(media["localMbEndpoint"]["ip"]["ipv4Addr"], HOST)
        self.assertTrue(31000 <= media["localMbEndpoint"]["portNumber"] <= 31199)
        self.assertIn("localDcEndpoint", media["dcMedia"])
        got = self.c.ask("context.get", contextId=context_id)
        self.assertIn("status", got["terminations"][0]["medias"][0]["dcmf"])
        updated = self.c.ask("context.update", contextId=context_id, patch=[
            {"op": "replace", "path": "/dcmf/owner", "value": "bob"}])
        self.assertEqual(updated["dcmf"]["owner"], "bob")
        self.assertEqual(self.c.ask("context.delete", contextId=context_id), {})
        self.assert_refused(self.c.refused("context.get", contextId=context_id), 404, "CONTEXT_NOT_FOUND")

    def test_an_update_is_all_or_none(self):
        made = self.make()
        error = self.c.refused("context.update", contextId=made["contextId"], patch=[
            {"op": "replace", "path": "/dcmf/owner", "value": "bob"}, {"op": "test", "path": "/dcmf/owner", "value": "x"}])
        self.assertEqual(error["data"]["status"], 409)
        got = self.c.ask("context.get", contextId=made["contextId"])
        self.assertEqual(got["dcmf"]["owner"], "alice")

    def test_contexts_are_spread_and_listed_page_by_page(self):
        ids = {self.make()["contextId"] for _ in range(5)}
        self.assertEqual({i.split("-")[0] for i in ids}, {"0", "1"})
        listed, after = set(), {}
        for _ in range(10):
            page = self.c.ask("context.list", limit=2, **after)
            self.assertLessEqual(len(page["contexts"]), 2)
            listed |= {c["contextId"] for c in page["contexts"]}
            if "next" not in page:
                break
            after = {"after": page["next"]}
        self.assertEqual(listed, ids)

    def test_bad_documents_are_refused_with_the_parameters_that_are_wrong(self):
        bad = document()
        bad["terminations"][0]["medias"][0]["dcMedia"]["streams"]["0"]["streamId"] = 70000
        error = self.c.refused("context.create", context=bad)
        self.assertEqual(error["data"]["status"], 400)
        self.assertIn("streams", json.dumps(error["data"]["invalidParams"]))
        error = self.c.refused("context.create", context={})
        self.assertEqual(error["data"]["status"], 400)
        error = self.c.refused("context.create", context=document(url="http://192.0.2.1/"))
        self.assert_refused(error, 403, "SECURITY_POLICY")

    def test_a_name_that_nobody_knows_is_refused(self):
        error = self.c.refused("context.create", context=document(url="https://no-such-host.invalid/"))
        self.assertEqual(error["data"]["status"], 500)
        self.assertIn("no-such-host.invalid:443", error["message"])

    def test_an_offer_is_answered(self):
        result = self.c.ask("sdp.terminate", sdp=OFFER, dcMedia=DC_MEDIA, owner="carol")
        self.addCleanup(self.delete, result["contextId"])
        self.assertIn("a=setup:passive\r\n", result["sdp"])
        self.assertIn("a=mid:dc\r\n", result["sdp"])
        self.assertEqual(result["context"]["dcmf"]["owner"], "carol")
        again = self.c.ask("sdp.terminate", sdp=OFFER, dcMedia=DC_MEDIA, contextId=result["contextId"])
        self.assertEqual(again["contextId"], result["contextId"])
        self.assertEqual(again["context"]["dcmf"]["owner"], "carol")
        port = [line for line in result["sdp"].split("\r\n") if line.startswith("m=")]
        self.assertEqual([line for line in again["sdp"].split("\r\n") if line.startswith("m=")], port)

    def test_what_is_not_an_offer_is_refused(self):
        self.assert_refused(self.c.refused("sdp.terminate", sdp="hello", dcMedia={}), 400, "INVALID_MSG_FORMAT")
        error = self.c.refused("sdp.terminate", sdp=OFFER, dcMedia=DC_MEDIA, contextId="0-none")
        self.assert_refused(error, 404, "CONTEXT_NOT_FOUND")

    def test_what_is_not_built_is_refused_with_a_sentence(self):
        for method in ("context.trace", "policy.show"):
            error = self.c.refused(method)
            self.assertEqual(error["data"]["status"], 501)
            self.assertIn("not built yet", error["message"])

    def test_a_call_passes_from_side_to_side_ended_and_passed_through(self):
        for mode in ("E2AE", "E2E"):
            went = self.c.ask("sdp.offer", sdp=CALL_OFFER, securityMode=mode, owner="dora")
            context = went["contextId"]
            self.assertNotIn("m=application 50500", went["sdp"])
            self.assertEqual(went["sdp"].count("m="), 2)
            self.assertEqual("AA:AA" in went["sdp"], mode == "E2E")
            back = self.c.ask("sdp.answer", sdp=CALL_ANSWER, contextId=context)
            self.assertEqual([line.split()[1] != "0" for line in back["sdp"].split("\r\n") if line.startswith("m=")],
                             [True, True, True])
            self.assertEqual("BB:BB" in back["sdp"], mode == "E2E")
            a, b = self.c.ask("context.get", contextId=context)["terminations"]
            self.assertEqual([m["dcmf"]["securityMode"] for m in a["medias"]], ["E2AE", mode])
            self.assertEqual([m["dcmf"]["securityMode"] for m in b["medias"]], [mode])
            if mode == "E2E":
                self.assertEqual(a["medias"][1]["dcMedia"]["localDcEndpoint"]["tlsId"], "B" * 20)
                self.assertTrue(b["medias"][0]["dcmf"]["status"]["protection"][0]["endToEnd"])
            else:
                self.assertEqual(a["medias"][1]["dcMedia"]["localDcEndpoint"]["securitySetup"], "PASSIVE")
                self.assertEqual(b["medias"][0]["dcMedia"]["localDcEndpoint"]["securitySetup"], "ACTIVE")
            again = self.c.ask("sdp.offer", sdp=CALL_OFFER, contextId=context)
            self.assertEqual(again["sdp"], went["sdp"])
            self.assert_refused(self.c.refused("sdp.offer", sdp=CALL_OFFER.replace("o=- 3918", "o=- 9999"),
                                               contextId=context), 409, "UNSPECIFIED_MSG_FAILURE")
            self.c.ask("context.delete", contextId=context)

    def test_bootstrap_channels_never_pass_through(self):
        error = self.c.refused("sdp.offer", sdp=CALL_OFFER, dcMedia={"1": {"mediaProxyConfig": "UDP_PROXY"}})
        self.assert_refused(error, 403, "SECURITY_POLICY")

    def test_every_json_rpc_error_leaves_the_connection_usable(self):
        for line, code in (("nonsense\n", -32700), ("[]\n", -32600), ('{"jsonrpc":"2.0","id":1}\n', -32600),
                           ('{"jsonrpc":"2.0","id":1,"method":"no.such"}\n', -32601),
                           ('{"jsonrpc":"2.0","id":1,"method":"context.get"}\n', -32602),
                           ('{"jsonrpc":"2.0","id":1,"method":"context.get","params":{"contextId":5}}\n', -32602),
                           (b"\xff\xfe\x00\n", -32700), ("x" * (1 << 20) + "yz\n", -32600)):
            self.c.type(line)
            self.assertEqual(self.c.line()["error"]["code"], code, line[:60])
            self.assertEqual(self.c.ask("node.info")["state"], "running")

    def test_requests_may_be_pipelined(self):
        ids = [self.c.send("node.info" if i % 2 else "context.list") for i in range(200)]
        for i in ids:
            self.assertIn("result", self.c.answer(i))

    def test_events_tell_what_happens(self):
        listener = self.gateway.controller()
        self.addCleanup(listener.close)
        self.assertEqual(listener.ask("events.subscribe", types=["context.created", "context.deleted"]), {})
        made = self.c.ask("context.create", context=document(owner="dora"))
        created = listener.event("context.created", contextId=made["contextId"])
        self.assertEqual(created["owner"], "dora")
        self.assertRegex(created["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.c.ask("context.delete", contextId=made["contextId"])
        listener.event("context.deleted", contextId=made["contextId"])
        self.assertEqual(self.c.refused("events.subscribe", types=["nonsense"])["code"], -32602)

    def test_a_controller_that_goes_mid_request_leaves_no_context(self):
        workers = [w["pid"] for w in self.c.ask("node.info")["workers"]]
        created = int(next(self.gateway.metric("contexts_created_total")))
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)  # they answer only after the controllers have gone
        try:
            hasty = [self.gateway.controller() for _ in range(10)]
            for h in hasty:
                h.send("context.create", context=document())
            self.assertEqual(self.c.ask("context.list")["contexts"], [])
            left = self.gateway.log_text().count(" left\n")
            for h in hasty:
                h.close()
            self.gateway.until(lambda: self.gateway.log_text().count(" left\n") >= left + 10, "all gone")
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
        self.gateway.until(lambda: int(next(self.gateway.metric("contexts_created_total"))) == created + 10, "made")
        self.gateway.until(lambda: next(self.gateway.metric("contexts")) == "0", "undone")
        self.assertEqual(self.c.ask("context.list")["contexts"], [])

    def test_a_flood_of_one_controller_is_held_and_delays_no_other(self):
        made = self.make()["contextId"]
        workers = [w["pid"] for w in self.c.ask("node.info")["workers"]]
        flood = self.gateway.controller()
        answers = []

        def read():
            for line in flood.file:
                answers.append("result" in json.loads(line))
                if len(answers) == 2000:
                    return

        line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "context.get", "params": {"contextId": made}}) + "\n"
        reader = threading.Thread(target=read)
        writer = threading.Thread(target=flood.type, args=(line * 2000,))
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            reader.start()
            writer.start()
            time.sleep(0.5)  # as much of it comes in as may
            self.assertEqual(self.c.ask("node.info")["state"], "running")
            other = self.c.send("context.get", contextId=made)
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
        self.assertIn("result", self.c.answer(other))
        self.assertLess(len(answers), 1000)
        reader.join(60)
        writer.join(60)
        flood.close()
        self.assertEqual(answers, [True] * 2000)

    def crowd(self, count):
        """So many controllers more; the queue at the door is shorter than that."""
        for _ in range(count):
            while True:
                try:
                    yield self.gateway.controller()
                    break
                except BlockingIOError:
                    time.sleep(0.01)

    def test_as_many_controllers_as_there_are_places(self):
        refused = int(next(self.gateway.metric("controllers_refused_total")))
        before = self.gateway.log_text().count("too many are connected")
        os.chmod(self.gateway.dir, 0o711)
        os.chmod(self.gateway.socket, 0o666)
        crowd = []
        if os.geteuid() == 0:  # strangers leave some places to the operator
            os.seteuid(65534)
            try:
                crowd = list(self.crowd(256))
            finally:
                os.seteuid(0)
            self.gateway.until(lambda: int(next(self.gateway.metric("controllers_refused_total"))) >= refused + 16, "full")
            self.assertIn("state", crowd[0].ask("node.info"))
            with self.assertRaises((EOFError, OSError)):
                crowd[-1].ask("node.info")
        crowd += self.crowd(256)
        self.gateway.until(lambda: int(next(self.gateway.metric("controllers_refused_total"))) >= refused + 17, "over full")
        with self.assertRaises((EOFError, OSError)):
            crowd[-1].ask("node.info")
        self.assertIn("state", self.c.ask("node.info"))
        self.assertEqual(self.gateway.log_text().count("too many are connected"), before + 1)
        left = self.gateway.log_text().count(" left\n")
        for c in crowd:
            c.close()
        self.gateway.until(lambda: self.gateway.log_text().count(" left\n") >= left + 200, "gone")
        late = self.gateway.controller()
        self.assertIn("state", late.ask("node.info"))
        late.close()

    def test_drain_and_resume(self):
        made = self.make()
        self.c.ask("events.subscribe", types=["node.draining", "node.drained"])
        self.assertEqual(self.c.ask("node.drain", deadlineSeconds=600)["state"], "draining")
        self.c.event("node.draining")
        self.assertEqual(self.gateway.http("/readyz")[0], 503)
        self.assert_refused(self.c.refused("context.create", context=document()), 503, "NF_CONGESTION")
        self.c.ask("context.get", contextId=made["contextId"])
        self.c.ask("context.delete", contextId=made["contextId"])
        self.c.event("node.drained")
        self.assertEqual(self.c.ask("node.info")["state"], "drained")
        self.assertEqual(self.c.ask("node.resume")["state"], "running")
        self.assertEqual(self.gateway.http("/readyz")[0], 200)
        self.make()

    def test_a_drain_deletes_what_is_left_at_its_deadline(self):
        self.make()
        self.c.ask("events.subscribe", types=["node.drained"])
        self.c.ask("node.drain", deadlineSeconds=0)
        self.c.event("node.drained")
        self.assertEqual(self.c.ask("context.list")["contexts"], [])
        self.c.ask("node.resume")

    def test_dcmfctl_speaks_it(self):
        def ctl(*words, text=None):
            done = subprocess.run([DCMFCTL, "--socket", self.gateway.socket, *words], input=text, capture_output=True,
                                  text=True, timeout=60)
            return done.returncode, done.stdout, done.stderr

        self.assertIn("fingerprints", ctl("info")[1])
        self.assertIn("contexts_created_total", ctl("stats")[1])
        status, out, _ = ctl("--json", "create", "-", text=json.dumps(document(owner="ctl")))
        self.assertEqual(status, 0)
        context_id = json.loads(out)["contextId"]
        self.assertIn(context_id, ctl("list")[1])
        self.assertIn("owner ctl", ctl("show", context_id)[1])
        patch = json.dumps([{"op": "replace", "path": "/dcmf/owner", "value": "bob"}])
        self.assertIn("owner bob", ctl("update", context_id, "-", text=patch)[1])
        self.assertEqual(ctl("delete", context_id)[0], 0)
        status, _, err = ctl("delete", context_id)
        self.assertEqual(status, 1)
        self.assertIn("CONTEXT_NOT_FOUND", err)
        status, out, err = ctl("sdp", "terminate", "-", "--root", ROOT, text=OFFER)
        self.assertEqual(status, 0, err)
        self.assertTrue(out.startswith("v=0"))
        self.assertEqual(ctl("delete", err.split()[1])[0], 0)
        status, out, err = ctl("sdp", "offer", "-", "--mode", "E2E", "--add-bootstrap", text=CALL_OFFER)
        self.assertEqual((status, out.count("m=application"), "AA:AA" in out), (0, 2, True), err)
        self.assertEqual(ctl("sdp", "answer", "-", "--context", err.split()[1], text=CALL_ANSWER)[0], 1)
        self.assertEqual(ctl("delete", err.split()[1])[0], 0)
        self.assertEqual(ctl("trace", "0-1")[0], 1)
        self.assertEqual(ctl("nonsense")[0], 2)
        self.assertEqual(ctl("show")[0], 2)
        self.assertIn("draining" if self.make() else "", ctl("drain")[1])
        self.assertIn("running", ctl("resume")[1])
        nowhere = subprocess.run([DCMFCTL, "--socket", "/nowhere", "info"], capture_output=True, text=True)
        self.assertEqual(nowhere.returncode, 2)
        self.assertIn("/nowhere", nowhere.stderr)


class Life(unittest.TestCase):
    """A gateway each."""

    def test_a_killed_worker_takes_only_its_own_contexts(self):
        with Gateway(DCMF, CONFIG) as g:
            c = g.controller()
            c.ask("events.subscribe", types=["worker.lost"])
            ids = [c.ask("context.create", context=document())["contextId"] for _ in range(4)]
            created = int(next(g.metric("contexts_created_total")))
            os.kill(c.ask("node.info")["workers"][1]["pid"], signal.SIGKILL)
            lost = c.event("worker.lost", worker=1)
            self.assertEqual({x["contextId"] for x in lost["contexts"]}, {i for i in ids if i.startswith("1-")})
            self.assertEqual(lost["contexts"][0]["owner"], "alice")
            self.assertIn("signal 9", lost["detail"])
            for i in ids:
                if i.startswith("0-"):
                    c.ask("context.get", contextId=i)
                else:
                    self.assertEqual(c.refused("context.get", contextId=i)["data"]["status"], 404)
            g.until(lambda: g.http("/readyz")[0] == 200, "ready again")
            self.assertEqual(c.ask("node.info")["workers"][1]["starts"], 2)
            more = [c.ask("context.create", context=document())["contextId"] for _ in range(4)]
            self.assertTrue(any(i.startswith("1-") for i in more))
            self.assertEqual(int(next(g.metric("contexts_created_total"))), created + 4)
            self.assertEqual(int(next(g.metric("contexts"))), 6)
            c.close()

    def test_a_worker_that_keeps_dying_is_restarted_more_slowly(self):
        with Gateway(DCMF, CONFIG) as g:
            c = g.controller()
            begun = time.monotonic()
            for start in range(2, 9):
                pid = c.ask("node.info")["workers"][0]["pid"]
                os.kill(pid, signal.SIGKILL)
                g.until(lambda: c.ask("node.info")["workers"][0]["starts"] == start and g.http("/readyz")[0] == 200, "back")
            self.assertGreater(time.monotonic() - begun, 1)
            c.close()

    def test_the_embedded_dcsf_is_the_root_of_streams_without_one_and_is_kept_running(self):
        with Gateway(DCMF, CONFIG.replace("{ embedded: false }", '{ synthetic: ["big:1000"] }')) as g:
            def list_of_applications():
                try:
                    with urllib.request.urlopen(root + "applicationlist", timeout=5) as r:
                        return [a["appid"] for a in json.load(r)["applications"]]
                except OSError:
                    return None

            root, pid = re.search(r"embedded DCSF up, pid (\d+), at (http://\S+)", g.log_text()).group(2, 1)
            self.assertIn("big", list_of_applications())
            c = g.controller()
            result = c.ask("sdp.terminate", sdp=OFFER, dcMedia={"*": {"mediaProxyConfig": "HTTP_PROXY"}})
            self.assertIn("a=dcmap:0", result["sdp"])
            os.kill(int(pid), signal.SIGKILL)
            g.until(lambda: "embedded DCSF lost: killed by signal 9" in g.log_text(), "lost")
            g.until(lambda: list_of_applications() is not None, "back at the same address")
            self.assertEqual(g.http("/readyz")[0], 200)
            c.close()

    def test_sigterm_drains_and_ends_with_0(self):
        with Gateway(DCMF, CONFIG) as g:
            c = g.controller()
            c.ask("events.subscribe", types=["node.draining", "node.drained", "context.deleted"])
            made = c.ask("context.create", context=document())
            g.signal(signal.SIGTERM)
            c.event("node.draining")
            self.assertEqual(c.refused("context.create", context=document())["data"]["status"], 503)
            self.assertEqual(c.refused("node.resume")["data"]["status"], 409)
            c.event("context.deleted", contextId=made["contextId"])
            c.event("node.drained")
            self.assertEqual(g.process.wait(20), 0, g.log_text())
            self.assertFalse(os.path.exists(g.socket))
            c.close()

    def test_a_second_signal_stops_at_once(self):
        with Gateway(DCMF, CONFIG.replace("1s", "600s")) as g:
            c = g.controller()
            c.ask("context.create", context=document())
            g.signal(signal.SIGINT)
            g.until(lambda: "draining" in g.log_text(), "draining")
            self.assertIsNone(g.process.poll())
            g.signal(signal.SIGINT)
            self.assertEqual(g.process.wait(20), 0)
            c.close()

    def test_sighup_takes_what_is_live_and_names_the_rest(self):
        with Gateway(DCMF, CONFIG) as g:
            c = g.controller()
            g.write(CONFIG.replace("workers: 2", "workers: 3") + "log: { level: debug }\nlimits: { contexts: 1 }\n")
            g.signal(signal.SIGHUP)
            g.until(lambda: "reload: workers needs a restart" in g.log_text(), "reloaded")
            g.until(lambda: "reload: log.level changed" in g.log_text(), "reloaded")
            c.ask("context.create", context=document())
            error = c.refused("context.create", context=document())
            self.assertEqual(error["data"]["cause"], "INSUFFICIENT_RESOURCES")
            g.write("nonsense: 1\n")
            g.signal(signal.SIGHUP)
            g.until(lambda: "nonsense: unknown key" in g.log_text(), "refused")
            self.assertEqual(len(c.ask("node.info")["workers"]), 2)
            c.close()

    def test_sighup_loads_a_new_certificate(self):
        with Gateway(DCMF, CONFIG + "log: { level: info }\n", wait=False) as g:
            g.process.kill()
            g.process.wait()
            make_certificate(g, "1")
            g.write(CONFIG + "dtls: { certificate: cert.pem, key: key.pem }\n")
            g.start()
            c = g.controller()
            first = c.ask("node.info")["fingerprints"]
            old = c.ask("context.create", context=document())
            make_certificate(g, "2")
            g.signal(signal.SIGHUP)
            g.until(lambda: c.ask("node.info")["fingerprints"] != first, "another certificate")
            new = c.ask("context.create", context=document())
            self.assertNotEqual(local(new)["fingerprints"], local(old)["fingerprints"])
            again = c.ask("context.get", contextId=old["contextId"])
            self.assertEqual(local(again)["fingerprints"], local(old)["fingerprints"])
            with open(os.path.join(g.dir, "cert.pem"), "w") as f:
                f.write("rubbish")
            g.signal(signal.SIGHUP)
            g.until(lambda: "the certificate stays" in g.log_text(), "kept")
            c.close()

    def test_a_made_certificate_is_replaced_in_time_and_workers_started_later_show_the_same(self):
        with Gateway(DCMF, CONFIG + "dtls: { rotate: 2s }\n") as g:
            c = g.controller()
            first = c.ask("node.info")["fingerprints"]
            old = c.ask("context.create", context=document())
            g.until(lambda: c.ask("node.info")["fingerprints"] != first, "another certificate")
            os.kill(c.ask("node.info")["workers"][0]["pid"], signal.SIGKILL)
            g.until(lambda: c.ask("node.info")["workers"][0]["starts"] == 2 and g.http("/readyz")[0] == 200, "replaced")
            news = [local(c.ask("context.create", context=document()))["fingerprints"] for _ in range(2)]
            self.assertEqual(len({tuple(n) for n in news}), 1)
            self.assertNotEqual(news[0], local(old)["fingerprints"])
            c.close()

    def test_what_cannot_start_says_why_and_exits_with_1(self):
        cases = (
            ("media: [ { name: a, address: 192.0.2.99 } ]\n", "media a: address 192.0.2.99: Cannot assign requested address"),
            ("dtls: { certificate: /nowhere.pem }\n", "/nowhere.pem: No such file"),
            ("mdc1: { embedded: false, tls: { ca: /nowhere.pem } }\n", "/nowhere.pem: No such file"),
            ("mdc1: { embedded: true, root: /nowhere }\n", "/nowhere"),
            ("dtls: { mtu: 5 }\n", "dcmf.yaml:3: dtls.mtu: 5 is not between"),
        )
        for config, sentence in cases:
            with Gateway(DCMF, config, wait=False) as g:
                self.assertEqual(g.process.wait(20), 1, config)
                self.assertIn(sentence, g.log_text())

    def test_check_names_the_culprit(self):
        with Gateway(DCMF, CONFIG) as g:
            def check(config):
                g.write(config)
                done = subprocess.run([DCMF, "-c", g.path, "--check"], capture_output=True, text=True, timeout=30)
                return done.returncode, done.stderr

            self.assertEqual(check(CONFIG)[0], 0)
            self.assertIn("cannot carry limits.contexts", check(CONFIG)[1])
            status, err = check("mdc1: { embedded: false }\nmedia: [ { name: a, address: 192.0.2.99 } ]\n")
            self.assertEqual(status, 1)
            self.assertIn("media a: address 192.0.2.99: Cannot assign requested address", err)
            status, err = check("mdc1: { embedded: false }\ndtls: { certificate: /nowhere.pem }\n")
            self.assertEqual(status, 1)
            self.assertIn("/nowhere.pem", err)

    def test_a_socket_that_answers_is_not_taken_over_and_a_stale_one_is(self):
        with Gateway(DCMF, CONFIG) as g:
            second = g.path + "2"
            with open(g.path) as f, open(second, "w") as out:
                out.write(f.read().replace(g.admin, "127.0.0.1:0").replace("31000-31199", "31200-31299"))
            done = subprocess.run([DCMF, "-c", second], capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 1)
            self.assertIn(g.socket, done.stderr)
            g.process.kill()
            g.process.wait()
            self.assertTrue(os.path.exists(g.socket))
            g.start()
            c = g.controller()
            c.ask("node.info")
            c.close()

    def test_a_context_without_traffic_ends_by_itself(self):
        with Gateway(DCMF, CONFIG + "limits: { context_idle: 1s }\n") as g:
            c = g.controller()
            c.ask("events.subscribe", types=["context.deleted"])
            made = c.ask("context.create", context=document(owner="gone"))
            self.assertEqual(c.event("context.deleted", contextId=made["contextId"])["reason"], "IDLE")
            self.assertEqual(c.refused("context.get", contextId=made["contextId"])["data"]["status"], 404)
            self.assertEqual(c.ask("context.list")["contexts"], [])
            self.assertEqual(list(g.metric("contexts")), ["0"])
            c.close()

    def test_controllers_all_at_once(self):
        with Gateway(DCMF, CONFIG) as g:
            failures = []

            def work(n):
                try:
                    c = g.controller()
                    for _ in range(10):
                        made = c.ask("context.create", context=document(owner="w%d" % n))
                        c.ask("context.delete", contextId=made["contextId"])
                    c.close()
                except (AssertionError, OSError, EOFError) as e:
                    failures.append(e)

            threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            self.assertEqual(failures, [])
            self.assertEqual(next(g.metric("contexts")), "0")


def make_certificate(g, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "2", "-subj", "/CN=" + name, "-keyout", os.path.join(g.dir, "key.pem"), "-out",
                    os.path.join(g.dir, "cert.pem")], check=True, capture_output=True)


def local(context):
    return context["terminations"][0]["medias"][0]["dcMedia"]["localDcEndpoint"]


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
