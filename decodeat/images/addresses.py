"""Decide whether a picture may be fetched from a network address: only from one on the public internet."""

import ipaddress

# The only part of IPv6 that is allocated to hosts; NAT64, mapped, local and deprecated ranges all lie outside.
_HANDED_OUT = ipaddress.ip_network("2000::/3")

_ISATAP = (b"\0\0\x5e\xfe", b"\x02\0\x5e\xfe")  # bytes 8 to 11, before an IPv4 address

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Python calls these global, but what answers there is a relay, a translator or the cloud itself.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata among them
        "192.88.99.0/24",  # 6to4 relays
        "168.63.129.16/32",  # Azure's platform channel
        "2002::/16",  # 6to4: wraps any IPv4 address
        "2001::/23",  # Teredo and other protocol assignments
        "3fff::/20",  # documentation
    )
)


def is_public(text: str) -> bool:
    """Return whether an address (a resolver's answer) belongs to the public internet; False for any other text."""
    try:
        address: IPAddress = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif address not in _HANDED_OUT or address.packed[8:12] in _ISATAP:
            return False
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    )
