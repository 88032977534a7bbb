"""A bundle is taken as it was signed, to the byte, or not at all."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.bundle.making import pack
from edge.bundle.signing import make_key, sign
from edge.device.bundle import archive, read_description, read_head, unpack
from edge.device.bundle.signature import NAME as SIGNATURE
from edge.device.errors import BadArtifact, BadBundle, Unavailable
from edge.device.files import sha256_of

MakeBundle = Callable[..., Path]


@pytest.fixture
def key(signing_key: Path) -> Path:
    return signing_key.with_suffix(".pub.pem")


@pytest.fixture
def contents(make_bundle: MakeBundle, key: Path, tmp_path: Path) -> dict[str, bytes]:
    """The files of a small bundle, by path, in the archive's order."""
    bundle = make_bundle(target="mcu")  # it has no runner, which is the largest part
    description = unpack(bundle, tmp_path / "contents", [key])
    names = [SIGNATURE, "bundle.json", *(file.name for file in description.files)]
    return {name: (tmp_path / "contents" / name).read_bytes() for name in names}


def signed_again(contents: dict[str, bytes], private: Path, place: Path) -> bytes:
    """An archive of other contents under a signature that holds."""
    folder = place / "signed"
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / SIGNATURE).unlink(missing_ok=True)
    return pack({**contents, SIGNATURE: sign(folder, private)})


def test_unpacked_files_are_those_that_were_signed(make_bundle: MakeBundle, key: Path, tmp_path: Path) -> None:
    description = unpack(make_bundle(), tmp_path / "new", [key])
    assert description == read_description(tmp_path / "new") == read_head(make_bundle(), [key])
    for file in description.files:
        assert sha256_of(tmp_path / "new" / file.name) == file.sha256
    compared = subprocess.run(["tar", "-df", make_bundle(), "-C", tmp_path / "new"], capture_output=True, text=True)
    assert all(
        line.endswith(("Mod time differs", "Uid differs", "Gid differs")) for line in compared.stdout.splitlines()
    )


