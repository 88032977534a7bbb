"""Forms as the big service reads them."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.device.errors import Refused
from edge.device.serve.form import pictures_of
from edge.device.serve.request import Request
from serving.http import Request as ServiceRequest
from serving.pictures import pictures_of as pictures_of_service


def request_of(kind: str, body: bytes) -> Request:
    return Request(method="POST", path="/predict", query="", headers={"content-type": kind}, keeps=True, body=body)


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=4))
def test_form_of_any_bytes_is_read_as_a_client_wrote_it(contents: list[bytes]) -> None:
    sent = httpx.Request("POST", "http://x/", files=[("image", (f"{len(each)}.png", each)) for each in contents])
    pictures = pictures_of(request_of(sent.headers["content-type"], sent.read()), 4)
    assert [(each.name, each.content) for each in pictures] == [
        (f"image {at}", each) for at, each in enumerate(contents, 1)
    ]


FORM = (
    b'--b\r\nContent-Disposition: form-data; name="image"; filename="a\\"; name=x.png"\r\n\r\nabc\r\n'
    b"--b\r\ncontent-disposition: form-data; name=image\r\nContent-Type: image/png\r\n\r\n\r\n--\r\n\r\n--b--\r\n"
)
HEAD = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=b", FORM),
        ('multipart/form-data; boundary="b"', b"preamble\r\n" + FORM + b"epilogue"),
        ("multipart/form-data; boundary=b", HEAD % b"file" + b"x\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", HEAD % b"image" + b"x\r\n"),
        ("multipart/form-data; boundary=b", HEAD % b"image" + b"\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", (HEAD % b"image" + b"x\r\n") * 5 + b"--b--\r\n"),
        ("multipart/form-data; boundary=other", FORM),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"--b--\r\n"),
        ("multipart/form-data", FORM),
        ("image/png", b"x"),
        ("IMAGE/PNG; q=1", b"x"),
        ("image/png", b""),
        ("image/jpg", b"x"),
        ("text/plain", b"x"),
        ("", b"x"),
    ],
)
def test_pictures_and_refusals_are_those_of_the_service(kind: str, body: bytes) -> None:
    def outcome(read: object) -> object:
        try:
            return [(each.name, each.content) for each in read()]  # type: ignore[operator]
        except Refused as refused:
            return refused.status

    service = ServiceRequest(
        method="POST", path="/", query=b"", headers={b"content-type": kind.encode()} if kind else {}, body=body
    )
    expected = outcome(lambda: pictures_of_service(service, 4))
    if body.startswith(b"preamble"):  # RFC 2046 allows one, and python-multipart does not
        expected = [("image 1", b"abc"), ("image 2", b"\r\n--\r\n")]
    assert outcome(lambda: pictures_of(request_of(kind, body), 4)) == expected


@given(st.binary(max_size=300))
def test_form_of_any_bytes_is_read_or_refused(data: bytes) -> None:
    for body in (data, HEAD % b"image" + data, data + b"\r\n--b--"):
        try:
            assert pictures_of(request_of("multipart/form-data; boundary=b", body), 4)
        except Refused as refused:
            assert refused.status == 400
