"""What tools/bench runs: the programs of tests/bench, a gateway of its own under dcmf-load, Janus under the same client. Each run puts what it measured into
the values of its round, by name; one that fails says so and puts nothing.
"""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

CONFIG = """
workers: {workers}
media: [ {{ name: lo, address: {address}, ports: 20000-39999, shared_port: 42000 }} ]
mdc1: {{ embedded: false }}
control: {{ socket: {dir}/control.sock }}
admin: {{ listen: 127.0.0.1:{port} }}
limits: {{ contexts: 20000, half_open: 20000, setup_rate: 20000 }}
log: {{ level: error }}
"""
ADDRESS = f"127.66.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"  # other gateways on this host have their ports to themselves
JANUS_LAB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "load/janus-lab")
SKIPPED = 77


def complain(text):
    print(f"bench: {text}", file=sys.stderr)


def fail(text):
    complain(text)
    sys.exit(1)


# ---- the machine ----

def split(cpus, workers):
    """Processors of a gateway with so many workers and of the generator: apart where there are enough."""
    gateway = [cpus[(1 + i) % len(cpus)] for i in range(min(workers, len(cpus)))]
    return gateway, [c for c in cpus if c not in gateway] or list(cpus)


def processors():
    return sorted(os.sched_getaffinity(0))


def pinned(cpus):
    return lambda: os.sched_setaffinity(0, cpus)


def busy_ticks():
    with open("/proc/stat") as f:
        user, nice, system, _, _, irq, softirq, steal = (int(x) for x in f.readline().split()[1:9])
    return user + nice + system + irq + softirq + steal


def busy_processors(seconds):
    """How many processors somebody uses while we do nothing."""
    before, began = busy_ticks(), time.monotonic()
    time.sleep(seconds)
    return (busy_ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)


@contextlib.contextmanager
def awake():
    """Each processor has something to do that everything else comes before, so that none has to be woken for a datagram."""
    def lowest(cpu):
        os.sched_setaffinity(0, {cpu})
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    idlers = [subprocess.Popen([sys.executable, "-c", "while True: pass"], preexec_fn=lambda cpu=cpu: lowest(cpu)) for cpu in processors()]
    try:
        yield
    finally:
        for idler in idlers:
            idler.kill()
            idler.wait()


# ---- a gateway under dcmf-load ----

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Gateway:
    def __init__(self, build, workers=1):
        self.build = build
        self.cpus, self.load_cpus = split(processors(), workers)
        self.dir = tempfile.mkdtemp(prefix="dcmf-bench-")
        path, port = os.path.join(self.dir, "dcmf.yaml"), free_port()
        with open(path, "w") as f:
            f.write(CONFIG.format(dir=self.dir, address=ADDRESS, workers=workers, port=port))
        self.socket = os.path.join(self.dir, "control.sock")
        self.metrics = f"http://127.0.0.1:{port}/metrics"
        self.process = subprocess.Popen([f"{build}/dcmf/dcmf", "-c", path], preexec_fn=pinned(self.cpus))
        for _ in range(100):
            try:
                urllib.request.urlopen(self.metrics, timeout=1).read()
                if os.path.exists(self.socket):
                    return
            except OSError:
                pass
            time.sleep(0.1)
        self.__exit__()
        fail("the gateway does not come up")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGTERM)  # the second one does not wait for contexts
            self.process.wait(10)
        shutil.rmtree(self.dir)

    def load(self, *words):
        return load(self.build, self.load_cpus, *words, "--socket", self.socket, "--metrics", self.metrics)


def load(build, cpus, *words):
    """The report of a dcmf-load, or None."""
    with tempfile.NamedTemporaryFile(prefix="dcmf-bench-", suffix=".json") as report:
        done = subprocess.run([f"{build}/tools/load/dcmf-load", *words, "--quiet", "--json", report.name], capture_output=True, text=True,
                              timeout=300, preexec_fn=pinned(cpus))
        if done.returncode != 0:
            complain(f"dcmf-load {' '.join(words)}: {done.stderr.strip()[-300:] or done.stdout.strip()[-300:]}")
            return None
        return json.load(report)


