import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.deploy.address import Address, address_of
from edge.device.errors import BadSetting


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("device1", Address(host="device1")),
        ("pi@device1", Address(host="device1", user="pi")),
        ("pi@10.0.0.7:2222", Address(host="10.0.0.7", user="pi", port=2222)),
        ("[fe80::1]:22", Address(host="fe80::1", port=22)),
        ("mendel@[fe80::1%eth0]", Address(host="fe80::1%eth0", user="mendel")),
    ],
)
def test_address_is_read_and_written_alike(text: str, address: Address) -> None:
    assert address_of(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "a b", "pi@", "@host", "host:", "host:0", "host:70000", "-oProxyCommand=x", "a:b:c"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadSetting, match=r"no address of a device|expected 1 to 65535"):
        address_of(text)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = address_of(text)
    except BadSetting:
        return
    assert address_of(str(address)) == address
