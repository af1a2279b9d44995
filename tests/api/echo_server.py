"""A WebRTC data channel server that says back what it hears, made of aiortc: the SDP offer comes on stdin, the answer goes to stdout, and
it serves until it gets SIGTERM. What `dcmf-load echo --exec-signalling` wants of a command.
"""
import asyncio
import signal
import sys

from aiortc import RTCPeerConnection, RTCSessionDescription


async def main():
    pc, over = RTCPeerConnection(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)

    @pc.on("datachannel")
    def on_datachannel(channel):
        channel.on("message", channel.send)

    await pc.setRemoteDescription(RTCSessionDescription(sys.stdin.read(), "offer"))
    await pc.setLocalDescription(await pc.createAnswer())
    print(pc.localDescription.sdp + "\r\n", flush=True)  # an empty line ends it
    await over.wait()
    await pc.close()


asyncio.run(main())
