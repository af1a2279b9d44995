#!/usr/bin/python3
"""rtpengine's ng protocol at a real gateway: every command over every transport, calls, and what bad input gets.

usage: test_ng.py DCMF
"""
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from gateway import HOST, Gateway, GatewayTest, free_port
from ng import Client, HttpClient, StreamClient, decode, encode
from signalling import BOOTSTRAP, phone

DCMF = sys.argv[1]
NG, HTTP = free_port(HOST), free_port(HOST)
CONFIG = """
workers: 2
media: [ { name: access, address: %s, ports: 31000-31199 }, { name: core, address: %s, ports: 31200-31399 } ]
mdc1: { embedded: false }
drain: { deadline: 20s }
limits: { contexts: 50 }
ng: { listen: "%s:%d", http: "%s:%d" }
""" % (HOST, HOST, HOST, NG, HOST, HTTP)
EVS = ("m=audio 40000 RTP/AVP 96", "a=rtpmap:96 EVS/16000")
BOOT = "a=dcmap:" + BOOTSTRAP
OFFER = phone("3918", "A", "actpass", ((50500, BOOT), (50502, "a=dcmap:1000")), EVS)
ANSWER = phone("7711", "B", "active", ((50600, "a=dcmap:1000"),), EVS)
VOICE = phone("1", "A", "actpass", (), EVS)


