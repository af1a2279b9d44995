"""What tools/bench tells: each figure from the values of a round, its target, and tables of them as text and as Markdown.

A value is what one program measured in one round, by name ("records-ssl-1024": 1.42). A figure is a value, or what follows from values of the
same round; over the rounds it has a minimum, a median and a maximum. Each round is held against the target.
"""
from dataclasses import dataclass
from typing import Callable, Optional

AT_MOST, AT_LEAST = "at most", "at least"


@dataclass(frozen=True)
class Target:
    how: str
    number: float
    as_packaged: Optional[float] = None  # with usrsctp as Debian packages it, where that differs

    def of(self, rebuilt):
        return self.number if rebuilt or self.as_packaged is None else self.as_packaged

    def is_met(self, value, rebuilt):
        limit = self.of(rebuilt)
        return value >= limit if self.how == AT_LEAST else value <= limit


@dataclass(frozen=True)
class Figure:
    part: str  # for --only
    words: str
    unit: str
    compute: Callable  # of a round's values; KeyError: one of them was not measured
    target: Optional[Target] = None
    own_cores: int = 0  # the target holds only where so many processors are


def value(name):
    return lambda v: v[name]


def ratio(above, below):
    return lambda v: v[above] / v[below]


def difference(name, less):
    return lambda v: v[name] - v[less]


def megabytes(name, size):
    return lambda v: size / v[name]  # bytes a microsecond


FLOOR = "its ratio to the floor (DTLS records through SSL)"

FIGURES = [
    Figure("messages", "1 KiB message ended and sent on, CPU of the worker", "us", value("gateway-message-1024")),
    Figure("messages", FLOOR, "x", ratio("gateway-message-1024", "records-ssl-1024"), Target(AT_MOST, 3.0, as_packaged=3.8)),
    Figure("messages", "64 B message, CPU of the worker", "us", value("gateway-message-64"), Target(AT_MOST, 3.5)),
    Figure("messages", FLOOR, "x", ratio("gateway-message-64", "records-ssl-64")),
    Figure("messages", "16 KiB messages on one channel, a core", "MB/s", megabytes("gateway-message-16384", 16384), Target(AT_LEAST, 140)),
    Figure("messages", FLOOR, "x", ratio("gateway-message-16384", "records-ssl-16384")),
    Figure("janus", "Janus' echotest, same client: 1 KiB message, CPU", "us", value("janus-message-1024")),
    Figure("janus", "1 KiB message of the gateway to that", "x", ratio("gateway-message-1024", "janus-message-1024"), Target(AT_MOST, 1 / 6)),
    Figure("janus", "Janus: set-up, CPU", "us", value("janus-set-up")),
    Figure("in-process", "1 KiB message in one process, no sockets", "us", value("message-1024")),
    Figure("in-process", FLOOR, "x", ratio("message-1024", "records-ssl-1024")),
    Figure("in-process", "64 B message in one process", "us", value("message-64")),
    Figure("in-process", "16 KiB messages in one process", "MB/s", megabytes("message-16384", 16384)),
    Figure("datagrams", "datagram of 1200 B passed through, in trains", "us", value("splice-trains")),
    Figure("datagrams", "speed, to the bare GRO/GSO loop", "x", ratio("udp-trains", "splice-trains"), Target(AT_LEAST, 0.85)),
    Figure("datagrams", "datagram passed through, 10,000 sparse splices", "us", value("splice-sparse")),
    Figure("datagrams", "speed, to the bare recvmmsg/sendmmsg loop", "x", ratio("udp-sparse", "splice-sparse"), Target(AT_LEAST, 0.85)),
    Figure("set-up", "set-up (ICE, mutual DTLS, SCTP, first channel), CPU of the worker", "us", value("gateway-set-up"), Target(AT_MOST, 714)),
    Figure("set-up", "its ratio to a bare stock handshake", "x", ratio("gateway-set-up", "handshake")),
    Figure("set-up", "its ratio to a bare lean handshake", "x", ratio("gateway-set-up", "handshake-lean")),
    Figure("set-up", "set-up in one process, no sockets", "us", value("set-up")),
    Figure("set-up", "its ratio to a bare stock handshake", "x", ratio("set-up", "handshake")),
    Figure("set-up", "its ratio to a bare lean handshake", "x", ratio("set-up", "handshake-lean")),
    Figure("set-up", "memory a connected idle bootstrap leg", "KiB", value("gateway-leg-kib"), Target(AT_MOST, 64)),
    Figure("latency", "1 KiB at 1,000 a second, direct connection, p50", "us", value("direct-p50")),
    Figure("latency", "through the gateway, ended, p50", "us", value("gateway-p50")),
    Figure("latency", "added when ended", "us", difference("gateway-p50", "direct-p50"), Target(AT_MOST, 50)),
    Figure("latency", "through the gateway, passed through, p50", "us", value("passing-p50")),
    Figure("latency", "added when passed through", "us", difference("passing-p50", "direct-p50"), Target(AT_MOST, 50)),
    Figure("workers", "1 KiB message with two workers at once, CPU", "us", value("two-workers-message")),
    Figure("workers", "its ratio to one worker", "x", ratio("two-workers-message", "gateway-message-1024"), Target(AT_MOST, 1.05)),
    Figure("workers", "two workers' messages a second to one's", "x", ratio("two-workers-rate", "gateway-rate-1024"), Target(AT_LEAST, 1.9), own_cores=4),
]
PARTS = list(dict.fromkeys(f.part for f in FIGURES))


