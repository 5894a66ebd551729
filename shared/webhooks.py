"""Webhooks: where a client is told that its job or batch has ended, and how far that has come: pure."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST_URL = 2_000
#: IPv6 addresses that are routed at all. It leaves out loopback, link-local and unique local addresses, multicast, and
#: IPv4 addresses in the clothes of IPv6 (::ffff:0:0/96, 64:ff9b::/96).
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
#: Inside what is routed, and yet no receiver's: tunnels to IPv4 addresses, and hosts that answer to guests of a cloud.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "2001::/23",  # Teredo and other protocols
        "2002::/16",  # 6to4
        "192.88.99.0/24",  # relays of 6to4
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata lies here
        "168.63.129.16/32",  # Azure's host of a virtual machine
    )
)
#: Printable ASCII but for what would end a text of JSON, and for what URLs escape.
_URL = re.compile(r"[!#-\[\]-~]+")
_HOST_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
#: The last label of what a C library reads as an IPv4 address: decimal, octal or hexadecimal.
_NUMBER = re.compile(r"([0-9]+|0x[0-9a-f]*)")
_DEFAULT_PORTS = {"https": 443, "http": 80}


class DeliveryStatus(StrEnum):
    """How far the message about an end has come."""

    #: Not delivered yet; it is tried again.
    PENDING = "pending"
    #: The receiver answered with a status of 200 to 299.
    DELIVERED = "delivered"
    #: Given up: after the last try, or because trying again would not help.
    FAILED = "failed"


class DeliveryErrorCode(StrEnum):
    """Why the last try did not deliver."""

    #: The name leads to an address that is not public, and that the operator has not allowed.
    ADDRESS_REFUSED = "address_refused"
    #: The name leads nowhere.
    NAME_NOT_RESOLVED = "name_not_resolved"
    #: Nobody listens, or the connection broke.
    CONNECTION_FAILED = "connection_failed"
    #: The receiver's certificate is not valid for its name.
    CERTIFICATE_INVALID = "certificate_invalid"
    #: No whole answer in time.
    TIMED_OUT = "timed_out"
    #: It answered with another status than 200 to 299.
    REFUSED_BY_RECEIVER = "refused_by_receiver"
    #: Each process that took it died while it held it.
    WORKER_DIED = "worker_died"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a message has come. Times are seconds since the epoch, by the store's clock."""

    status: DeliveryStatus
    #: Tries so far, since the job ended or its message was sent again.
    attempts: int
    #: Status of the receiver's last answer.
    last_status: int | None = None
    last_error: DeliveryErrorCode | None = None
    next_attempt_at: float | None = None


#: What is known of a message at the moment at which its job ends.
JUST_ENDED = Delivery(DeliveryStatus.PENDING, 0)


class WebhookUrlRefused(Exception):
    """Raised when no message can go to a URL; the message says what to send instead."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where a message goes, taken apart once: what was checked is what is connected to."""

    scheme: str
    #: A name in lower case, or an IP address without brackets.
    host: str
    port: int
    #: Path and query.
    target: str


def read_webhook_url(url: object, allowed: Sequence[Network] = ()) -> Receiver:
    """Return the receiver that a URL names; raises WebhookUrlRefused.

    allowed: networks that the operator lets messages go to although they are private. Only there may HTTP be spoken.
    """
    if not isinstance(url, str) or not _URL.fullmatch(url) or len(url) > LONGEST_URL:
        raise WebhookUrlRefused(
            f"send a URL of at most {LONGEST_URL} ASCII characters, such as https://example.com/rowcall"
        )
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        host = (parts.hostname or "").lower()
    except ValueError as error:
        raise WebhookUrlRefused("this is no URL; check its host and port") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and allowed):
        raise WebhookUrlRefused("send a URL that begins with https://")
    if "@" in parts.netloc or parts.fragment:
        raise WebhookUrlRefused("leave out user, password and fragment; the signature proves who sends")
    if port < 1024 and port != _DEFAULT_PORTS[parts.scheme]:
        raise WebhookUrlRefused("use port 443, or one from 1024 on")
    _check_host(host, allowed)
    return Receiver(parts.scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _check_host(host: str, allowed: Sequence[Network]) -> None:
    address = _find_address(host)
    if address is not None:
        if not is_allowed(address, allowed):
            raise WebhookUrlRefused(f"{host} is no public address; name a receiver that the Internet reaches")
    elif not _HOST_NAME.fullmatch(host) or _NUMBER.fullmatch(host.rpartition(".")[2]):
        raise WebhookUrlRefused("name a host such as example.com; a name with other letters is sent as punycode")


def _find_address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_allowed(address: Address, allowed: Sequence[Network]) -> bool:
    """Say whether a message may go to this address: a public one, or one in an allowed network."""
    if any(address in network for network in allowed):
        return True
    if any(address in network for network in _NEVER):
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast
