#!/usr/bin/python3
"""Access tokens at the door of Nmf_MRM: a real gateway, curl over HTTP/2 with and without TLS, tokens good and bad.

usage: test_oauth2.py DCMF [OPENAPI_FOLDER]
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import cryptography  # noqa: F401
    import h2  # noqa: F401
except ImportError as missing:
    print("SKIPPED: %s: install python3-cryptography and python3-h2 (tools/install-deps --test)" % missing)
    sys.exit(77)

from authority import Authority
from consumer import document
from gateway import HOST, PATIENCE, GatewayTest, free_port
from nrf import INSTANCE, Nrf
from tokens import Signer, jwks

DCMF = sys.argv[1]
OPENAPI = sys.argv[2] if len(sys.argv) > 2 and sys.argv[2] else None
US = "6f1c0c1e-2a7b-4d0f-9a51-3d0f2b7c8e11"
AS = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
OTHER = "99999999-2222-4333-8444-555555555555"
CONFIG = """
node: { nf_instance_id: %s, plmn: 310-410, nf_set_id: set1.mfset.5gc.mnc410.mcc310 }
workers: 1
media: [ { name: local, address: %s, ports: 31320-31339 } ]
mdc1: { embedded: false }
""" % (US, HOST)
CONTEXT = document()


class Answer:
    """Of curl -i: head and body."""

    def __init__(self, text):
        head, _, self.body = text.replace("\r\n", "\n").partition("\n\n")
        first, *fields = head.split("\n")
        self.version, self.status = first.split()[0], int(first.split()[1])
        self.header = {name.lower(): value for name, _, value in (f.partition(": ") for f in fields)}
        self.value = json.loads(self.body) if self.body else None


class Door(GatewayTest):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="dcmf-oauth2-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.signer, self.stranger = Signer("k1"), Signer("k1")
        self.tls = None

    def file(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.file(name), "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return self.file(name)

    def gateway(self, oauth2, more=""):
        self.port = free_port()
        self.instance = self.start(DCMF, CONFIG + "sbi: { listen: '127.0.0.1:%d', oauth2: { required: true, %s }, %s }\n" % (
            self.port, oauth2, more))
        return self.instance

    def curl(self, method, path, token=None, body=None, who="as1", media_type="application/json"):
        words = ["curl", "-s", "-i", "-X", method, "-m", str(PATIENCE)]
        if token is not None:
            words += ["-H", "Authorization: Bearer " + token]
        if body is not None:
            words += ["-H", "Content-Type: " + media_type, "--data-binary", json.dumps(body)]
        if self.tls:
            words += ["--http2", "--cacert", self.file("authority.pem"), "--cert", self.file(who + ".pem"), "--key", self.file(who + ".key")]
        else:
            words += ["--http2-prior-knowledge"]
        words.append("%s://127.0.0.1:%d/nmf-mrm/v1%s" % ("https" if self.tls else "http", self.port, path))
        done = subprocess.run(words, capture_output=True, text=True, timeout=2 * PATIENCE)
        self.assertEqual(done.returncode, 0, done)
        answer = Answer(done.stdout)
        self.assertEqual(answer.version, "HTTP/2")
        return answer

    def create(self, token, who="as1"):
        return self.curl("POST", "/contexts", token, CONTEXT, who)

    def refused(self, token, status, challenge, words, who="as1"):
        answer = self.create(token, who)
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.header.get("www-authenticate"), challenge)
        self.assertEqual(answer.header["content-type"], "application/problem+json")
        self.assertEqual(answer.value["status"], status)
        self.assertIn(words, answer.value["detail"])
        return answer

    def with_certificates(self):
        authority = Authority(self.folder, "authority")
        authority.issue("mf1", "DNS:localhost,IP:127.0.0.1,URI:urn:uuid:" + US)
        authority.issue("as1", "DNS:as1.example,URI:urn:uuid:" + AS)
        authority.issue("as2", "DNS:as2.example,URI:urn:uuid:" + OTHER)
        authority.issue("nobody", "DNS:nobody.example")
        self.tls = "tls: { certificate: %s, key: %s, client_ca: %s }" % tuple(
            self.file(n) for n in ("mf1.pem", "mf1.key", "authority.pem"))

    def test_a_good_token_opens_the_door_and_every_other_does_not(self):
        gateway = self.gateway("keys: %s, issuers: [ %s ]" % (self.write("keys.json", jwks(self.signer)), INSTANCE))
        token = self.signer.token
        bad = 'Bearer error="invalid_token"'
        created = self.create(token(sub=AS))
        self.assertEqual(created.status, 201, created.body)
        where = created.header["location"].rsplit("/nmf-mrm/v1", 1)[1]
        for where_we_are in ({"producerPlmnId": {"mcc": "310", "mnc": "410"}}, {"producerNfSetId": "set1.mfset.5gc.mnc410.mcc310"}):
            self.assertEqual(self.create(token(sub=AS, **where_we_are)).status, 201, where_we_are)
        self.refused(None, 401, 'Bearer scope="nmf-mrm"', "access token is needed")
        for text, words in (
                (token(sub=AS, exp=int(time.time()) - 60), "expired"),
                (token(sub=AS, nbf=int(time.time()) + 60), "not valid yet"),
                (token(sub=AS, aud="NRF"), "another audience"),
                (token(sub=AS, aud=[OTHER]), "another audience"),
                (token(sub=AS, iss=OTHER), "issuer is not trusted"),
                (token(sub=None), "names no consumer"),
                (token(sub=AS, header={"alg": "none"}, is_signed=False), "three parts"),
                (token(sub=AS, header={"alg": "none"}), "neither ES256 nor RS256"),
                (token(sub=AS, header={"alg": "HS256", "kid": "k1"}), "neither ES256 nor RS256"),
                (token(sub=AS, header={"alg": "ES256", "kid": "k9"}), "key that signed the token is not known"),
                (token(sub=AS, producerPlmnId={"mcc": "262", "mnc": "01"}), "another PLMN"),
                (token(sub=AS, producerNfSetId="set2.mfset.5gc.mnc410.mcc310"), "another NF set"),
                (token(sub=AS, deep=[[[[[[[[[[]]]]]]]]]]), "nested too deep"),
                (token(sub=AS, filler="x" * 7000), "too long"),
                (self.stranger.token(sub=AS), "signature is wrong"),
                ("x.y.z", "no base64url")):
            self.refused(text, 401, bad, words)
        self.refused(token(sub=AS, scope="nnrf-disc"), 403, 'Bearer error="insufficient_scope", scope="nmf-mrm"', "scope")
        self.assertEqual(self.curl("DELETE", where, None).status, 401)
        self.assertEqual(self.curl("DELETE", where, token(sub=OTHER)).status, 403)  # a context belongs to who made it
        self.assertEqual(self.curl("DELETE", where, token(sub=AS)).status, 204)
        self.assertGreaterEqual(int(next(gateway.metric("tokens_refused_total"))), 17)
        self.assertNotIn(token(sub=AS).split(".")[0], gateway.log_text())

    def test_a_token_is_verified_once_and_its_like_at_each_reload(self):
        gateway = self.gateway("keys: " + self.write("keys.json", jwks(self.signer)))
        token = self.signer.token(sub=AS)
        for _ in range(3):
            self.assertEqual(self.create(token).status, 201)
        self.assertEqual(list(gateway.metric("tokens_accepted_total")), ["3"])
        self.assertEqual(list(gateway.metric("tokens_remembered_total")), ["2"])
        self.write("keys.json", self.stranger.public())  # as PEM
        gateway.signal(signal.SIGHUP)
        gateway.until(lambda: "sbi.oauth2 was read again" in gateway.log_text(), "reloaded")
        self.refused(token, 401, 'Bearer error="invalid_token"', "signature is wrong")
        self.assertEqual(self.create(self.stranger.token(sub=AS)).status, 201)
        self.write("keys.json", "nonsense")
        gateway.signal(signal.SIGHUP)
        gateway.until(lambda: "sbi.oauth2 stays as it was" in gateway.log_text(), "reloaded")
        self.assertEqual(self.create(self.stranger.token(sub=AS)).status, 201)

    def test_over_tls_a_token_is_its_consumers_own(self):
        self.with_certificates()
        self.gateway("keys: %s, issuers: [ %s ]" % (self.write("keys.json", jwks(self.signer)), INSTANCE), self.tls)
        created = self.create(self.signer.token(sub=AS))
        self.assertEqual(created.status, 201, created.body)
        self.assertTrue(created.header["location"].startswith("https://"))
        bad = 'Bearer error="invalid_token"'
        self.refused(self.signer.token(sub=AS), 401, bad, "another consumer's", who="as2")
        self.refused(self.signer.token(sub=AS), 401, bad, "names no NF instance", who="nobody")
        self.refused(None, 401, 'Bearer scope="nmf-mrm"', "access token is needed")
        where = created.header["location"].rsplit("/nmf-mrm/v1", 1)[1]
        patch = [{"op": "replace", "path": "/terminations/0/medias/0/remoteMbEndpoint/portNumber", "value": 50502}]
        changed = self.curl("PATCH", where, self.signer.token(sub=AS), patch, media_type="application/json-patch+json")
        self.assertIn(changed.status, (200, 204), changed.body)
        self.assertEqual(self.curl("DELETE", where, self.signer.token(sub=AS.upper())).status, 204)

    def test_a_key_that_is_not_known_is_asked_of_the_nrf(self):
        nrf = Nrf(openapi=OPENAPI)
        self.addCleanup(nrf.close)
        nrf.key = self.signer.raw_key_answer()
        gateway = self.gateway("issuers: [ %s ]" % INSTANCE, "nrf: [ %s ]" % nrf.root)
        nrf.until(lambda: nrf.profiles, "registered")
        self.assertTrue(nrf.profiles[US]["nfServiceList"]["mrm"]["oauth2Required"])
        first = self.create(self.signer.token(sub=AS))
        self.assertEqual(first.status, 503, first.body)
        self.assertIn("retry-after", first.header)
        gateway.until(lambda: "a key of issuer" in gateway.log_text(), "told the key")
        self.assertEqual(self.create(self.signer.token(sub=AS)).status, 201)
        asked = [r for r in nrf.requests if r.path == "/oauth2/retrieve-key"]
        self.assertEqual([r.value for r in asked], [{"issuer": INSTANCE, "headerParameters": {"alg": "ES256", "kid": "k1"}}])
        self.refused(self.stranger.token(sub=AS), 401, 'Bearer error="invalid_token"', "signature is wrong")
        self.refused(self.stranger.token(sub=AS, iss=OTHER), 401, 'Bearer error="invalid_token"', "issuer")
        self.assertEqual(len([r for r in nrf.requests if r.path == "/oauth2/retrieve-key"]), 1)
        self.assertEqual(nrf.faults, [])

    def test_a_node_whose_keys_cannot_be_read_does_not_start(self):
        gateway = self.start(DCMF, CONFIG + "sbi: { listen: '127.0.0.1:%d', oauth2: { required: true, keys: %s } }\n" % (
            free_port(), self.write("keys.json", "{}")), wait=False)
        self.assertEqual(gateway.process.wait(PATIENCE), 1)
        self.assertIn("sbi.oauth2.keys", gateway.log_text())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
