"""A UE made of aiortc: sets up a bootstrap channel through the gateway and fetches what it is told to.

Usage: aiortc_peer.py CONTROL_SOCKET negotiated|dcep TARGET ...
Prints one JSON object: the answer's setup role and, a target each, status, length and CRC-32 of the body.
"""
import asyncio
import json
import sys
import zlib

from aiortc import RTCPeerConnection, RTCSessionDescription

from lab import Control, bootstrap


class Phone:
    """Requests one after the other on a data channel; a reply is complete when Content-Length bytes have come."""

    def __init__(self, channel):
        self.channel = channel
        self.received = bytearray()
        self.news = asyncio.Event()
        channel.on("message", self.on_message)

    def on_message(self, message):
        self.received += message.encode() if isinstance(message, str) else message
        self.news.set()

    async def until(self, complete):
        while not complete():
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), 30)

    async def get(self, target: str):
        self.channel.send(f"GET {target} HTTP/1.1\r\n\r\n".encode())
        await self.until(lambda: b"\r\n\r\n" in self.received)
        head, _, rest = bytes(self.received).partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        fields = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        length = int(fields["content-length"])
        self.received = bytearray(rest)
        await self.until(lambda: len(self.received) >= length)
        body, self.received = bytes(self.received[:length]), self.received[length:]
        return int(lines[0].split()[1]), fields, body


async def main(path: str, how: str, targets: list[str]):
    control = Control(path)
    pc = RTCPeerConnection()
    if how == "negotiated":
        channel = pc.createDataChannel("bootstrap", negotiated=True, id=0, protocol="http")
    else:
        channel = pc.createDataChannel("bootstrap", protocol="http")
    opened = asyncio.Event()
    channel.on("open", opened.set)
    await pc.setLocalDescription(await pc.createOffer())
    answer = control.call("sdp.terminate", sdp=pc.localDescription.sdp, dcMedia=bootstrap(how))
    await pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
    if channel.readyState != "open":
        await asyncio.wait_for(opened.wait(), 30)
    phone = Phone(channel)
    replies = []
    for target in targets:
        status, fields, body = await phone.get(target)
        replies.append({"status": status, "etag": fields.get("etag"), "length": len(body), "crc": zlib.crc32(body)})
    shown = control.call("context.get", contextId=answer["contextId"])
    await pc.close()
    control.call("context.delete", contextId=answer["contextId"])
    setup = next(line for line in answer["sdp"].splitlines() if line.startswith("a=setup:"))
    print(json.dumps({"setup": setup.removeprefix("a=setup:"), "replies": replies,
                      "status": shown["terminations"][0]["medias"][0]["dcmf"]["status"]}))


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
