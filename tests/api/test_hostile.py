#!/usr/bin/python3
"""A real gateway under fire: what strangers and broken controllers send costs a counter or an error, and phones notice nothing.

usage: test_hostile.py DCMF DCMF-LOAD

Every attack runs alone first, so that what it must count is seen, then all of them again while phones of the generator
fetch through the same gateway. Seeds are fixed; the clock ends nothing.
"""
import copy
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
import unittest

import wire
from gateway import HOST, GatewayTest

DCMF, LOAD = sys.argv[1:3]
SHARED = 27000
CONFIG = """
workers: 2
media: [ { name: local, address: @HOST@, ports: 24000-26999, shared_port: %d } ]
mdc1: { embedded: true, synthetic: ["small:20000"] }
""".replace("@HOST@", HOST) % SHARED
FINGERPRINT = "SHA-256 " + ":".join("%02X" % i for i in range(32))
ICE = "a=ice-ufrag:them\r\na=ice-pwd:theirpasswordtheirpassword\r\n"
OFFER = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
         "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:dc\r\na=sctp-port:5000\r\na=max-message-size:65536\r\n"
         "%sa=setup:actpass\r\na=fingerprint:" + FINGERPRINT + "\r\na=dcmap:0 subprotocol=\"http\"\r\n")
DC_MEDIA = {"*": {"mediaProxyConfig": "HTTP_PROXY"}}
LEAVER = "leaver"  # owner of contexts whose controller leaves them behind
GAUGES = ("contexts", "legs", "legs_open", "channels", "associations", "dtls_connections", "half_open", "upstream_requests",
          "buffered_bytes")
MEMORY_MAX = 160 << 20  # bytes a worker may gain by all of it; sanitizers keep what was freed for a while


def document(port):
    return {
        "terminations": [{"terminationId": "ue", "medias": [{
            "mediaId": "1", "mediaResourceType": "DC",
            "remoteMbEndpoint": {"ip": {"ipv4Addr": "127.0.0.1"}, "transport": "UDP", "portNumber": port},
            "dcMedia": {
                "mediaProxyConfig": "HTTP_PROXY",
                "streams": {"0": {"streamId": 0, "subprotocol": "http", "order": True}},
                "replaceHttpUrl": {"0": {"streamId": 0, "replaceHttpUrl": "http://127.0.0.1:9/alice"}},
                "remoteDcEndpoint": {"sctpPort": 5000, "fingerprints": [FINGERPRINT], "securitySetup": "ACTPASS",
                                     "tlsId": "q3Zr81kVw0sXm5TnHc2b"}},
            "dcmf": {"acceptDcep": False}}]}],
        "dcmf": {"owner": "mallory"}}


def media_of(context):
    return context["terminations"][0]["medias"][0]


def port_of(context):
    return media_of(context)["localMbEndpoint"]["portNumber"]


