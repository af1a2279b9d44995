"""What the two sides of a call send one another, and how each keeps account of what it hears."""

# label: (options as RTCDataChannelInit, is order promised, is arrival promised)
LABELS = {
    "ordered": ({}, True, True),
    "unordered": ({"ordered": False}, False, True),
    "no-retransmission": ({"ordered": False, "maxRetransmits": 0}, False, False),
    "short-lived": ({"maxPacketLifeTime": 500}, True, False),
}
SIZES = (16, 100, 1024, 1200, 4000, 16384, 100, 65536 - 4)


def make_message(n: int):
    """Number n in four bytes, then bytes that follow from it; every third one is text."""
    size = SIZES[n % len(SIZES)] if n % 100 == 7 or SIZES[n % len(SIZES)] <= 1200 else 200
    if n % 3 == 0:
        return f"{n:08x}" + "x" * size
    return n.to_bytes(4, "big") + bytes([n & 255]) * size


class Ledger:
    """Numbers heard on one channel: how many, doubled, out of order, wrong inside."""

    def __init__(self):
        self.seen = set()
        self.count = self.doubled = self.late = self.wrong = 0
        self.highest = -1

    def hear(self, message):
        n = int(message[:8], 16) if isinstance(message, str) else int.from_bytes(message[:4], "big")
        self.count += 1
        self.doubled += n in self.seen
        self.late += n < self.highest
        self.wrong += message != make_message(n)
        self.highest = max(self.highest, n)
        self.seen.add(n)

    def report(self) -> dict:
        return {"count": self.count, "doubled": self.doubled, "late": self.late, "wrong": self.wrong}
