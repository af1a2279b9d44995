#!/usr/bin/python3
"""What hostile consumers of Nmf_MRM get: each an answer or the end of its connection, and the honest ones never notice.

usage: test_sbi_hostile.py DCMF
"""
import json
import os
import random
import socket
import struct
import sys
import threading
import time
import unittest

from consumer import (ACK, CALM, COMPRESSION_ERROR, CONTEXTS, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS,
                      PING, PREFACE, PROTOCOL_ERROR, RST_STREAM, SETTINGS, WINDOW_UPDATE, Consumer, Raw, document,
                      frame, head, literal)
from gateway import HOST, PATIENCE, GatewayTest

DCMF = sys.argv[1]
ADDRESS = HOST, 9443
CONFIG = """
workers: 1
media: [ { name: local, address: @HOST@, ports: 20000-24999 } ]
mdc1: { embedded: false }
sbi: { listen: @HOST@:9443 }
""".replace("@HOST@", HOST)
TYPE = ("content-type", "application/json")


def memory_of(pid):
    with open("/proc/%d/statm" % pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Hostile(GatewayTest):
    @classmethod
    def setUpClass(cls):
        cls.start_shared(DCMF, CONFIG)
        cls.consumer = Consumer("http://%s:%d" % ADDRESS)

    def tearDown(self):
        """Whatever happened, the next one is served, and nothing was logged as a failure of ours."""
        answer = self.consumer.create()
        self.assertEqual(answer.status, 201, str(answer))
        self.assertEqual(self.consumer.delete(answer.json["contextId"]).status, 204)
        self.assertNotIn(" error ", self.gateway.log_text())

    def raw(self, **more):
        connection = Raw(ADDRESS, **more)
        self.addCleanup(connection.sock.close)
        return connection

    @staticmethod
    def contexts(controller):
        return [c["contextId"] for c in controller.ask("context.list", limit=1000)["contexts"]]

    def ended(self, connection, *codes):
        """By GOAWAY with one of the codes, and closed."""
        self.assertIn(connection.ends_with(), codes)
        self.assertTrue(connection.is_closed())

    def test_frames_that_are_cut_off(self):
        whole = PREFACE + frame(SETTINGS) + frame(HEADERS, END_HEADERS, 1, head("POST", CONTEXTS, TYPE)) + \
            frame(DATA, END_STREAM, 1, json.dumps(document()).encode())
        rng = random.Random(7)
        for cut in [1, 8, 23, 24, 25, 33] + [rng.randrange(len(whole)) for _ in range(60)]:
            with Raw(ADDRESS, greet=False) as connection:
                connection.say(whole[:cut])

    def test_a_frame_larger_than_allowed(self):
        connection = self.raw()
        connection.say(frame(PING, 0, 0, bytes(17000)))
        self.ended(connection, 6)  # FRAME_SIZE_ERROR

    def test_headers_that_are_no_hpack(self):
        for block in (b"\xff\xff\xff\xff\xff\xff", b"\x80", b"\x00\x7f", b"\x3f\xff\xff\xff\xff\xff\xff\xff"):
            connection = self.raw()
            connection.say(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
            self.ended(connection, COMPRESSION_ERROR)

    def test_frames_in_an_order_that_is_none(self):
        for wrong in (frame(DATA, 0, 0, b"x"), frame(HEADERS, END_HEADERS, 2, head()), frame(CONTINUATION, 0, 1, b""),
                      frame(SETTINGS, ACK, 0, b"x"), frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", 0)), frame(5, 4, 1, bytes(8))):
            connection = self.raw()
            connection.say(wrong)
            self.ended(connection, PROTOCOL_ERROR, 6)

    def test_bytes_that_are_no_http_2(self):
        for text in (b"GET / HTTP/1.1\r\nHost: mf1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\0" * 1000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"):
            connection = self.raw(greet=False)
            connection.say(text)
            self.assertTrue(connection.is_closed())

    def test_random_bytes_after_a_good_beginning(self):
        rng = random.Random(11)
        for _ in range(100):
            with Raw(ADDRESS) as connection:
                connection.say(rng.randbytes(rng.randrange(1, 400)))
                if rng.random() < 0.5:
                    connection.sock.shutdown(socket.SHUT_WR)

    def test_random_frames_after_a_good_beginning(self):
        rng = random.Random(12)
        for _ in range(100):
            with Raw(ADDRESS) as connection:
                for _ in range(rng.randrange(1, 20)):
                    if not connection.say(frame(rng.randrange(12), rng.randrange(256), rng.choice((0, 1, 3, 5, 0x7fffffff)),
                                                rng.choice((head(), rng.randbytes(rng.randrange(30)))))):
                        break

    def test_requests_that_are_not_http_are_reset_and_the_connection_lives(self):
        connection = self.raw()
        stream = 1
        for fields in (literal(":method", "GET"), head("POST", CONTEXTS, ("Upper", "case")), head("POST", CONTEXTS, ("connection", "close")),
                       head("POST", CONTEXTS, ("content-length", "no")), head("POST", CONTEXTS, (":path", "/twice"))):
            connection.say(frame(HEADERS, END_HEADERS | END_STREAM, stream, fields))
            f = connection.hear_kind(RST_STREAM, GOAWAY, HEADERS)
            self.assertEqual((f[0], f[2]), (RST_STREAM, stream), fields)
            stream += 2
        connection.say(frame(HEADERS, END_HEADERS | END_STREAM, stream, head("GET")))
        self.assertEqual(connection.hear_kind(HEADERS, GOAWAY)[:3], (HEADERS, END_HEADERS, stream))

    def test_a_body_of_10_mb_is_answered_early_and_costs_no_memory(self):
        front = self.gateway.process.pid
        before = memory_of(front)
        answer = self.consumer.create(b"[" + b" " * (10 << 20) + b"]")
        self.assertEqual((answer.status, answer.json["cause"]), (413, "INCORRECT_LENGTH"))
        answer = self.consumer.create(json.dumps(document())[:-1] + " " * 900000 + "}")
        self.assertEqual(answer.status, 201)
        self.assertLess(memory_of(front) - before, 64 << 20)

    def test_json_that_tries_hard(self):
        for body in (b"\xff\xfe{}", b'{"a":"\\u0000"}', b'{"terminations":1e400}', b'{"terminations":[' + b"[" * 100000 + b"]" * 100000 + b"]}",
                     b'{"terminations":"' + b"a" * 500000 + b'"}', b'{"contextId":"' + b"%s" * 100 + b'"}'):
            answer = self.consumer.create(body)
            self.assertEqual(answer.status, 400, body[:40])
            self.assertLess(len(answer.body), 8192)
        many = [{"op": "add", "path": "/terminations/-", "value": {}}] * 5000
        context = self.consumer.create().json["contextId"]
        self.assertEqual(self.consumer.patch(context, many).status, 413)
        self.assertEqual(self.consumer.patch(context, many[:50]).status, 400)
        pointer = [{"op": "add", "path": "/" + "a/" * 20000, "value": 1}]
        self.assertIn(self.consumer.patch(context, pointer).status, (400, 409, 413))

    def test_floods_end_in_enhance_your_calm(self):
        for flood in (frame(PING, 0, 0, bytes(8)), frame(SETTINGS), frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", 1)),
                      frame(DATA, 0, 1, b"")):
            connection = self.raw()
            connection.say(frame(HEADERS, END_HEADERS, 1, head()))
            reader = threading.Thread(target=lambda c=connection: setattr(c, "code", c.ends_with()))
            reader.start()
            for _ in range(100):
                if not connection.say(flood * 100):
                    break
            reader.join(PATIENCE)
            self.assertIn(connection.code, (CALM, None), flood)  # None: the connection was reset before it could be read
        for what in ("PING", "SETTINGS", "WINDOW_UPDATE", "empty DATA"):
            self.gateway.until(lambda w=what: "too many " + w in self.gateway.log_text() or
                               "does not read our acknowledgements" in self.gateway.log_text(), what)

    def test_requests_taken_back_at_once(self):
        connection = self.raw()
        connection.sock.settimeout(PATIENCE)
        body = json.dumps(document()).encode()
        reader = threading.Thread(target=lambda: setattr(connection, "code", connection.ends_with()))
        reader.start()
        before = int(next(self.gateway.metric("sbi_requests_total")))
        controller = self.gateway.controller()
        self.addCleanup(controller.close)
        left = self.contexts(controller)
        for i in range(3000):
            stream = 1 + 2 * i
            if not connection.say(frame(HEADERS, END_HEADERS, stream, head("POST", CONTEXTS, TYPE)) +
                                  frame(DATA, END_STREAM, stream, body) + frame(RST_STREAM, 0, stream, struct.pack("!I", 8))):
                break
        reader.join(PATIENCE)
        self.assertIn(connection.code, (CALM, None))
        self.assertLess(int(next(self.gateway.metric("sbi_requests_total"))) - before, 1000)
        self.gateway.until(lambda: self.contexts(controller) == left, "no context of them is left")

    def test_header_blocks_without_end(self):
        connection = self.raw()
        connection.say(frame(HEADERS, 0, 1, head()))
        for _ in range(2000):
            if not connection.say(frame(CONTINUATION, 0, 1, b"\x82" * 1000)):
                break
        self.assertTrue(connection.is_closed())

    def test_more_requests_than_allowed_at_once(self):
        connection = self.raw()
        for i in range(400):  # none is complete
            connection.say(frame(HEADERS, END_HEADERS, 1 + 2 * i, head("POST", CONTEXTS, TYPE)))
        f = connection.hear_kind(RST_STREAM, GOAWAY)
        self.assertIn((f[0], struct.unpack("!I", f[3][-4:])[0] if f[0] == RST_STREAM else None), ((RST_STREAM, 7), (GOAWAY, None)))

    def test_who_does_not_read_is_not_listened_to(self):
        """Answers pile up to a bound, then the gateway stops reading or hangs up; the honest are served meanwhile."""
        front = self.gateway.process.pid
        before = memory_of(front)
        connection = self.raw(read_buffer=4096)
        connection.sock.settimeout(1)
        for i in range(0, 200000, 100):
            if not connection.say(b"".join(frame(HEADERS, END_HEADERS | END_STREAM, 1 + 2 * (i + j), head("GET")) for j in range(100))):
                break
        self.assertLess(memory_of(front) - before, 64 << 20)
        self.assertEqual(self.consumer.ask("GET", CONTEXTS).status, 405)
        connection.sock.settimeout(PATIENCE)
        self.assertTrue(connection.is_closed())

    def test_the_slow_are_given_up_and_the_honest_are_served_meanwhile(self):
        half = frame(HEADERS, END_HEADERS, 1, head("POST", CONTEXTS, TYPE))
        slow = {
            "says nothing": self.raw(greet=False),
            "half a preface": self.raw(greet=False),
            "half a header block": self.raw(),
            "half a frame": self.raw(),
            "no body": self.raw(),
            "a body drop by drop": self.raw(),
        }
        slow["half a preface"].say(PREFACE[:10])
        slow["half a header block"].say(frame(HEADERS, 0, 1, head()))
        slow["half a frame"].say(half + frame(DATA, END_STREAM, 1, b"{" * 1000)[:100])
        slow["no body"].say(half)
        slow["a body drop by drop"].say(half)
        started = time.monotonic()
        while time.monotonic() - started < 11:
            slow["a body drop by drop"].say(frame(DATA, 0, 1, b" "))
            asked = time.monotonic()
            self.assertEqual(self.consumer.ask("GET", CONTEXTS).status, 405)
            self.assertLess(time.monotonic() - asked, 3)
            time.sleep(0.5)
        for name, connection in slow.items():
            connection.sock.settimeout(3)
            f = connection.hear_kind(RST_STREAM, GOAWAY)
            self.assertTrue(f is None or f[0] in (RST_STREAM, GOAWAY), name)

    def test_many_strangers_at_the_door(self):
        crowd = [self.raw(greet=False) for _ in range(600)]
        closed = 0
        for connection in crowd:
            connection.sock.settimeout(0.02)
            try:
                closed += connection.sock.recv(1000) == b""
            except socket.timeout:
                pass
            except ConnectionError:
                closed += 1
        self.assertGreater(closed, 50)
        for connection in crowd:
            connection.sock.close()
        self.gateway.until(lambda: int(next(self.gateway.metric("sbi_connections"))) < 100, "gone")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
