"""The answering side of a call, made of aiortc: takes the offer from standard input, answers, and exchanges messages.

Usage: call_aiortc.py MESSAGES SECONDS          (a channel; after SECONDS it ends, whatever is missing)
In:  {"offer": SDP, "role": "client", "server" or null}
Out: {"answer": SDP, "fingerprint": its own}, and when all was said and heard, what `Side.report` says.
"""
import asyncio
import json
import socket
import sys
import time

from aiortc import RTCPeerConnection, RTCSctpTransport, RTCSessionDescription
from aiortc.rtcsctptransport import InboundStream

from call_messages import ACCOUNT, CHANNELS, Ledger, make_message
from call_window import REPORT_MS, Window

UDP_BUFFER = 4 << 20  # Python is not always there when a burst comes: nothing is to be lost in its own socket
LOST_AFTER = 5  # seconds of silence, when the far side has said everything


def mend_forward_tsn() -> list[int]:
    """What aiortc 1.4 does when its peer gives up a message: it throws away the unfinished messages of all channels, reliable
    ones too, up to the newest packet it has. Not further than the peer said, is right. Returns how often the peer gave up."""
    times, limit = [0], [0]
    receive, prune = RTCSctpTransport._receive_forward_tsn_chunk, InboundStream.prune_chunks

    async def receive_noted(self, chunk):
        times[0] += 1
        limit[0] = chunk.cumulative_tsn
        await receive(self, chunk)

    RTCSctpTransport._receive_forward_tsn_chunk = receive_noted
    InboundStream.prune_chunks = lambda self, _: prune(self, limit[0])
    return times


def mend_flight():
    """aiortc 1.4 does not take all that it gave up off its count of bytes in flight; with nothing left to repeat it then waits for ever."""
    transmit = RTCSctpTransport._transmit

    async def transmit_counted(self):
        if not self._sent_queue:
            self._flight_size = 0
        await transmit(self)

    RTCSctpTransport._transmit = transmit_counted


def count_abandoned() -> list[int]:
    """How many messages aiortc itself gives up, so that nobody else is blamed for them."""
    times, original = [0], RTCSctpTransport._maybe_abandon

    def noted(self, chunk):
        before = chunk._abandoned
        times[0] += original(self, chunk) and not before
        return chunk._abandoned

    RTCSctpTransport._maybe_abandon = noted
    return times


class Side:
    def __init__(self, messages: int):
        self.messages = messages
        self.ledgers = {label: Ledger(messages, ordered, reliable) for label, (_, ordered, reliable) in CHANNELS.items()}
        self.window = Window()
        self.news = asyncio.Event()
        self.account = None
        self.said, self.far_said = set(), set()
        self.reporting = False
        self.last_heard = time.monotonic()
        self.tasks = []

    def take(self, channel):
        if channel.label == ACCOUNT:
            self.account = channel
            channel.on("message", self.on_account)
            return
        channel.on("message", lambda message: self.hear(channel.label, message))
        self.tasks.append(asyncio.ensure_future(self.send(channel)))

    def hear(self, label: str, message):
        self.last_heard = time.monotonic()
        self.ledgers[label].hear(message)
        if not self.reporting:
            self.reporting = True
            asyncio.get_running_loop().call_later(REPORT_MS / 1000, self.say_how_far)

    def say_how_far(self):
        self.reporting = False
        self.tell(heard={label: ledger.progress() for label, ledger in self.ledgers.items()})

    def on_account(self, message: str):
        news = json.loads(message)
        for label, n in news.get("heard", {}).items():
            self.window.confirm(label, n)
        if "said" in news:
            self.far_said.add(news["said"])
        self.wake()

    def wake(self):
        self.news.set()
        self.news.clear()

    def tell(self, **what):
        if self.account is not None:
            self.account.send(json.dumps(what))

    async def send(self, channel):
        for n in range(self.messages):
            while not self.window.is_open(channel.label):
                await self.news.wait()
            self.window.send(channel.label)
            channel.send(make_message(n))
        self.said.add(channel.label)
        self.tell(said=channel.label)

    def is_done(self) -> bool:
        if len(self.said) < len(CHANNELS) or len(self.far_said) < len(CHANNELS):
            return False
        missing = [label for label, ledger in self.ledgers.items() if ledger.count < self.messages]
        if any(CHANNELS[label][2] for label in missing):
            return False
        return not missing or time.monotonic() - self.last_heard > LOST_AFTER

    async def run(self, seconds: int):
        end = time.monotonic() + seconds
        while not self.is_done() and time.monotonic() < end:
            await asyncio.sleep(0.05)
            self.window.look()
            self.wake()

    def report(self, dtls) -> dict:
        return {
            "sent": self.window.sent,
            "heard": {label: ledger.report() for label, ledger in self.ledgers.items()},
            "role": dtls._role,
            "peer": dtls.ssl.get_peer_certificate().digest("SHA256").decode() if dtls.state == "connected" else None,
        }


async def read_line() -> dict:
    return json.loads(await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline))


def say(what: dict):
    print(json.dumps(what), flush=True)


def widen(dtls):
    for protocol in dtls.transport._connection._protocols:
        protocol.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_BUFFER)


async def main(messages: int, seconds: int):
    abandoned, told_of = count_abandoned(), mend_forward_tsn()
    mend_flight()
    pc, side = RTCPeerConnection(), Side(messages)
    pc.on("datachannel", side.take)
    what = await read_line()
    await pc.setRemoteDescription(RTCSessionDescription(what["offer"], "offer"))
    dtls = pc.sctp.transport
    if what["role"]:
        dtls._set_role(what["role"])
    await pc.setLocalDescription(await pc.createAnswer())
    widen(dtls)
    say({"answer": pc.localDescription.sdp, "fingerprint": dtls.getLocalParameters().fingerprints[0].value})
    await side.run(seconds)
    say(side.report(dtls) | {"abandoned": abandoned[0], "toldOfAbandoned": told_of[0]})
    await read_line()
    await pc.close()


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
