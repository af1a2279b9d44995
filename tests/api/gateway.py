"""gateway.py: a real dcmf on a socket of its own, and a controller that types lines to it. Standard library only."""
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
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


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
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
        self.admin = free_port()
        self.program = program
        self.control = control
        self.write(config)
        self.start(wait)

    def write(self, config):
        text = "control: { socket: control.sock, %s }\nadmin: { listen: 127.0.0.1:%d }\n" % (self.control, self.admin)
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
            with urllib.request.urlopen("http://127.0.0.1:%d%s" % (self.admin, path), timeout=PATIENCE) as r:
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

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            self.stop_at_once()
        if kind is not None:
            sys.stderr.write("---- the gateway's log\n" + self.log_text())
        for name in os.listdir(self.dir):
            os.unlink(os.path.join(self.dir, name))
        os.rmdir(self.dir)
