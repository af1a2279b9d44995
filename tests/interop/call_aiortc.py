"""The answering side of a call, made of aiortc: takes the offer from standard input, answers, and exchanges messages.

Usage: call_aiortc.py MESSAGES
In: a line {"offer": SDP}. Out: a line {"answer": SDP}, and when every channel has sent and heard enough {"received": {label: [...]}}.
"""
import asyncio
import json
import sys

from aiortc import RTCPeerConnection, RTCSessionDescription

from call_messages import LABELS, Ledger, make_message


async def read_line() -> dict:
    return json.loads(await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline))


def say(what: dict):
    print(json.dumps(what), flush=True)


class Side:
    def __init__(self, messages: int):
        self.messages = messages
        self.ledgers: dict[str, Ledger] = {}
        self.done = asyncio.Event()

    def take(self, channel):
        ledger = self.ledgers[channel.label] = Ledger()

        @channel.on("message")
        def on_message(message):
            ledger.hear(message)
            if len(self.ledgers) == len(LABELS) and all(x.count >= self.messages for x in self.ledgers.values()):
                self.done.set()

        asyncio.ensure_future(self.send(channel))

    async def send(self, channel):
        for n in range(self.messages):
            while channel.bufferedAmount > 1 << 20:
                await asyncio.sleep(0.01)
            channel.send(make_message(n))
            if n % 50 == 49:
                await asyncio.sleep(0)


async def main(messages: int):
    pc = RTCPeerConnection()
    side = Side(messages)
    pc.on("datachannel", side.take)
    offer = (await read_line())["offer"]
    await pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    await pc.setLocalDescription(await pc.createAnswer())
    fingerprint = pc.sctp.transport.getLocalParameters().fingerprints[0].value
    say({"answer": pc.localDescription.sdp, "fingerprint": fingerprint})
    try:
        await asyncio.wait_for(side.done.wait(), 60)
    except asyncio.TimeoutError:
        pass
    say({"received": {label: ledger.report() for label, ledger in side.ledgers.items()}})
    await read_line()
    await pc.close()


asyncio.run(main(int(sys.argv[1])))
