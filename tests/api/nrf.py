"""nrf.py: a small NRF (TS 29.510) on HTTP/2, plain (h2c) or with TLS, that checks every request against 3GPP's OpenAPI files.

    nrf = Nrf(openapi="DIR", tls=None)         listens on 127.0.0.1, a thread of its own; nrf.root is its apiRoot
    nrf.until(lambda: nrf.profiles, "registered")
    nrf.requests                                every request so far: Request(method, path, headers, body, value)
    nrf.faults                                  what the files say is wrong with them; must stay empty
    nrf.forget(); nrf.answers.append(503)       the next request gets that, or (status, headers, body)
    nrf.secret = "t"                            requests need that token
    nrf.stop(); nrf.start()                     it goes down, and comes back on its port without memory
    nrf.close()

Without `openapi` nothing is checked. Needs python3-h2.
"""
import json
import os
import socket
import ssl
import sys
import threading
import time
import urllib.parse
from collections import namedtuple

import h2.config
import h2.connection
import h2.events
import h2.exceptions

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))

PATIENCE = 20  # seconds; sanitizers are slow
MANAGEMENT, TOKEN = "TS29510_Nnrf_NFManagement.yaml", "TS29510_Nnrf_AccessToken.yaml"
INSTANCE = "11111111-2222-4333-8444-555555555555"

Request = namedtuple("Request", "method path headers body value")


def problem(status, cause):
    return status, {"content-type": "application/problem+json"}, json.dumps({"status": status, "cause": cause}).encode()