def saturated(seconds, size, pairs):
    return ["p2p", "--channels", "1", "--talk", seconds, "--no-verify", "--together", "--pairs", pairs, "--window", "256", "--payload", str(size),
            "--message-size", "65536"]


def message(size, pairs):
    def run(build, seconds, values):
        with Gateway(build) as g:
            if r := g.load(*saturated(seconds, size, pairs)):
                values[f"gateway-message-{size}"] = r["gateway"]["cpuUsPerMessage"]
                values[f"gateway-rate-{size}"] = r["rates"]["messagesPerSecond"]
    return run


def two_workers(build, seconds, values):
    if len(processors()) < 2:
        return
    with Gateway(build, workers=2) as g:
        if r := g.load(*saturated(seconds, 1024, "8"), "--processes", "2"):
            values["two-workers-message"] = r["gateway"]["cpuUsPerMessage"]
            values["two-workers-rate"] = r["rates"]["messagesPerSecond"]


def set_up(build, seconds, values):
    with Gateway(build) as g:
        if r := g.load("idle", "--of", "bootstrap", "--ues", "1000" if int(seconds) > 3 else "200", "--rate", "200", "--ice", "on", "--idle", "5"):
            values["gateway-set-up"] = r["gateway"]["cpuUsPerSetUp"]
            values["gateway-leg-kib"] = r["gateway"]["bytesPerLeg"] / 1024


def latency(build, seconds, values):
    words = ["--channels", "1", "--talk", seconds, "--pairs", "1", "--payload", "1024", "--message-rate", "1000", "--together", "--message-size", "65536"]

    def put(name, report):
        if report:
            values[name] = report["parts"][0]["latency"]["message"]["p50Us"]

    put("direct-p50", load(build, split(processors(), 1)[1], "direct", *words))
    for name, scenario in (("gateway-p50", "p2p"), ("passing-p50", "passthrough")):
        with Gateway(build) as g:
            put(name, g.load(scenario, *words))


# ---- others ----

def janus(build, seconds, values):
    theirs, ours = (",".join(map(str, cpus)) for cpus in split(processors(), 1))
    done = subprocess.run([JANUS_LAB, f"{build}/tools/load/dcmf-load", "--talk", seconds, "--cpus", theirs, "--load-cpus", ours],
                          capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        complain(("Janus is left out: " if done.returncode == SKIPPED else "") + done.stderr.strip()[-300:])
        return
    cost = json.loads(done.stdout)
    values["janus-message-1024"], values["janus-set-up"] = cost["cpuUsPerMessage"], cost["cpuUsPerSetUp"]


def program(name):
    def run(build, _, values):
        done = subprocess.run([f"{build}/tests/bench/{name}", "--rounds", "1"], capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            fail(f"{name} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        values.update(read_figures(done.stdout))
    return run


def read_figures(said):
    """Microseconds by name, of the lines that tests/bench/figure.c prints."""
    return {m[1]: float(m[2]) / 1000 for m in re.finditer(r"^(\S+) +ns +min +\S+ +median +(\S+)", said, re.M)}


# A run, and the parts of the table that need it.
RUNS = [
    (program("floor_records"), {"messages", "in-process"}),
    (program("floor_handshake"), {"set-up"}),
    (program("floor_udp"), {"datagrams"}),
    (program("bench_message"), {"in-process"}),
    (program("bench_setup"), {"set-up"}),
    (program("bench_udp"), {"datagrams"}),
    (message(1024, "4"), {"messages", "janus", "workers"}),
    (message(64, "4"), {"messages"}),
    (message(16384, "1"), {"messages"}),
    (janus, {"janus"}),
    (set_up, {"set-up"}),
    (latency, {"latency"}),
    (two_workers, {"workers"}),
]


def one_round(build, only, quick):
    values = {}
    for run, parts in RUNS:
        if parts & set(only):
            run(build, "3" if quick else "8", values)
    return values
