#!/usr/bin/python3
"""The node as a citizen of NRFs: a real gateway, NRFs of our own, which check every request against 3GPP's OpenAPI files.

usage: test_nrf.py DCMF DCMFCTL [OPENAPI_FOLDER]
"""
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import h2  # noqa: F401
    import yaml  # noqa: F401
except ImportError as missing:
    print("SKIPPED: %s: install python3-h2 and python3-yaml (tools/install-deps --test)" % missing)
    sys.exit(77)

from authority import Authority
from gateway import HOST, PATIENCE, GatewayTest, free_port
from nrf import Nrf

DCMF, DCMFCTL = sys.argv[1:3]
OPENAPI = sys.argv[3] if len(sys.argv) > 3 and sys.argv[3] else None
US = "6f1c0c1e-2a7b-4d0f-9a51-3d0f2b7c8e11"
CONFIG = """
node: { nf_instance_id: %s, locality: dc-east-1, plmn: 262-01 }
workers: 1
media: [ { name: local, address: %s, ports: 31300-31319 } ]
mdc1: { embedded: false }
limits: { contexts: 20 }
""" % (US, HOST)


class Registration(GatewayTest):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="dcmf-nrf-")
        self.addCleanup(shutil.rmtree, self.folder)

    def nrf(self, **how):
        nrf = Nrf(openapi=OPENAPI, **how)
        self.addCleanup(nrf.close)
        self.addCleanup(lambda: self.assertEqual(nrf.faults, []))
        return nrf

    def gateway(self, *roots, sbi=""):
        self.port = free_port()
        self.config = CONFIG + "sbi: { listen: '127.0.0.1:%d', nrf: [ %s ], %s }\n" % (self.port, ", ".join(roots), sbi)
        return self.start(DCMF, self.config)

    def file(self, name):
        return os.path.join(self.folder, name)

    def test_it_registers_beats_and_deregisters(self):
        nrf = self.nrf()
        gateway = self.gateway(nrf.root)
        nrf.until(lambda: len(nrf.of("PATCH")) >= 2, "alive")
        put = nrf.requests[0]
        self.assertEqual((put.method, put.path), ("PUT", "/nnrf-nfm/v1/nf-instances/" + US))
        self.assertEqual(put.value["nfType"], "MF")
        self.assertEqual(put.value["locality"], "dc-east-1")
        self.assertEqual(put.value["plmnList"], [{"mcc": "262", "mnc": "01"}])
        service = put.value["nfServiceList"]["mrm"]
        self.assertEqual(service["scheme"], "http")
        self.assertEqual(service["ipEndPoints"], [{"ipv4Address": "127.0.0.1", "transport": "TCP", "port": self.port}])
        self.assertFalse(service["oauth2Required"])
        self.assertEqual([p["path"] for p in nrf.of("PATCH")[0].value], ["/nfStatus", "/load"])
        self.assertEqual(list(gateway.metric("nrf_registered")), ["1"])
        gateway.signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(PATIENCE), 0)
        self.assertEqual(nrf.requests[-1].method, "DELETE")
        self.assertEqual(nrf.profiles, {})
        self.assertIn("deregistered", gateway.log_text())

    def test_forgotten_it_registers_again(self):
        nrf = self.nrf()
        gateway = self.gateway(nrf.root)
        nrf.until(lambda: nrf.profiles, "registered")
        nrf.forget()
        nrf.until(lambda: len(nrf.of("PUT")) == 2 and nrf.profiles, "registered again")
        self.assertIn("has forgotten us", gateway.log_text())

    def test_an_nrf_that_goes_down_and_comes_back_has_it_again(self):
        nrf = self.nrf()
        gateway = self.gateway(nrf.root)
        nrf.until(lambda: nrf.profiles, "registered")
        nrf.stop()
        gateway.until(lambda: list(gateway.metric("nrf_registered")) == ["0"], "aware of it")
        gateway.until(lambda: int(next(gateway.metric("nrf_failed_total"))) >= 2, "trying again")
        controller = gateway.controller()
        self.addCleanup(controller.close)
        self.assertEqual(controller.ask("node.info")["state"], "running")
        nrf.start()
        nrf.until(lambda: nrf.profiles, "registered again")
        gateway.until(lambda: list(gateway.metric("nrf_registered")) == ["1"], "aware of that")

    def test_an_nrf_that_is_not_there_yet_keeps_nobody_from_starting_and_stopping(self):
        nrf = self.nrf()
        nrf.stop()
        gateway = self.gateway(nrf.root)
        self.assertEqual(list(gateway.metric("nrf_registered")), ["0"])
        nrf.start()
        nrf.until(lambda: nrf.profiles, "registered")
        nrf.stop()
        gateway.until(lambda: list(gateway.metric("nrf_registered")) == ["0"], "aware of it")
        begun = time.monotonic()
        gateway.signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(PATIENCE), 0)
        self.assertLess(time.monotonic() - begun, 10)

    def test_two_nrfs_are_told_each_on_its_own(self):
        a, b = self.nrf(), self.nrf()
        gateway = self.gateway(a.root, b.root + "/")
        for nrf in (a, b):
            nrf.until(lambda n=nrf: n.profiles, "registered")
        a.stop()
        gateway.until(lambda: list(gateway.metric("nrf_registered")) == ["1"], "aware of it")
        seen = len(b.requests)
        b.until(lambda: len(b.requests) > seen + 1, "alive at the other")
        self.assertTrue(b.profiles)

    def test_refusals_are_survived(self):
        nrf = self.nrf()
        nrf.answers += [503, 403]
        self.gateway(nrf.root)
        nrf.until(lambda: nrf.profiles, "registered")
        self.assertEqual([r.method for r in nrf.requests[:3]], ["PUT", "PUT", "PUT"])
        nrf.answers += [400]
        nrf.until(lambda: len(nrf.of("PUT")) == 4, "registered with the whole profile")

    def test_answers_beyond_measure_are_failures(self):
        nrf = self.nrf()
        nrf.answers += [(201, {"content-type": "application/json"}, b" " * 200000), (200, {}, b"[" * 60000)]
        gateway = self.gateway(nrf.root)
        nrf.until(lambda: len(nrf.of("PUT")) == 2, "asked again")
        gateway.until(lambda: "the answer is too large" in gateway.log_text(), "aware of it")
        gateway.until(lambda: list(gateway.metric("nrf_registered")) == ["1"], "content with a 200")

    def test_a_redirect_leads_to_another_nrf(self):
        nrf, other = self.nrf(), self.nrf()
        nrf.answers += [(307, {"location": other.root + "/nnrf-nfm/v1/nf-instances/" + US}, b"")]
        gateway = self.gateway(nrf.root)
        other.until(lambda: len(other.of("PATCH")) > 0, "alive there")
        self.assertEqual(len(nrf.requests), 1)
        other.stop()
        nrf.until(lambda: nrf.profiles, "registered where it is configured")
        gateway.signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(PATIENCE), 0)
        self.assertEqual(nrf.profiles, {})

    def test_a_token_is_fetched_where_the_nrf_wants_one(self):
        nrf = self.nrf()
        nrf.secret = nrf.token = "aaa.bbb.ccc"
        gateway = self.gateway(nrf.root)
        nrf.until(lambda: nrf.profiles, "registered")
        self.assertEqual([(r.method, r.path) for r in nrf.requests[:2]],
                         [("PUT", "/nnrf-nfm/v1/nf-instances/" + US), ("POST", "/oauth2/token")])
        nrf.secret = nrf.token = "ddd"
        nrf.until(lambda: any(r.headers.get("authorization") == "Bearer ddd" for r in nrf.of("PATCH")), "using the new one")
        self.assertNotIn("bbb", gateway.log_text())

    def test_a_drain_deregisters_and_a_resume_registers(self):
        nrf = self.nrf()
        gateway = self.gateway(nrf.root)
        nrf.until(lambda: nrf.profiles, "registered")
        controller = gateway.controller()
        self.addCleanup(controller.close)
        controller.ask("node.drain")
        nrf.until(lambda: not nrf.profiles, "deregistered")
        controller.ask("node.resume")
        nrf.until(lambda: nrf.profiles, "registered again")

    def test_over_tls_both_sides_know_each_other(self):
        authority = Authority(self.folder, "authority")
        authority.issue("nrf", "IP:127.0.0.1")
        authority.issue("mf1", "DNS:mf1.example,IP:127.0.0.1,URI:urn:uuid:" + US)
        stranger = Authority(self.folder, "stranger")
        stranger.issue("other", "IP:127.0.0.1")
        good, bad = (self.server(name) for name in ("nrf", "other"))
        nrf, impostor = self.nrf(tls=good), self.nrf(tls=bad)
        gateway = self.gateway(nrf.root, impostor.root, sbi="tls: { certificate: %s, key: %s, client_ca: %s }, advertise: mf1.example" % (
            self.file("mf1.pem"), self.file("mf1.key"), self.file("authority.pem")))
        nrf.until(lambda: nrf.profiles, "registered")
        profile = nrf.profiles[US]
        self.assertEqual(profile["fqdn"], "mf1.example")
        self.assertNotIn("ipv4Addresses", profile)
        self.assertEqual(profile["nfServiceList"]["mrm"]["scheme"], "https")
        gateway.until(lambda: int(next(gateway.metric("nrf_failed_total"))) >= 1, "suspicious")
        self.assertEqual(impostor.requests, [])
        gateway.signal(signal.SIGHUP)  # the files again, while connections live
        gateway.until(lambda: "reload" in gateway.log_text(), "reloaded")
        seen = len(nrf.requests)
        nrf.until(lambda: len(nrf.requests) > seen + 1, "alive")

    def server(self, name):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.file("authority.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(self.file(name + ".pem"), self.file(name + ".key"))
        return context


@unittest.skipIf(OPENAPI is None, "needs 3GPP's OpenAPI files")
class OurNrf(unittest.TestCase):
    """What would go unnoticed if our NRF were blind."""

    def faults(self, method, body, media_type="application/json", path="/nnrf-nfm/v1/nf-instances/" + US, known=True):
        nrf = Nrf(openapi=OPENAPI)
        self.addCleanup(nrf.close)
        if known:
            nrf.profiles[US] = {"nfInstanceId": US, "load": 0}
        nrf.answer({":method": method, ":path": path, "content-type": media_type}, json.dumps(body).encode() if body is not None else b"")
        return nrf.faults

    def test_it_finds_faults(self):
        profile = {"nfInstanceId": US, "nfType": "MF", "nfStatus": "REGISTERED", "fqdn": "mf1.example"}
        patch = [{"op": "replace", "path": "/load", "value": 1}]
        patch_type = "application/json-patch+json"
        self.assertEqual(self.faults("PUT", profile), [])
        self.assertEqual(self.faults("PATCH", patch, patch_type), [])
        self.assertEqual(self.faults("DELETE", None), [])
        for method, body, media_type in (
                ("PUT", dict(profile, load=101), "application/json"), ("PUT", dict(profile, nfStatus=1), "application/json"),
                ("PUT", {"nfInstanceId": US}, "application/json"), ("PUT", profile, "text/plain"), ("PUT", None, "application/json"),
                ("PUT", dict(profile, nfInstanceId=US.replace("6", "7")), "application/json"), ("PATCH", patch, "application/json"),
                ("PATCH", [], patch_type), ("PATCH", [{"op": "replace", "path": "/nothing", "value": 1}], patch_type),
                ("DELETE", {}, "application/json"), ("POST", profile, "application/json")):
            self.assertNotEqual(self.faults(method, body, media_type), [], (method, body, media_type))


class Configuration(unittest.TestCase):
    def check(self, text, without="nothing"):
        """Status and words of --check; `without` becomes auto."""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
            f.write("admin: { listen: '' }\ncontrol: { socket: %s.sock }\n%s" % (
                f.name, (CONFIG + text).replace(without, "auto")))
            f.flush()
            done = subprocess.run([DCMF, "--check", "-c", f.name], capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stderr

    def test_check_looks_the_nrf_up(self):
        listen = "listen: '127.0.0.1:%d'" % free_port()
        self.assertEqual(self.check("sbi: { %s, nrf: [ 'http://localhost:7777' ] }\n" % listen), (0, ""))
        status, text = self.check("sbi: { %s, nrf: [ 'http://localhost:7777' ] }\n" % listen, US)
        self.assertEqual(status, 0)
        self.assertIn("another node at every start", text)
        status, text = self.check("sbi: { %s, nrf: [ 'http://nrf.invalid:7777' ] }\n" % listen)
        self.assertEqual(status, 1)
        self.assertIn("nrf.invalid", text)


if __name__ == "__main__":
    if OPENAPI is None:
        print("SKIPPED: checking requests against 3GPP's OpenAPI files: give their folder, -Dopenapi=FOLDER", flush=True)
    unittest.main(argv=sys.argv[:1])
