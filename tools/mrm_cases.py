"""mrm_cases.py: what the conformance kit asks of a Media Function: every attribute, every operation, every way to be refused."""
import copy
import json

from mrm_exchange import API, CONTEXT, JSON, PATCHING

FINGERPRINT = "SHA-256 " + ":".join("%02X" % b for b in range(32))
MEDIA = ("terminations", 0, "medias", 0)
PORT = "/terminations/0/medias/0/remoteMbEndpoint/portNumber"

# A value for a schema, where the schema alone does not tell a sensible one; by the last name of its pointer.
SAMPLES = {
    "IpAddr": {"ipv4Addr": "127.0.0.1"}, "Ipv4Addr": "127.0.0.1", "Ipv6Addr": "::1", "Ipv6Prefix": "2001:db8::/64", "Uinteger": 50500,
    "Fingerprint": FINGERPRINT, "TlsId": "q3Zr81kVw0sXm5TnHc2b", "Uri": "http://127.0.0.1:9/conformance", "ImsPublicId": "sip:ue@ims.example",
    "SdpString": "audio 49170 RTP/AVP 96", "subprotocol": "http", "sctpPort": 5000, "contextId": "conformance",
}
MAP_KEY = "0"
# Only the Media Function sets these; what a consumer sends there may be ignored.
SET_BY_MF = {"contextId", "localMbEndpoint", "localDcEndpoint", "localMdc1Endpoint", "localMdc2Endpoint"}
# Alternatives of one another: each replaces its rivals in what is sent.
RIVALS = {"ipv6Addr": ("ipv4Addr", "ipv6Prefix"), "ipv6Prefix": ("ipv4Addr", "ipv6Addr"), "ipv4Addr": ("ipv6Addr", "ipv6Prefix"),
          "fingerprint": ("fingerprints",)}


def document(ip="127.0.0.1"):
    return {"terminations": [{"terminationId": "ue", "medias": [{
        "mediaId": "0", "mediaResourceType": "DC",
        "remoteMbEndpoint": {"ip": {"ipv4Addr": ip}, "transport": "UDP", "portNumber": 50500},
        "dcMedia": {"mediaProxyConfig": "HTTP_PROXY", "streams": {"0": {"streamId": 0, "subprotocol": "http"}}, "maxMessageSize": 64,
                    "replaceHttpUrl": {"0": {"streamId": 0, "replaceHttpUrl": "http://127.0.0.1:9/conformance"}},
                    "remoteDcEndpoint": {"sctpPort": 5000, "tlsId": "q3Zr81kVw0sXm5TnHc2b", "securitySetup": "ACTPASS",
                                         "fingerprints": [FINGERPRINT]}}}]}]}


def early_document():
    """The shape of TS 29.176 V18.1.0."""
    early = document()
    early["terminations"][0]["medias"][0]["dcMedia"] = {
        "mediaProxyConfig": "HTTP", "streams": {"0": {"streamId": 0, "subprotocol": "http"}}, "securitySetup": "ACTPASS",
        "replaceHttpUrl": {"0": {"streamId": 0, "replaceHttpUrl": "http://127.0.0.1:9/conformance"}},
        "remoteMdc1Endpoint": {"ip": {"ipv4Addr": "127.0.0.1"}, "transport": "TCP", "portNumber": 9},
        "remoteDcEndpoint": {"sctpPort": 5000, "fingerprint": FINGERPRINT}}
    return early


def application_document():
    """An application channel to a server: the attributes of MDC2 have a meaning here."""
    doc = document()
    dc = doc["terminations"][0]["medias"][0]["dcMedia"]
    del dc["replaceHttpUrl"]
    dc.update(mediaProxyConfig="DC_APPLICATION_PROXY", streams={"1000": {"streamId": 1000, "subprotocol": "chat"}}, mdc2Info={
        "remoteMdc2Endpoint": {"ip": {"ipv4Addr": "127.0.0.1"}, "portNumber": 50700}, "mdc2Protocol": "UDP/DTLS/SCTP"})
    return doc


# ---- what the schemas have