class Target:
    """Three medias to shoot at, and the gateway they belong to."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.c = gateway.controller()
        self.phone = bound("127.0.0.1")  # the signalled source of one of them
        ice = self.c.ask("sdp.terminate", sdp=OFFER % ICE, dcMedia=DC_MEDIA)
        free = self.c.ask("sdp.terminate", sdp=OFFER % "", dcMedia=DC_MEDIA)
        told = self.c.ask("context.create", context=document(self.phone.getsockname()[1]))
        self.ids = [ice["contextId"], free["contextId"], told["contextId"]]
        self.ufrag, self.pwd = (re.search(r"a=ice-%s:(\S+)" % k, ice["sdp"]).group(1) for k in ("ufrag", "pwd"))
        self.ice, self.free, self.told = port_of(ice["context"]), port_of(free["context"]), port_of(told)
        self.ports = (self.ice, self.free, self.told)

    def close(self):
        for context_id in self.ids:
            self.c.answer(self.c.send("context.delete", contextId=context_id))
        self.c.close()
        self.phone.close()


def bound(address):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 0))
    s.settimeout(0.2)
    return s


def strangers(rng, count):
    """Sockets at addresses all over 127.0.0.0/8."""
    return [bound("127.%d.%d.%d" % (rng.randrange(2, 255), rng.randrange(255), rng.randrange(1, 255))) for _ in range(count)]


def shoot(s, port, datagrams):
    for n, d in enumerate(datagrams):
        s.sendto(d, (HOST, port))
        if n % 32 == 31:
            time.sleep(0.002)  # what the kernel drops for want of room attacks nobody


def answers(s, quiet=0.2):
    s.settimeout(quiet)
    got = []
    try:
        while True:
            got.append(s.recv(65536))
    except TimeoutError:
        return got


def cookie_from(s):
    """The cookie in the next HelloVerifyRequest; a busy worker may take a while."""
    s.settimeout(10)
    while True:
        cookie = wire.cookie_of(s.recv(65536))
        if cookie:
            return cookie


# --- over the media ports: (attack, what it must count) ---

def random_datagrams(t, rng):
    for port in t.ports + (SHARED, SHARED + 1):
        with bound("127.9.9.9") as s:
            shoot(s, port, (bytes([first]) + rng.randbytes(n) for first in range(256) for n in (0, 1, 12, 19, 200)))


def rtp(t, rng):
    with bound("127.0.0.1") as s:
        shoot(s, t.told, (b"\x80\x60" + rng.randbytes(170) for _ in range(50)))
    shoot(t.phone, t.told, (b"\xb1\xc8" + rng.randbytes(30) for _ in range(50)))


def broken_stun(t, rng):
    good = wire.stun_check(t.ufrag + ":them", t.pwd, rng.randbytes(12))
    with bound("127.0.0.1") as s:
        shoot(s, t.ice, (good[:n] for n in range(len(good))))
        shoot(s, t.ice, (wire.flipped(good, rng) for _ in range(600)))
        shoot(s, t.ice, (good + rng.randbytes(n) for n in range(1, 40)))
        shoot(s, t.ice, (wire.stun_check(t.ufrag + ":them", t.pwd, rng.randbytes(12), fingerprint=False),
                         wire.stun_check(t.ufrag + ":", t.pwd, rng.randbytes(12)),
                         wire.stun_check(":" + t.ufrag, t.pwd, rng.randbytes(12)),
                         wire.stun_check(t.ufrag * 60 + ":them", t.pwd, rng.randbytes(12))))


def unauthorized_stun(t, rng):
    sent = [wire.stun_check(t.ufrag + ":them", "a guess that is wrong %d" % n, rng.randbytes(12)) for n in range(100)]
    sent += [wire.stun_check(t.ufrag + ":others", t.pwd, rng.randbytes(12)) for n in range(20)]
    with bound("127.0.0.1") as s:
        shoot(s, t.ice, sent)
        assert sum(map(len, answers(s))) <= sum(map(len, sent)), "more comes back than was sent"
    with bound("127.0.0.1") as s:
        shoot(s, t.ice, (wire.stun_check("nobody%d:them" % n, t.pwd, rng.randbytes(12)) for n in range(100)))
        assert answers(s) == [], "a user name that nobody has is answered"


def hello_flood(t, rng):
    """Without a cookie nobody is worth memory, and nobody gets back more than he sent."""
    crowd = strangers(rng, 100)
    smallest = wire.record(wire.fragment(wire.hello_body(rng.randbytes(32))[:36], length=300))
    for n, s in enumerate(crowd):
        shoot(s, t.free, (wire.hello(rng.randbytes(32), message=n % 3, seq=n), smallest))
        shoot(s, t.told, [wire.hello(rng.randbytes(32))])
    time.sleep(0.2)
    for s in crowd:
        got = answers(s, 0.001)
        assert len(got) <= 2 and all(len(reply) <= len(smallest) for reply in got), got
        s.close()


def wrong_cookies(t, rng):
    with bound("127.0.0.1") as s:
        shoot(s, t.free, (wire.hello(rng.randbytes(32), rng.randbytes(n), message=1) for n in (1, 15, 16, 17, 32, 255)))
        random_32 = rng.randbytes(32)
        answers(s)
        shoot(s, t.free, [wire.hello(random_32)])
        cookie = cookie_from(s)
        shoot(s, t.free, (wire.hello(random_32, wire.flipped(cookie, rng), message=1) for _ in range(30)))
    with bound("127.0.0.2") as other:
        shoot(other, t.free, [wire.hello(random_32, cookie, message=1)] * 10)  # right, but another's


def broken_hellos(t, rng):
    """Lengths that lie, pieces that overlap, epochs that are not there; from the source that was signalled, too."""
    body = wire.hello_body(rng.randbytes(32))
    lies = [wire.record(wire.fragment(body), length=n) for n in (0, 1, 11, 12, 13, 16384, 18433, 65535)]
    lies += [wire.record(wire.fragment(body, length=n)) for n in (0, 1, len(body) - 1, 17001, 0xFFFFFF)]
    lies += [wire.record(wire.fragment(body, claimed=n)) for n in (0, len(body) + 1, 0xFFFFFF)]
    lies += [wire.record(wire.fragment(body, offset=n)) for n in (1, len(body), 0xFFFFFF)]
    lies += [wire.record(wire.fragment(body), epoch=n, seq=(1 << 48) - 1) for n in (0, 1, 2, 65535)]
    lies += [wire.record(wire.fragment(body), version=n) for n in (0, 0x0303, 0xFEFC, 0xFEFF, 0xFFFF)]
    lies += [wire.record(wire.fragment(body), kind=n) for n in range(20, 64)]
    lies += [wire.record(wire.fragment(body, kind=n, message=n)) for n in range(256)]
    lies += [wire.hello(rng.randbytes(32))[:n] for n in range(13, 120)]
    lies += [wire.flipped(wire.hello(rng.randbytes(32)), rng) for _ in range(200)]
    for s, port in ((t.phone, t.told), (t.phone, t.free), (t.phone, t.ice)):
        shoot(s, port, lies)
    answers(t.phone)


def handshake_gone_wrong(t, rng):
    """A right cookie, and nothing right behind it."""
    random_32, flight = rng.randbytes(32), []
    for _ in range(20):  # a busy worker may still answer what came before
        answers(t.phone)
        shoot(t.phone, t.told, [wire.hello(random_32)])
        body = wire.hello_body(random_32, cookie_from(t.phone))
        pieces = [wire.record(wire.fragment(body[a:b], length=len(body), message=1, offset=a), seq=a + b)
                  for a, b in ((0, 70), (30, 90), (60, 75), (0, 80), (90, 90), (20, len(body)), (0, len(body)))]
        shoot(t.phone, t.told, pieces)
        flight = [d for d in answers(t.phone) if wire.cookie_of(d) is None]
        if flight:
            break
    assert flight, "a hello with a right cookie was not answered"
    shoot(t.phone, t.told, [wire.record(b"\1", kind=20, seq=9), wire.record(rng.randbytes(60), epoch=1),
                            wire.record(rng.randbytes(60), kind=23, epoch=1), wire.record(b"\2\50", kind=21, epoch=1)])
    shoot(t.phone, t.told, flight)  # its own words back
    shoot(t.phone, t.told, (wire.record(wire.fragment(rng.randbytes(90), kind=k, message=m), seq=20 + m)
                            for k in (11, 15, 16, 20) for m in range(2, 12)))
    shoot(t.phone, t.told, (wire.flipped(p, rng) for p in pieces * 30))
    answers(t.phone)


def giants(t, rng):
    bodies = [bytes(65507), b"\x16\xfe\xff" + bytes(65504), b"\x80" + rng.randbytes(65506), b"\x17" * 65507,
              b"".join(wire.record(rng.randbytes(100), epoch=1, seq=n) for n in range(500)),
              b"".join(wire.hello(rng.randbytes(32)) for _ in range(500)),
              wire.stun_check(t.ufrag + ":" + "x" * 65000, t.pwd, rng.randbytes(12))]
    for port in t.ports:
        shoot(t.phone, port, bodies)
    answers(t.phone)


MEDIA_ATTACKS = (
    (random_datagrams, ("datagrams_unknown_total", "datagrams_other_total", "datagrams_source_total")),
    (rtp, ("datagrams_other_total",)),
    (broken_stun, ("ice_malformed_total", "ice_unauthorized_total", "datagrams_unknown_total")),
    (unauthorized_stun, ("ice_unauthorized_total", "datagrams_unknown_total")),
    (hello_flood, ("dtls_hello_verify_total", "datagrams_source_total")),
    (wrong_cookies, ("dtls_hello_verify_total", "dtls_cookie_bad_total")),
    (broken_hellos, ("dtls_malformed_total", "dtls_hello_verify_total", "datagrams_unknown_total")),
    (handshake_gone_wrong, ("dtls_malformed_total",)),
    (giants, ("datagrams_other_total",)),
)


# --- over the control socket ---

def refused_line(c, line):
    c.type(line if line[-1:] in ("\n", b"\n") else line + (b"\n" if isinstance(line, bytes) else "\n"))
    while True:
        answer = c.line()
        if answer.get("id") in (None, "bad"):
            assert "error" in answer, (line[:80], answer)
            return answer["error"]


def request(method, params):
    return '{"jsonrpc":"2.0","id":"bad","method":"%s","params":%s}' % (
        method, params if isinstance(params, str) else json.dumps(params))


def bad_lines(t, rng):
    c = t.gateway.controller()
    deep = "[" * 3000 + "]" * 3000
    legal = "[" * 2000 + "]" * 2000
    for line in ("{", "nonsense", "[]", '"x"', "{}", "[" * 100000, '{"a":' * 100000, deep,
                 request("context.create", '{"context":{"terminations":%s}}' % legal),
                 request("sdp.terminate", '{"sdp":%s,"dcMedia":{"*":{"x":%s}}}' % (json.dumps(OFFER % ""), legal)),
                 '{"jsonrpc":"2.0","id":"bad","id":"bad","method":"node.info"}',
                 '{"jsonrpc":"2.0","id":"bad","method":"node.info","params":{"x":1e999}}',
                 '{"jsonrpc":"2.0","id":"bad","method":"no\\u0000de"}', "\0" * 4096, "x" * (2 << 20),
                 b"\xff\xfe\xfd" * 1000, b"\x16\xfe\xff" + rng.randbytes(500).replace(b"\n", b"")):
        refused_line(c, line)
    assert c.ask("node.info")["state"] == "running"
    c.close()


def half_lines(t, rng):
    for _ in range(50):
        c = t.gateway.controller()
        line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "context.create", "params": {"context": document(9)}})
        c.type(line[:rng.randrange(len(line))])
        c.close()


def disconnect_in_the_middle(t, rng):
    """What nobody hears of does not stay; what was answered just before stays whole, as for any who leave."""
    left = document(9)
    left["dcmf"]["owner"] = LEAVER
    for n in range(40):
        c = t.gateway.controller()
        for _ in range(1 + n % 3):
            c.send("context.create", context=left)
        if n % 2:
            c.send("sdp.terminate", sdp=OFFER % ICE, dcMedia=DC_MEDIA, owner=LEAVER)
        c.close()


def pipeline(t, rng):
    c = t.gateway.controller()
    ids = [c.send(("node.info", "node.stats", "context.list")[n % 3]) for n in range(1000)]
    for i in ids:
        c.answer(i)
    c.close()


def slow_reader(t, rng):
    """Asks for long documents, many times, and reads nothing: it is given up, no worker is."""
    c = t.gateway.controller()
    big = document(9)
    dc = media_of(big)["dcMedia"]
    for n in range(40):
        dc["streams"][str(n)] = {"streamId": n}
        dc["replaceHttpUrl"][str(n)] = {"replaceHttpUrl": "http://127.0.0.1:9/" + "a" * 8000}
    big["dcmf"]["owner"] = LEAVER
    made = c.ask("context.create", context=big)["contextId"]
    try:
        c.sock.settimeout(5)
        for _ in range(300):
            c.send("context.get", contextId=made)
        time.sleep(0.5)
    except OSError:
        pass
    c.close()


def broken_offers(t, rng):
    c = t.gateway.controller()
    good = OFFER % ICE
    lines = good.split("\r\n")[:-1]
    offers = ["", "\1", "v=0", good.replace("v=0", "v=1"), good.replace("SHA-256", "MD5"), good.replace("00:01", "00:0"),
              good.replace("sctp-port:5000", "sctp-port:70000"), good.replace("dcmap:0", "dcmap:99999"),
              good.replace("setup:actpass", "setup:both"), good.replace("ice-ufrag:them", "ice-ufrag:t"),
              "m=application 9\r\n" * 5000, good + "a=" + "x" * 200000, good + ("m=audio 9 RTP/AVP 0\r\n" * 100)]
    offers += ["\r\n".join(lines[:n]) for n in range(6)]
    for _ in range(150):
        broken = bytearray(good.encode())
        for _ in range(3):
            broken[rng.randrange(len(broken))] = rng.randrange(1, 127)
        offers.append(broken.decode())
    refused = []
    for offer in offers:  # some can be lived with; then they are answered, and deleted again
        answer = c.answer(c.send("sdp.terminate", sdp=offer, dcMedia=DC_MEDIA))
        if "result" in answer:
            c.ask("context.delete", contextId=answer["result"]["contextId"])
        else:
            assert answer["error"]["data"]["cause"], answer
            refused.append(offer)
    assert "v=0" in refused and len(refused) > 50, len(refused)
    c.close()


def attributes(value, path=()):
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from attributes(value[key], path + (key,))


def broken_documents(t, rng):
    """Each attribute in turn is something else; what is accepted all the same is deleted again."""
    c = t.gateway.controller()
    refused = 0
    for path in list(attributes(document(9)))[1:]:
        for wrong in (None, True, -1, 1 << 40, 1.5, "", "x" * 20000, "\u0001", [], {}, [[]], {"x": {}}):
            bad = document(9)
            at = bad
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = copy.copy(wrong)
            answer = c.answer(c.send("context.create", context=bad))
            if "result" in answer:
                c.ask("context.delete", contextId=answer["result"]["contextId"])
            else:
                assert answer["error"]["code"] == -32000 and 400 <= answer["error"]["data"]["status"] <= 501, answer
                refused += 1
    assert refused > 200, refused
    c.close()


def broken_patches(t, rng):
    c = t.gateway.controller()
    ten = json.loads("[" * 10 + "]" * 10)
    patches = [[], [{}], [7], [{"op": "add"}], [{"op": "fly", "path": "/x"}], [{"op": "test", "path": "/dcmf/owner", "value": 1}],
               [{"op": "remove", "path": ""}], [{"op": "replace", "path": "", "value": 7}],
               [{"op": "move", "from": "/terminations", "path": "/terminations/0/medias"}],
               [{"op": "copy", "from": "", "path": "/terminations/0/%d" % n} for n in range(100)],
               [{"op": "copy", "from": "/terminations", "path": "/terminations/-"}] * 250,
               [{"op": "add", "path": "/x", "value": ten}] +
               [{"op": "copy", "from": "/x", "path": "/x" + "/0" * n + "/-"} for n in (9, 20, 40, 80)],
               [{"op": "test", "path": "/dcmf", "value": {}}] * 5000]
    patches += [[{"op": "replace", "path": p, "value": 1}] for p in (
        "x", "/", "//", "/~", "/~2", "/terminations/-", "/terminations/00", "/terminations/1", "/terminations/-1",
        "/terminations/4294967296", "/terminations/18446744073709551616", "/" * 100000, "/terminations" * 9000, "/\u0001")]
    for patch in patches:
        refused_line(c, request("context.update", {"contextId": t.ids[2], "patch": patch}))
    assert c.ask("context.get", contextId=t.ids[2])["dcmf"]["owner"] == "mallory"
    c.close()


CONTROL_ATTACKS = (
    (bad_lines, ()),
    (half_lines, ()),
    (disconnect_in_the_middle, ("contexts_created_total",)),
    (pipeline, ()),
    (slow_reader, ()),
    (broken_offers, ()),
    (broken_documents, ("contexts_refused_total",)),
    (broken_patches, ("contexts_refused_total",)),
)


class Hostile(GatewayTest):
    @classmethod
    def setUpClass(cls):
        # what was freed is kept for a while by AddressSanitizer: a while, not for ever
        os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"
        cls.start_shared(DCMF, CONFIG)
        cls.watch = cls.gateway.controller()
        cls.watch.ask("events.subscribe", types=["worker.lost"])
        cls.workers = [w["pid"] for w in cls.watch.ask("node.info")["workers"]]

    @classmethod
    def tearDownClass(cls):
        cls.watch.close()

    def stats(self):
        return self.watch.ask("node.stats")

    def memory(self):
        return [w["memoryBytes"] for w in self.watch.ask("node.info")["workers"]]

    def run_attack(self, attack, target, seed):
        attack(target, random.Random("%s %d" % (attack.__name__, seed)))

    def assert_counted(self, before, counters):
        deadline = time.monotonic() + 5  # some of it is still on its way
        while time.monotonic() < deadline:
            now = self.stats()
            still = [name for name in counters if now[name] <= before[name]]
            if not still:
                return
            time.sleep(0.05)
        self.fail("not counted: %s" % still)

    def assert_nobody_died(self, what):
        now = [w["pid"] for w in self.watch.ask("node.info")["workers"]]
        self.assertEqual((now, self.watch.events), (self.workers, []), what + "\n" + self.gateway.log_text()[-3000:])

    def assert_nothing_is_left(self):
        def left():
            listed = self.watch.answer(self.watch.send("context.list"))
            for context in listed.get("result", {"contexts": []})["contexts"]:
                if context.get("owner") == LEAVER:
                    # a worker may be behind with what others asked for: then it is asked again
                    self.watch.answer(self.watch.send("context.delete", contextId=context["contextId"]))
            return {g: v for g, v in self.stats().items() if g in GAUGES and v != 0}
        deadline = time.monotonic() + 20
        while left() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(left(), {})
        self.assertEqual(self.watch.ask("context.list")["contexts"], [])

    def test_each_attack_is_counted_and_leaves_nothing(self):
        for attack, counters in MEDIA_ATTACKS + CONTROL_ATTACKS:
            with self.subTest(attack=attack.__name__):
                target = Target(self.gateway)
                try:
                    before = self.stats()
                    self.run_attack(attack, target, 1)
                    self.assert_counted(before, counters)
                finally:
                    target.close()
                self.assert_nobody_died(attack.__name__)
                self.assert_nothing_is_left()

    def test_phones_notice_nothing_of_it(self):
        target, memory = Target(self.gateway), self.memory()
        load = subprocess.Popen(
            [LOAD, "bootstrap", "--socket", self.gateway.socket, "--ues", "20", "--rate", "4", "--ice", "mixed", "--setup",
             "mixed", "--app", "small", "--hold", "0.5", "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        broken = []

        def fire(attacks):
            try:
                for attack, _ in attacks:
                    self.run_attack(attack, target, 2)
            except Exception as e:  # told by the test, not by a thread nobody watches
                broken.append((attack.__name__, repr(e)))

        threads = [threading.Thread(target=fire, args=(a,)) for a in (MEDIA_ATTACKS, CONTROL_ATTACKS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        report = load.communicate(timeout=60)[0]
        target.close()
        self.assertEqual(broken, [])
        self.assertEqual(load.returncode, 0, report)
        self.assert_nobody_died("all of it")
        self.assert_nothing_is_left()
        for before, after in zip(memory, self.memory()):
            self.assertLess(after - before, MEMORY_MAX)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
