"""Two phones made of aiortc for a call that SIP carries: alice calls bob. Each line of a description is a peer connection of its own.

In:  {"offered": SDP}, {"answered": SDP}, {"end": true}      Out: {"offer": SDP}, {"answer": SDP}, {"alice": ..., "bob": ...}
alice has a bootstrap line and one for applications; bob is given one for applications and a bootstrap line that the network added.
"""
import asyncio
import json
import re
import sys

from aiortc import RTCPeerConnection, RTCSessionDescription

MESSAGES = 50
AUDIO = "m=audio {port} RTP/AVP 96\r\nc=IN IP4 192.0.2.2\r\na=rtpmap:96 EVS/16000\r\na=sendrecv\r\n"
BOOTSTRAP = 'a=dcmap:0 subprotocol="http"\r\n'
CHAT = 'a=dcmap:1000 label="chat"\r\n'


def session(number: int) -> str:
    return f"v=0\r\no=- {number} 1 IN IP4 192.0.2.2\r\ns=-\r\nt=0 0\r\n"


def sections(sdp: str) -> list[str]:
    return ["m=" + part for part in re.split(r"(?m)^m=", sdp)[1:]]


def own_section(pc: RTCPeerConnection, mid: str, more: str = "") -> str:
    section = sections(pc.localDescription.sdp)[0]
    return section.replace("a=mid:0\r\n", f"a=mid:{mid}\r\n") + more


def alone(section: str) -> str:
    """The description of a peer connection that has only this line."""
    section = re.sub(r"a=mid:.*\r\n", "", section) + "a=mid:0\r\n"
    # aiortc takes no offer but actpass, where the gateway says which it is
    return session(1) + "a=ice-lite\r\na=group:BUNDLE 0\r\n" + section


class Http:
    """Requests on a bootstrap channel; a reply is complete when Content-Length bytes have come."""

    def __init__(self, pc: RTCPeerConnection):
        self.channel = pc.createDataChannel("bootstrap", negotiated=True, id=0, protocol="http")
        self.received = bytearray()
        self.news = asyncio.Event()
        self.channel.on("open", self.news.set)
        self.channel.on("message", self.on_message)

    def on_message(self, message):
        self.received += message.encode() if isinstance(message, str) else message
        self.news.set()

    async def get(self, target: str) -> dict:
        while self.channel.readyState != "open":
            await self.wait()
        self.channel.send(f"GET {target} HTTP/1.1\r\n\r\n".encode())
        while b"\r\n\r\n" not in self.received:
            await self.wait()
        head, _, body = bytes(self.received).partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
        while len(body) < length:
            await self.wait()
            body = bytes(self.received).partition(b"\r\n\r\n")[2]
        return {"status": int(head.split()[1]), "body": body.decode()}

    async def wait(self):
        self.news.clear()
        await asyncio.wait_for(self.news.wait(), 30)


class Chat:
    """Says MESSAGES messages, and waits until as many were heard."""

    def __init__(self, who: str, pc: RTCPeerConnection):
        self.who, self.heard, self.complete, self.is_open = who, [], asyncio.Event(), asyncio.Event()
        self.channel = pc.createDataChannel("chat", negotiated=True, id=1000)
        self.channel.on("message", self.on_message)
        self.channel.on("open", self.is_open.set)

    def on_message(self, message: str):
        self.heard.append(message)
        if len(self.heard) == MESSAGES:
            self.complete.set()

    async def talk(self):
        await asyncio.wait_for(self.is_open.wait(), 30)
        for i in range(MESSAGES):
            self.channel.send(f"{self.who} {i}")
        await asyncio.wait_for(self.complete.wait(), 30)


async def hear() -> dict:
    return json.loads(await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline))


def say(**what):
    print(json.dumps(what), flush=True)


async def main():
    alice_boot, alice_app, bob_boot, bob_app = (RTCPeerConnection() for _ in range(4))
    alice, bob = Chat("alice", alice_app), Chat("bob", bob_app)
    alice_http, bob_http = Http(alice_boot), Http(bob_boot)
    for pc in (alice_boot, alice_app):
        await pc.setLocalDescription(await pc.createOffer())
    say(offer=session(3918) + AUDIO.format(port=40000) + own_section(alice_boot, "boot", BOOTSTRAP) + own_section(alice_app, "app", CHAT))

    _, app, boot = sections((await hear())["offered"])
    for pc, section in ((bob_app, app), (bob_boot, boot)):
        section = re.sub(r"a=setup:\w+", "a=setup:actpass", section)
        await pc.setRemoteDescription(RTCSessionDescription(alone(section), "offer"))
        await pc.setLocalDescription(await pc.createAnswer())
    mids = [re.search(r"a=mid:(.*)\r\n", s)[1] for s in (app, boot)]
    say(answer=session(7711) + AUDIO.format(port=40002) + own_section(bob_app, mids[0], CHAT) + own_section(bob_boot, mids[1], BOOTSTRAP))

    _, boot, app = sections((await hear())["answered"])
    for pc, section in ((alice_boot, boot), (alice_app, app)):
        await pc.setRemoteDescription(RTCSessionDescription(alone(section), "answer"))
    lists = await asyncio.gather(alice_http.get("/applicationlist?begin-index=0&app-num=10"),
                                 bob_http.get("/applicationlist?begin-index=0&app-num=10"))
    await asyncio.gather(alice.talk(), bob.talk())
    say(alice={"list": lists[0], "heard": alice.heard}, bob={"list": lists[1], "heard": bob.heard})
    await hear()
    for pc in (alice_boot, alice_app, bob_boot, bob_app):
        await pc.close()


asyncio.run(main())
