"""test_mdc2.py: application servers over TCP, TCP/TLS and UDP, and over HTTPS, behind a real gateway; a phone made of aiortc.

usage: test_mdc2.py DCMF SAMPLE_AS
"""
import http.server
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

try:
    from phone import Phone, endpoint, free_udp, to_server
except ImportError as e:
    print("SKIPPED: %s" % e)
    sys.exit(77)
from authority import Authority
from gateway import HOST, GatewayTest, free_port

DCMF, SAMPLE_AS = sys.argv[1:3]
HEAD = struct.Struct("!IHHI")
MESSAGE, OPEN, CLOSE, HELLO = range(4)

CONFIG = """
workers: 1
media: [ { name: a, address: HOST, ports: 21000-21999 } ]
mdc1: { embedded: false }
channel: { queue: 256KiB, hold: 5s }
policy: { operator_networks: [ 127.0.0.0/8 ] }
mdc2: { %s }
""".replace("HOST", HOST)
# so many: what is abandoned confuses aiortc 1.4, which then forgets messages of other streams
THREE = {1000: {"label": "text"}, 1001: {"label": "pointer", "ordered": False, "maxRetransmits": 1000}, 1002: {}}
ONE = {1000: {}}


def count(gateway, name):
    return sum(float(value) for value in gateway.metric(name))


