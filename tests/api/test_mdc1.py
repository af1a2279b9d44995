#!/usr/bin/python3
"""MDC1 toward a DCSF of somebody else's: TLS with certificates on both sides, names, h2, and every way it can go wrong.

usage: test_mdc1.py DCMF DCMF_LOAD DCMF_DCSF
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from authority import Authority
from gateway import HOST, PATIENCE, GatewayTest, free_port
from load import Load
from signalling import offer

DCMF, DCMF_LOAD, DCMF_DCSF = sys.argv[1:4]
NGHTTPD = shutil.which("nghttpd", path="/usr/sbin:/usr/bin:/sbin:/bin")
CONFIG = """
workers: 1
media: [ { name: local, address: @HOST@, ports: 36000-36499 } ]
mdc1: { %s }
""".replace("@HOST@", HOST)
OFFER = offer()


def to(url):
    return {"*": {"mediaProxyConfig": "HTTP_PROXY", "replaceHttpUrl": {"0": {"streamId": 0, "replaceHttpUrl": url}}}}


class Dcsf:
    """dcmf-dcsf on a port the system chooses."""

    def __init__(self, *words):
        ready, told = os.pipe()
        self.process = subprocess.Popen([DCMF_DCSF, "--listen", "127.0.0.1:0", "--ready-fd", str(told), *words],
                                        pass_fds=[told], stderr=subprocess.DEVNULL)
        os.close(told)
        with os.fdopen(ready) as pipe:
            self.port = int(pipe.readline().strip().rstrip("/").rsplit(":", 1)[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)


class Mdc1(GatewayTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="dcmf-mdc1-")
        cls.ca, cls.other = Authority(cls.folder, "authority"), Authority(cls.folder, "other")
        cls.ca.issue("dcsf", "DNS:localhost,IP:127.0.0.1")
        cls.ca.issue("elsewhere", "DNS:elsewhere.example")
        cls.ca.issue("old", "DNS:localhost", days=-1)
        cls.ca.issue("mf1", "DNS:mf1.example")
        cls.other.issue("stranger", "DNS:localhost")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    # ---- who takes part

    def tls(self, certificate="mf1", ca="authority"):
        """mdc1.tls of the gateway; `certificate` None: it shows none."""
        own = "certificate: %s, key: %s, " % (self.ca.path(certificate), self.ca.path(certificate, "key")) if certificate else ""
        return "tls: { %sca: %s }" % (own, self.ca.path(ca))

    def gateway(self, mdc1):
        return self.start(DCMF, CONFIG % mdc1)

    def dcsf(self, *words):
        dcsf = Dcsf(*words)
        self.addCleanup(dcsf.stop)
        return dcsf

    def https_dcsf(self, name="dcsf", *words):
        return self.dcsf("--certificate", self.ca.path(name), "--key", self.ca.path(name, "key"),
                         "--synthetic", "load:100000", *words)

    def load(self, gateway, *words):
        with Load(DCMF_LOAD, gateway, "--ues", "4", "--ice", "mixed", "--app", "load", *words) as load:
            return load.finish(120)

    def expect_served(self, gateway, *words):
        load = self.load(gateway, *words)
        self.assertEqual(load.status, 0, load.said + gateway.log_text())
        self.assertEqual(load.part["packages"], 4)

    def expect_failed(self, gateway, status, why, *words):
        """Phones get that status, controllers an mdc.failed a phone with the reason."""
        c = gateway.controller()
        self.addCleanup(c.close)
        c.ask("events.subscribe", types=["mdc.failed"])
        load = self.load(gateway, *words)
        self.assertEqual(load.status, 1, load.said)
        self.assertEqual(load.report["failures"]["STATUS"]["count"], 4, load.said)
        self.assertEqual(load.report["failures"]["STATUS"]["first"], "%d to the application list" % status)
        for _ in range(4):
            event = c.event("mdc.failed")
            self.assertRegex(event["detail"], why)
            self.assertEqual(event["streamId"], 0)
            self.assertTrue(event["contextId"].startswith("0-"))

    # ---- TLS

    def test_a_dcsf_that_wants_our_certificate_is_served_by_name_and_by_address(self):
        dcsf = self.https_dcsf("dcsf", "--require-client-ca", self.ca.path("authority"))
        for host in ("localhost", "127.0.0.1"):
            gateway = self.gateway("url: 'https://%s:%d/', %s" % (host, dcsf.port, self.tls()))
            self.expect_served(gateway)

    def test_the_hop_is_shown_with_what_protects_it(self):
        dcsf = self.https_dcsf()
        gateway = self.gateway("url: 'https://localhost:%d/', %s" % (dcsf.port, self.tls()))
        c = gateway.controller()
        self.addCleanup(c.close)
        c.ask("events.subscribe", types=["channel.opened"])
        with Load(DCMF_LOAD, gateway, "--ues", "1", "--app", "load", "--hold", "3") as load:
            context_id = c.event("channel.opened")["contextId"]

            def hops():
                got = c.ask("context.get", contextId=context_id)
                return {h["hop"]: h["protocol"] for h in got["terminations"][0]["medias"][0]["dcmf"]["status"]["protection"]}

            gateway.until(lambda: "MDC1" in hops(), "served")
            self.assertRegex(hops()["MDC1"], r"^TLSv1\.[23]$")
            self.assertEqual(hops()["Mb"], "DTLSv1.2")
            self.assertEqual(load.finish(120).status, 0)

    def test_roots_of_subscribers_are_told_with_each_offer_and_may_be_anywhere(self):
        own, other = self.https_dcsf(), self.https_dcsf()
        gateway = self.gateway("url: 'https://localhost:%d/', %s" % (own.port, self.tls()))
        self.expect_served(gateway)
        self.expect_served(gateway, "--url", "https://localhost:%d/sub/alice" % other.port)
        self.expect_failed(gateway, 502, ".", "--url", "https://localhost:%d/sub/bob" % free_port())

    def test_a_gateway_without_certificate_is_refused_by_a_dcsf_that_wants_one(self):
        dcsf = self.https_dcsf("dcsf", "--require-client-ca", self.ca.path("authority"))
        gateway = self.gateway("url: 'https://localhost:%d/', %s" % (dcsf.port, self.tls(None)))
        self.expect_failed(gateway, 502, "certificate|Send failure")

    def test_a_certificate_for_another_name_is_refused(self):
        dcsf = self.https_dcsf("elsewhere")
        gateway = self.gateway("url: 'https://localhost:%d/', %s" % (dcsf.port, self.tls()))
        self.expect_failed(gateway, 502, "localhost")

    def test_a_certificate_of_another_authority_is_refused(self):
        dcsf = self.https_dcsf("stranger")
        gateway = self.gateway("url: 'https://localhost:%d/', %s" % (dcsf.port, self.tls()))
        self.expect_failed(gateway, 502, "unable to get local issuer certificate")

    def test_a_certificate_that_is_too_old_is_refused(self):
        dcsf = self.https_dcsf("old")
        gateway = self.gateway("url: 'https://localhost:%d/', %s" % (dcsf.port, self.tls()))
        self.expect_failed(gateway, 502, "certificate has expired")

    def test_https_to_a_server_without_tls_is_a_failure(self):
        dcsf = self.dcsf()
        gateway = self.gateway("url: 'https://localhost:%d/', %s" % (dcsf.port, self.tls()))
        self.expect_failed(gateway, 502, "SSL")

    @unittest.skipUnless(NGHTTPD, "nghttpd (Debian: nghttp2-server) is not installed")
    def test_a_dcsf_that_speaks_h2_only_is_served(self):
        root = os.path.join(self.folder, "root")
        os.makedirs(os.path.join(root, "alice"))
        with open(os.path.join(root, "alice", "applicationlist"), "w") as f:
            json.dump({"appNum": 1, "applications": [{"appid": "load", "appName": "x"}], "beginIndex": 0, "totalAppNum": 1}, f)
        port = free_port()
        server = subprocess.Popen([NGHTTPD, "-v", "--address=127.0.0.1", "-d", root, str(port),
                                   self.ca.path("dcsf", "key"), self.ca.path("dcsf")], stdout=subprocess.PIPE, text=True)
        try:
            gateway = self.gateway("url: 'https://localhost:%d/alice', %s" % (port, self.tls()))
            load = self.load(gateway, "--fetches", "0")
            self.assertEqual(load.status, 0, load.said + gateway.log_text())
            self.assertEqual(load.part["lists"], 4)
        finally:
            server.terminate()
            said = server.communicate()[0]
        self.assertEqual(said.count(":path: /alice/applicationlist?begin-index=0"), 4, said)
        self.assertIn("The negotiated protocol: h2", said)

    # ---- plain HTTP

    def check(self, mdc1):
        path = os.path.join(self.folder, "check.yaml")
        with open(path, "w") as f:
            f.write((CONFIG % mdc1) + "admin: { listen: '' }\ncontrol: { socket: %s/c.sock }\n" % self.folder)
        done = subprocess.run([DCMF, "--check", "-c", path], capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stdout + done.stderr

    def test_plain_http_is_refused_unless_it_is_allowed(self):
        dcsf = self.dcsf("--synthetic", "load:100000")
        here, there = "http://127.0.0.1:%d/" % dcsf.port, "http://192.0.2.1/"
        gateway = self.gateway("embedded: false, allow_plain: never")
        c = gateway.controller()
        self.addCleanup(c.close)
        for url in (here, there):
            error = c.refused("sdp.terminate", sdp=OFFER, dcMedia=to(url))
            self.assertEqual((error["data"]["status"], error["data"]["cause"]), (403, "SECURITY_POLICY"))
            self.assertIn("mdc1.allow_plain", error["message"])
        gateway = self.gateway("embedded: false, allow_plain: loopback")
        c = gateway.controller()
        self.addCleanup(c.close)
        self.expect_served(gateway, "--url", here)
        self.assertEqual(c.refused("sdp.terminate", sdp=OFFER, dcMedia=to(there))["data"]["status"], 403)

    def test_plain_url_that_is_not_allowed_is_found_before_the_start(self):
        for mdc1, sentence in (("url: 'http://127.0.0.1:1/', allow_plain: never", "is plain HTTP, which mdc1.allow_plain forbids"),
                               ("url: 'http://192.0.2.1/', allow_plain: loopback", "mdc1.allow_plain"),
                               ("url: 'https://localhost:1/'", "without mdc1.tls.ca no server would be trusted"),
                               ("url: 'ftp://localhost/'", "no absolute http or https URL"),
                               ("url: 'https://localhost:1/', %s" % self.tls(ca="gone"), "gone.pem: No such file"),
                               ("url: 'https://localhost:1/', tls: { ca: %s, certificate: %s, key: %s }" % (
                                   self.ca.path("authority"), self.ca.path("mf1"), self.ca.path("dcsf", "key")), "mdc1.tls"),
                               ("url: 'https://no-such-host.invalid/', " + self.tls(), "no-such-host.invalid")):
            status, said = self.check(mdc1)
            self.assertEqual(status, 1, mdc1 + said)
            self.assertIn(sentence, said)
        self.assertEqual(self.check("url: 'http://localhost:1/'")[0], 0)

    # ---- servers that do not answer

    def test_a_dead_port_is_502(self):
        gateway = self.gateway("url: 'http://localhost:%d/'" % free_port())
        self.expect_failed(gateway, 502, ".")

    def test_a_silent_server_is_504(self):
        with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
            gateway = self.gateway("url: 'http://127.0.0.1:%d/'" % silent.getsockname()[1])
            self.expect_failed(gateway, 504, ".", "--timeout", "60")

    def test_a_server_that_lies_about_its_length_is_502_while_nothing_of_it_has_gone_out(self):
        with socket.create_server(("127.0.0.1", 0), backlog=64) as liar:
            def lie():
                while True:
                    try:
                        s = liar.accept()[0]
                    except OSError:
                        return
                    s.recv(4096)
                    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort")
                    s.close()

            threading.Thread(target=lie, daemon=True).start()
            gateway = self.gateway("url: 'http://127.0.0.1:%d/'" % liar.getsockname()[1])
            self.expect_failed(gateway, 502, ".")
            liar.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
