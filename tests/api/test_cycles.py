#!/usr/bin/python3
"""A thousand contexts come and go, real calls and such that never met a datagram: gauges are back at zero, ports are free, nothing has leaked.

usage: test_cycles.py DCMF DCMF_LOAD
"""
import signal
import sys
import time
import unittest

from gateway import HOST, GatewayTest
from load import Load

DCMF, DCMF_LOAD = sys.argv[1:3]
PATIENCE = 200  # seconds; sanitizers are slow
CONFIG = """
workers: 2
media: [ { name: local, address: "@HOST@", ports: 32000-39999 } ]
mdc1: { synthetic: ["load:4096"] }
log: { level: warn }
""".replace("@HOST@", HOST)
GAUGES = ("contexts", "legs", "legs_open", "splices", "channels", "associations", "dtls_connections", "half_open", "ports",
          "upstream_requests", "buffered_bytes")
WITHOUT_A_CALL = 700
OFFER = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
m=application 50000 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 127.0.0.1
a=sctp-port:5000
a=max-message-size:65536
a=setup:actpass
a=tls-id:0123456789abcdef0123456789
a=fingerprint:SHA-256 %s
a=dcmap:%s
""".replace("\n", "\r\n")
FINGERPRINT = ":".join(["5A"] * 32)
BOOTSTRAP = OFFER % (FINGERPRINT, '0 subprotocol="http"')
CALL = OFFER % (FINGERPRINT, '1000 subprotocol="chat";label="text"')


class Cycles(GatewayTest):
    def setUp(self):
        self.gateway = self.start(DCMF, CONFIG)

    def at_zero(self):
        return all(next(self.gateway.metric(gauge)) == "0" for gauge in GAUGES)

    def cycle_without_a_call(self, controller):
        """Made in one of three ways, and gone before anybody sends a datagram; a batch at a time, so that workers have something to do."""
        ways = (("sdp.terminate", {"sdp": BOOTSTRAP, "dcMedia": {"*": {"mediaProxyConfig": "HTTP_PROXY"}}}),
                ("sdp.offer", {"sdp": CALL, "securityMode": "E2AE"}),
                ("sdp.offer", {"sdp": CALL, "securityMode": "E2E"}))
        made = 0
        while made < WITHOUT_A_CALL:
            sent = [controller.send(method, **params) for method, params in (ways[(made + i) % 3] for i in range(35))]
            contexts = [controller.answer(id)["result"]["contextId"] for id in sent]
            for id in [controller.send("context.delete", contextId=c) for c in contexts]:
                self.assertEqual(controller.answer(id)["result"], {})
            made += len(contexts)

    def cycle_of_calls(self, scenario, *words):
        with Load(DCMF_LOAD, self.gateway, *words, "--rate", "20", "--ice", "mixed", "--setup", "mixed", "--timeout", "90", scenario=scenario) as load:
            load.finish(PATIENCE)
            self.assertEqual(load.status, 0, load.said + load.complained + self.gateway.log_text())

    def test_a_thousand_contexts_leave_nothing(self):
        begun = time.monotonic()
        controller = self.gateway.controller()
        self.cycle_without_a_call(controller)
        self.cycle_of_calls("bootstrap", "--ues", "150", "--app", "load")
        self.cycle_of_calls("p2p", "--pairs", "75", "--messages", "6")
        self.cycle_of_calls("passthrough", "--pairs", "75", "--messages", "6")
        created, deleted = (int(next(self.gateway.metric("contexts_%s_total" % what))) for what in ("created", "deleted"))
        self.assertEqual((created, deleted), (WITHOUT_A_CALL + 300, WITHOUT_A_CALL + 300))
        self.gateway.until(self.at_zero, "all gauges at zero")
        self.assertEqual(controller.ask("context.list"), {"contexts": []})
        controller.close()
        print("%.0f s " % (time.monotonic() - begun), end="", file=sys.stderr)

        # sanitizers speak up at the end: of the front, of the workers
        self.gateway.signal(signal.SIGTERM)
        self.assertEqual(self.gateway.process.wait(PATIENCE), 0, self.gateway.log_text())
        self.assertNotIn("Sanitizer", self.gateway.log_text())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
