"""How far a side may be ahead of what the far application says it has heard: then the reader keeps up, whoever stands between.

The bound is that of the smallest buffer on the way, a browser's UDP socket: it holds some sixty packets, and on a channel
without retransmission every packet counts.
"""
import itertools
import time

from call_messages import CHANNELS, SIZES, size_of

WINDOW = 48 << 10  # bytes under way on all channels together, or one message
MOST = 32  # messages under way
REPORT_MS = 5  # so long after a message a reader says how far it is
PATIENCE = 3  # seconds of silence; then what is under way on unreliable channels is taken for lost

_ROUND = list(itertools.accumulate((size_of(n) for n in range(len(SIZES))), initial=0))


def bytes_before(n: int) -> int:
    rounds, rest = divmod(n, len(SIZES))
    return rounds * _ROUND[-1] + _ROUND[rest]


class Window:
    def __init__(self):
        self.sent = dict.fromkeys(CHANNELS, 0)
        self.confirmed = dict.fromkeys(CHANNELS, 0)
        self.bytes = self.messages = 0
        self.moved = time.monotonic()

    def is_open(self, label: str) -> bool:
        """May the next message of this channel go out?"""
        return self.messages == 0 or (self.bytes + size_of(self.sent[label]) <= WINDOW and self.messages < MOST)

    def send(self, label: str):
        if self.messages == 0:
            self.moved = time.monotonic()
        self.bytes += size_of(self.sent[label])
        self.messages += 1
        self.sent[label] += 1

    def confirm(self, label: str, n: int):
        """The reader waits for none before number n."""
        if n <= self.confirmed[label]:
            return
        self.bytes -= bytes_before(n) - bytes_before(self.confirmed[label])
        self.messages -= n - self.confirmed[label]
        self.confirmed[label] = n
        self.moved = time.monotonic()

    def look(self):
        """From time to time."""
        if time.monotonic() - self.moved < PATIENCE:
            return
        for label, (_, _, reliable) in CHANNELS.items():
            if not reliable:
                self.confirm(label, self.sent[label])
