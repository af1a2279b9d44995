"""openapi.py: values checked against the schemas of 3GPP's OpenAPI files; standard library and PyYAML only.

    schemas = Schemas("DIR")                                          the folder of the YAML files; each is read when it is needed
    faults = schemas.check("TS29176_Nmf_MRM.yaml#/components/schemas/MediaContext", value)
    faults == ["/terminations/0/medias: is missing", ...]             empty: the value is what the schema says

    operation = schemas.operation("TS29176_Nmf_MRM.yaml", "POST", "/contexts")     None: the API has no such operation
    schemas.body_faults(operation.get("requestBody"), "application/json", value)

A schema's defects are the caller's to know: `ignore` names JSON pointers into the files whose `pattern`, `maximum` and so on are not
asked: Schemas(folder, ignore={"TS29571_CommonData.yaml#/components/schemas/DcStream/properties/subprotocol/pattern"}).
"""
import json
import os
import re

import yaml

try:
    from yaml import CSafeLoader as Loader
except ImportError:
    from yaml import SafeLoader as Loader

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}

FORMATS = {
    "uuid": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "byte": re.compile(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"),
}


class Place:
    """A schema (or another part of a file) and where it stands: a reference in it starts from that file."""

    def __init__(self, file, pointer, node):
        self.file, self.pointer, self.node = file, pointer, node

    def at(self, *keys):
        node, pointer = self.node, self.pointer
        for key in keys:
            node = node[key]
            pointer += "/" + str(key).replace("~", "~0").replace("/", "~1")
        return Place(self.file, pointer, node)

    def get(self, *keys):
        node = self.node
        for key in keys:
            if not isinstance(node, (dict, list)) or (isinstance(node, dict) and key not in node):
                return None
            node = node[key]
        return self.at(*keys)

    def name(self):
        return self.file + "#" + self.pointer


class Schemas:
    def __init__(self, folder, ignore=()):
        self.folder, self.ignore, self.files = folder, frozenset(ignore), {}

    def file(self, name):
        if name not in self.files:
            with open(os.path.join(self.folder, name), encoding="utf-8") as f:
                self.files[name] = yaml.load(f, Loader)
        return self.files[name]

    def place(self, reference, beside=None):
        """What "FILE#/a/b" names; "#/a/b" is in the file that `beside` names."""
        file, _, pointer = reference.partition("#")
        place = Place(file or beside, "", self.file(file or beside))
        for key in pointer.split("/")[1:]:
            key = key.replace("~1", "/").replace("~0", "~")
            place = place.at(int(key) if isinstance(place.node, list) else key)
        return self.resolved(place)

    def resolved(self, place):
        for _ in range(32):
            if not isinstance(place.node, dict) or "$ref" not in place.node:
                return place
            place = self.place(place.node["$ref"], place.file)
        raise ValueError(place.name() + ": references that never end")

    # values

    def check(self, schema, value):
        """What is wrong with the value, one line each; `schema` is a Place or "FILE#/pointer"."""
        place = self.resolved(schema) if isinstance(schema, Place) else self.place(schema)
        return list(self.faults(place, value, ""))

    def faults(self, place, value, at):
        place = self.resolved(place)
        node = place.node
        if value is None and node.get("nullable"):
            return
        if "type" in node and not self.has_type(node["type"], value):
            yield "%s: is %s, not %s" % (at or "/", json.dumps(value)[:60], node["type"])
            return
        for check in (self.combined, self.scalar, self.array, self.object):
            yield from check(place, value, at)

    @staticmethod
    def has_type(wanted, value):
        if wanted in ("integer", "number") and isinstance(value, bool):
            return False
        return isinstance(value, TYPES[wanted])

    def limit(self, place, key):
        """The schema's word, or None where it says nothing or is known to be wrong."""
        if key not in place.node or place.name() + "/" + key in self.ignore:
            return None
        return place.node[key]

    def combined(self, place, value, at):
        for i, _ in enumerate(place.node.get("allOf", ())):
            yield from self.faults(place.at("allOf", i), value, at)
        for key, is_enough in (("anyOf", lambda n: n >= 1), ("oneOf", lambda n: n == 1)):
            if self.limit(place, key) is None:
                continue
            found = [list(self.faults(place.at(key, i), value, at)) for i in range(len(place.node[key]))]
            fits = sum(not faults for faults in found)
            if not is_enough(fits):
                why = min((f for f in found if f), key=len)[0] if fits == 0 else ""
                yield "%s: fits %d of the %d in %s%s" % (at or "/", fits, len(found), key, why and ": " + why)
        if "not" in place.node and not list(self.faults(place.at("not"), value, at)):
            yield "%s: is what it must not be" % (at or "/")

    def scalar(self, place, value, at):
        enum, pattern = self.limit(place, "enum"), self.limit(place, "pattern")
        if enum is not None and value not in enum:
            yield "%s: %s is none of the %d words" % (at or "/", json.dumps(value)[:60], len(enum))
        if isinstance(value, str):
            if pattern is not None and not re.search(pattern, value):
                yield "%s: %s does not match %s" % (at or "/", json.dumps(value)[:60], pattern)
            form = FORMATS.get(self.limit(place, "format"))
            if form is not None and not form.fullmatch(value):
                yield "%s: %s is no %s" % (at or "/", json.dumps(value)[:60], place.node["format"])
            yield from self.bounds(place, "minLength", "maxLength", len(value), at, "characters")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield from self.bounds(place, "minimum", "maximum", value, at, "")

    def bounds(self, place, low, high, value, at, unit):
        if self.limit(place, low) is not None and value < place.node[low]:
            yield "%s: %s %s is below %s" % (at or "/", value, unit, place.node[low])
        if self.limit(place, high) is not None and value > place.node[high]:
            yield "%s: %s %s is above %s" % (at or "/", value, unit, place.node[high])

    def array(self, place, value, at):
        if not isinstance(value, list):
            return
        yield from self.bounds(place, "minItems", "maxItems", len(value), at, "items")
        if self.limit(place, "uniqueItems") and any(v in value[:i] for i, v in enumerate(value)):
            yield "%s: an item is there twice" % (at or "/")
        for i, item in enumerate(value if "items" in place.node else ()):
            yield from self.faults(place.at("items"), item, "%s/%d" % (at, i))

    def object(self, place, value, at):
        if not isinstance(value, dict):
            return
        node, known = place.node, place.node.get("properties") or {}
        yield from self.bounds(place, "minProperties", "maxProperties", len(value), at, "members")
        for key in self.limit(place, "required") or ():
            if key not in value:
                yield "%s/%s: is missing" % (at, key)
        for key, member in value.items():
            below = "%s/%s" % (at, key.replace("~", "~0").replace("/", "~1"))
            if key in known:
                yield from self.faults(place.at("properties", key), member, below)
            elif isinstance(node.get("additionalProperties"), dict):
                yield from self.faults(place.at("additionalProperties"), member, below)
            elif self.limit(place, "additionalProperties") is False:
                yield "%s: is not known" % below

    # operations

    def operation(self, file, method, path):
        """`path` is the API's own, behind its base path. None: there is no such operation."""
        for template, _ in (self.file(file).get("paths") or {}).items():
            form = "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{[^}]*\})", template))
            if re.fullmatch(form, path):
                return Place(file, "", self.file(file)).get("paths", template, method.lower())
        return None

    def body_faults(self, body, media_type, value):
        """Of a request's or a response's body, `body` being its Place (or None: there is none)."""
        if body is None:
            return [] if value is None else ["/: a body where there is none"]
        body = self.resolved(body)
        content = body.get("content")
        if value is None:
            return ["/: no body"] if content is not None and body.node.get("required") else []
        if content is None:
            return ["/: a body where there is none"]
        if media_type not in content.node:
            return ["/: %s is none of %s" % (media_type, ", ".join(content.node))]
        schema = content.get(media_type, "schema")
        return self.check(schema, value) if schema is not None else []

    def response(self, operation, status):
        """The Place of that status among the operation's responses. None: it is not listed, and there is no default."""
        found = operation.get("responses", str(status)) or operation.get("responses", "default")
        return None if found is None else self.resolved(found)
