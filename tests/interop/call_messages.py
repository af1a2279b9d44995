"""What the two sides of a call send one another, and how each keeps account of what it hears.

Message n of a channel has a size from SIZES, is text when n is a multiple of 3 and binary otherwise, and follows from n alone:
five hexadecimal digits of n, then a stretch of one long pattern. Messages too short for the digits are known by their content only.
"""
import random

# label: (options as RTCDataChannelInit, is order promised, is arrival promised)
CHANNELS = {
    "ordered": ({}, True, True),
    "unordered": ({"ordered": False}, False, True),
    "no-retransmission": ({"ordered": False, "maxRetransmits": 0}, False, False),
    "short-lived": ({"maxPacketLifeTime": 3000}, True, False),
}
ACCOUNT = "account"  # ordered, reliable, not part of the count: here each side says how far it is

SIZES = (1, 100, 16, 1200, 5, 300, 2, 1024, 64, 4096, 1, 1150, 200, 40, 8192, 0,
         500, 3, 1201, 100, 16384, 6, 800, 1, 2400, 160, 30, 1000, 4, 10000, 80, 65536)
HEAD = 5
LONGEST = max(SIZES)
STEP = 7919  # from one message to the next the pattern begins elsewhere

_random = random.Random(29176)
TEXT = "".join(chr(_random.randrange(0x20, 0x7f)) for _ in range(2 * LONGEST))
BINARY = _random.randbytes(2 * LONGEST)


def size_of(n: int) -> int:
    return SIZES[n * 13 % len(SIZES)]


def make_message(n: int) -> str | bytes:
    size, at = size_of(n), n * STEP % LONGEST
    head = f"{n:05x}" if size >= HEAD else ""
    if n % 3 == 0:
        return head + TEXT[at:at + size - len(head)]
    return head.encode() + BINARY[at:at + size - len(head)]


def number_of(message: str | bytes) -> int:
    """-1: what stands where the number should be is none."""
    try:
        return int(message[:HEAD], 16)
    except ValueError:
        return -1


class Ledger:
    """What was heard on one channel. Those without a number are compared as a heap: not more of each than were sent."""

    def __init__(self, messages: int, ordered: bool, reliable: bool):
        self.messages, self.in_step = messages, ordered and reliable
        self.count = self.doubled = self.late = self.wrong = 0
        self.highest = -1
        self.seen = set()
        self.short = {}

    def hear(self, message: str | bytes):
        expected = self.count
        self.count += 1
        if self.in_step:  # the k-th to be heard is the k-th that was sent
            self.wrong += message != make_message(expected)
        elif len(message) < HEAD:
            self.short[message] = self.short.get(message, 0) + 1
        else:
            self.hear_number(number_of(message), message)

    def hear_number(self, n: int, message: str | bytes):
        self.wrong += not 0 <= n < self.messages or message != make_message(n)
        self.doubled += n in self.seen
        self.late += n < self.highest
        self.seen.add(n)
        self.highest = max(self.highest, n)

    def progress(self) -> int:
        """No message before this number is waited for."""
        return max(self.count, self.highest + 1)

    def report(self) -> dict:
        too_many = dict(self.short)
        for n in range(self.messages):
            message = make_message(n) if size_of(n) < HEAD else None
            if message in too_many:
                too_many[message] -= 1
        return {"count": self.count, "late": self.late, "wrong": self.wrong,
                "doubled": self.doubled + sum(n for n in too_many.values() if n > 0)}
