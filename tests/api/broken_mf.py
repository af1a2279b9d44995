"""broken_mf.py: a Media Function that stands before a real one and spoils its answers, one way at a time. Needs python3-h2.

    mf = BrokenMf("http://127.0.0.1:9443"); mf.root is its apiRoot; mf.spoil = broken_mf.without_location
"""
import json
import socket
import threading

from consumer import Consumer
from nrf import Connection

DROPPED = ("content-length", "connection", "content-type")


class BrokenMf:
    def __init__(self, behind):
        self.behind, self.spoil = Consumer(behind), None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.root = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=Connection(self, sock).serve, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def answer(self, head, body):
        answer = self.behind.ask(head[":method"], head[":path"], body if "content-type" in head or body else None,
                                 head.get("content-type"))
        headers = {k: v.replace(self.behind.root, self.root) for k, v in answer.headers.items() if k not in DROPPED}
        status, text = answer.status, answer.body
        value = json.loads(text) if text else None
        media_type = answer.headers.get("content-type")
        if self.spoil is not None:
            status, headers, media_type, value = self.spoil(status, headers, media_type, value)
        if media_type is not None:
            headers["content-type"] = media_type
        return status, headers, b"" if value is None else value if isinstance(value, bytes) else json.dumps(value).encode()


# Each takes status, headers, media type and value, and gives them back spoilt.

def media(value):
    return value["terminations"][0]["medias"][0]


def without_location(status, headers, media_type, value):
    headers.pop("location", None)
    return status, headers, media_type, value


def with_another_location(status, headers, media_type, value):
    if "location" in headers:
        headers["location"] += "x"
    return status, headers, media_type, value


def with_200_for_201(status, headers, media_type, value):
    return 200 if status == 201 else status, headers, media_type, value


def with_ports_as_texts(status, headers, media_type, value):
    if status in (200, 201):
        media(value)["localMbEndpoint"]["portNumber"] = str(media(value)["localMbEndpoint"]["portNumber"])
    return status, headers, media_type, value


def without_streams(status, headers, media_type, value):
    if status in (200, 201):
        del media(value)["dcMedia"]["streams"]
    return status, headers, media_type, value


def without_its_own_endpoint(status, headers, media_type, value):
    if status == 201:
        del media(value)["localMbEndpoint"]
    return status, headers, media_type, value


def without_what_was_sent(status, headers, media_type, value):
    if status == 201:
        del media(value)["remoteMbEndpoint"]
    return status, headers, media_type, value


def with_a_bad_fingerprint(status, headers, media_type, value):
    if status == 201:
        media(value)["dcMedia"]["localDcEndpoint"]["fingerprints"] = ["sha-256 ab:cd"]
    return status, headers, media_type, value


def with_html_for_problems(status, headers, media_type, value):
    return (status, headers, "text/html", b"<h1>no</h1>") if status >= 400 else (status, headers, media_type, value)


def without_causes(status, headers, media_type, value):
    if status >= 400:
        del value["cause"]
    return status, headers, media_type, value


def with_another_status_inside(status, headers, media_type, value):
    if status >= 400:
        value["status"] = 500
    return status, headers, media_type, value


def with_400_for_404(status, headers, media_type, value):
    if status == 404:
        value["status"] = status = 422
    return status, headers, media_type, value


def without_allow(status, headers, media_type, value):
    headers.pop("allow", None)
    return status, headers, media_type, value


def with_a_reason_for_a_pointer(status, headers, media_type, value):
    for param in (value or {}).get("invalidParams", ()) if status >= 400 else ():
        param["param"] = "the port"
    return status, headers, media_type, value


def with_success_for_refusals(status, headers, media_type, value):
    if status in (400, 409, 501) and media_type == "application/problem+json":
        from consumer import document
        return 201, dict(headers, location="http://x/nmf-mrm/v1/contexts/9"), "application/json", dict(document(), contextId="9")
    return status, headers, media_type, value