def spread(numbers):
    """Minimum, median and maximum; of an even number the median is the mean of the two in the middle."""
    s = sorted(numbers)
    half = len(s) // 2
    return s[0], s[half] if len(s) % 2 else (s[half - 1] + s[half]) / 2, s[-1]


def over_rounds(figure, rounds):
    """What the rounds that measured it say."""
    numbers = []
    for r in rounds:
        try:
            numbers.append(figure.compute(r))
        except KeyError:
            pass
    return numbers


def number(x):
    return f"{x:.0f}" if abs(x) >= 100 else f"{x:.1f}" if abs(x) >= 10 else f"{x:.2f}" if abs(x) >= 0.5 else f"{x:.3f}"


def target_words(figure, rebuilt, cores):
    t = figure.target
    if t is None:
        return ""
    if cores < figure.own_cores:
        return f"(needs {figure.own_cores} processors)"
    return f"{t.how} {number(t.of(rebuilt))}"


def verdict(figure, numbers, rebuilt, cores):
    if figure.target is None or cores < figure.own_cores:
        return ""
    met = sum(figure.target.is_met(n, rebuilt) for n in numbers)
    return "met" if met == len(numbers) else "missed" if met == 0 else f"met in {met} of {len(numbers)} rounds"


def wanted(only):
    return [f for f in FIGURES if f.part in only]


def label(figure, indent):
    """What belongs to the figure above stands to the right of it."""
    return (indent if figure.unit == "x" and figure.words[0].islower() else "") + figure.words


def text(rounds, only, rebuilt, cores):
    """A table for a terminal."""
    width = max(len(f.words) for f in FIGURES) + 2
    lines = [f"{'figure':{width}} {'min':>9} {'median':>9} {'max':>9} {'':5} {'target':22}"]
    for f in wanted(only):
        have = over_rounds(f, rounds)
        words = label(f, "  ")
        if not have:
            lines.append(f"{words:{width}} not measured")
            continue
        low, mid, high = (number(x) for x in spread(have))
        lines.append(f"{words:{width}} {low:>9} {mid:>9} {high:>9} {f.unit:5} {target_words(f, rebuilt, cores):22} "
                     f"{verdict(f, have, rebuilt, cores)}".rstrip())
    return "\n".join(lines)


def cell(figure, rounds, rebuilt, cores):
    """The median with its spread, and what became of the target, of one build."""
    have = over_rounds(figure, rounds)
    if not have:
        return "not measured", ""
    low, mid, high = (number(x) for x in spread(have))
    unit = "" if figure.unit == "x" else f" {figure.unit}"
    outcome = verdict(figure, have, rebuilt, cores).replace("missed", "**missed**")
    return f"{mid}{unit} ({low} to {high})", ": ".join(filter(None, (target_words(figure, rebuilt, cores), outcome)))


def markdown(results, only, cores):
    """One table, with two columns for each (name, rebuilt, rounds) of `results`; figures that nobody measured are left out."""
    head = "".join(f" {name} | target |" for name, _, _ in results)
    lines = [f"| median (min to max) |{head}", "|---|" + "---|---|" * len(results)]
    for f in wanted(only):
        if not any(over_rounds(f, rounds) for _, _, rounds in results):
            continue
        cells = "".join(" {} | {} |".format(*cell(f, rounds, rebuilt, cores)) for _, rebuilt, rounds in results)
        lines.append(f"| {label(f, '&emsp;')} |{cells}")
    return "\n".join(lines)
