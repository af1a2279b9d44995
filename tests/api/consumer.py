"""consumer.py: consumers of Nmf_MRM: curl for those that behave, bare frames of HTTP/2 for those that do not."""
import json
import os
import socket
import struct
import subprocess
import tempfile
import time

from gateway import PATIENCE

API = "/nmf-mrm/v1"
CONTEXTS = API + "/contexts"
JSON, PATCHING, PROBLEM = "application/json", "application/json-patch+json", "application/problem+json"

FINGERPRINT = "SHA-256 " + ":".join(["AB"] * 32)


def document(port=50500, **dc_media):
    """A bootstrap channel of a phone without ICE, with other members of DcMedia where given."""
    dc = {"mediaProxyConfig": "HTTP_PROXY", "streams": {"0": {"streamId": 0, "subprotocol": "http"}},
          "replaceHttpUrl": {"0": {"streamId": 0, "replaceHttpUrl": "http://127.0.0.1:9/alice"}},
          "remoteDcEndpoint": {"sctpPort": 5000, "tlsId": "q3Zr81kVw0sXm5TnHc2b", "securitySetup": "ACTPASS",
                               "fingerprints": [FINGERPRINT]}}
    dc.update(dc_media)
    return {"terminations": [{"terminationId": "ue", "medias": [{
        "mediaId": "0", "mediaResourceType": "DC", "dcMedia": dc,
        "remoteMbEndpoint": {"ip": {"ipv4Addr": "127.0.0.1"}, "transport": "UDP", "portNumber": port}}]}]}


def early_document():
    """The same as TS 29.176 V18.1.0 has it."""
    early = document()
    media = early["terminations"][0]["medias"][0]
    media["dcMedia"] = {"mediaProxyConfig": "HTTP", "streams": {"0": {"subprotocol": "http"}}, "securitySetup": "ACTPASS",
                        "remoteMdc1Endpoint": {"ip": {"ipv4Addr": "127.0.0.1"}, "transport": "TCP", "portNumber": 9},
                        "replaceHttpUrl": {"0": {"streamId": 0, "replaceHttpUrl": "http://127.0.0.1:9/alice"}},
                        "remoteDcEndpoint": {"sctpPort": 5000, "fingerprint": FINGERPRINT}}
    return early


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __str__(self):
        return "%d %s %s" % (self.status, self.headers, self.body[:400])


class Consumer:
    """Each request on a connection of its own; `tls` are words for curl."""

    def __init__(self, root, tls=()):
        self.root, self.tls = root, tls

    def ask(self, method, path, body=None, media_type=JSON, headers=()):
        words = ["curl", "-sS", "--http2" if self.root.startswith("https") else "--http2-prior-knowledge", "--max-time", str(PATIENCE),
                 "-X", method, *self.tls]
        if body is not None:
            words += ["--data-binary", "@-"]
            if media_type is not None:
                words += ["-H", "content-type: " + media_type]
            if not isinstance(body, bytes):
                body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        for header in headers:
            words += ["-H", header]
        if body is None or media_type is None:
            words += ["-H", "content-type:"]
        with tempfile.NamedTemporaryFile() as out:
            done = subprocess.run([*words, "-D", "-", "-o", out.name, self.root + path], input=body or b"", capture_output=True,
                                  timeout=2 * PATIENCE)
            with open(out.name) as f:
                text = f.read()
        lines = [l for l in done.stdout.decode().split("\r\n") if l]
        if done.returncode != 0 and not lines:
            raise OSError("curl: %d %s" % (done.returncode, done.stderr.decode()))
        assert lines[0].startswith("HTTP/2 "), lines
        return Answer(int(lines[0].split()[1]), dict(l.split(": ", 1) for l in lines[1:]), text)

    def create(self, body=None, **more):
        return self.ask("POST", CONTEXTS, document() if body is None else body, **more)

    def patch(self, context, operations, **more):
        return self.ask("PATCH", CONTEXTS + "/" + context, operations, PATCHING, **more)

    def delete(self, context, **more):
        return self.ask("DELETE", CONTEXTS + "/" + context, **more)


# ---- frames

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_ERROR, PROTOCOL_ERROR, COMPRESSION_ERROR, CALM = 0, 1, 9, 11


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def literal(name, value):
    """A field of HPACK, not indexed, not compressed."""
    name, value = name.encode(), value.encode()
    assert len(name) < 127 and len(value) < 127
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def head(method="POST", path=CONTEXTS, *more):
    fields = (":method", method), (":scheme", "http"), (":authority", "mf1"), (":path", path), *more
    return b"".join(literal(*f) for f in fields)


class Raw:
    """A connection that says what it likes and hears frames."""

    def __init__(self, address, greet=True, read_buffer=None):
        self.sock = socket.socket()
        if read_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, read_buffer)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(address)
        self.heard = b""
        if greet:
            self.say(PREFACE + frame(SETTINGS))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def say(self, data):
        """False: the gateway has hung up."""
        try:
            self.sock.sendall(data)
            return True
        except OSError:
            return False

    def hear(self):
        """The next frame (kind, flags, stream, payload); None: the connection is closed."""
        while len(self.heard) < 9 or len(self.heard) < 9 + int.from_bytes(self.heard[:3], "big"):
            try:
                more = self.sock.recv(65536)
            except ConnectionError:
                more = b""
            if not more:
                return None
            self.heard += more
        length = int.from_bytes(self.heard[:3], "big")
        kind, flags, stream = struct.unpack("!BBI", self.heard[3:9])
        payload, self.heard = self.heard[9:9 + length], self.heard[9 + length:]
        return kind, flags, stream, payload

    def hear_kind(self, *kinds):
        """The next frame of one of the kinds; None: closed before."""
        while True:
            f = self.hear()
            if f is None or f[0] in kinds:
                return f

    def ends_with(self):
        """The error code of GOAWAY; None: it was closed without."""
        f = self.hear_kind(GOAWAY)
        return None if f is None else struct.unpack("!I", f[3][4:8])[0]

    def is_closed(self):
        while self.hear() is not None:
            pass
        return True


def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("not " + what)


def have(program):
    return any(os.access(os.path.join(d, program), os.X_OK) for d in os.environ["PATH"].split(":"))
