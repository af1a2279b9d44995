"""gateway.py: a real dcmf on a socket of its own, and a controller that types lines to it. Standard library only."""
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

PATIENCE = 20  # seconds; sanitizers are slow

# A loopback address of this process alone (Linux has all of 127.0.0.0/8): tests that run at once do not meet on a port.
HOST = "127.%d.%d.%d" % (64 + (os.getpid() >> 16) % 128, os.getpid() >> 8 & 255, os.getpid() & 255)


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """A test that is killed leaves nobody behind on its ports."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port(host="127.0.0.1"):
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[1]


class Controller:
    """One connection; requests get ids, answers may come in any order, events are kept."""

    def __init__(self, path, sock=None):
        """To the Unix socket at `path`, or over a connected socket."""
        self.sock = sock or socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        if sock is None:
            self.sock.connect(path)
        self.file = self.sock.makefile("rb")
        self.id = 0
        self.events = []
        self.answers = {}

    def close(self):
        self.file.close()
        self.sock.close()

    def type(self, text):
        """A raw line, as a person would type it."""
        self.sock.sendall(text if isinstance(text, bytes) else text.encode())

    def line(self):
        text = self.file.readline()
        if not text:
            raise EOFError("the gateway closed the connection")
        return json.loads(text)

    def send(self, method, **params):
        self.id += 1
        self.type(json.dumps({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}) + "\n")
        return self.id

    def answer(self, wanted):
        while wanted not in self.answers:
            line = self.line()
            if line.get("method") == "event":
                self.events.append(line["params"])
            else:
                self.answers[line["id"]] = line
        return self.answers.pop(wanted)

    def ask(self, method, **params):
        answer = self.answer(self.send(method, **params))
        assert "result" in answer, answer
        return answer["result"]

    def refused(self, method, **params):
        answer = self.answer(self.send(method, **params))
        assert "error" in answer, answer
        return answer["error"]

    def event(self, kind, **members):
        """The next event of that type (and with those members); the ones before it are dropped."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            while self.events:
                e = self.events.pop(0)
                if e["type"] == kind and all(e.get(k) == v for k, v in members.items()):
                    return e
            line = self.line()
            if line.get("method") == "event":
                self.events.append(line["params"])
            else:
                self.answers[line["id"]] = line
        raise AssertionError("no event " + kind)


class Gateway:
    """Started with `config`, in which @DIR@ is a folder of its own, and `control` in that section; stopped by the end of `with`."""

    def __init__(self, program, config, wait=True, control=""):
        self.dir = tempfile.mkdtemp(prefix="dcmf-api-")
        self.socket = os.path.join(self.dir, "control.sock")
        self.path = os.path.join(self.dir, "dcmf.yaml")
        self.log_path = os.path.join(self.dir, "log")
        self.admin = "%s:%d" % (HOST, free_port(HOST))
        self.program, self.process = program, None
        self.control = control
        try:
            self.write(config)
            self.start(wait)
        except BaseException:
            self.end(failed=False)  # what is raised shows the log
            raise

    def write(self, config):
        text = "control: { socket: control.sock, %s }\nadmin: { listen: '%s' }\n" % (self.control, self.admin)
        with open(self.path, "w") as f:
            f.write(text + config.replace("@DIR@", self.dir))

    def start(self, wait=True):
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen([self.program, "-c", self.path], stderr=log, preexec_fn=die_with_parent)
        if wait:
            self.until(lambda: os.path.exists(self.socket) and self.http("/readyz")[0] == 200, "ready")

    def until(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if condition():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError("not %s\n%s" % (what, self.log_text()))

    def log_text(self):
        with open(self.log_path) as f:
            return f.read()

    def http(self, path):
        try:
            with urllib.request.urlopen("http://%s%s" % (self.admin, path), timeout=PATIENCE) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name):
        for line in self.http("/metrics")[1].splitlines():
            if line.startswith("dcmf_" + name + " ") or line.startswith("dcmf_" + name + "{"):
                yield line.rsplit(" ", 1)[1]

    def signal(self, number):
        self.process.send_signal(number)

    def controller(self):
        return Controller(self.socket)

    def stop_at_once(self):
        """By a second signal; two that are sent together may arrive as one."""
        for _ in range(2 * PATIENCE):
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(0.5)
                return
            except subprocess.TimeoutExpired:
                pass
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def end(self, failed):
        if self.process is not None and self.process.poll() is None:
            self.stop_at_once()
        if failed:
            sys.stderr.write("---- the gateway's log\n" + self.log_text())
        shutil.rmtree(self.dir)

    def __exit__(self, kind, value, trace):
        self.end(kind is not None)


class GatewayTest(unittest.TestCase):
    """Gateways end with the test, or the class, that started them, and show their log when it failed."""

    results = {}  # of each class

    def run(self, result=None):
        GatewayTest.results[type(self)] = result
        return super().run(result)

    @classmethod
    def has_failed(cls, test=None):
        """This test, or any of the class."""
        result = GatewayTest.results.get(cls)
        failed = [getattr(t, "test_case", t) for t, _ in result.failures + result.errors] if result is not None else []
        return any(t is test or (test is None and type(t) is cls) for t in failed)

    def start(self, *args, **how):
        """A gateway for this test."""
        gateway = Gateway(*args, **how)
        self.addCleanup(lambda: gateway.end(self.has_failed(self)))
        return gateway

    @classmethod
    def start_shared(cls, *args, **how):
        """A gateway for all tests of the class: what one does must not disturb the next. cls.gateway from here on."""
        cls.gateway = gateway = Gateway(*args, **how)
        cls.addClassCleanup(lambda: gateway.end(cls.has_failed()))

    def connect(self):
        """A controller of the shared gateway, for this test."""
        controller = self.gateway.controller()
        self.addCleanup(controller.close)
        return controller
