"""tokens.py: access tokens as an NRF makes them, and as it would not; keys as JWKS and PEM. Needs python3-cryptography.

    signer = Signer("k1")
    signer.token(sub=AS)                        good for an hour; any claim may be replaced, None takes it out
    signer.token(header={"alg": "none"}, is_signed=False)
    jwks(signer, other)                         the text of a key file
"""
import base64
import json
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """An NRF's ES256 key."""

    def __init__(self, kid, issuer="11111111-2222-4333-8444-555555555555"):
        self.kid, self.issuer = kid, issuer
        self.key = ec.generate_private_key(ec.SECP256R1())

    def token(self, header=None, is_signed=True, **claims):
        header = {"alg": "ES256", "typ": "JWT", "kid": self.kid} if header is None else header
        whole = {"iss": self.issuer, "aud": "MF", "scope": "nmf-mrm", "exp": int(time.time()) + 3600, **claims}
        parts = [header, {k: v for k, v in whole.items() if v is not None}]
        text = ".".join(base64url(json.dumps(p).encode()) for p in parts)
        if not is_signed:
            return text + "."
        r, s = decode_dss_signature(self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return text + "." + base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))

    def jwk(self):
        numbers = self.key.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig",
                "x": base64url(numbers.x.to_bytes(32, "big")), "y": base64url(numbers.y.to_bytes(32, "big"))}

    def public(self, form=serialization.Encoding.PEM):
        return self.key.public_key().public_bytes(form, serialization.PublicFormat.SubjectPublicKeyInfo)

    def raw_key_answer(self):
        """As an NRF answers /oauth2/retrieve-key."""
        der = base64.b64encode(self.public(serialization.Encoding.DER)).decode()
        return json.dumps({"rawPubKey": der}).encode(), "application/json"


def jwks(*signers):
    return json.dumps({"keys": [s.jwk() for s in signers]})