class SampleServer:
    """tools/sample-as."""

    def __init__(self, *words):
        self.port = free_port()
        self.process = subprocess.Popen([sys.executable, SAMPLE_AS, "--listen", "127.0.0.1:%d" % self.port, *words],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.process.stderr.readline()  # it listens

    def stop(self):
        self.process.kill()
        said, _ = self.process.communicate()
        return said


class RawServer:
    """Whatever `serve(connection)` does, once a connection; it runs in a thread."""

    def __init__(self, serve):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.serve, self.connections = serve, 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                try:
                    self.serve(connection)
                except OSError:
                    pass

    def stop(self):
        self.listener.close()


class Asker(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        subject = self.connection.getpeercert() or {}
        who = "".join(v for rdn in subject.get("subject", ()) for k, v in rdn if k == "commonName")
        body = ("%s asked for %s" % (who, self.path)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Mdc2(GatewayTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="dcmf-mdc2-")
        cls.ca, cls.other = Authority(cls.folder, "authority"), Authority(cls.folder, "another")
        cls.ca.issue("as", "DNS:as.example,DNS:localhost,IP:127.0.0.1")
        cls.ca.issue("elsewhere", "DNS:elsewhere.example")
        cls.ca.issue("mf1", "DNS:mf1.example")
        cls.other.issue("stranger", "IP:127.0.0.1")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    # ---- who takes part

    def tls(self, certificate="mf1", ca="authority"):
        words = ["ca: " + self.ca.path(ca)] if ca else []
        if certificate:
            words += ["certificate: " + self.ca.path(certificate), "key: " + self.ca.path(certificate, "key")]
        return "tls: { %s }" % ", ".join(words)

    def gateway(self, mdc2="allow_plain: loopback"):
        gateway = self.start(DCMF, CONFIG % mdc2)
        self.c = gateway.controller()
        self.addCleanup(self.c.close)
        self.c.ask("events.subscribe", types=["mdc.failed", "channel.closed"])
        return gateway

    def sample(self, *words):
        server = SampleServer(*words)
        self.addCleanup(server.stop)
        return server

    def tls_sample(self, name="as", client_ca="authority"):
        return self.sample("--certificate", self.ca.path(name), "--key", self.ca.path(name, "key"),
                           *(["--client-ca", self.ca.path(client_ca)] if client_ca else []))

    def raw(self, serve):
        server = RawServer(serve)
        self.addCleanup(server.stop)
        return server

    def phone(self, channels=ONE, **dc_media):
        """Joined with a server, channels open."""
        phone = Phone(channels)
        self.addCleanup(phone.close)
        doc = {"terminations": [{"terminationId": "ue", "medias": [phone.media(**dc_media)]}], "dcmf": {"owner": "test"}}
        context = self.c.ask("context.create", context=doc)
        self.context_id = context["contextId"]
        phone.connect(context)
        return phone

    def status(self):
        got = self.c.ask("context.get", contextId=self.context_id)
        return got["terminations"][0]["medias"][0]["dcmf"]["status"]

    def hop(self):
        return next(h for h in self.status()["protection"] if h["hop"] == "MDC2")

    def expect_failed(self, sentence):
        event = self.c.event("mdc.failed", contextId=self.context_id)
        self.assertIn(sentence, event["detail"])
        self.assertEqual(event["hop"], "MDC2")
        self.assertEqual(event["mediaId"], "m")

    # ---- messages

    def talk(self, phone):
        messages = ["hello", b"bytes", b"\0" * 65536, "x" * 16384, "last"]
        for sid in phone.channels:
            phone.say(sid, *messages)
        for sid in phone.channels:
            heard = phone.hears(sid, len(messages))
            if sid == 1001:
                self.assertEqual(sorted(map(repr, heard)), sorted(map(repr, messages)))
            else:
                self.assertEqual(heard, messages)

    def test_messages_come_back_over_tcp_with_their_borders(self):
        gateway, server = self.gateway(), self.sample()
        phone = self.phone(THREE, **to_server("TCP", server.port))
        self.talk(phone)
        status = self.status()
        self.assertEqual(status["server"]["protocol"], "TCP")
        self.assertEqual(status["server"]["state"], "open")
        self.assertEqual(status["server"]["traffic"]["messagesIn"], 15)
        self.assertEqual(self.hop(), {"hop": "MDC2", "protocol": "none"})
        self.c.ask("context.delete", contextId=self.context_id)
        gateway.until(lambda: count(gateway, "links") == 0, "no connection is left")
        said = server.stop()
        self.assertIn("context %s, media m" % self.context_id, said)
        self.assertIn('stream 1001 is open: label "", protocol "", messages up to 65536 bytes', said)
        self.assertIn("gone", said)

    def test_messages_come_back_over_tls_with_certificates_on_both_sides(self):
        self.gateway(self.tls())
        phone = self.phone(THREE, **to_server("TCP/TLS", self.tls_sample().port))
        self.talk(phone)
        hop = self.hop()
        self.assertRegex(hop["protocol"], r"^TLSv1\.3$")
        self.assertEqual(hop["peer"], "certificate authority and host name")
        self.assertEqual(hop["self"], "certificate")

    def test_a_server_is_known_by_the_name_that_the_controller_gives(self):
        self.gateway(self.tls())
        server = self.tls_sample()
        phone = self.phone(**to_server("TCP/TLS", server.port), dcmf={"mdc2": {"serverName": "as.example"}})
        self.talk(phone)

    def test_a_fingerprint_stands_for_authority_and_name(self):
        self.gateway(self.tls(ca=None))
        server = self.tls_sample("stranger")
        fingerprint = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", self.ca.path("stranger")],
                                     capture_output=True, text=True, check=True).stdout.strip().split("=")[1]
        phone = self.phone(**to_server("TCP/TLS", server.port, fingerprints=["SHA-256 " + fingerprint]))
        self.talk(phone)
        self.assertEqual(self.hop()["peer"], "certificate fingerprint")

    def test_datagrams_come_back_one_a_message(self):
        self.gateway()
        server = free_udp()
        self.addCleanup(server.close)
        phone = self.phone(**to_server("UDP", server.getsockname()[1]))
        phone.say(1000, "text", b"b" * 20000)
        for expected in (b"text", b"b" * 20000):
            dgram, gateway = server.recvfrom(65535)
            self.assertEqual(dgram, expected)
            server.sendto(dgram, gateway)
        self.assertEqual(phone.hears(1000, 2), [b"text", b"b" * 20000])

    def test_a_dcsf_that_takes_frames_is_reached_the_same_way(self):
        self.gateway("allow_plain: never")  # MDC1 has its own say: loopback
        server = self.sample()
        phone = self.phone(mediaProxyConfig="DC_APPLICATION_PROXY", mdc1Info={"remoteMdc1Endpoint": endpoint(server.port)},
                           dcmf={"mdc1": {"protocol": "TCP"}})
        self.talk(phone)
        self.assertEqual(self.status()["server"]["hop"], "MDC1")

    def test_two_phones_at_one_application_live_independently(self):
        gateway, server = self.gateway(), self.sample()
        phones = [Phone(ONE), Phone(ONE)]
        doc = {"terminations": []}
        for phone, name in zip(phones, "ab"):
            self.addCleanup(phone.close)
            doc["terminations"].append({"terminationId": name, "medias": [phone.media(**to_server("TCP", server.port))]})
        context = self.c.ask("context.create", context=doc)
        for i, phone in enumerate(phones):
            phone.connect(context, i)
            self.talk(phone)
        self.c.ask("context.update", contextId=context["contextId"], patch=[{"op": "remove", "path": "/terminations/0"}])
        gateway.until(lambda: count(gateway, "links_open") == 1, "one has left")
        phones[1].say(1000, "still here")
        self.assertEqual(phones[1].hears(1000, 6)[-1], "still here")
        self.c.ask("context.delete", contextId=context["contextId"])
        said = server.stop()
        self.assertEqual(said.count("context %s, media m" % context["contextId"]), 2)

    # ---- servers that are not as they should be

    def test_a_server_that_is_not_there_is_named_and_found_when_it_comes(self):
        self.gateway()
        port = free_port()
        phone = self.phone(**to_server("TCP", port))
        phone.say(1000, "early")
        self.expect_failed("TCP 127.0.0.1:%d: connection refused" % port)
        self.assertEqual(self.status()["server"]["state"], "waiting")
        seen = threading.Event()

        def echo(connection):
            with connection.makefile("rb") as stream:
                while head := stream.read(HEAD.size):
                    length, sid, kind, value = HEAD.unpack(head)
                    payload = stream.read(length - 8)
                    if kind == MESSAGE:
                        connection.sendall(head + payload)
                        seen.set()

        listener = socket.create_server(("127.0.0.1", port))
        self.addCleanup(listener.close)
        connection, _ = listener.accept()
        with connection:
            threading.Thread(target=echo, args=(connection,), daemon=True).start()
            self.assertEqual(phone.hears(1000, 1), ["early"])

    def refused(self, server, sentence, mdc2=None, **words):
        self.gateway(mdc2 or self.tls())
        phone = self.phone(**to_server("TCP/TLS", server.port), **words)
        phone.say(1000, "secret")
        self.expect_failed(sentence)
        self.assertEqual(self.hop(), {"hop": "MDC2", "protocol": "not established"})
        self.assertEqual(phone.heard[1000], [])

    def test_a_server_of_another_name_is_refused(self):
        self.refused(self.tls_sample("elsewhere"), "the peer's certificate is refused: IP address mismatch")

    def test_a_server_of_another_name_than_the_controllers_is_refused(self):
        self.refused(self.tls_sample(), "the peer's certificate is refused: hostname mismatch",
                     dcmf={"mdc2": {"serverName": "other.example"}})

    def test_a_server_of_an_unknown_authority_is_refused(self):
        self.refused(self.tls_sample("stranger"), "the peer's certificate is refused: unable to get local issuer certificate")

    def test_a_server_that_nobody_vouches_for_is_refused(self):
        self.refused(self.tls_sample(), "nobody vouches for it: no mdc2.tls.ca, no fingerprint", self.tls(ca=None))

    def test_a_gateway_without_certificate_is_refused_where_one_is_wanted(self):
        # TLS 1.3: the client hears of it after its own handshake
        self.refused_later(self.tls_sample(), self.tls(certificate=None), "certificate required")

    def test_a_gateway_of_an_unknown_authority_is_refused(self):
        self.refused_later(self.tls_sample(client_ca="another"), self.tls(), "unknown CA")

    def refused_later(self, server, mdc2, sentence):
        self.gateway(mdc2)
        self.phone(**to_server("TCP/TLS", server.port))
        self.expect_failed(sentence)

    def test_a_server_that_speaks_no_tls_is_refused(self):
        server = self.raw(lambda c: (c.recv(1), c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), c.recv(1)))
        self.gateway(self.tls())
        self.phone(**to_server("TCP/TLS", server.port))
        self.expect_failed("the peer does not speak TLS")

    def test_a_server_that_answers_nonsense_is_hung_up_on_and_the_channel_reset(self):
        gateway = self.gateway()
        server = self.raw(lambda c: (c.recv(1), c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), c.recv(100000), c.recv(1)))
        phone = self.phone(**to_server("TCP", server.port))
        self.expect_failed("it sent a frame of impossible length")
        self.assertEqual(self.c.event("channel.closed")["reason"], "SERVER_LOST")
        phone.until(lambda: 1000 in phone.closed, "the phone's channel ended")
        self.assertEqual(count(gateway, "link_frames_bad_total"), 1)

    def test_plain_servers_are_for_those_who_asked_for_them(self):
        self.gateway("allow_plain: never")
        phone = Phone(ONE)
        self.addCleanup(phone.close)
        for protocol in ("TCP", "UDP"):
            doc = {"terminations": [{"terminationId": "ue", "medias": [phone.media(**to_server(protocol, 9))]}]}
            error = self.c.refused("context.create", context=doc)
            self.assertEqual(error["data"]["cause"], "SECURITY_POLICY")
            self.assertIn("mdc2.allow_plain forbids plain %s to 127.0.0.1:9" % protocol, error["data"]["detail"])

    # ---- slow ones

    def test_a_server_that_reads_later_gets_everything_and_the_gateway_holds_its_bound(self):
        gateway = self.gateway()
        go, got = threading.Event(), []

        def serve(connection):
            go.wait(30)
            with connection.makefile("rb") as stream:
                while head := stream.read(HEAD.size):
                    length, sid, kind, value = HEAD.unpack(head)
                    payload = stream.read(length - 8)
                    if kind == MESSAGE:
                        got.append(payload)

        server = self.raw(serve)
        phone = self.phone(**to_server("TCP", server.port))
        messages = [struct.pack("!I", n) + bytes(32768) for n in range(600)]  # 19 MB
        phone.say(1000, *messages)
        gateway.until(lambda: count(gateway, "buffered_bytes") >= 256 << 10, "the channel is full")
        most = 0
        for _ in range(20):
            most = max(most, count(gateway, "buffered_bytes"))
            time.sleep(0.1)
        self.assertLessEqual(most, (256 << 10) + (256 << 10))  # the bound, and a message in hand
        go.set()
        gateway.until(lambda: len(got) == len(messages), "everything arrived")
        self.assertEqual(got, messages)
        self.assertEqual(phone.closed, set())

    def test_a_server_that_never_reads_costs_a_reliable_channel_its_life(self):
        self.gateway()
        done = threading.Event()
        self.addCleanup(done.set)
        server = self.raw(lambda c: done.wait(60))
        phone = self.phone(THREE, **to_server("TCP", server.port))
        phone.say(1000, *[bytes(32768)] * 400)
        closed = self.c.event("channel.closed", streamId=1000)
        self.assertEqual(closed["reason"], "QUEUE_LIMIT")

    # ---- HTTPS

    def https(self, client_ca="authority", certificate="as"):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.ca.path(client_ca))
        context.load_cert_chain(self.ca.path(certificate), self.ca.path(certificate, "key"))
        context.verify_mode = ssl.CERT_REQUIRED
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asker)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server.server_address[1]

    def fetch(self, port, host="as.example", **words):
        root = {"1000": {"streamId": 1000, "replaceHttpUrl": "https://%s:%d/app" % (host, port)}}
        phone = self.phone(mediaProxyConfig="HTTP_PROXY", replaceHttpUrl=root,
                           mdc2Info={"mdc2Protocol": "TCP/TLS", "remoteMdc2Endpoint": endpoint(port)}, **words)
        phone.say(1000, "GET /news HTTP/1.1\r\n\r\n")
        phone.until(lambda: b"\r\n\r\n" in b"".join(phone.heard[1000]), "an answer")
        return b"".join(phone.heard[1000])

    def test_an_https_server_that_checks_certificates_serves_ours(self):
        self.gateway(self.tls())
        answer = self.fetch(self.https())
        self.assertTrue(answer.startswith(b"HTTP/1.1 200"), answer)
        self.assertTrue(answer.endswith(b"mf1 asked for /app/news"), answer)
        hop = self.hop()
        self.assertRegex(hop["protocol"], r"^TLSv1\.[23]$")
        self.assertEqual(hop["self"], "certificate")

    def refused_by_https(self, mdc2, port, sentence, host="as.example"):
        self.gateway(mdc2)
        answer = self.fetch(port, host)
        self.assertTrue(answer.startswith(b"HTTP/1.1 502"), answer)
        event = self.c.event("mdc.failed", contextId=self.context_id)
        self.assertRegex(event["detail"], sentence)
        self.assertEqual(event["streamId"], 1000)

    def test_an_https_server_refuses_a_gateway_without_certificate(self):
        self.refused_by_https(self.tls(certificate=None), self.https(), "certificate|alert|reset|OpenSSL")

    def test_an_https_server_refuses_a_gateway_of_an_unknown_authority(self):
        self.refused_by_https(self.tls(), self.https("another"), "certificate|alert|reset|OpenSSL")

    def test_an_https_server_of_another_name_is_refused(self):
        self.refused_by_https(self.tls(), self.https(), "no alternative certificate subject name matches", "other.example")

    def test_an_https_server_of_an_unknown_authority_is_refused(self):
        self.refused_by_https(self.tls(), self.https(certificate="stranger"), "unable to get local issuer certificate")

    # ---- SIGHUP, configuration

    def test_new_certificates_are_taken_at_sighup(self):
        own, key = os.path.join(self.folder, "own.pem"), os.path.join(self.folder, "own.key")

        def show(name):
            shutil.copy(self.ca.path(name), own)
            shutil.copy(self.ca.path(name, "key"), key)

        show("stranger")
        gateway = self.gateway("tls: { ca: %s, certificate: %s, key: %s }" % (self.ca.path("authority"), own, key))
        self.phone(**to_server("TCP/TLS", self.tls_sample().port))
        self.expect_failed("unknown CA")
        show("mf1")
        gateway.process.send_signal(signal.SIGHUP)
        gateway.until(lambda: "mdc2.tls was read again" in gateway.log_text(), "reloaded")
        gateway.until(lambda: self.status()["server"]["state"] == "open", "tried again")
        self.assertEqual(self.hop()["self"], "certificate")

    def test_what_mdc2_cannot_do_is_found_before_the_start(self):
        for mdc2, sentence in (("tls: { ca: /nowhere.pem }", "/nowhere.pem: No such file"),
                               ("tls: { certificate: %s }" % self.ca.path("mf1"), "certificate and key are needed together"),
                               ("tls: { certificate: %s, key: %s }" % (self.ca.path("mf1"), self.ca.path("as", "key")),
                                "the key does not belong to the certificate"),
                               ("tls: { ca: %s }" % self.ca.path("mf1", "key"), "mdc2.tls")):
            path = os.path.join(self.folder, "bad.yaml")
            with open(path, "w") as f:
                f.write((CONFIG % mdc2) + "admin: { listen: '' }\n")
            done = subprocess.run([DCMF, "--check", "-c", path], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1, mdc2 + done.stderr)
            self.assertIn(sentence, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