def test_signature_is_verified_with_the_package_where_there_is_no_openssl(
    make_bundle: MakeBundle, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    unpack(make_bundle(), tmp_path / "new", [key])
    content = bytearray(make_bundle().read_bytes())
    at = content.index(b'"sig":"') + 30
    content[at] = ord("A") if content[at] != ord("A") else ord("B")
    (tmp_path / "altered.bundle").write_bytes(content)
    with pytest.raises(BadBundle, match="signature: does not hold"):
        unpack(tmp_path / "altered.bundle", tmp_path / "other", [key])


@pytest.mark.parametrize("curve", ["P-384", "P-521"])
def test_larger_curves_are_taken(contents: dict[str, bytes], tmp_path: Path, curve: str) -> None:
    private, public = tmp_path / "key.pem", tmp_path / "key.pub.pem"
    command = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", private]
    subprocess.run(command, check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    (tmp_path / "one.bundle").write_bytes(signed_again(contents, private, tmp_path))
    assert unpack(tmp_path / "one.bundle", tmp_path / "new", [public]).name == "tiny"


def test_unknown_key_is_named(make_bundle: MakeBundle, key: Path, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other.pem")
    with pytest.raises(
        BadBundle, match=r"by the key [0-9a-f]{12}…, which is not trusted here \(trusted: [0-9a-f]{12}\)"
    ):
        unpack(make_bundle(), tmp_path / "new", [other])
    with pytest.raises(BadBundle, match="trusted: none at all"):
        unpack(make_bundle(), tmp_path / "new", [])
    assert not (tmp_path / "new").exists()
    unpack(make_bundle(), tmp_path / "new", [other, key])


def test_file_that_is_no_key_is_named(make_bundle: MakeBundle, tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nonsense")
    with pytest.raises(BadBundle, match=r"x\.pem: not a public key in PEM form"):
        unpack(make_bundle(), tmp_path / "new", [tmp_path / "x.pem"])


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "artifact/../../evil", ".hidden", "a//b", "a/./b", "C:\\evil", "a\nb", "ä", "a" * 101],
)
def test_names_that_lead_elsewhere_are_refused_though_signed(
    contents: dict[str, bytes], signing_key: Path, key: Path, tmp_path: Path, name: str
) -> None:
    """As a signer would make them who was fooled: description, signature and archive all agree on the name."""
    body = json.loads(contents["bundle.json"])
    digest = hashlib.sha256(b"evil").hexdigest()
    body["files"] = sorted([*body["files"], {"name": name, "size": 4, "sha256": digest}], key=lambda each: each["name"])
    (tmp_path / "one.bundle").write_bytes(
        signed_again({**contents, "bundle.json": json.dumps(body).encode()}, signing_key, tmp_path)
    )
    with pytest.raises(BadBundle):
        unpack(tmp_path / "one.bundle", tmp_path / "new" / "deep", [key])
    assert not list(tmp_path.rglob("*evil*"))


def test_links_and_devices_are_refused(contents: dict[str, bytes], key: Path, tmp_path: Path) -> None:
    """The type flag of the last file's header, with a checksum that fits."""
    for kind in (b"1", b"2", b"3", b"5", b"6", b"x", b"g", b"L", b"\0"):
        packed = bytearray(pack(contents))
        at = packed.index(list(contents)[-1].encode().ljust(100, b"\0"))
        block = bytearray(packed[at : at + 512])
        block[156:157] = kind
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        packed[at : at + 512] = block
        (tmp_path / "one.bundle").write_bytes(packed)
        with pytest.raises(BadBundle, match="altered"):
            unpack(tmp_path / "one.bundle", tmp_path / f"new{kind!r}", [key])


def test_missing_extra_and_exchanged_files_are_refused(contents: dict[str, bytes], key: Path, tmp_path: Path) -> None:
    names = list(contents)
    less = {name: contents[name] for name in names[:-1]}
    more = {**contents, "zebra.txt": b""}
    turned = {name: contents[name] for name in [*names[:-2], names[-1], names[-2]]}
    other = {**contents, "labels.txt": b"cat\nowl\ndog\n"}
    for number, changed in enumerate((less, more, turned, other, {})):
        (tmp_path / "one.bundle").write_bytes(pack(changed))
        with pytest.raises(BadBundle):
            unpack(tmp_path / "one.bundle", tmp_path / f"new{number}", [key])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "format 2, this runner reads 1; update the runner"),
        ({"version": "1.2"}, "version '1.2': expected MAJOR.MINOR.PATCH"),
        ({"name": "a b"}, "name: received 'a b', expected letters"),
        ({"surprise": 1}, "surprise: no such field"),
        ({"files": []}, "files: received '0', expected 1 to 2,000"),
        ({"python": "three"}, "python: received 'three', expected a version"),
    ],
)
def test_description_that_cannot_be_is_named(
    contents: dict[str, bytes], signing_key: Path, key: Path, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    body = {**json.loads(contents["bundle.json"]), **change}
    (tmp_path / "one.bundle").write_bytes(
        signed_again({**contents, "bundle.json": json.dumps(body).encode()}, signing_key, tmp_path)
    )
    with pytest.raises(BadBundle, match=words):
        unpack(tmp_path / "one.bundle", tmp_path / "new", [key])


def test_file_larger_than_any_bundle_is_not_read(key: Path, tmp_path: Path) -> None:
    (tmp_path / "one.bundle").write_bytes(archive.header(SIGNATURE, 8**11 - 1) + b"x" * 1000)
    with pytest.raises(BadBundle, match=r"model\.sig: 8,589,934,591 bytes, at most 2,097,152 are read"):
        unpack(tmp_path / "one.bundle", tmp_path / "new", [key])


@pytest.mark.parametrize("kind", ["missing", "empty", "folder", "text"])
def test_what_is_no_bundle_is_said_to_be_none(key: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "one.bundle"
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(b"" if kind == "empty" else b"hello " * 1000)
    with pytest.raises(BadBundle, match=r"one\.bundle: not"):
        unpack(path, tmp_path / "new", [key])


def test_disk_that_is_too_small_is_said_before_anything_is_written(
    make_bundle: MakeBundle, key: Path, tmp_path: Path
) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", place]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    try:
        with pytest.raises(Unavailable, match="bytes are free"):
            unpack(make_bundle(), place / "new", [key])
        assert not any(path.is_file() for path in place.rglob("*"))
    finally:
        subprocess.run(["umount", place], check=True)


Change = Callable[[bytes], bytes]


@st.composite
def changes(draw: st.DrawFn, size: int) -> Change:
    """A way to spoil `size` bytes."""
    at = draw(st.integers(0, size - 1))
    length = draw(st.sampled_from([1, 2, 8, 100, 512, 5120]))
    block = at // 512 * 512
    noise = draw(st.binary(min_size=1, max_size=16))
    bit = draw(st.integers(0, 7))
    return draw(
        st.sampled_from(
            [
                lambda data: data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :],
                lambda data: data[:at] + noise + data[at + len(noise) :],
                lambda data: data[:at] + noise + data[at:],
                lambda data: data[:at] + data[at + length :],
                lambda data: data[:at],
                lambda data: data[:block] + data[block + 512 :],
                lambda data: data[: block + 512] + data[block:],
                lambda data: data[:at] + bytes(length) + data[at + length :],
                lambda data: data[:at] + data[:length] + data[at + length :],
                lambda data: data + noise,
                lambda data: noise + data,
            ]
        )
    )


def test_no_spoiled_bundle_is_accepted(
    contents: dict[str, bytes], key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, path, place = pack(contents), tmp_path / "one.bundle", tmp_path / "new"
    monkeypatch.setenv("PATH", "")  # OpenSSL in this process: a program for each of ten thousand would take minutes
    path.write_bytes(whole)
    unpack(path, place, [key])
    refused = 0

    @settings(max_examples=10_000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(change=changes(len(whole)))
    def try_one(change: Change) -> None:
        nonlocal refused
        spoiled = change(whole)
        if spoiled == whole:
            return
        path.write_bytes(spoiled)
        shutil.rmtree(place, ignore_errors=True)
        with pytest.raises(BadBundle):
            unpack(path, place, [key])
        refused += 1

    try_one()
    assert refused >= 9_000  # the rest changed nothing, such as zeros to zeros


def test_description_of_a_folder_without_one_is_an_artefact_error(tmp_path: Path) -> None:
    with pytest.raises(BadArtifact, match="install the bundle again"):
        (tmp_path / "bundle.json").write_text("{")
        read_description(tmp_path)
