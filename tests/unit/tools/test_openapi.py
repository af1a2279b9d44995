#!/usr/bin/python3
"""test_openapi.py: what the schema checker of tools/openapi.py finds, and what it lets pass. Usage: test_openapi.py FOLDER_OF_TOOLS"""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, sys.argv.pop(1))
from openapi import Schemas  # noqa: E402

API = """
paths:
  /things/{id}:
    put:
      requestBody:
        required: true
        content: { application/json: { schema: { $ref: '#/components/schemas/Thing' } } }
      responses:
        '200': { $ref: 'other.yaml#/components/responses/fine' }
        '204': { description: nothing }
components:
  schemas:
    Thing:
      type: object
      required: [name]
      properties:
        name: { $ref: 'other.yaml#/components/schemas/Name' }
        count: { type: integer, minimum: 1, maximum: 9 }
        kind: { anyOf: [ { type: string, enum: [a, b] }, { type: string } ] }
        either: { oneOf: [ { required: [x] }, { required: [y] } ] }
        neither: { not: { required: [x] } }
        list: { type: array, minItems: 1, items: { type: boolean } }
        map: { type: object, additionalProperties: { type: number } }
        none: { type: string, nullable: true }
        id: { type: string, format: uuid }
"""
OTHER = """
components:
  schemas: { Name: { type: string, pattern: '^[a-z]+$' } }
  responses: { fine: { content: { application/json: { schema: { type: array } } } } }
"""
THING = "api.yaml#/components/schemas/Thing"


class OpenApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        for name, text in (("api.yaml", API), ("other.yaml", OTHER)):
            with open(os.path.join(cls.folder.name, name), "w") as f:
                f.write(text)
        cls.schemas = Schemas(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def faults(self, **members):
        return self.schemas.check(THING, {"name": "n", **members})

    def test_what_fits_is_let_pass(self):
        self.assertEqual(self.faults(count=9, kind="c", either={"x": 1}, neither={"y": 1}, list=[True], map={"k": 1.5}, none=None,
                                     id="3fa85f64-5717-4562-b3fc-2c963f66afa6", unknown=1), [])

    def test_each_fault_names_its_place(self):
        for members, place in (({"count": 10}, "/count"), ({"count": 0}, "/count"), ({"count": True}, "/count"),
                               ({"count": "1"}, "/count"), ({"either": {"x": 1, "y": 1}}, "/either"), ({"either": {}}, "/either"),
                               ({"neither": {"x": 1}}, "/neither"), ({"list": []}, "/list"), ({"list": [1]}, "/list/0"),
                               ({"map": {"a/b": "x"}}, "/map/a~1b"), ({"kind": 1}, "/kind"), ({"id": "x"}, "/id"),
                               ({"name": "N"}, "/name")):
            found = self.faults(**members)
            self.assertEqual([f.split(":")[0] for f in found], [place], members)
        self.assertEqual(self.schemas.check(THING, {}), ["/name: is missing"])
        self.assertEqual(self.schemas.check(THING, []), ["/: is [], not object"])

    def test_a_known_defect_is_ignored_and_nothing_else(self):
        schemas = Schemas(self.folder.name, ignore={"other.yaml#/components/schemas/Name/pattern"})
        self.assertEqual(schemas.check(THING, {"name": "N"}), [])
        self.assertEqual(len(schemas.check(THING, {"name": 1})), 1)

    def test_operations_and_their_bodies(self):
        put = self.schemas.operation("api.yaml", "PUT", "/things/7")
        body = put.get("requestBody")
        self.assertIsNone(self.schemas.operation("api.yaml", "POST", "/things/7"))
        self.assertIsNone(self.schemas.operation("api.yaml", "PUT", "/things/7/8"))
        self.assertEqual(self.schemas.body_faults(body, "application/json", {"name": "n"}), [])
        self.assertEqual(len(self.schemas.body_faults(body, "text/plain", {"name": "n"})), 1)
        self.assertEqual(len(self.schemas.body_faults(body, "application/json", {})), 1)
        self.assertEqual(len(self.schemas.body_faults(body, "application/json", None)), 1)
        fine, nothing = self.schemas.response(put, 200), self.schemas.response(put, 204)
        self.assertEqual(self.schemas.body_faults(fine, "application/json", []), [])
        self.assertEqual(len(self.schemas.body_faults(fine, "application/json", {})), 1)
        self.assertEqual(self.schemas.body_faults(nothing, None, None), [])
        self.assertEqual(len(self.schemas.body_faults(nothing, "application/json", {})), 1)
        self.assertIsNone(self.schemas.response(put, 500))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