class Attribute:
    def __init__(self, keys, place, required):
        self.keys, self.place, self.required = keys, place, required

    @property
    def pointer(self):
        return "/" + "/".join(str(k) for k in self.keys)

    @property
    def name(self):
        return self.keys[-1]

    def is_set_by_mf(self):
        return any(k in SET_BY_MF for k in self.keys)

    def base(self):
        """A document that it has a meaning in."""
        return application_document() if "mdc2Info" in self.keys else document()


def attributes(schemas, place, keys=()):
    """Every attribute below a schema, each once, parents first; lists and maps are entered by one element."""
    place = schemas.resolved(place)
    for name in place.node.get("properties") or {}:
        member = schemas.resolved(place.at("properties", name))
        path = keys + (name,)
        yield Attribute(path, place.at("properties", name), name in (place.node.get("required") or ()))
        if "items" in member.node:
            yield from attributes(schemas, member.at("items"), path + (0,))
        elif isinstance(member.node.get("additionalProperties"), dict):
            yield from attributes(schemas, member.at("additionalProperties"), path + (MAP_KEY,))
        else:
            yield from attributes(schemas, member, path)


def sample(schemas, place):
    """The smallest value that a schema takes."""
    for at in (place, schemas.resolved(place)):
        name = at.pointer.rsplit("/", 1)[-1]
        if name in SAMPLES:
            return copy.deepcopy(SAMPLES[name])
    place = schemas.resolved(place)
    node = place.node
    for key in ("allOf", "anyOf", "oneOf"):
        if key in node and "properties" not in node:
            return sample(schemas, place.at(key, 0))
    if "enum" in node:
        return node["enum"][0]
    kind = node.get("type")
    if kind == "object" and isinstance(node.get("additionalProperties"), dict):
        return {MAP_KEY: sample(schemas, place.at("additionalProperties"))}
    if kind == "object":
        return {n: sample(schemas, place.at("properties", n)) for n in node.get("required") or ()}
    if kind == "array":
        return [sample(schemas, place.at("items"))]
    return {"integer": 0, "boolean": True, "number": 0, "string": "conformance"}[kind]


def is_open_enumeration(schemas, place):
    node = schemas.resolved(place).node
    return any("enum" in option for option in node.get("anyOf", ())) and any(
        option.get("type") == "string" and "enum" not in option for option in node.get("anyOf", ()))


def wrong_type(schemas, place):
    node = schemas.resolved(place).node
    kind = node.get("type") or ("object" if "properties" in node else "string")
    return {"object": "text", "array": {"a": 1}, "integer": "text", "number": "text", "boolean": "text", "string": 17}[kind]


def put(schemas, doc, attribute, value):
    """Into the document; parents that are not there are made as small as they may be."""
    node, place = doc, schemas.place(CONTEXT)
    for i, key in enumerate(attribute.keys):
        place = schemas.resolved(place)
        for rival in RIVALS.get(key, ()) if isinstance(node, dict) else ():
            node.pop(rival, None)
        last = i == len(attribute.keys) - 1
        if isinstance(node, list):
            place = place.at("items")
        else:
            place = place.at("properties", key) if key in (place.node.get("properties") or {}) else place.at("additionalProperties")
            if last:
                node[key] = value
            elif key not in node:
                node[key] = sample(schemas, place)
        if not last:
            node = node[key]


def take(doc, keys):
    """What stands there; None: nothing."""
    for key in keys:
        try:
            doc = doc[key]
        except (KeyError, IndexError, TypeError):
            return None
    return doc


def holds(kept, value):
    """Everything that was sent, perhaps with something added."""
    if isinstance(value, dict):
        return isinstance(kept, dict) and all(holds(kept.get(k), v) for k, v in value.items() if k not in ("fingerprint", "maxMessageSize"))
    if isinstance(value, list):
        return isinstance(kept, list) and len(kept) == len(value) and all(map(holds, kept, value))
    return kept == value


# ---- cases

