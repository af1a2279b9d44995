"""mrm_exchange.py: requests to a Media Function, each checked with its answer against the OpenAPI files of TS 29.176.

    mf = MediaFunction("https://mf.example:9443", schemas, curl_words)
    with mf.case("a context is made"):
        answer = mf.ask("POST", "/contexts", document)          faults of the answer are noted in mf.faults by themselves
        mf.expect(answer.status == 201, "201 was expected, not %d" % answer.status)
"""
import collections
import contextlib
import json
import re
import subprocess
import tempfile

API = "/nmf-mrm/v1"
FILE = "TS29176_Nmf_MRM.yaml"
CONTEXT = FILE + "#/components/schemas/MediaContext"
COMMON = "TS29571_CommonData.yaml#/components/"
PROBLEM = COMMON + "schemas/ProblemDetails"
JSON, PATCHING, PROBLEM_JSON = "application/json", "application/json-patch+json", "application/problem+json"

# What is known to be wrong in the schemas themselves: keyword of the schema, and why it is not asked.
DEFECTS = {
    COMMON + "schemas/DcStream/properties/subprotocol/pattern": "the pattern does not let \"http\" through, the subprotocol of bootstrap channels",
    COMMON + "schemas/DcStream/not": "written defaults of both maxRetry and maxTime break the rule that one excludes the other",
}

Fault = collections.namedtuple("Fault", "case text")


class Answer:
    def __init__(self, status, version, headers, text):
        self.status, self.version, self.headers, self.text = status, version, headers, text
        try:
            self.json = json.loads(text) if text else None
        except ValueError:
            self.json = None

    @property
    def media_type(self):
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


class Unreachable(Exception):
    pass


class MediaFunction:
    def __init__(self, api_root, schemas, words=(), timeout=30):
        self.api_root, self.schemas, self.words, self.timeout = api_root.rstrip("/"), schemas, list(words), timeout
        self.faults, self.cases, self.requests = [], 0, 0
        self.met = collections.defaultdict(set)  # "POST /contexts": statuses
        self.name = ""

    # cases

    @contextlib.contextmanager
    def case(self, name):
        self.cases, self.name = self.cases + 1, name
        yield
        self.name = ""

    def expect(self, condition, text):
        if not condition:
            self.faults.append(Fault(self.name, text))
        return condition

    # requests

    def curl(self, method, url, body, media_type, headers):
        words = ["curl", "-sS", "--max-time", str(self.timeout), "-X", method, "-H", "expect:", *self.words,
                 "--http2" if url.startswith("https:") else "--http2-prior-knowledge"]
        for header in headers:
            words += ["-H", header]
        words += ["-H", "content-type:" + (" " + media_type if media_type else "")]
        if body is not None:
            words += ["--data-binary", "@-"]
        with tempfile.NamedTemporaryFile() as out:
            done = subprocess.run([*words, "-D", "-", "-o", out.name, url], input=body or b"", capture_output=True,
                                  timeout=2 * self.timeout)
            with open(out.name, encoding="utf-8", errors="replace") as f:
                text = f.read()
        head = [line for line in done.stdout.decode("latin-1").split("\r\n") if line]
        if not head:
            raise Unreachable("%s %s: %s" % (method, url, done.stderr.decode().strip()))
        while head[0].split()[1].startswith("1") and len(head) > 1:  # interim answers
            head.pop(0)
        version, status = head[0].split()[:2]
        fields = [line.split(":", 1) for line in head[1:] if ":" in line]
        return Answer(int(status), version, {n.strip().lower(): v.strip() for n, v in fields}, text)

    def ask(self, method, path, body=None, media_type=None, headers=(), url=None):
        """`path` is the API's own, "/contexts"; a body that is neither bytes nor None is sent as JSON."""
        if media_type is None:
            media_type = {"POST": JSON, "PATCH": PATCHING}.get(method)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.curl(method, url or self.api_root + API + path, data, media_type, headers)
        self.requests += 1
        operation = self.schemas.operation(FILE, method, path.split("?")[0])
        if operation is not None:
            self.met["%s %s" % (method, re.sub("/contexts/.*", "/contexts/{contextId}", path))].add(answer.status)
        self.check_answer(operation, answer, body)
        return answer

    # answers

    def check_answer(self, operation, answer, sent):
        self.expect(answer.version == "HTTP/2", "the answer came over %s, not HTTP/2" % answer.version)
        if answer.text:
            self.expect(answer.json is not None, "the body is not JSON: %r" % answer.text[:60])
        if answer.status >= 400:
            self.check_problem(answer, sent)
        elif operation is not None:
            self.check_success(operation, answer)

    def check_success(self, operation, answer):
        response = operation.get("responses", str(answer.status))
        if not self.expect(response is not None, "status %d is not listed" % answer.status):
            return
        response = self.schemas.resolved(response)
        for name, place in (response.node.get("headers") or {}).items():
            if place.get("required"):
                self.expect(name.lower() in answer.headers, "status %d without its header %s" % (answer.status, name))
        for fault in self.schemas.body_faults(response, answer.media_type, answer.json):
            self.expect(False, "body of status %d: %s" % (answer.status, fault))

    def check_problem(self, answer, sent):
        """Every refusal is a ProblemDetails, whether the operation lists its status or means it by `default`."""
        if not self.expect(answer.media_type == PROBLEM_JSON, "status %d has a body of type %r, not %s" % (
                answer.status, answer.media_type, PROBLEM_JSON)):
            return
        problem = answer.json
        for fault in self.schemas.check(PROBLEM, problem):
            self.expect(False, "ProblemDetails: " + fault)
        if not isinstance(problem, dict):
            return
        self.expect(problem.get("status", answer.status) == answer.status, "ProblemDetails says status %s, HTTP %d" % (
            problem.get("status"), answer.status))
        self.expect("cause" in problem, "ProblemDetails of status %d without a cause" % answer.status)
        for param in problem.get("invalidParams") or ():
            self.check_param(param.get("param", ""), sent)
        if answer.status in (429, 503):
            self.expect("retry-after" in answer.headers, "status %d without Retry-After" % answer.status)
        if answer.status == 405:
            self.expect("allow" in answer.headers, "status 405 without Allow")
        if answer.status == 401:
            self.expect("www-authenticate" in answer.headers, "status 401 without WWW-Authenticate")

    def check_param(self, param, sent):
        """A JSON pointer (to what was sent, or to what is missing there), "header X", "query X" or "{variable}"."""
        if param.startswith(("header ", "query ", "{")) or isinstance(sent, list):
            return
        keys = [k.replace("~1", "/").replace("~0", "~") for k in param.split("/")[1:]]
        if not self.expect(param == "" or param.startswith("/"), "invalidParams: %r is no JSON pointer" % param):
            return
        node = None if isinstance(sent, bytes) else sent
        for i, key in enumerate(keys if node is not None else ()):
            if isinstance(node, dict) and key in node:
                node = node[key]
            elif isinstance(node, list) and key.isdigit() and int(key) < len(node):
                node = node[int(key)]
            else:  # what is missing may be named, and what would be in it
                self.expect(isinstance(node, (dict, list)) and len(keys) - i <= 2, "invalidParams: %s is nowhere in what was sent" % param)
                return
