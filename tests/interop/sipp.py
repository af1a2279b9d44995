"""Scenarios for sipp: a phone that calls and one that is called, with descriptions that somebody else makes."""
import re

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="{name}">\n'


def send(text: str, more: str = "") -> str:
    return f"<send {more}><![CDATA[\n\n{text.strip()}\n\n]]></send>\n"


REPLY = """
SIP/2.0 {status}
[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:];tag=[pid]bob[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:bob@[local_ip]:[local_port]>
"""
EMPTY = "Content-Length: 0\n"
BODY = 'Content-Type: application/sdp\nContent-Length: [len]\n\n[file name="{file}"]'
REQUEST = """
{method} [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
[routes]
From: <sip:alice@example.test>;tag=[pid]alice[call_number]
To: <sip:bob@example.test>[peer_tag_param]
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:alice@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Length: 0
"""
INVITE = """
INVITE sip:bob@example.test SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:alice@example.test>;tag=[pid]alice[call_number]
To: <sip:bob@example.test>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:alice@[local_ip]:[local_port]>
Max-Forwards: 70
"""
# The harness says by it that the call may end.
GO_ON = '<recv request="OPTIONS"></recv>\n'
GO_ON_REPLY = send("SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n" + EMPTY)


def caller(offer_file: str) -> str:
    return (HEAD.format(name="caller") + send(INVITE + BODY.format(file=offer_file), 'retrans="500"') +
            '<recv response="100" optional="true"></recv>\n<recv response="180" optional="true"></recv>\n'
            '<recv response="200" rrs="true"></recv>\n' + send(REQUEST.format(method="ACK", cseq=1)) +
            GO_ON + GO_ON_REPLY + send(REQUEST.format(method="BYE", cseq=2), 'retrans="500"') +
            '<recv response="200"></recv>\n</scenario>\n')


def called(answer_file: str, wait_ms: int) -> str:
    """Rings, waits for the answer to be written, and takes the call until the other hangs up."""
    return (HEAD.format(name="called") + '<recv request="INVITE" rrs="true"></recv>\n' +
            send(REPLY.format(status="180 Ringing") + EMPTY) + f'<pause milliseconds="{wait_ms}"/>\n' +
            send(REPLY.format(status="200 OK") + BODY.format(file=answer_file), 'retrans="500"') +
            '<recv request="ACK" rrs="true"></recv>\n<recv request="BYE"></recv>\n' +
            send(re.sub(r";tag=\S+", "", REPLY.format(status="200 OK")) + EMPTY) + '</scenario>\n')


def bodies(log: str, start: str) -> list[str]:
    """The SDP of each message in sipp's message log that starts so: "INVITE", "SIP/2.0 200"."""
    found = []
    for message in re.split(r"(?m)^-{40,}.*$", log):
        head, _, body = message.replace("\r\n", "\n").partition("\n\nv=0")
        if body and re.search(r"(?m)^" + re.escape(start), head):
            found.append("v=0" + body.rstrip("\n") + "\n")
    return found


def call_id(log: str) -> str:
    return re.search(r"(?m)^Call-ID: *(\S+)", log)[1]