class Ng(GatewayTest):
    @classmethod
    def setUpClass(cls):
        cls.start_shared(DCMF, CONFIG)

    def setUp(self):
        self.control = self.gateway.controller()
        self.client = Client(HOST, NG)
        self.call_id = "%s@example.test" % self.id()

    def tearDown(self):
        self.control.close()
        self.client.close()

    def contexts(self):
        return [c for c in self.control.ask("context.list")["contexts"] if c.get("owner") == self.call_id]

    def offer(self, client=None, sdp=OFFER, **more):
        return (client or self.client).ask("offer", call_id=self.call_id, from_tag="alice", sdp=sdp, **more)

    def answer(self, client=None, sdp=ANSWER, **more):
        return (client or self.client).ask("answer", call_id=self.call_id, from_tag="alice", to_tag="bob", sdp=sdp, **more)

    def delete(self, client=None, **more):
        return (client or self.client).ask("delete", call_id=self.call_id, from_tag="alice", **more)

    def counter(self, name):
        return self.control.ask("node.stats")[name]

    # ---- transports

    def play_call(self, client):
        self.assertEqual(client.ask("ping"), {"result": "pong"})
        offered = self.offer(client)
        self.assertEqual(offered["result"], "ok")
        self.assertIn("m=audio 40000 RTP/AVP 96\r\na=rtpmap:96 EVS/16000\r\nm=application", offered["sdp"])
        self.assertNotIn(BOOT, offered["sdp"])
        answered = self.answer(client)
        self.assertEqual(answered["result"], "ok")
        self.assertIn(BOOT, answered["sdp"])
        self.assertEqual(len(self.contexts()), 1)
        self.assertIn(self.call_id, client.ask("list", limit=1000)["calls"])
        told = client.ask("query", call_id=self.call_id)
        self.assertEqual(set(told["tags"]), {"alice", "bob"})
        self.assertEqual(told["tags"]["bob"]["medias"][0]["streams"][0]["endpoint"]["port"], 50600)
        self.assertEqual(told["totals"]["RTP"]["packets"], 0)
        self.assertEqual(told["dcmf"][0]["contextId"], self.contexts()[0]["contextId"])
        statistics = client.ask("statistics")
        self.assertGreaterEqual(statistics["statistics"]["currentstatistics"]["sessionsown"], 1)
        self.assertGreaterEqual(statistics["dcmf"]["ng_messages_total"], 1)
        self.assertEqual(self.delete(client), {"result": "ok"})
        self.assertEqual(self.contexts(), [])
        client.close()

    def test_udp_bencode(self):
        self.play_call(Client(HOST, NG))

    def test_udp_json(self):
        self.play_call(Client(HOST, NG, "json"))

    def test_tcp_bencode(self):
        self.play_call(StreamClient(HOST, NG))

    def test_tcp_json(self):
        self.play_call(StreamClient(HOST, NG, "json"))

    def test_http(self):
        self.play_call(HttpClient(HOST, HTTP))

    def test_http_json(self):
        self.play_call(HttpClient(HOST, HTTP, "json"))

    def test_http_plain(self):
        self.play_call(HttpClient(HOST, HTTP, "json", plain=True))

    def test_tcp_messages_in_pieces_and_in_one_go(self):
        client = StreamClient(HOST, NG)
        for byte in encode("a", {"command": "ping"}, "bencode"):
            client.sock.sendall(bytes([byte]))
        self.assertEqual(decode(client.receive()), ("a", {"result": "pong"}))
        client.send(b"\n".join(encode("b%d" % i, {"command": "ping"}, "json") for i in range(100)))
        self.assertEqual([decode(client.receive())[0] for _ in range(100)], ["b%d" % i for i in range(100)])
        client.send(encode("last", {"command": "statistics"}, "json"))
        client.sock.shutdown(socket.SHUT_WR)  # as a script does that has said everything
        self.assertEqual(decode(client.receive())[0], "last")
        client.close()

    def test_http_takes_nothing_that_a_page_could_send_unasked(self):
        client = HttpClient(HOST, HTTP)
        ping = encode("a", {"command": "ping"}, "bencode")
        for kind in ("text/plain", "application/x-www-form-urlencoded", None):
            self.assertEqual(client.post("/ng", ping, kind)[0], 415)
        self.assertEqual(client.post("/ng", ping, "Application/JSON; charset=utf-8")[0], 200)
        self.assertEqual(client.post("/elsewhere", ping)[0], 404)
        self.assertEqual(client.post("/ng", b"d7:command4:pinge")[0], 400)
        self.assertEqual(client.post("/ng", b"")[0], 400)
        self.assertEqual(client.post("/ng-plain", b"")[0], 200)
        self.assertIn(b"error", client.post("/ng-plain", b"rubbish")[1])
        client.connection.request("GET", "/ng")
        self.assertEqual(client.connection.getresponse().status, 405)
        client.close()

    # ---- calls

    def test_flags_reach_the_gateways_lines(self):
        sdp = self.offer(flags=["DTLS-fingerprint=sha-384", "dcmf-mode=e2ae", "trust-address"], direction=["access", "core"],
                         DTLS="passive", ICE="force", replace=["origin", "session-connection"], dcmf_bootstrap="add",
                         label="caller", supports=["load limit"])["sdp"]
        self.assertIn("a=fingerprint:sha-384 ", sdp)
        self.assertIn("a=setup:passive\r\n", sdp)
        self.assertIn("a=ice-ufrag:", sdp)
        self.assertIn("o=- 3918 1 IN IP4 %s\r\n" % HOST, sdp)
        self.assertIn("c=IN IP4 %s\r\nt=0 0\r\na=ice-lite\r\nm=audio 40000 RTP/AVP 96\r\nc=IN IP4 127.0.0.1\r\n" % HOST, sdp)
        self.assertEqual(sdp.count("m=application 31"), 2)
        for line in (l for l in sdp.split("\r\n") if l.startswith("m=application")):
            self.assertGreaterEqual(int(line.split()[1]), 31200)  # the interface called core
        self.assertEqual(self.client.ask("query", call_id=self.call_id)["tags"]["alice"]["label"], "caller")
        self.delete()

    def test_an_interface_that_is_not_there_is_named(self):
        self.assertIn('no media interface "moon"', self.offer(direction=["access", "moon"])["error-reason"])
        self.assertIn("no media interface has IPv6", self.offer(address_family="IP6")["error-reason"])
        self.assertEqual(self.contexts(), [])

    def test_policy_refuses_here_as_everywhere(self):
        answer = self.offer(sdp=phone("1", "A", "actpass", ((50500, BOOT),), EVS), flags=["dcmf-mode=e2e"])
        self.assertEqual(answer["result"], "ok")  # a bootstrap line ends here, whatever the mode
        self.delete()
        bad = OFFER.replace("SHA-256 " + ":".join(["AA"] * 32), "SHA-1 " + ":".join(["AA"] * 20))
        self.assertIn("fingerprint", self.offer(sdp=bad)["error-reason"])
        self.assertEqual(self.contexts(), [])

    def test_a_voice_call_passes_untouched(self):
        self.assertEqual(self.offer(sdp=VOICE, replace=["origin"])["sdp"], VOICE)
        self.assertEqual(self.answer(sdp=VOICE)["sdp"], VOICE)
        self.assertEqual(self.contexts(), [])
        self.assertEqual(self.delete(), {"result": "ok"})

    def test_what_has_no_call_is_an_error_or_a_warning(self):
        self.assertEqual(self.answer(), {"result": "error", "error-reason": "Unknown call-id"})
        self.assertEqual(self.client.ask("query", call_id=self.call_id)["error-reason"], "Unknown call-id")
        self.assertIn("not found", self.delete()["warning"])
        self.assertEqual(self.delete(flags=["fatal"])["result"], "error")
        self.assertEqual(self.client.ask("start recording", call_id=self.call_id)["error-reason"], "Unrecognized command")

    def test_others_see_the_call_and_its_end(self):
        self.control.ask("events.subscribe", types=["context.created", "context.deleted"])
        self.offer()
        created = self.control.event("context.created")
        self.assertEqual(created["owner"], self.call_id)
        self.control.ask("context.delete", contextId=created["contextId"])
        self.control.event("context.deleted", contextId=created["contextId"])
        self.assertIn("no context", self.answer()["error-reason"])
        self.assertEqual(self.offer(to_tag="bob")["result"], "ok")  # the call goes on in a new context
        self.assertEqual(len(self.contexts()), 1)
        self.delete()

    def test_forty_proxies_at_once(self):
        clients = [Client(HOST, NG) for _ in range(40)]
        for i, c in enumerate(clients):
            c.send(encode("same", {"command": "offer", "call-id": "%s-%d" % (self.call_id, i), "from-tag": "a", "sdp": OFFER}, "bencode"))
        answers = [decode(c.receive())[1] for c in clients]
        self.assertEqual([a["result"] for a in answers], ["ok"] * 40)
        ports = [line.split()[1] for a in answers for line in a["sdp"].splitlines() if line.startswith("m=application")]
        self.assertEqual(len(set(ports)), 40)
        for i, c in enumerate(clients):
            self.assertEqual(c.ask("delete", call_id="%s-%d" % (self.call_id, i))["result"], "ok")
            c.close()

    # ---- repetitions

    def test_what_comes_again_is_answered_again_and_done_once(self):
        message = encode("again", {"command": "offer", "call-id": self.call_id, "from-tag": "a", "sdp": OFFER}, "bencode")
        self.client.send(message)
        first = self.client.receive()
        for _ in range(5):
            self.client.send(message)
            self.assertEqual(self.client.receive(), first)
        self.assertEqual(len(self.contexts()), 1)
        self.client.send(message.replace(b"alice", b"carol").replace(b"d7:command5:offer", b"d7:command6:delete"))
        self.assertIn("another message came with this cookie", decode(self.client.receive())[1]["error-reason"])
        self.assertEqual(len(self.contexts()), 1)
        self.assertGreaterEqual(self.counter("ng_replayed_total"), 1)
        self.client.ask("delete", call_id=self.call_id)

    # ---- hostile

    def test_rubbish_is_counted_and_nobody_falls_over(self):
        rng = random.Random(7)
        whole = encode("x", {"command": "offer", "call-id": self.call_id, "from-tag": "a", "sdp": OFFER, "flags": ["a", "b=c"]}, "bencode")
        bombs = [b"b " + b"l" * 60000, b"b d1:a" * 9000, b"b " + b"d0:" * 20000, b"b l" + b"le" * 30000 + b"e", b"b i" + b"9" * 60000 + b"e",
                 b"b 99999999999999999999:x", b"b {" + b'"a":{' * 10000, b"b " + b"[" * 60000, b"b d60000:" + b"x" * 59000, b"b d3:\xff\xfe\xfd0:e",
                 b"", b" ", b"\0" * 65507, b"x" * 65507, b"cookie", b"cookie "]
        before = self.counter("ng_malformed_total")
        for data in bombs + [whole[:n] for n in range(0, len(whole), 7)]:
            self.client.send(data)
        for i in range(500):
            changed = bytearray(whole)
            for _ in range(rng.randrange(1, 8)):
                changed[rng.randrange(len(changed))] = rng.randrange(256)
            changed[0:1] = b"f%d" % i
            self.client.send(bytes(changed))
        time.sleep(0.5)
        with Client(HOST, NG).sock as fresh:
            fresh.send(b"z d7:command4:pinge")
            self.assertEqual(fresh.recv(100), b"z d6:result4:ponge")
        self.assertGreater(self.counter("ng_malformed_total"), before + 50)
        with Client(HOST, NG) as client:
            for call in client.ask("list", limit=1000)["calls"]:
                client.ask("delete", call_id=call)
        self.assertEqual(self.control.ask("node.info")["state"], "running")
        self.assertNotIn("AddressSanitizer", self.gateway.log_text())

    def test_a_stream_that_makes_no_sense_is_closed(self):
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00", b"a" * 300, b"a d99999999:", b"a x", b"a " + b"{" * 100,
                     b"a d" + b"l" * 20):
            with socket.create_connection((HOST, NG), 10) as s:
                s.sendall(data)
                self.assertEqual(s.recv(100), b"", data)
        with socket.create_connection((HOST, NG), 10) as s:  # more than a message may have, and never an end
            s.settimeout(10)
            try:
                for _ in range(100):
                    s.sendall(b"a {" + b" " * 65536)
                self.assertEqual(s.recv(100), b"")
            except (ConnectionResetError, BrokenPipeError):
                pass
        self.assertEqual(self.client.ask("ping"), {"result": "pong"})

    def test_connections_that_say_nothing_do_not_keep_others_out(self):
        idle = [socket.create_connection((HOST, NG), 10) for _ in range(256)]
        with socket.create_connection((HOST, NG), 10) as late:
            late.settimeout(10)
            self.assertEqual(late.recv(10), b"")
        self.assertEqual(self.client.ask("ping"), {"result": "pong"})  # UDP has no such limit
        for s in idle:
            s.close()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                with StreamClient(HOST, NG) as client:
                    self.assertEqual(client.ask("ping"), {"result": "pong"})
                    return
            except (EOFError, ConnectionError):
                time.sleep(0.05)
        self.fail("nobody gets in again")

    def test_no_description_and_no_tag_is_logged(self):
        self.offer(sdp=OFFER.replace("s=-", "s=secretname"), metadata="secretmeta", label="secretlabel")
        self.client.ask("offer", call_id=self.call_id, from_tag="secrettag", sdp="secretsdp")
        self.delete()
        self.assertNotIn("secret", self.gateway.log_text())


