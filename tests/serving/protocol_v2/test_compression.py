import gzip
import os
import zlib

import pytest

from serving.http import Response
from serving.protocol_v2.compression import choose, compress

LONG = b"0123456789" * 1000


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate, br, zstd", "gzip"),
        ("deflate;q=0.9, gzip;q=0.1", "deflate"),
        ("GZIP ; q=0.5", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=0, deflate", "deflate"),
        ("br", None),
        ("identity", None),
        ("", None),
        (",,;", None),
        ("gzip;q=", None),
        ("gzip;q=x", None),
        ("gzip;q=.", None),
        ("gzip;q=²", None),
    ],
)
def test_encoding_is_the_preferred_of_those_offered(accepted: str, chosen: str | None) -> None:
    assert choose(accepted) == chosen


@pytest.mark.parametrize(("encoding", "decompress"), [(b"gzip", gzip.decompress), (b"deflate", zlib.decompress)])
def test_compressed_answer_is_the_same_again(encoding, decompress) -> None:
    answer = compress(Response(body=LONG, headers=((b"a", b"b"),)), encoding)
    assert decompress(answer.body) == LONG
    assert answer.headers == ((b"a", b"b"), (b"content-encoding", encoding))


@pytest.mark.parametrize(
    ("body", "accepted"), [(LONG, None), (LONG, b"br"), (b"short", b"gzip"), (os.urandom(4000), b"gzip")]
)
def test_answer_stays_as_it_is_where_compression_does_not_pay(body: bytes, accepted: bytes | None) -> None:
    response = Response(body=body)
    assert compress(response, accepted) is response
