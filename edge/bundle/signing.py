"""Signing keys, and the signature of a bundle: OpenSSF's model-signing with an elliptic-curve key."""

import base64
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from edge.device.bundle.signature import envelope, hint_of, pae
from edge.device.errors import BadBundle, BadSetting
from edge.device.files import write_bytes

# The hash that goes with a curve in sigstore's bundles, by bits of the key.
_HASHES: dict[int, hashes.HashAlgorithm] = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}


def make_key(path: Path) -> Path:
    """A new key on P-256: the private one at `path`, for its owner alone, the public one beside it, whose path returns.

    Raises BadSetting where one of them is there already.
    """
    public_path = path.with_suffix(".pub.pem")
    for each in (path, public_path):
        if each.exists():
            raise BadSetting(f"{each}: is there already, and devices may trust it; name another file for a new key")
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # Made with its mode, so that nobody reads it in between.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private)
    write_bytes(public_path, _public_pem(key))
    return public_path


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The private key at `path`.

    Raises BadSetting where there is none, or one that model-signing does not sign with.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise BadSetting(f"{path}: no key ({error.strerror}); make one: edgewise key {path}") from None
    except TypeError:
        raise BadSetting(
            f"{path}: encrypted; expected one without a password: openssl pkey -in KEY -out PLAIN"
        ) from None
    except ValueError as error:
        raise BadSetting(f"{path}: no private key in PEM form ({error}); make one: edgewise key FILE") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.key_size not in _HASHES:
        raise BadSetting(
            f"{path}: expected an elliptic-curve key on P-256, P-384 or P-521; make one: edgewise key FILE"
        )
    return key


def sign(folder: Path, key_path: Path) -> bytes:
    """model.sig for all files of `folder`, the same bytes each time.

    model-signing makes the statement, and verifies what comes out of this. Its own signature has a random number in it;
    the one here has the number that follows from key and message (RFC 6979), so that a bundle is reproducible.
    """
    from model_signing import hashing, signing, verifying

    key = read_key(key_path)
    pem = _public_pem(key)
    with TemporaryDirectory(prefix="edgewise-") as place:
        path, public_path = Path(place) / "model.sig", Path(place) / "key.pem"
        public_path.write_bytes(pem)
        config = hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)
        made = signing.Config().set_hashing_config(config).use_elliptic_key_signer(private_key=key_path)
        made.sign(folder, path)
        statement = json.loads(base64.b64decode(json.loads(path.read_text())["dsseEnvelope"]["payload"]))
        payload = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
        algorithm = ec.ECDSA(_HASHES[key.curve.key_size], deterministic_signing=True)
        content = envelope(hint_of(pem.decode()), payload, key.sign(pae(payload), algorithm))
        path.write_bytes(content)
        try:
            verifying.Config().use_elliptic_key_verifier(public_key=public_path).verify(folder, path)
        except ValueError as error:
            raise BadBundle(f"{folder}: model-signing does not accept the signature ({error})") from None
    return content


def _public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