class Connection:
    """One connection: requests whole, answers at once."""

    def __init__(self, nrf, sock):
        self.nrf, self.sock = nrf, sock
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.heads, self.bodies, self.unsent = {}, {}, {}

    def serve(self):
        self.h2.initiate_connection()
        try:
            self.sock.sendall(self.h2.data_to_send())
            while data := self.sock.recv(65536):
                for event in self.h2.receive_data(data):
                    self.on(event)
                self.sock.sendall(self.h2.data_to_send())
        except (OSError, h2.exceptions.ProtocolError):
            pass
        finally:
            self.sock.close()

    def on(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.heads[event.stream_id] = dict(event.headers)
            self.bodies[event.stream_id] = b""
        elif isinstance(event, h2.events.DataReceived):
            self.bodies[event.stream_id] += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            status, headers, body = self.nrf.answer(self.heads.pop(event.stream_id), self.bodies.pop(event.stream_id))
            self.h2.send_headers(event.stream_id, [(":status", str(status)), *headers.items()], end_stream=not body)
            if body:
                self.unsent[event.stream_id] = body
        for stream in list(self.unsent):
            self.send(stream)

    def send(self, stream):
        """As much as the gateway has room for."""
        while stream in self.unsent:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room <= 0:
                return
            body = self.unsent.pop(stream)
            self.h2.send_data(stream, body[:room], end_stream=len(body) <= room)
            if len(body) > room:
                self.unsent[stream] = body[room:]


class Nrf:
    def __init__(self, openapi=None, tls=None, heartbeat=1):
        """`tls`: an ssl context of a server."""
        self.schemas = None
        if openapi:
            from openapi import Schemas
            self.schemas = Schemas(openapi)
        self.tls, self.heartbeat = tls, heartbeat
        if tls is not None:
            tls.set_alpn_protocols(["h2"])
        self.lock = threading.Lock()
        self.profiles, self.requests, self.faults, self.answers = {}, [], [], []
        self.secret = None    # the token that requests must show
        self.token = None     # what is given to those who ask for one; None: 400
        self.key = None       # the answer to retrieve-key, bytes and content type; None: 404
        self.port = 0
        self.listener = None
        self.start()
        self.root = "%s://127.0.0.1:%d" % ("http" if tls is None else "https", self.port)

    # connections

    def start(self):
        self.profiles = {}
        self.socks = []
        self.listener = socket.create_server(("127.0.0.1", self.port), reuse_port=True)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.greet, args=(sock,), daemon=True).start()

    def greet(self, sock):
        try:
            sock.settimeout(PATIENCE)
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
            sock.settimeout(None)
        except (OSError, ssl.SSLError):
            sock.close()
            return
        self.socks.append(sock)
        Connection(self, sock).serve()

    def stop(self):
        """Twice is harmless."""
        if self.listener is None:
            return
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.listener = None
        for sock in self.socks:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    close = stop

    # what a test does and sees

    def until(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "not %s; requests: %s" % (what, [(r.method, r.path) for r in self.requests])
            time.sleep(0.02)

    def of(self, method):
        return [r for r in self.requests if r.method == method]

    def forget(self):
        with self.lock:
            self.profiles.clear()

    # requests

    def answer(self, head, body):
        with self.lock:
            value = None
            try:
                value = json.loads(body) if body and "json" in head.get("content-type", "") else None
            except ValueError:
                self.faults.append("no JSON: %r" % body)
            request = Request(head[":method"], head[":path"], head, body, value)
            self.requests.append(request)
            if self.answers:
                told = self.answers.pop(0)
                return told if isinstance(told, tuple) else problem(told, "TOLD_SO")
            return self.route(request)

    def route(self, r):
        if r.path == "/oauth2/token":
            return self.give_token(r)
        if r.path == "/oauth2/retrieve-key":
            self.check(TOKEN, r)
            if self.key is None:
                return problem(404, "KEY_NOT_FOUND")
            return 200, {"content-type": self.key[1]}, self.key[0]
        if not r.path.startswith("/nnrf-nfm/v1/"):
            self.faults.append("%s %s: no such API" % (r.method, r.path))
            return problem(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND")
        if self.secret is not None and r.headers.get("authorization") != "Bearer " + self.secret:
            return 401, {"www-authenticate": "Bearer"}, b""
        before = len(self.faults)
        self.check(MANAGEMENT, r, r.path[len("/nnrf-nfm/v1"):])
        if len(self.faults) > before:
            return problem(400, "INVALID_MSG_FORMAT")
        return self.manage(r, r.path.rsplit("/", 1)[1])

    def check(self, file, r, path=None):
        if self.schemas is None:
            return
        operation = self.schemas.operation(file, r.method, path or r.path)
        if operation is None:
            self.faults.append("%s %s: no such operation" % (r.method, r.path))
            return
        media_type = r.headers.get("content-type", "").split(";")[0]
        value = r.value if "json" in media_type else r.body or None
        if media_type == "application/x-www-form-urlencoded":
            value = dict(urllib.parse.parse_qsl(r.body.decode(), strict_parsing=True))
        found = self.schemas.body_faults(operation.get("requestBody"), media_type, value)
        self.faults += ["%s %s%s" % (r.method, r.path, fault) for fault in found]

    def give_token(self, r):
        self.check(TOKEN, r)
        form = dict(urllib.parse.parse_qsl(r.body.decode()))
        if self.token is None or form.get("scope") != "nnrf-nfm":
            return 400, {"content-type": "application/json"}, b'{"error":"invalid_scope"}'
        body = {"access_token": self.token, "token_type": "Bearer", "expires_in": 60, "scope": "nnrf-nfm"}
        return 200, {"content-type": "application/json", "cache-control": "no-store", "pragma": "no-cache"}, json.dumps(body).encode()

    def manage(self, r, instance):
        if r.method == "PUT":
            if r.value is None or r.value.get("nfInstanceId") != instance:
                self.faults.append("PUT: the profile is of another instance than the URL")
            is_new = instance not in self.profiles
            self.profiles[instance] = dict(r.value, heartBeatTimer=self.heartbeat)
            headers = {"content-type": "application/json", "location": self.root + r.path} if is_new else {"content-type": "application/json"}
            return 201 if is_new else 200, headers, json.dumps(self.profiles[instance]).encode()
        if instance not in self.profiles:
            return problem(404, "CONTEXT_NOT_FOUND")
        if r.method == "DELETE":
            del self.profiles[instance]
            return 204, {}, b""
        for item in r.value or []:
            name = item["path"][1:]
            if item["op"] != "replace" or name not in self.profiles[instance]:
                self.faults.append("PATCH: %s cannot be done" % item)
            self.profiles[instance][name] = item.get("value")
        return 204, {}, b""