class Kit:
    def __init__(self, mf, early=None):
        """`mf` with the Release 19 schemas; `early`: another with those of early Release 18, or None."""
        self.mf, self.early, self.schemas = mf, early, mf.schemas

    CASES = {"life": "life", "places": "places", "bodies": "bodies", "patches": "patches", "attributes": "every_attribute",
             "early": "early_shape"}

    def run(self, names=tuple(CASES)):
        for name in names:
            getattr(self, self.CASES[name])()

    def drop(self, answer, mf=None):
        """Whatever was made is deleted again."""
        if answer.status == 201 and isinstance(answer.json, dict) and "contextId" in answer.json:
            (mf or self.mf).ask("DELETE", "/contexts/" + answer.json["contextId"])

    def refused(self, answer, *statuses):
        self.mf.expect(answer.status in statuses, "%s was expected, not %d" % (" or ".join(map(str, statuses)), answer.status))

    def make(self, mf=None, doc=None):
        mf = mf or self.mf
        answer = mf.ask("POST", "/contexts", doc or document())
        return answer.json.get("contextId") if answer.status == 201 and isinstance(answer.json, dict) else None

    def life(self):
        mf = self.mf
        with mf.case("a context is made, with what the Media Function adds"):
            answer = mf.ask("POST", "/contexts", document())
            if not mf.expect(answer.status == 201, "a create like any other is answered with %d: %s" % (answer.status, answer.text[:300])):
                return
            made, location = answer.json, answer.headers.get("location", "")
            mf.expect(location == "%s%s/contexts/%s" % (mf.api_root, API, made.get("contextId")), "Location is %r, contextId %r" % (
                location, made.get("contextId")))
            sent = document()
            for keys in (("terminations", 0, "terminationId"), MEDIA + ("mediaId",), MEDIA + ("mediaResourceType",), MEDIA + ("remoteMbEndpoint",),
                         MEDIA + ("dcMedia", "mediaProxyConfig"), MEDIA + ("dcMedia", "streams"), MEDIA + ("dcMedia", "replaceHttpUrl")):
                mf.expect(take(made, keys) == take(sent, keys), "/%s came back as %s" % ("/".join(map(str, keys)), json.dumps(take(made, keys))))
            for keys in (MEDIA + ("localMbEndpoint",), MEDIA + ("dcMedia", "localDcEndpoint", "fingerprints"),
                         MEDIA + ("dcMedia", "localDcEndpoint", "sctpPort"), MEDIA + ("dcMedia", "localDcEndpoint", "tlsId")):
                mf.expect(take(made, keys) is not None, "/%s is not filled" % "/".join(map(str, keys)))
            mf.expect(take(made, MEDIA + ("dcMedia", "localDcEndpoint", "securitySetup")) in ("ACTIVE", "PASSIVE"),
                      "the setup role is not resolved where the peer offers ACTPASS")
        context = made.get("contextId")
        with mf.case("a context is changed by JSON Patch"):
            answer = mf.ask("PATCH", "/contexts/" + context, [{"op": "replace", "path": PORT, "value": 50600}])
            self.refused(answer, 200, 204)
            if answer.status == 200:
                mf.expect(take(answer.json, MEDIA + ("remoteMbEndpoint", "portNumber")) == 50600, "the change is not in the answer")
                mf.expect(take(answer.json, MEDIA + ("localMbEndpoint",)) == take(made, MEDIA + ("localMbEndpoint",)),
                          "localMbEndpoint changed with the peer's port")
        with mf.case("a context is deleted at its Location, once"):
            self.refused(mf.ask("DELETE", "/contexts/" + context, url=location or None), 204)
            self.refused(mf.ask("DELETE", "/contexts/" + context), 404)
            self.refused(mf.ask("PATCH", "/contexts/" + context, [{"op": "replace", "path": PORT, "value": 1}]), 404)

    def places(self):
        mf = self.mf
        with mf.case("what is not there is a 404"):
            self.refused(mf.ask("DELETE", "/contexts/no-such-context"), 404)
            self.refused(mf.ask("PATCH", "/contexts/no-such-context", [{"op": "remove", "path": "/a"}]), 404)
            self.refused(mf.ask("POST", "/no-such-resource", document()), 404)
        with mf.case("another version of the API is not served"):
            self.refused(mf.ask("POST", "/contexts", document(), url=mf.api_root + "/nmf-mrm/v99/contexts"), 400, 404)
        with mf.case("methods that the resources do not have are a 405"):
            for method, path in (("GET", "/contexts"), ("DELETE", "/contexts"), ("GET", "/contexts/x"), ("PUT", "/contexts/x")):
                self.refused(mf.ask(method, path), 405, 501)

    def bodies(self):
        mf = self.mf
        with mf.case("a body of another media type is a 415"):
            self.refused(mf.ask("POST", "/contexts", document(), "text/plain"), 415)
            context = self.make()
            self.refused(mf.ask("PATCH", "/contexts/%s" % context, [{"op": "test", "path": PORT, "value": 50500}], JSON), 415)
            self.refused(mf.ask("PATCH", "/contexts/%s" % context, [{"op": "test", "path": PORT, "value": 50500}], PATCHING), 200, 204)
            mf.ask("DELETE", "/contexts/%s" % context)
        with mf.case("media types may have parameters"):
            self.drop(mf.ask("POST", "/contexts", document(), JSON + "; charset=utf-8"))
        with mf.case("a body that is no JSON, or no object, is a 400"):
            for body in (b"", b"{", b"\xff", b"[]", b"17", b"null", b"{} {}"):
                self.refused(mf.ask("POST", "/contexts", body), 400, *((411,) if body == b"" else ()))
        with mf.case("a body of 10 MB is a 413"):
            self.refused(mf.ask("POST", "/contexts", b"[" + b" " * (10 << 20) + b"]"), 413)

    def patches(self):
        mf, here = self.mf, "/contexts/%s" % self.make()
        with mf.case("patches that are none are a 400"):
            for body in ([], {}, [1], [{"path": "/a"}], [{"op": "remove"}], [{"op": "invert", "path": "/a"}], [{"op": "remove", "path": "a"}],
                         [{"op": "add", "path": "/a"}], [{"op": "move", "path": "/a"}]):
                self.refused(mf.ask("PATCH", here, body), 400)
        with mf.case("a patch is done whole or not at all"):
            self.refused(mf.ask("PATCH", here, [{"op": "replace", "path": PORT, "value": 50700}, {"op": "test", "path": PORT, "value": 1}]), 409, 400)
            self.refused(mf.ask("PATCH", here, [{"op": "test", "path": PORT, "value": 50500}]), 200, 204)
        with mf.case("all operations of RFC 6902 are understood"):
            stream = "/terminations/0/medias/0/dcMedia/streams/"
            self.refused(mf.ask("PATCH", here, [
                {"op": "test", "path": "/terminations/0/terminationId", "value": "ue"},
                {"op": "add", "path": stream + "10", "value": {"streamId": 10, "subprotocol": "http"}},
                {"op": "copy", "from": stream + "10/subprotocol", "path": stream + "0/subprotocol"},
                {"op": "move", "from": PORT, "path": PORT},
                {"op": "remove", "path": stream + "10"}]), 200, 204)
        with mf.case("a patch must leave a MediaContext behind"):
            self.refused(mf.ask("PATCH", here, [{"op": "remove", "path": "/terminations"}]), 400, 403)
            self.refused(mf.ask("PATCH", here, [{"op": "replace", "path": "", "value": {}}]), 400, 403)
            self.refused(mf.ask("PATCH", here, [{"op": "replace", "path": PORT, "value": "text"}]), 400)
        with mf.case("an operation on what is not there is refused"):
            self.refused(mf.ask("PATCH", here, [{"op": "remove", "path": "/terminations/7"}]), 400, 404, 409)
        mf.ask("DELETE", here)

    # every attribute of the schema

    def every_attribute(self):
        for attribute in attributes(self.schemas, self.schemas.place(CONTEXT)):
            with self.mf.case("attribute " + attribute.pointer):
                self.attribute_is_taken_or_refused(attribute)
                if not attribute.is_set_by_mf():
                    self.attribute_of_another_type(attribute)
                if attribute.required and not attribute.is_set_by_mf():
                    self.attribute_left_out(attribute)
                if is_open_enumeration(self.schemas, attribute.place) and not attribute.is_set_by_mf():
                    self.unknown_word(attribute)

    def with_value(self, attribute, value):
        doc = attribute.base()
        put(self.schemas, doc, attribute, value)
        return doc

    def is_kept(self, attribute, value, made):
        """Is what was sent in the answer, or something that stands for it?"""
        kept = take(made, attribute.keys)
        if attribute.is_set_by_mf() or holds(kept, value):
            return True
        if attribute.name == "maxMessageSize":  # the smaller of both sides'
            return isinstance(kept, int)
        if attribute.name == "fingerprint":  # deprecated in favour of the list
            return value in (take(made, attribute.keys[:-1] + ("fingerprints",)) or ())
        return False

    def is_refused_by_name(self, attribute, answer):
        """Not for what it is, but because it cannot be done, is not allowed or does not go with the rest."""
        problem = answer.json if isinstance(answer.json, dict) else {}
        params = [p.get("param", "") for p in problem.get("invalidParams") or ()]
        if not self.mf.expect(params, "refused with %d without invalidParams" % answer.status):
            return True
        if answer.status == 400:
            return problem.get("cause") == "OPTIONAL_IE_INCORRECT" and all(
                p.startswith(attribute.pointer.rsplit("/", 1)[0]) for p in params)
        return answer.status in (403, 501) or problem.get("cause") == "INSUFFICIENT_RESOURCES"

    def attribute_is_taken_or_refused(self, attribute):
        """Never malformed, and never taken without being kept. What every consumer sends must be taken."""
        mf, value = self.mf, take(attribute.base(), attribute.keys)
        if value is None:
            value = sample(self.schemas, attribute.place)
        answer = mf.ask("POST", "/contexts", self.with_value(attribute, value))
        if answer.status == 201:
            mf.expect(self.is_kept(attribute, value, answer.json), "%s was taken, and came back as %s" % (
                json.dumps(value)[:80], json.dumps(take(answer.json, attribute.keys))[:80]))
        elif take(document(), attribute.keys) is not None or not self.is_refused_by_name(attribute, answer):
            mf.expect(attribute.name == "ipv6Prefix", "%s is answered with %d: %s" % (  # the type is shared; an endpoint has an address
                json.dumps(value)[:80], answer.status, answer.text[:300]))
        self.drop(answer)

    def attribute_of_another_type(self, attribute):
        wrong = wrong_type(self.schemas, attribute.place)
        answer = self.mf.ask("POST", "/contexts", self.with_value(attribute, wrong))
        self.mf.expect(answer.status == 400, "%s there is answered with %d" % (json.dumps(wrong), answer.status))
        self.drop(answer)

    def attribute_left_out(self, attribute):
        doc = self.with_value(attribute, sample(self.schemas, attribute.place))
        parent = take(doc, attribute.keys[:-1])
        if isinstance(parent, dict):
            parent.pop(attribute.name, None)
        answer = self.mf.ask("POST", "/contexts", doc)
        if "mediaProxyConfig" == attribute.name and answer.status == 201:
            answer.status = 400  # optional in early Release 18, where a Media Function may take it for that
        self.mf.expect(answer.status == 400, "left out, it is answered with %d" % answer.status)
        self.drop(answer)

    def unknown_word(self, attribute):
        answer = self.mf.ask("POST", "/contexts", self.with_value(attribute, "OF_THE_FUTURE"))
        self.mf.expect(answer.status == 201 or self.is_refused_by_name(attribute, answer),
                       "an unknown word of an open enumeration is answered with %d: %s" % (answer.status, answer.text[:200]))
        self.drop(answer)

    def early_shape(self):
        if self.early is None:
            return
        mf = self.early
        with mf.case("the early Release 18 shape is answered in kind"):
            answer = mf.ask("POST", "/contexts", early_document())
            if not mf.expect(answer.status == 201, "the early shape is answered with %d: %s" % (answer.status, answer.text[:300])):
                return
            dc = take(answer.json, MEDIA + ("dcMedia",)) or {}
            mf.expect(dc.get("mediaProxyConfig") == "HTTP", "mediaProxyConfig came back as %r" % dc.get("mediaProxyConfig"))
            mf.expect("fingerprint" in dc.get("localDcEndpoint", {}), "localDcEndpoint has no `fingerprint`")
            mf.expect("mdc1Info" not in dc and "remoteMdc1Endpoint" in dc, "the MDC1 endpoint is not flat")
            here = "/contexts/" + answer.json["contextId"]
            self.refused(mf.ask("PATCH", here, [{"op": "replace", "path": PORT, "value": 50600}]), 200, 204)
            self.refused(mf.ask("DELETE", here), 204)
