"""Detection of cloud metadata services, which return the machine's credentials (SSRF protection).

A provider is never at such an address. Loopback and private networks are allowed, because local models are there.
"""

import contextlib
import re
import unicodedata
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import unquote

_NAMES: Final = frozenset(
    {
        "metadata",
        "metadata.goog",
        "metadata.google.internal",
        "metadata.azure.internal",
        "metadata.tencentyun.com",
        "instance-data",
        "instance-data.ec2.internal",
    }
)
_NETWORKS_4: Final = [
    ip_network(text)
    for text in (
        "169.254.0.0/16",  # link-local: AWS, Azure, Google, Oracle, DigitalOcean, OpenStack and others
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure's agent
        "192.0.0.192/32",  # Oracle's older service
    )
]
_NETWORKS_6: Final = [
    ip_network(text)
    for text in (
        "fe80::/10",  # link-local
        "fd00:ec2::/64",  # AWS
        "fd20:ce::/64",  # Google
        "fd00:42::42/128",  # Scaleway
        "fd00:a9fe:a9fe::/48",  # Linode
    )
]
#: Networks whose last 32 bits are an IPv4 address: mapped, compatible, translated, and NAT64's two prefixes.
_ENDS_IN_4: Final = [
    ip_network(text) for text in ("::ffff:0:0/96", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
]
_ISATAP: Final = (0x00005EFE, 0x02005EFE)
_LOCAL_NAT64: Final = ip_network("64:ff9b:1::/48")
_SHORT: Final = 0xFFFFFFFF
_LEFT_OUT: Final = 8  # index of the byte at bit 64, which RFC 6052 skips


def metadata_service(host: str) -> str | None:
    """The metadata service that `host` is, in any spelling of its name or address; None if it is none.

    Names are not resolved; resolved addresses are checked when a connection is made.

    Args:
        host: host of a URL, or an address.
    """
    plain = unicodedata.normalize("NFKC", unquote(host)).replace("\u3002", ".").strip("[]").rstrip(".").lower()
    if plain in _NAMES or any(_is_metadata(address) for address in _readings(plain)):
        return "a cloud's metadata service, or in its network"
    return None


def _is_metadata(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return any(address in network for network in _NETWORKS_4)
    bare = IPv6Address(int(address))  # without a zone, because an address with one is in no network
    return any(bare in network for network in _NETWORKS_6) or any(map(_is_metadata, _within(bare)))


def _within(address: IPv6Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses to which a gateway such as NAT64 may translate the address."""
    value = int(address)
    if any(address in network for network in _ENDS_IN_4) or value >> 32 & _SHORT in _ISATAP:
        yield IPv4Address(value & _SHORT)
    if address in _LOCAL_NAT64:  # with a prefix length of 48, 56 or 64
        octets = address.packed
        for start in (6, 7, 8):
            yield IPv4Address(bytes(octets[place] for place in range(start, 13) if place != _LEFT_OUT)[:4])
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo


def _readings(host: str) -> Iterator[IPv4Address | IPv6Address]:
    """All addresses as which a resolver may parse `host`, including short, hexadecimal and octal notation."""
    with contextlib.suppress(ValueError):  # a name, or another notation: parsed below
        yield ip_address(host)
    parts = host.split(".")
    if len(parts) > 4 or not all(re.fullmatch(r"0x[0-9a-f]*|[0-9]+", part) for part in parts):  # noqa: PLR2004 - bytes
        return
    for octal in (True, False):  # parsers differ on whether a leading zero means octal
        numbers = [_number(part, octal=octal) for part in parts]
        *front, last = numbers
        value = last & _SHORT >> 8 * len(front)  # some parsers truncate a number that is too large, others refuse it
        for place, number in enumerate(front):
            value |= (number & 0xFF) << 8 * (3 - place)
        yield IPv4Address(value)


def _number(part: str, *, octal: bool) -> int:
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8) if octal and part.startswith("0") and re.fullmatch("[0-7]+", part) else int(part)
