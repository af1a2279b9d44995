"""signalling.py: what a controller is told of phones that never send a datagram: their SDP, and documents of Nmf_MRM with them."""
FINGERPRINT = "SHA-256 " + ":".join("%02X" % i for i in range(32))
TLS_ID = "q3Zr81kVw0sXm5TnHc2b"
ROOT = "http://127.0.0.1:9/alice"  # nobody is there
BOOTSTRAP = '0 subprotocol="http"'


def sdp(*lines, session="1"):
    return "\r\n".join(["v=0", "o=- %s 1 IN IP4 127.0.0.1" % session, "s=-", "c=IN IP4 127.0.0.1", "t=0 0", *lines, ""])


def offer(channel=BOOTSTRAP, *attributes):
    """A phone without ICE, with one line; its mid is dc."""
    return sdp("m=application 50500 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:dc", "a=sctp-port:5000", *attributes, "a=setup:actpass",
               "a=tls-id:" + TLS_ID, "a=fingerprint:" + FINGERPRINT, "a=dcmap:" + channel)


def phone(session, letter, setup, lines, audio=("m=audio 40000 RTP/AVP 0",)):
    """One side of a call: an audio line, then data channel lines as port and channels; fingerprint and tls-id are made of the letter."""
    text = [*audio]
    for port, channels in lines:
        text += ["m=application %d UDP/DTLS/SCTP webrtc-datachannel" % port, "a=setup:" + setup,
                 "a=fingerprint:SHA-256 " + ":".join([letter * 2] * 32), "a=tls-id:" + letter * 20, channels]
    return sdp(*text, session=session)


def document(owner="alice", url=ROOT):
    """A bootstrap channel of that phone."""
    return {
        "terminations": [{
            "terminationId": "ue",
            "medias": [{
                "mediaId": "1",
                "mediaResourceType": "DC",
                "remoteMbEndpoint": {"ip": {"ipv4Addr": "127.0.0.1"}, "transport": "UDP", "portNumber": 50500},
                "dcMedia": {
                    "mediaProxyConfig": "HTTP_PROXY",
                    "streams": {"0": {"streamId": 0, "subprotocol": "http"}},
                    "replaceHttpUrl": {"0": {"streamId": 0, "replaceHttpUrl": url}},
                    "remoteDcEndpoint": {
                        "sctpPort": 5000, "fingerprints": [FINGERPRINT], "securitySetup": "ACTPASS", "tlsId": TLS_ID},
                }}]}],
        "dcmf": {"owner": owner},
    }
