"""Networks that addresses of cameras may lie in. Resolving a name is the caller's: query asks when a source is added, the
decoder again whenever it connects.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

SETTING: Final = "FRAMEBUS_SOURCE_NETWORKS"


def parse_networks(words: Iterable[str]) -> tuple[Network, ...]:
    """Return networks in CIDR notation (`10.0.0.0/8`, `fd00::/8`; one address is a network too). Raises `ValueError`."""
    return tuple(ip_network(word) for word in words)


def expected_networks(words: Iterable[str]) -> str | None:
    """Return what is allowed when `words` are no list of networks: the check of the setting."""
    try:
        parse_networks(words)
    except ValueError as error:
        return f"networks like 10.0.0.0/8 or fd00::/8, comma-separated; {error}"
    return None


def lies_within(address: str, networks: Iterable[Network]) -> bool:
    """Return whether an IP address, as a resolver spells it, lies in one of `networks`; without any, none does.

    An IPv4 address inside an IPv6 one (`::ffff:10.0.0.7`) is judged as what it reaches. Raises `ValueError` for what is no IP.
    """
    ip = ip_address(address)
    reached = ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip
    return any(reached in network for network in networks)
