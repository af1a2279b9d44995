"""One end of an application channel, made of aiortc: a UE, or the application server that it talks to. Nothing in it knows of a
gateway: whoever starts it carries the SDP.

Usage: p2a_peer.py ue|server
In, a JSON object a line:
  {"offer": null, "agreed": [ids]}       make an offer, with channels agreed outside DCEP; without any, the UE opens two by DCEP,
                                         and the server one, "news", on which it says one thing
  {"offer": SDP, "agreed": [ids]}        answer this one; the server has no news then
  {"answer": SDP}                        the other side's answer to ours
  {"talk": MESSAGES}                     the UE says so many on every channel, and waits for each to come back
  {"close": LABEL}, {"end": true}
Out: {"offer": SDP}, {"answer": SDP}, {"open": true}, what the talk came to.
The server echoes every message on its channel.
"""
import asyncio
import json
import sys

from aiortc import RTCPeerConnection, RTCSessionDescription

from call_messages import make_message

PATIENCE = 30
NEWS = "news"


def say(**what):
    print(json.dumps(what), flush=True)


class Peer:
    def __init__(self):
        self.pc = RTCPeerConnection()
        self.channels = {}
        self.pc.on("datachannel", self.take)
        self.news = asyncio.Event()
        self.heard_news = []
        self.closed = set()

    def take(self, channel):
        self.channels[channel.label] = channel
        channel.on("message", lambda message: self.hear(channel, message))
        channel.on("close", lambda: self.on_close(channel.label))
        channel.on("open", self.news.set)

    def on_close(self, label: str):
        self.closed.add(label)
        self.news.set()

    def agree(self, ids: list[int]):
        for i in ids:
            self.take(self.pc.createDataChannel(f"agreed {i}", negotiated=True, id=i))

    async def until(self, condition):
        while not condition():
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), PATIENCE)

    async def offer(self, agreed: list[int]):
        self.agree(agreed)
        self.prepare(agreed)
        await self.pc.setLocalDescription(await self.pc.createOffer())
        say(offer=self.pc.localDescription.sdp)

    async def answer(self, sdp: str, agreed: list[int]):
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        self.agree(agreed)
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        say(answer=self.pc.localDescription.sdp)


class Server(Peer):
    def prepare(self, agreed: list[int]):
        if not agreed:
            channel = self.pc.createDataChannel(NEWS)
            self.take(channel)
            channel.on("open", lambda: channel.send("extra, extra"))

    def hear(self, channel, message):
        channel.send(message)


class Ue(Peer):
    def prepare(self, agreed: list[int]):
        if not agreed:
            self.take(self.pc.createDataChannel("reliable"))
            self.take(self.pc.createDataChannel("any order", ordered=False, protocol="chess"))
        self.echoes = {label: [] for label in self.channels}

    def hear(self, channel, message):
        if channel.label == NEWS:
            self.heard_news.append(message)
        else:
            self.echoes[channel.label].append(message)
        self.news.set()

    async def open(self):
        await self.until(lambda: all(self.channels[label].readyState == "open" for label in self.echoes))

    async def say(self, label: str, messages: int):
        """One at a time: Python is not always there when a burst comes, and aiortc is long in mending what its socket lost."""
        for n in range(messages):
            self.channels[label].send(make_message(n))
            await self.until(lambda: len(self.echoes[label]) > n)

    async def talk(self, messages: int):
        await self.open()
        for heard in self.echoes.values():
            heard.clear()
        await asyncio.gather(*(self.say(label, messages) for label in self.echoes))
        said = [make_message(n) for n in range(messages)]
        say(talk={label: {"right": heard == said, "id": self.channels[label].id} for label, heard in self.echoes.items()},
            news=self.heard_news, peer=self.seen(), role=self.pc.sctp.transport._role)

    def seen(self) -> str:
        """The certificate that the other end of our DTLS has."""
        return self.pc.sctp.transport.ssl.get_peer_certificate().digest("SHA256").decode()


async def serve(peer: Peer):
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        what = json.loads(line)
        if "end" in what:
            break
        if "offer" in what and what["offer"] is None:
            await peer.offer(what["agreed"])
        elif "offer" in what:
            await peer.answer(what["offer"], what["agreed"])
        elif "answer" in what:
            await peer.pc.setRemoteDescription(RTCSessionDescription(what["answer"], "answer"))
        elif "talk" in what:
            await peer.talk(what["talk"])
        elif "close" in what:
            peer.channels[what["close"]].close()
        elif "hangUp" in what:
            await peer.pc.close()
        elif "closed" in what:
            await peer.until(lambda: len(peer.closed) >= what["closed"])
            say(closed=sorted(peer.closed))
    await peer.pc.close()


async def main(kind: str):
    await serve({"ue": Ue, "server": Server}[kind]())


asyncio.run(main(sys.argv[1]))