class Life(unittest.TestCase):
    """Gateways of their own."""

    def test_a_node_that_drains_says_load_limit(self):
        with Gateway(DCMF, CONFIG.replace(str(NG), str(free_port(HOST))).replace(str(HTTP), str(free_port(HOST)))) as gateway:
            port = int(gateway.log_text().split("ng protocol at %s:" % HOST)[1].split(",")[0])
            client, control = Client(HOST, port), gateway.controller()
            self.assertEqual(client.ask("offer", call_id="old", from_tag="a", sdp=OFFER)["result"], "ok")
            control.ask("node.drain")
            new = {"call_id": "new", "from_tag": "a", "sdp": OFFER}
            self.assertEqual(client.ask("offer", **new, supports=["load limit"])["result"], "load limit")
            self.assertEqual(client.ask("offer", **new)["error-reason"], "Parallel session limit reached")
            self.assertEqual(client.ask("answer", call_id="old", from_tag="a", to_tag="b", sdp=ANSWER)["result"], "ok")
            control.ask("node.resume")
            self.assertEqual(client.ask("offer", **new)["result"], "ok")
            # SIGHUP names what needs a restart
            with open(gateway.path) as f:
                text = f.read()
            with open(gateway.path, "w") as f:
                f.write(text.replace("ng: { listen", "ng: { clients: [ 10.0.0.0/8 ], listen"))
            gateway.signal(signal.SIGHUP)
            gateway.until(lambda: "reload: ng.clients needs a restart" in gateway.log_text(), "named")
            self.assertEqual(client.ask("ping"), {"result": "pong"})
            client.close()
            control.close()

    def check(self, ng):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
            f.write("mdc1: { embedded: false }\nadmin: { listen: '' }\ncontrol: { socket: /tmp/dcmf-no-such/x.sock }\n" + ng)
            f.flush()
            return subprocess.run([DCMF, "--check", "-c", f.name], capture_output=True, text=True)

    def test_check_knows_what_is_dangerous(self):
        self.assertIn("one address is wanted", self.check("ng: { listen: '0.0.0.0:2223' }").stderr)
        self.assertIn("ng.clients must say who may speak", self.check("ng: { listen: '192.0.2.1:2223' }").stderr)
        done = self.check("ng: { listen: '192.0.2.1:2223', clients: [ 192.0.2.7 ] }")
        self.assertIn("ng.listen 192.0.2.1:2223: Cannot assign", done.stderr)
        self.assertIn("warning: ng: no authentication", done.stderr)
        self.assertNotIn("warning: ng", self.check("ng: { listen: '127.0.0.1:%d' }" % free_port()).stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
