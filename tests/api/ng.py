"""ng.py: a client of rtpengine's ng protocol, in bencode and JSON, over UDP, TCP and HTTP. Standard library only."""
import http.client
import json
import socket

PATIENCE = 10  # seconds


def bencode(value):
    if isinstance(value, dict):
        return b"d" + b"".join(bencode(k) + bencode(v) for k, v in value.items()) + b"e"
    if isinstance(value, list):
        return b"l" + b"".join(bencode(v) for v in value) + b"e"
    if isinstance(value, int):
        return b"i%de" % value
    data = value if isinstance(value, bytes) else value.encode()
    return b"%d:%s" % (len(data), data)


def bdecode(data, at=0):
    """The value at `at`, and where it ends."""
    kind = data[at:at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if kind in (b"l", b"d"):
        values, at = [], at + 1
        while data[at:at + 1] != b"e":
            value, at = bdecode(data, at)
            values.append(value)
        return (dict(zip(values[::2], values[1::2])) if kind == b"d" else values), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1:end].decode(), end


def encode(cookie, dictionary, form):
    body = json.dumps(dictionary).encode() if form == "json" else bencode(dictionary)
    return cookie.encode() + b" " + body


def decode(message):
    """The cookie and the dictionary."""
    cookie, _, body = message.partition(b" ")
    return cookie.decode(), json.loads(body) if body[:1] == b"{" else bdecode(body)[0]


class Client:
    """Over UDP; `form` is bencode or json."""

    def __init__(self, host, port, form="bencode"):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect((host, port))
        self.form, self.count = form, 0

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.sock.send(data)

    def receive(self):
        return self.sock.recv(65536)

    def cookie(self):
        self.count += 1
        return "c%d" % self.count

    def ask(self, command, **more):
        """Keys with underscores are keys with hyphens."""
        cookie = self.cookie()
        dictionary = {"command": command, **{k.replace("_", "-"): v for k, v in more.items()}}
        self.send(encode(cookie, dictionary, self.form))
        answered, answer = decode(self.receive())
        assert answered == cookie, (answered, cookie)
        return answer


class StreamClient(Client):
    """Over TCP: messages follow each other without anything between them."""

    def __init__(self, host, port, form="bencode"):
        self.sock = socket.create_connection((host, port), PATIENCE)
        self.form, self.count, self.rest = form, 0, b""

    def send(self, data):
        self.sock.sendall(data)

    def receive(self):
        while True:
            cookie, _, body = self.rest.partition(b" ")
            try:
                end = json.JSONDecoder().raw_decode(body.decode())[1] if body[:1] == b"{" else bdecode(body)[1]
                message, self.rest = self.rest[:len(cookie) + 1 + end], self.rest[len(cookie) + 1 + end:]
                return message
            except (ValueError, IndexError):
                data = self.sock.recv(65536)
                if not data:
                    raise EOFError("the gateway hung up")
                self.rest += data


class HttpClient(Client):
    """A POST for each message; plain: without cookie."""

    def __init__(self, host, port, form="bencode", plain=False):
        self.connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
        self.form, self.count, self.plain = form, 0, plain

    def close(self):
        self.connection.close()

    def post(self, path, body, kind="application/x-rtpengine-ng"):
        self.connection.request("POST", path, body, {"Content-Type": kind} if kind else {})
        reply = self.connection.getresponse()
        return reply.status, reply.read()

    def send(self, data):
        self.waiting = data

    def receive(self):
        if not self.plain:
            status, body = self.post("/ng", self.waiting)
        else:
            cookie, _, body = self.waiting.partition(b" ")
            status, body = self.post("/ng-plain", body)
            body = cookie + b" " + body
        assert status == 200, (status, body)
        return body
