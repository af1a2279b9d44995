"""phone.py: a phone on loopback, made of aiortc's DTLS and SCTP without ICE, and the words of a controller that joins it with a
server. Its work is done in a thread of its own; the methods wait for it."""
import asyncio
import socket
import threading

from aiortc import RTCCertificate, RTCDataChannel, RTCDataChannelParameters, RTCDtlsTransport, RTCSctpCapabilities, RTCSctpTransport
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters

PATIENCE = 30


class Path(asyncio.DatagramProtocol):
    """What aiortc takes for its ICE transport: one UDP socket and one remote address. Controlled: we are the DTLS client."""
    role = "controlled"
    state = "completed"

    def __init__(self):
        self.queue = asyncio.Queue()
        self.remote = None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.queue.put_nowait(data)

    async def _recv(self):
        data = await self.queue.get()
        if data is None:
            raise ConnectionError
        return data

    async def _send(self, data):
        self.transport.sendto(data, self.remote)

    def close(self):
        self.queue.put_nowait(None)
        self.transport.close()


class Phone:
    """Channels are agreed outside DCEP: {stream id: options of RTCDataChannelParameters}."""

    def __init__(self, channels, max_message=65536):
        self.wanted, self.max_message = channels, max_message
        self.loop = asyncio.new_event_loop()
        self.news = threading.Condition()
        self.heard = {sid: [] for sid in channels}
        self.closed = set()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.do(self.open())

    def do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    async def open(self):
        _, self.path = await self.loop.create_datagram_endpoint(Path, local_addr=("127.0.0.1", 0))
        udp = self.path.transport.get_extra_info("socket")
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)  # Python is slow
        self.port = self.path.transport.get_extra_info("sockname")[1]
        self.dtls = RTCDtlsTransport(self.path, [RTCCertificate.generateCertificate()])
        self.sctp = RTCSctpTransport(self.dtls)

    def media(self, **dc_media):
        """A MediaInfo with our side in it; `dcmf` goes beside dcMedia."""
        fingerprint = next(f for f in self.dtls.getLocalParameters().fingerprints if f.algorithm == "sha-256")
        dcmf = dc_media.pop("dcmf", None)
        media = {"mediaId": "m", "mediaResourceType": "DC",
                 "remoteMbEndpoint": {"ip": {"ipv4Addr": "127.0.0.1"}, "transport": "UDP", "portNumber": self.port},
                 "dcMedia": {"streams": {str(sid): self.stream(sid, words) for sid, words in self.wanted.items()},
                             "maxMessageSize": self.max_message // 1024,
                             "remoteDcEndpoint": {"sctpPort": 5000, "fingerprints": ["SHA-256 " + fingerprint.value.upper()],
                                                  "securitySetup": "ACTIVE"}, **dc_media}}
        if dcmf:
            media["dcmf"] = dcmf
        return media

    @staticmethod
    def stream(sid, words):
        said = {"streamId": sid, "order": words.get("ordered", True)}
        if "maxRetransmits" in words:
            said["maxRetry"] = words["maxRetransmits"]
        return said

    def connect(self, context, termination=0):
        """The answer: the context as the gateway gave it."""
        media = context["terminations"][termination]["medias"][0]
        end = media["dcMedia"]["localDcEndpoint"]
        self.path.remote = (media["localMbEndpoint"]["ip"]["ipv4Addr"], media["localMbEndpoint"]["portNumber"])
        self.do(self.start(end["fingerprints"][0].split(" ", 1)[1], end["sctpPort"]))
        self.until(lambda: all(c.readyState == "open" for c in self.channels.values()), "channels open")

    async def start(self, fingerprint, port):
        await self.dtls.start(RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint("sha-256", fingerprint)], role="server"))
        self.channels = {sid: self.channel(sid, words) for sid, words in self.wanted.items()}
        await self.sctp.start(RTCSctpCapabilities(maxMessageSize=262144), port)

    def channel(self, sid, words):
        c = RTCDataChannel(self.sctp, RTCDataChannelParameters(label=words.get("label", ""), negotiated=True, id=sid,
                                                               **{k: v for k, v in words.items() if k != "label"}))
        c.on("message", lambda message: self.tell(self.heard[sid].append, message))
        c.on("open", lambda: self.tell(lambda: None))
        c.on("close", lambda: self.tell(self.closed.add, sid))
        return c

    def tell(self, what, *words):
        with self.news:
            what(*words)
            self.news.notify_all()

    def until(self, condition, what, patience=PATIENCE):
        with self.news:
            assert self.news.wait_for(condition, patience), "not within %d s: %s" % (patience, what)

    def say(self, sid, *messages):
        def send():
            for m in messages:
                self.channels[sid].send(m)
        self.loop.call_soon_threadsafe(send)

    def buffered(self, sid):
        return self.channels[sid].bufferedAmount

    def hears(self, sid, count, patience=PATIENCE):
        self.until(lambda: len(self.heard[sid]) >= count, "%d messages on %d" % (count, sid), patience)
        return self.heard[sid]

    def close(self):
        async def end():
            await self.sctp.stop()
            await self.dtls.stop()
            self.path.close()
        self.do(end())
        self.loop.call_soon_threadsafe(self.loop.stop)


def endpoint(port, **more):
    return {"ip": {"ipv4Addr": "127.0.0.1"}, "portNumber": port, **more}


def to_server(protocol, port, **more):
    """Members of dcMedia: messages go to that server."""
    return {"mediaProxyConfig": "DC_APPLICATION_PROXY",
            "mdc2Info": {"mdc2Protocol": protocol, "remoteMdc2Endpoint": endpoint(port, **more)}}


def free_udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    s.settimeout(PATIENCE)
    return s
