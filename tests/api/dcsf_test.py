#!/usr/bin/python3
"""dcsf_test.py: dcmf-dcsf spoken to as a phone, a browser and an operator do: dcsf_test.py PROGRAM"""

import hashlib
import http.client
import io
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile

PROGRAM = None


def synthetic(name, size):
    """The bytes of synthetic.h, worked out a second time."""
    seed = 2166136261
    for c in name.encode():
        seed = ((seed ^ c) * 16777619) & 0xFFFFFFFF
    out = bytearray(size)
    for i in range(size):
        x = (seed + i * 0x9E3779B1) & 0xFFFFFFFF
        x ^= x >> 15
        out[i] = ((x * 0x2C1B3C6D) & 0xFFFFFFFF) >> 24
    return bytes(out)


class Server:
    def __init__(self, *args):
        ready, told = os.pipe()
        command = [PROGRAM, "--listen", "127.0.0.1:0", "--ready-fd", str(told), *args]
        self.process = subprocess.Popen(command, pass_fds=[told], stderr=subprocess.PIPE)
        os.close(told)
        with os.fdopen(ready) as pipe:
            self.url = pipe.readline().strip()
        if not self.url:
            raise RuntimeError(self.process.communicate()[1].decode())
        self.port = int(self.url.rstrip("/").rsplit(":", 1)[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        errors = self.process.communicate(timeout=20)[1].decode()
        assert self.process.returncode == 0, errors
        return errors

    def connect(self, context=None):
        if context:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def ask(self, target, method="GET", headers=None, body=None):
        connection = self.connect()
        connection.request(method, target, body=body, headers=headers or {})
        reply = connection.getresponse()
        reply.body = reply.read()
        connection.close()
        return reply

    def raw(self, text):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
            out = b""
            try:
                s.sendall(text)
                s.shutdown(socket.SHUT_WR)
            except OSError:  # it may have had enough of us before we were through
                pass
            try:
                while chunk := s.recv(65536):
                    out += chunk
            except ConnectionError:
                pass
            return out


class Shipped(unittest.TestCase):
    """The two applications that come along."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server("--synthetic", "big:100000")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def applications(self, target="/applicationlist"):
        return json.loads(self.server.ask(target).body)

    def test_list_has_the_form_phones_expect(self):
        reply = self.server.ask("/applicationlist?begin-index=0&app-num=20&sdkVersion=1.0")
        whole = json.loads(reply.body)
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.headers["Content-Type"], "application/json")
        self.assertEqual(reply.headers["Content-Length"], str(len(reply.body)))
        self.assertEqual([whole["appNum"], whole["beginIndex"], whole["totalAppNum"]], [3, 0, 3])
        self.assertEqual([a["appid"] for a in whole["applications"]], ["big", "drawing", "roundtrip"])
        for app in whole["applications"]:
            for key in ("appName", "appIcon", "etag", "phase", "qos-hint", "autolaunch", "autoload", "supportScene",
                        "ifWorkWithoutPeerDC"):
                self.assertIn(key, app)

    def test_list_comes_in_pages_and_ends_empty(self):
        page = self.applications("/applicationlist?begin-index=1&app-num=1")
        self.assertEqual([page["appNum"], page["beginIndex"], page["totalAppNum"]], [1, 1, 3])
        self.assertEqual(page["applications"][0]["appid"], "drawing")
        page = self.applications("/applicationlist?begin-index=7&app-num=5")
        self.assertEqual([page["appNum"], page["applications"], page["totalAppNum"]], [0, [], 3])

    def test_package_is_a_zip_with_the_version_in_its_etag(self):
        for app in self.applications()["applications"]:
            if app["appid"] == "big":
                continue
            reply = self.server.ask("/applications?appid=%s&sdkVersion=2" % app["appid"])
            self.assertEqual(reply.status, 200)
            self.assertEqual(reply.headers["Content-Type"], "application/zip")
            self.assertEqual(int(reply.headers["Content-Length"]), app["size"])
            self.assertEqual(reply.headers["ETag"], app["etag"])
            self.assertTrue(app["etag"].startswith('"%s-%s' % (app["version"], hashlib.sha256(reply.body).hexdigest()[:24])))
            with zipfile.ZipFile(io.BytesIO(reply.body)) as archive:
                self.assertIsNone(archive.testzip())
                self.assertLessEqual({"index.html", "app.js", "app.json", "channel.js", "style.css"}, set(archive.namelist()))
                self.assertEqual({i.date_time for i in archive.infolist()}, {(2024, 1, 1, 0, 0, 0)})

    def test_known_version_is_not_sent_again(self):
        etag = self.server.ask("/applications?appid=drawing").headers["ETag"]
        for told in (etag, "W/" + etag, '"other", ' + etag, "*"):
            reply = self.server.ask("/applications?appid=drawing", headers={"If-None-Match": told})
            self.assertEqual((reply.status, reply.body, reply.headers["ETag"]), (304, b"", etag))
        for told in ('"other"', etag.strip('"'), etag[:-2] + '"'):
            reply = self.server.ask("/applications?appid=drawing", headers={"If-None-Match": told})
            self.assertEqual(reply.status, 200)

    def test_list_and_menu_have_an_etag_of_their_own(self):
        for target in ("/", "/applicationlist", "/alice/"):
            first = self.server.ask(target)
            self.assertEqual(self.server.ask(target, headers={"If-None-Match": first.headers["ETag"]}).status, 304)
            self.assertNotEqual(first.headers["ETag"], self.server.ask("/bob/").headers["ETag"])

    def test_head_tells_what_get_would(self):
        for target in ("/", "/applicationlist", "/applications?appid=big", "/applications?appid=none"):
            get, head = self.server.ask(target), self.server.ask(target, "HEAD")
            self.assertEqual((head.status, head.body), (get.status, b""))
            self.assertEqual(head.headers["Content-Length"], get.headers["Content-Length"])
            self.assertEqual(head.headers["ETag"], get.headers["ETag"])

    def test_root_is_a_menu_in_html(self):
        reply = self.server.ask("/?Terminal_Vendor=v&Terminal_Model=m")
        self.assertEqual(reply.headers["Content-Type"], "text/html; charset=utf-8")
        self.assertIn(b'href="applications?appid=drawing"', reply.body)
        self.assertIn(b"for alice", self.server.ask("/alice?Terminal_Vendor=v").body)

    def test_every_root_of_a_subscriber_leads_to_the_pages(self):
        for root in ("", "/alice", "/sub/alice", "/a/b/alice", "/+4989@ims.example"):
            self.assertEqual(self.applications(root + "/applicationlist")["totalAppNum"], 3)
            self.assertEqual(self.server.ask(root + "/applications?appid=big").status, 200)
            self.assertEqual(self.server.ask(root + "/").status, 200)

    def test_generated_package_can_be_verified(self):
        self.assertEqual(self.server.ask("/applications?appid=big").body, synthetic("big", 100000))

    def test_echo_gives_the_body_back(self):
        body = os.urandom(300000)
        reply = self.server.ask("/alice/echo", "POST", {"Content-Type": "x/y"}, body)
        self.assertEqual((reply.status, reply.body, reply.headers["Content-Type"]), (200, body, "x/y"))
        self.assertEqual(self.server.ask("/echo", "POST", body=b"").headers["Content-Length"], "0")
        self.assertEqual(self.server.ask("/echo").status, 405)

    def test_bad_input_is_refused_with_a_length(self):
        cases = [
            ("/applications", "GET", 400), ("/applications?appid=", "GET", 400), ("/applications?appid=..", "GET", 400),
            ("/applications?appid=a/b", "GET", 400), ("/applications?appid=none", "GET", 404),
            ("/applicationlist?begin-index=-1", "GET", 400), ("/applicationlist?app-num=x", "GET", 400),
            ("/applicationlist?begin-index=99999999999999999999", "GET", 400),
            ("/../etc/passwd", "GET", 404), ("/%2e%2e/applicationlist", "GET", 404), ("/a%00b", "GET", 400),
            ("/a%2fb%2fc%2fd%2fe/applicationlist", "GET", 404), ("/1/2/3/4/5/6", "GET", 404),
            ("/", "POST", 405), ("/applicationlist", "DELETE", 405), ("/applications?appid=big", "PUT", 405),
        ]
        for target, method, status in cases:
            reply = self.server.ask(target, method)
            self.assertEqual(reply.status, status, target)
            self.assertEqual(reply.headers["Content-Length"], str(len(reply.body)), target)
        self.assertEqual(self.server.ask("/", "POST").headers["Allow"], "GET, HEAD")

    def test_raw_nonsense_does_not_hurt(self):
        self.assertIn(b"200 OK", self.server.raw(b"GET /applicationlist HTTP/1.1\r\n\r\n"))  # phones send no Host
        for text in (b"\x16\x03\x01\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"y" * 50000):
            self.server.raw(text)
        self.assertEqual(self.server.ask("/").status, 200)

    def test_connection_serves_many_requests(self):
        connection = self.server.connect()
        for target in ("/applicationlist", "/applications?appid=big", "/applications?appid=none", "/"):
            connection.request("GET", target)
            connection.getresponse().read()
            self.assertIsNotNone(connection.sock, target)
        connection.close()


class Folder(unittest.TestCase):
    """A folder of an operator's own."""

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        for name in ("one", "two", "three"):
            self.put(name, {"name": "<%s>" % name, "version": "2.0"}, b"zip of " + name.encode())
        self.write("subscribers/alice.json", '["two", "gone"]')
        self.write("subscribers/mallory.json", '{ broken')

    def tearDown(self):
        self.dir.cleanup()

    def write(self, path, text):
        path = os.path.join(self.dir.name, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())

    def put(self, name, meta, package):
        self.write(name + "/app.json", json.dumps(meta))
        if package is not None:
            self.write(name + "/package.zip", package)

    def ids(self, server, root=""):
        return [a["appid"] for a in json.loads(server.ask(root + "/applicationlist").body)["applications"]]

    def test_subscriber_sees_and_gets_only_its_selection(self):
        server = Server("--apps", self.dir.name)
        self.assertEqual(self.ids(server), ["one", "three", "two"])
        self.assertEqual(self.ids(server, "/sub/alice"), ["two"])
        self.assertEqual(self.ids(server, "/bob"), ["one", "three", "two"])
        self.assertEqual(server.ask("/alice/applications?appid=two").body, b"zip of two")
        self.assertEqual(server.ask("/alice/applications?appid=one").status, 404)
        self.assertEqual(self.ids(server, "/mallory"), [])  # unreadable: nothing, rather than everything
        self.write("subscribers/alice.json", '["one"]')
        self.assertEqual(self.ids(server, "/alice"), ["one"])
        server.stop()

    def test_text_of_a_file_is_not_html(self):
        server = Server("--apps", self.dir.name)
        self.assertIn(b"&lt;one&gt;", server.ask("/").body)
        server.stop()

    def test_broken_applications_are_left_out_and_named(self):
        self.write("bad/app.json", "{")
        self.put("empty", {"name": "no package"}, None)
        server = Server("--apps", self.dir.name)
        self.assertEqual(self.ids(server), ["one", "three", "two"])
        errors = server.stop()
        self.assertIn("bad/app.json", errors)
        self.assertIn("empty/package.zip", errors)

    def test_hangup_reads_the_folder_again_and_a_missing_folder_changes_nothing(self):
        server = Server("--apps", self.dir.name)
        old = server.ask("/applications?appid=one").headers["ETag"]
        self.put("one", {"name": "one", "version": "3.0"}, b"new")
        self.put("four", {"name": "four"}, b"4")
        server.process.send_signal(signal.SIGHUP)
        for _ in range(200):
            if len(self.ids(server)) == 4:
                break
            time.sleep(0.02)
        reply = server.ask("/applications?appid=one", headers={"If-None-Match": old})
        self.assertEqual((reply.status, reply.body), (200, b"new"))
        os.rename(self.dir.name, self.dir.name + ".away")
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        self.assertEqual(len(self.ids(server)), 4)
        os.rename(self.dir.name + ".away", self.dir.name)
        self.assertIn("stay as they were", server.stop())


class Https(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.TemporaryDirectory()
        cls.cert, cls.key = os.path.join(cls.dir.name, "c.pem"), os.path.join(cls.dir.name, "k.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        cls.key, "-out", cls.cert, "-days", "2", "-subj", "/CN=dcsf", "-addext",
                        "subjectAltName=IP:127.0.0.1"], check=True, stderr=subprocess.DEVNULL)

    @classmethod
    def tearDownClass(cls):
        cls.dir.cleanup()

    def fetch(self, server, context):
        connection = server.connect(context)
        try:
            connection.request("GET", "/applications?appid=big")
            return connection.getresponse().read()
        finally:
            connection.close()

    def test_https_serves_the_same(self):
        server = Server("--certificate", self.cert, "--key", self.key, "--synthetic", "big:200000")
        self.assertTrue(server.url.startswith("https://127.0.0.1:"))
        self.assertEqual(self.fetch(server, ssl.create_default_context(cafile=self.cert)), synthetic("big", 200000))
        with self.assertRaises(ssl.SSLError):
            self.fetch(server, ssl.create_default_context())
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        self.fetch(server, ssl.create_default_context(cafile=self.cert))
        server.stop()

    def test_client_certificate_is_insisted_on(self):
        server = Server("--certificate", self.cert, "--key", self.key, "--require-client-ca", self.cert, "--synthetic", "big:10")
        context = ssl.create_default_context(cafile=self.cert)
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.fetch(server, context)
        context.load_cert_chain(self.cert, self.key)
        self.assertEqual(len(self.fetch(server, context)), 10)
        server.stop()


class Program(unittest.TestCase):
    def run_it(self, *args):
        return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=20)

    def test_help_and_version(self):
        self.assertIn("--apps", self.run_it("--help").stdout)
        self.assertRegex(self.run_it("--version").stdout, r"^dcmf-dcsf \d+\.\d+")

    def test_wrong_use_is_2_and_names_the_culprit(self):
        for args, culprit in ((("--listen", "here"), "here"), (("--certificate", "x"), "--key"), (("stray",), "stray"),
                              (("--ready-fd", "x"), "x"), (("--require-client-ca", "x"), "--require-client-ca"),
                              (("--nonsense",), "nonsense")):
            done = self.run_it(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(culprit, done.stderr)

    def test_what_cannot_work_is_1_and_names_the_culprit(self):
        for args, culprit in ((("--apps", "/nowhere"), "/nowhere"), (("--listen", "192.0.2.1:1"), "192.0.2.1:1"),
                              (("--synthetic", "x:y"), "x:y"), (("--synthetic", "../x:1"), "../x"),
                              (("--synthetic", "drawing:1"), "drawing"),
                              (("--certificate", "/no.pem", "--key", "/no.pem"), "/no.pem")):
            done = self.run_it("--listen", "127.0.0.1:0", *args) if "--listen" not in args else self.run_it(*args)
            self.assertEqual(done.returncode, 1, args)
            self.assertIn(culprit, done.stderr)

    def test_it_ends_with_its_parent(self):
        script = ('import subprocess, sys, os\n'
                  'r, w = os.pipe()\n'
                  'p = subprocess.Popen([sys.argv[1], "--listen", "127.0.0.1:0", "--exit-with-parent", "--ready-fd", str(w)],'
                  ' pass_fds=[w], stderr=subprocess.DEVNULL)\n'
                  'os.read(r, 100)\n'
                  'print(p.pid)\n')
        done = subprocess.run([sys.executable, "-c", script, PROGRAM], capture_output=True, text=True, timeout=20)
        pid = int(done.stdout)
        for _ in range(250):
            try:
                with open("/proc/%d/stat" % pid) as stat:
                    if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                        return
            except FileNotFoundError:
                return
            time.sleep(0.02)
        os.kill(pid, signal.SIGKILL)
        self.fail("still there")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
