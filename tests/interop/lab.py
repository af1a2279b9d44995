"""A small lab: two network namespaces joined by a veth pair, the real gateway in one of them, a UE in the other.

Everything lives in namespaces and folders that the lab makes and removes itself.
"""
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SKIP = 77  # what meson takes as "skipped"

PACKAGE_BYTES = 5 * 1024 * 1024


def skip(why: str):
    print(f"SKIPPED: {why}")
    sys.exit(SKIP)


def run(*words: str):
    subprocess.run(words, check=True, capture_output=True)


# What is started so does not outlive the test, however that ends.
BOUND = ["setpriv", "--pdeathsig", "KILL", "--"]


def bootstrap(how: str) -> dict:
    """What the controller says of a browser's line: a channel both know of (`negotiated`), or whatever DCEP opens."""
    media = {"mediaProxyConfig": "HTTP_PROXY"}
    if how == "negotiated":
        media["streams"] = {"0": {"streamId": 0, "subprotocol": "http"}}
    return {"*": media}


class Control:
    """The control socket: one JSON object a line."""

    def __init__(self, path: str):
        self.sock = socket.socket(socket.AF_UNIX)
        try:
            self.sock.connect(path)
        except OSError:
            self.sock.close()
            raise
        self.lines = self.sock.makefile("r")
        self.last_id = 0

    def call(self, method: str, **params):
        self.last_id += 1
        self.sock.sendall(json.dumps({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}).encode() + b"\n")
        while True:
            answer = json.loads(self.lines.readline())
            if answer.get("id") == self.last_id:
                break
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def close(self):
        self.lines.close()
        self.sock.close()


class Lab:
    """with Lab(build) as lab: lab.gateway("passive"); lab.in_ue([...])"""

    def __init__(self, build: str):
        self.build = pathlib.Path(build)
        self.tag = f"{os.getpid() % 0xffff:04x}"
        self.gw, self.ue = f"dcmf-gw-{self.tag}", f"dcmf-ue-{self.tag}"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dcmf-lab-"))
        self.daemon = None
        (self.folder / "apps").mkdir()

    def environment(self) -> dict:
        """What peers leave in their temporary folder goes with the lab."""
        return {**os.environ, "TMPDIR": str(self.folder)}

    def __enter__(self):
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # a test that took too long cleans up too
        if os.geteuid() != 0:
            skip("network namespaces need root")
        try:
            run("ip", "netns", "add", self.gw)
            run("ip", "netns", "add", self.ue)
            run(*self.ue_words(["true"]))
            run("ip", "link", "add", f"g{self.tag}", "netns", self.gw, "type", "veth", "peer", f"u{self.tag}", "netns", self.ue)
        except (subprocess.CalledProcessError, FileNotFoundError) as e:
            self.__exit__()
            skip(f"network namespaces cannot be made here: {getattr(e, 'stderr', e)}")
        for ns, dev, addr in ((self.gw, f"g{self.tag}", "192.0.2.1/24"), (self.ue, f"u{self.tag}", "192.0.2.2/24")):
            run("ip", "-n", ns, "addr", "add", addr, "dev", dev)
            run("ip", "-n", ns, "link", "set", dev, "up")
            run("ip", "-n", ns, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        self.stop()
        for ns in (self.gw, self.ue):
            subprocess.run(["ip", "netns", "del", ns], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def make_package(self) -> bytes:
        """The application `big`: its package is 5 MiB that compress to nothing less."""
        package = random.Random(29176).randbytes(PACKAGE_BYTES)
        app = self.folder / "apps" / "big"
        app.mkdir(parents=True, exist_ok=True)
        (app / "package.zip").write_bytes(package)
        (app / "app.json").write_text(json.dumps({"name": "Big", "version": "1.0", "description": "5 MiB"}))
        return package

    def gateway(self, setup: str, extra: str = "") -> Control:
        """Starts the daemon with `setup` as its role where the offer says actpass."""
        socket_path = self.folder / "control.sock"
        config = self.folder / "dcmf.yaml"
        config.write_text(
            f"control: {{ socket: {socket_path} }}\n"
            "workers: 2\n"
            "media: [ { name: access, address: 192.0.2.1, ports: 20000-20999 } ]\n"
            f"dtls: {{ setup: {setup} }}\n"
            f"mdc1: {{ root: {self.folder / 'apps'} }}\n" + extra)
        self.log = open(self.folder / f"dcmf-{setup}.log", "w+")
        self.daemon = subprocess.Popen(
            ["ip", "netns", "exec", self.gw, *BOUND, str(self.build / "dcmf" / "dcmf"), "-c", str(config)],
            stdout=self.log, stderr=subprocess.STDOUT)
        for _ in range(300):
            if self.daemon.poll() is not None:
                raise RuntimeError(f"the gateway ended with {self.daemon.returncode}:\n{self.tail()}")
            try:
                return Control(str(socket_path))
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.1)
        raise RuntimeError(f"the gateway did not come up:\n{self.tail()}")

    def stop(self):
        if self.daemon is None:
            return
        for end in (self.daemon.terminate, self.daemon.terminate, self.daemon.kill):  # the second means: at once
            end()
            try:
                self.daemon.wait(10)
                break
            except subprocess.TimeoutExpired:
                pass
        self.daemon = None
        self.log.close()

    def tail(self) -> str:
        return "".join(pathlib.Path(self.log.name).read_text().splitlines(keepends=True)[-40:])

    def ue_words(self, words: list[str]) -> list[str]:
        """The words, in the UE's namespace. With a process namespace of their own: who ends the first process ends all that it began,
        a browser and its driver too."""
        return ["ip", "netns", "exec", self.ue, *BOUND, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--", *words]

    def gw_words(self, words: list[str]) -> list[str]:
        """The same in the gateway's namespace: what stands beside it on the machine."""
        return ["ip", "netns", "exec", self.gw, *BOUND, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--", *words]

    def in_ue(self, words: list[str], timeout: int = 240) -> dict:
        """Runs a peer program in the UE's namespace; its last line is a JSON object."""
        done = subprocess.run(self.ue_words(words), capture_output=True, text=True, timeout=timeout, env=self.environment())
        if done.returncode != 0:
            raise RuntimeError(f"{words[1]}: exit {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.tail()}")
        return json.loads(done.stdout.splitlines()[-1])
