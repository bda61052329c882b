"""Which network addresses a picture may be fetched from: those of the public internet, and no others."""

import ipaddress

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Python calls these global, but what answers there is a relay, a translator or the cloud itself.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.88.99.0/24",  # 6to4 relays
        "168.63.129.16/32",  # Azure's platform channel
        "64:ff9b::/96",  # NAT64: wraps any IPv4 address
        "64:ff9b:1::/48",
        "2002::/16",  # 6to4: likewise
        "2001::/23",  # Teredo and other protocol assignments
        "::/96",  # IPv4-compatible, long deprecated
        "fec0::/10",  # site-local, long deprecated
        "5f00::/16",  # segment routing
        "3fff::/20",  # documentation
    )
)


def is_public(text: str) -> bool:
    """True when the address (a resolver's answer) belongs to the public internet."""
    try:
        address: IPAddress = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif address.packed[8:12] in (b"\0\0\x5e\xfe", b"\x02\0\x5e\xfe"):
            return False  # ISATAP: an IPv4 address in the last four bytes
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    )
