"""Which addresses of cameras are allowed: a list of networks, and none by default."""

import pytest

from schemas.networks import expected_networks, lies_within, parse_networks

OURS = parse_networks(["10.0.0.0/8", "fd00::/8", "192.0.2.7"])


@pytest.mark.parametrize("address", ["10.1.2.3", "fd12::7", "192.0.2.7", "::ffff:10.1.2.3"])
def test_an_address_within_is_allowed(address: str) -> None:
    assert lies_within(address, OURS)


@pytest.mark.parametrize("address", ["11.0.0.1", "127.0.0.1", "::1", "fe80::1%eth0", "192.0.2.8", "::ffff:127.0.0.1"])
def test_an_address_outside_is_not(address: str) -> None:
    assert not lies_within(address, OURS)


def test_without_networks_nothing_is_allowed_and_with_all_everything_is() -> None:
    assert not lies_within("10.0.0.1", ())
    assert all(lies_within(one, parse_networks(["0.0.0.0/0", "::/0"])) for one in ("10.0.0.1", "::1", "::ffff:10.0.0.1"))


def test_a_wrong_list_says_what_is_allowed() -> None:
    assert expected_networks(["10.0.0.0/8"]) is None
    assert "10.0.0.5/8 has host bits set" in str(expected_networks(["10.0.0.5/8"]))
    assert "cameras" in str(expected_networks(["cameras"]))
