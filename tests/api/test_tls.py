#!/usr/bin/python3
"""Controllers over TCP with TLS: a real gateway, Python's ssl on the other side, certificates from the openssl command.

usage: test_tls.py DCMF DCMFCTL
"""
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

from authority import Authority
from gateway import HOST, PATIENCE, Controller, Gateway, GatewayTest, free_port

DCMF, DCMFCTL = sys.argv[1:3]
CONFIG = """
workers: 1
media: [ { name: local, address: @HOST@, ports: 31200-31219 } ]
mdc1: { embedded: false }
""".replace("@HOST@", HOST)


class Tls(GatewayTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="dcmf-tls-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.ca, cls.other = Authority(cls.folder, "authority"), Authority(cls.folder, "other")
        cls.ca.issue("mf1", "DNS:localhost,IP:127.0.0.1")
        cls.ca.issue("mf2", "DNS:localhost,IP:127.0.0.1")
        cls.ca.issue("as1", "DNS:as1.example,URI:urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6")
        cls.other.issue("stranger", "DNS:as1.example")
        cls.use("mf1")
        cls.port = free_port()
        cls.start_shared(DCMF, CONFIG, control=cls.control("127.0.0.1:%d" % cls.port))

    @classmethod
    def file(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def use(cls, name):
        """The certificate the gateway shows from its next look on."""
        for kind in ("pem", "key"):
            shutil.copy(cls.file("%s.%s" % (name, kind)), cls.file("gateway." + kind))

    @classmethod
    def control(cls, listen, certificate="gateway.pem", key="gateway.key", client_ca="authority.pem"):
        return "tcp: { listen: '%s', tls: { certificate: %s, key: %s, client_ca: %s } }" % (
            listen, cls.file(certificate), cls.file(key), cls.file(client_ca))

    def context(self, who="as1"):
        context = ssl.create_default_context(cafile=self.file("authority.pem"))
        if who is not None:
            context.load_cert_chain(self.file(who + ".pem"), self.file(who + ".key"))
        return context

    def connect(self, context):
        sock = context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), PATIENCE), server_hostname="localhost")
        self.addCleanup(sock.close)
        return sock

    def controller(self, context=None):
        controller = Controller(None, self.connect(context or self.context()))
        self.addCleanup(controller.close)
        return controller

    def is_served(self):
        try:
            return self.controller().ask("node.info")["state"] == "running"
        except OSError:
            return False

    def failures(self):
        return int(next(self.gateway.metric("control_tls_failed_total")))

    def expect_refused(self, context, reason):
        """A TLS 1.3 client hears of it when it reads."""
        before = self.failures()
        with self.assertRaises((ssl.SSLError, OSError)):
            sock = self.connect(context)
            sock.sendall(b'{"jsonrpc":"2.0","id":1,"method":"node.info"}\n')
            if sock.recv(1) == b"":
                raise OSError("closed without a word")
        self.gateway.until(lambda: self.failures() > before, "counted")
        self.assertIn(reason, self.gateway.log_text())

    def reload(self, said):
        before = self.gateway.log_text().count(said)
        self.gateway.signal(signal.SIGHUP)
        self.gateway.until(lambda: self.gateway.log_text().count(said) > before, said)

    # ---- who is let in

    def test_both_versions_are_spoken_and_the_controller_is_named_in_the_log(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.context()
            context.minimum_version = context.maximum_version = version
            c = self.controller(context)
            self.assertEqual(c.sock.version(), str(version.name).replace("_", "."))
            self.assertEqual(c.ask("node.info")["state"], "running")
        self.assertIn(" CN=as1 DNS:as1.example URI:urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6 joined",
                      self.gateway.log_text())

    def test_requests_of_any_size_pass_and_a_line_that_is_too_long_is_refused(self):
        c = self.controller()
        error = c.refused("sdp.terminate", sdp="x" * 900000, dcMedia={})
        self.assertIn("code", error)
        c.type("y" * 1100000 + "\n")
        self.assertEqual(c.line()["error"]["code"], -32600)
        self.assertEqual(c.ask("node.info")["state"], "running")

    def test_client_without_certificate_is_refused(self):
        self.expect_refused(self.context(None), "TLS: the peer showed no certificate")

    def test_client_of_another_authority_is_refused(self):
        self.expect_refused(self.context("stranger"), "TLS: the peer's certificate is refused: unable to get local issuer")

    def test_what_is_no_tls_closes_only_itself(self):
        good = self.controller()
        for text in (b'{"jsonrpc":"2.0","id":1,"method":"node.info"}\n', b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 40):
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as s:
                try:
                    s.sendall(text)
                    while s.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        self.assertEqual(good.ask("node.info")["state"], "running")

    def test_many_silent_strangers_do_not_keep_the_others_from_the_unix_socket(self):
        silent = [socket.create_connection(("127.0.0.1", self.port), PATIENCE) for _ in range(300)]
        with_own = self.gateway.controller()
        self.assertEqual(with_own.ask("node.info")["state"], "running")
        with_own.close()
        for s in silent:
            s.close()
        self.gateway.until(self.is_served, "free again")

    # ---- new certificates

    def test_reload_shows_new_certificates_to_new_connections_and_old_ones_go_on(self):
        self.addCleanup(self.reload, "control.tcp.tls was read again")
        self.addCleanup(self.use, "mf1")
        old = self.controller()
        self.use("mf2")
        self.reload("control.tcp.tls was read again")
        new = self.controller()
        self.assertEqual(old.sock.getpeercert()["subject"], ((("commonName", "mf1"),),))
        self.assertEqual(new.sock.getpeercert()["subject"], ((("commonName", "mf2"),),))
        for c in (old, new):
            self.assertEqual(c.ask("node.info")["state"], "running")

    def test_reload_of_files_that_do_not_fit_changes_nothing_and_names_the_file(self):
        self.addCleanup(self.use, "mf1")
        shutil.copy(self.file("mf2.key"), self.file("gateway.key"))
        self.reload("control.tcp.tls stays as it was: key %s: the key does not belong to the certificate"
                    % self.file("gateway.key"))
        self.assertEqual(self.controller().ask("node.info")["state"], "running")

    # ---- dcmf --check and start

    def check(self, control):
        path = self.file("check.yaml")
        with open(path, "w") as f:
            f.write(CONFIG + "admin: { listen: '' }\ncontrol: { socket: %s, %s }\n" % (self.file("c.sock"), control))
        done = subprocess.run([DCMF, "--check", "-c", path], capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stderr

    def test_check_names_the_file_and_what_is_wrong(self):
        here = "127.0.0.1:%d" % free_port()
        self.assertEqual(self.check(self.control(here))[0], 0)
        for control, culprit, reason in (
                (self.control(here, key="as1.key"), "key %s" % self.file("as1.key"), "does not belong to the certificate"),
                (self.control(here, key="gone.key"), "key %s" % self.file("gone.key"), "No such file"),
                (self.control(here, certificate="as1.key"), "certificate %s" % self.file("as1.key"), "no PEM block CERTIFICATE"),
                (self.control(here, client_ca="as1.key"), "client_ca %s" % self.file("as1.key"), "no PEM block CERTIFICATE")):
            status, said = self.check(control)
            self.assertEqual(status, 1, said)
            self.assertIn("control.tcp.tls: " + culprit, said)
            self.assertIn(reason, said)

    def test_plain_tcp_is_for_loopback_only(self):
        status, said = self.check("tcp: { listen: '192.0.2.1:9055' }")
        self.assertEqual(status, 1)
        self.assertIn("plain TCP is allowed on loopback only", said)
        self.assertEqual(self.check("tcp: { listen: '127.0.0.1:%d' }" % free_port())[0], 0)

    def test_gateway_does_not_start_with_files_that_do_not_fit(self):
        control = self.control("127.0.0.1:%d" % free_port(), key="as1.key")
        with Gateway(DCMF, CONFIG, wait=False, control=control) as g:
            self.assertEqual(g.process.wait(PATIENCE), 1)
            self.assertIn("control.tcp.tls: key %s: the key does not belong" % self.file("as1.key"), g.log_text())

    # ---- dcmfctl

    def dcmfctl(self, *words, who="as1", ca="authority", host="localhost"):
        files = ["--ca", self.file(ca + ".pem"), "--certificate", self.file(who + ".pem"),
                 "--key", self.file(who + ".key")] if who else []
        done = subprocess.run([DCMFCTL, "--connect", "%s:%d" % (host, self.port), *files, *words],
                              capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stdout, done.stderr

    def test_dcmfctl_comes_over_tls(self):
        for host in ("localhost", "127.0.0.1"):
            status, said, complained = self.dcmfctl("--json", "info", host=host)
            self.assertEqual(status, 0, complained)
            self.assertEqual(json.loads(said)["state"], "running")

    def test_dcmfctl_says_why_it_is_not_let_in(self):
        for how, reason in (
                ({"who": "stranger"}, "the peer refused: unknown CA"),
                ({"ca": "other"}, "the peer's certificate is refused: unable to get local issuer certificate"),
                ({"who": None}, "the gateway closed the connection"),
                ({"ca": "gone"}, self.file("gone.pem") + ": No such file")):
            status, said, complained = self.dcmfctl("info", **how)
            self.assertEqual(status, 2, said)
            self.assertIn(reason, complained)

    def test_dcmfctl_refuses_half_an_identity(self):
        done = subprocess.run([DCMFCTL, "--connect", "localhost:1", "--ca", "x", "info"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("belong together", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
