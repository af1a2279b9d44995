#!/usr/bin/python3
"""tools/mrm-conformance: the gateway passes, and Media Functions that are broken in one way each do not.

usage: test_conformance.py DCMF FOLDER_OF_OPENAPI_FILES
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

DCMF, OPENAPI = sys.argv[1:3]
if not os.path.isdir(OPENAPI):
    print("SKIPPED: tools/mrm-conformance needs 3GPP's OpenAPI files: give their folder, -Dopenapi=FOLDER", flush=True)
    sys.exit(77)

import broken_mf  # noqa: E402
from broken_mf import BrokenMf  # noqa: E402
from gateway import HOST, GatewayTest  # noqa: E402

KIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "mrm-conformance")
CONFIG = """
workers: 1
media: [ { name: local, address: @HOST@, ports: 20000-20999 } ]
mdc1: { embedded: false }
sbi: { listen: @HOST@:9443 }
""".replace("@HOST@", HOST)

# how it is broken, the cases that must see it, what they say
BROKEN = (
    (broken_mf.without_location, "life", "without its header Location"),
    (broken_mf.with_another_location, "life", "Location is "),
    (broken_mf.with_200_for_201, "life", "status 200 is not listed"),
    (broken_mf.with_ports_as_texts, "life", "localMbEndpoint/portNumber: is \"2"),
    (broken_mf.without_streams, "life", "dcMedia/streams: is missing"),
    (broken_mf.without_its_own_endpoint, "life", "localMbEndpoint is not filled"),
    (broken_mf.without_what_was_sent, "life", "remoteMbEndpoint came back as null"),
    (broken_mf.with_a_bad_fingerprint, "life", "does not match"),
    (broken_mf.with_html_for_problems, "places", "'text/html', not application/problem+json"),
    (broken_mf.without_causes, "places", "without a cause"),
    (broken_mf.with_another_status_inside, "places", "ProblemDetails says status 500"),
    (broken_mf.with_400_for_404, "places", "404 was expected, not 422"),
    (broken_mf.without_allow, "places", "405 without Allow"),
    (broken_mf.with_a_reason_for_a_pointer, "bodies patches", "is no JSON pointer"),
    (broken_mf.with_success_for_refusals, "bodies patches", "was expected, not 201"),
    (broken_mf.with_success_for_refusals, "attributes", "was taken, and came back as null"),
)


class Conformance(GatewayTest):
    @classmethod
    def setUpClass(cls):
        cls.start_shared(DCMF, CONFIG)
        cls.root = "http://%s:9443" % HOST

    def kit(self, root, *words):
        done = subprocess.run([KIT, "--openapi", OPENAPI, "--api-root", root, *words], capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout, done.stderr

    def contexts(self):
        controller = self.gateway.controller()
        self.addCleanup(controller.close)
        return controller.ask("context.list", limit=1000)["contexts"]

    def test_the_gateway_conforms(self):
        before = self.contexts()
        with tempfile.NamedTemporaryFile() as report:
            status, said, complained = self.kit(self.root, "--json", report.name)
            print("\n" + said)
            self.assertEqual((status, complained), (0, ""), said)
            figures = json.load(report)
        self.assertGreater(figures["cases"], 100)
        self.assertGreater(figures["requests"], 300)
        self.assertEqual(figures["faults"], [])
        for status in (201, 400, 403, 411, 413, 415, 501):
            self.assertIn(status, figures["statuses"]["POST /contexts"])
        self.assertEqual(self.contexts(), before)  # it tidies up

    def test_a_media_function_that_passes_on_what_the_gateway_says_conforms(self):
        mf = BrokenMf(self.root)
        self.addCleanup(mf.close)
        status, said, complained = self.kit(mf.root, "--cases", "life places bodies patches early")
        self.assertEqual((status, complained), (0, ""), said)

    def test_each_broken_one_is_found_out(self):
        mf = BrokenMf(self.root)
        self.addCleanup(mf.close)
        for spoil, cases, sign in BROKEN:
            with self.subTest(spoil.__name__):
                mf.spoil = spoil
                status, said, _ = self.kit(mf.root, "--cases", cases)
                self.assertEqual(status, 1, said)
                self.assertTrue(any(line.startswith("FAULT") and sign in line for line in said.splitlines()), said)

    def test_what_cannot_be_asked_is_not_called_conformant(self):
        status, said, complained = self.kit("http://%s:1" % HOST)
        self.assertEqual((status, said), (2, ""))
        self.assertIn("curl", complained)
        done = subprocess.run([KIT, "--openapi", "/nowhere", "--api-root", self.root], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
