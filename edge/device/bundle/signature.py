"""The signature of a bundle, as OpenSSF's model-signing makes it: which files there are, and their hashes, signed.

model.sig is a sigstore bundle around a DSSE envelope around an in-toto statement, by an elliptic-curve key. The host
makes and verifies it with model-signing; a device has only to find the key and to ask OpenSSL, by its program or
through the package cryptography. Of the many spellings of one signature a single one is taken.
https://github.com/sigstore/model-transparency, https://github.com/secure-systems-lab/dsse
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.device.errors import BadBundle, Unavailable

NAME = "model.sig"
PAYLOAD_TYPE = "application/vnd.in-toto+json"

_BEGIN, _END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
# The hash that goes with a curve, found by the curve's object identifier in the key (RFC 5480, section 2.1.1.1).
_CURVES = {
    bytes.fromhex("06082a8648ce3d030107"): "sha256",  # P-256
    bytes.fromhex("06052b81040022"): "sha384",  # P-384
    bytes.fromhex("06052b81040023"): "sha512",  # P-521
}
_SECONDS = 30  # that OpenSSL may take


def signed_files(content: bytes, keys: Sequence[Path]) -> dict[str, str]:
    """The hexadecimal SHA-256 of each file, by its path, that one of `keys` has signed for.

    Raises BadBundle where `content` is no such signature, is by none of `keys` or does not hold, Unavailable where
    there is nothing to verify it with.
    """
    hint, payload, signature = _read(content)
    key = _find(hint, keys)
    if not _holds(key, pae(payload), signature):
        raise BadBundle(f"signature: does not hold for the key {key}; the bundle was altered: get it again")
    return _resources(payload)


def listed_files(content: bytes) -> dict[str, str]:
    """As `signed_files`, of a signature that is not verified."""
    _, payload, _ = _read(content)
    return _resources(payload)


def pae(payload: bytes) -> bytes:
    """What is really signed: DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def envelope(hint: str, payload: bytes, signature: bytes) -> bytes:
    """model.sig, spelled in the only way that is taken."""
    body = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    return json.dumps(body, separators=(",", ":")).encode()


def hint_of(pem: str) -> str:
    """What a signature calls its key: the SHA-256 of the PEM file as OpenSSL writes it.

    Raises ValueError where `pem` is no public key.
    """
    text = base64.b64encode(_der(pem)).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return hashlib.sha256("\n".join([_BEGIN, *lines, _END, ""]).encode()).hexdigest()


def _read(content: bytes) -> tuple[str, bytes, bytes]:
    """The key's hint, the payload and the signature over it."""
    try:
        body = json.loads(content)
        hint = body["verificationMaterial"]["publicKey"]["hint"]
        payload = base64.b64decode(body["dsseEnvelope"]["payload"])
        signature = base64.b64decode(body["dsseEnvelope"]["signatures"][0]["sig"])
    except (ValueError, TypeError, LookupError, RecursionError):
        raise BadBundle("signature: not one of model-signing; make the bundle with edgewise bundle") from None
    if not isinstance(hint, str) or not hint.isascii() or envelope(hint, payload, signature) != content:
        raise BadBundle("signature: not in the form of bundles, or altered; make the bundle with edgewise bundle")
    return hint, payload, signature


def _find(hint: str, keys: Sequence[Path]) -> Path:
    known = []
    for key in keys:
        try:
            pem = key.read_text(encoding="ascii")
            known.append(hint_of(pem))
        except (OSError, ValueError) as error:
            raise BadBundle(f"{key}: not a public key in PEM form ({error}); remove it or put it right") from None
        if known[-1] == hint:
            return key
    trusted = ", ".join(each[:12] for each in known) or "none at all"
    raise BadBundle(
        f"signature: by the key {hint[:12]}…, which is not trusted here (trusted: {trusted}); sign with a trusted key, "
        "or enroll its public key on the device"
    )


def _der(pem: str) -> bytes:
    lines = pem.strip().splitlines()
    if len(lines) < 3 or (lines[0].strip(), lines[-1].strip()) != (_BEGIN, _END):
        raise ValueError(f"expected {_BEGIN} ... {_END}")
    try:
        return base64.b64decode("".join(line.strip() for line in lines[1:-1]), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _hash_for(key: Path) -> str:
    der = _der(key.read_text(encoding="ascii"))
    for curve, name in _CURVES.items():
        if curve in der[:32]:
            return name
    raise BadBundle(f"{key}: not a key on the curves P-256, P-384 or P-521, which model-signing signs with")


def _holds(key: Path, message: bytes, signature: bytes) -> bool:
    name = _hash_for(key)
    openssl = shutil.which("openssl")
    if openssl is not None:
        return _by_program(openssl, name, key, message, signature)
    return _by_package(name, key, message, signature)


def _by_program(openssl: str, name: str, key: Path, message: bytes, signature: bytes) -> bool:
    with tempfile.NamedTemporaryFile(prefix="edgewise-", suffix=".sig") as file:
        file.write(signature)
        file.flush()
        command = [openssl, "dgst", f"-{name}", "-verify", str(key), "-signature", file.name]
        done = subprocess.run(command, input=message, capture_output=True, timeout=_SECONDS, check=False)
    return done.returncode == 0


def _by_package(name: str, key: Path, message: bytes, signature: bytes) -> bool:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        raise Unavailable(
            "signatures: neither the program openssl nor the package cryptography is here; apt install openssl"
        ) from None
    known = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
    public = load_pem_public_key(key.read_bytes())
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return False
    try:
        public.verify(signature, message, ec.ECDSA(known[name]))
    except InvalidSignature:
        return False
    return True


def _resources(payload: bytes) -> dict[str, str]:
    """Path to hash of every file in the statement."""
    try:
        statement = json.loads(payload)
        resources: list[Any] = statement["predicate"]["resources"]
        named = [(each["name"], each["digest"], each["algorithm"]) for each in resources]
        kind = (statement["_type"], statement["predicateType"])
    except (ValueError, TypeError, LookupError, RecursionError):
        raise BadBundle("signature: what is signed is no statement of model-signing") from None
    if kind != ("https://in-toto.io/Statement/v1", "https://model_signing/signature/v1.0") or not all(
        isinstance(name, str) and isinstance(digest, str) and algorithm == "sha256" for name, digest, algorithm in named
    ):
        raise BadBundle("signature: what is signed is another kind of statement than model-signing's of SHA-256 hashes")
    if len({name for name, *_ in named}) != len(named):
        raise BadBundle("signature: names a file twice")
    return {name: digest for name, digest, _ in named}
