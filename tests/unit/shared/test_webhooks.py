"""Where a webhook may go, and where it may not."""

import ipaddress

import pytest

from shared.webhooks import Receiver, WebhookUrlRefused, is_allowed, read_webhook_url

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))

#: Addresses that no webhook goes to, each in the form that `socket.getaddrinfo` returns.
FORBIDDEN = {
    "this host": "0.0.0.0",
    "loopback": "127.0.0.1",
    "all of loopback": "127.255.255.254",
    "private 10": "10.0.0.1",
    "private 172": "172.16.0.1",
    "private 192": "192.168.1.1",
    "carrier-grade NAT": "100.64.0.1",
    "metadata of Alibaba Cloud": "100.100.100.200",
    "link-local": "169.254.0.1",
    "metadata of AWS, Azure and Google Cloud": "169.254.169.254",
    "credentials of an ECS task": "169.254.170.2",
    "host of an Azure machine": "168.63.129.16",
    "protocol assignments": "192.0.0.192",
    "documentation 1": "192.0.2.1",
    "documentation 2": "198.51.100.1",
    "documentation 3": "203.0.113.1",
    "relay of 6to4": "192.88.99.1",
    "benchmarks": "198.18.0.1",
    "multicast": "224.0.0.1",
    "multicast of an organization": "239.1.2.3",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 unspecified": "::",
    "IPv6 loopback": "::1",
    "IPv6 link-local": "fe80::1",
    "IPv6 site-local": "fec0::1",
    "IPv6 unique local": "fc00::1",
    "IPv6 metadata of AWS": "fd00:ec2::254",
    "IPv6 multicast": "ff02::1",
    "IPv6 documentation": "2001:db8::1",
    "v4-mapped loopback": "::ffff:127.0.0.1",
    "v4-mapped metadata": "::ffff:169.254.169.254",
    "v4-mapped, and public": "::ffff:8.8.8.8",
    "v4-compatible loopback": "::127.0.0.1",
    "NAT64 of metadata": "64:ff9b::a9fe:a9fe",
    "local NAT64": "64:ff9b:1::a00:1",
    "6to4 of a private address": "2002:a00:1::1",
    "Teredo": "2001:0:a00:1::1",
    "discarded": "100::1",
}
PUBLIC = {
    "IPv4": "93.184.216.34",
    "IPv4 beside carrier-grade NAT": "100.63.255.255",
    "IPv4 beside private 172": "172.32.0.1",
    "IPv6": "2606:4700::1111",
}


@pytest.mark.parametrize("address", FORBIDDEN.values(), ids=FORBIDDEN)
def test_no_webhook_goes_to_an_address_that_is_not_public(address: str) -> None:
    assert not is_allowed(ipaddress.ip_address(address), ())


@pytest.mark.parametrize("address", PUBLIC.values(), ids=PUBLIC)
def test_a_webhook_goes_to_a_public_address(address: str) -> None:
    assert is_allowed(ipaddress.ip_address(address), ())


def test_an_operator_may_allow_a_private_network_and_only_that() -> None:
    allowed = [ipaddress.ip_network("10.1.0.0/16")]

    assert is_allowed(ipaddress.ip_address("10.1.2.3"), allowed)
    assert not is_allowed(ipaddress.ip_address("10.2.0.1"), allowed)
    assert not is_allowed(ipaddress.ip_address("169.254.169.254"), allowed)


@pytest.mark.parametrize(
    ("url", "receiver"),
    [
        pytest.param(
            "https://example.com/hook?key=1", Receiver("https", "example.com", 443, "/hook?key=1"), id="path and query"
        ),
        pytest.param("https://Example.COM", Receiver("https", "example.com", 443, "/"), id="nothing but a host"),
        pytest.param("https://example.com:8443/a", Receiver("https", "example.com", 8443, "/a"), id="a port"),
        pytest.param(
            "https://xn--bcher-kva.example/", Receiver("https", "xn--bcher-kva.example", 443, "/"), id="punycode"
        ),
        pytest.param("https://93.184.216.34/", Receiver("https", "93.184.216.34", 443, "/"), id="a public address"),
        pytest.param("https://[2606:4700::1111]/", Receiver("https", "2606:4700::1111", 443, "/"), id="one of IPv6"),
    ],
)
def test_a_url_is_taken_apart_once(url: str, receiver: Receiver) -> None:
    assert read_webhook_url(url) == receiver


REFUSED_URLS = {
    "no text": 7,
    "nothing": "",
    "no URL": "example.com/hook",
    "HTTP": "http://example.com/",
    "another scheme": "gopher://example.com/",
    "a file": "file:///etc/passwd",
    "user and password": "https://user:password@example.com/",
    "a user that looks like a host": "https://example.com@127.0.0.1/",
    "a fragment": "https://example.com/#a",
    "a port of another service": "https://example.com:25/",
    "a port that does not exist": "https://example.com:99999/",
    "no host": "https:///hook",
    "a space": "https://example.com/a b",
    "a line feed": "https://example.com/\nHost: other",
    "a quote": 'https://example.com/"',
    "a backslash": "https://example.com\\@127.0.0.1/",
    "other letters": "https://b\u00fccher.example/",
    "digits of other scripts": "https://\u0661\u0662\u0667.0.0.1/",
    "too long": "https://example.com/" + "a" * 2_000,
    "decimal": "https://2130706433/",
    "octal": "https://0177.0.0.1/",
    "hexadecimal": "https://0x7f000001/",
    "hexadecimal in parts": "https://0x7f.0.0.0x1/",
    "shortened": "https://127.1/",
    "with a dot behind": "https://127.0.0.1./",
    "escaped": "https://127.0.0%2e1/",
    "private": "https://10.0.0.1/",
    "metadata": "https://169.254.169.254/latest/meta-data/",
    "IPv6 loopback": "https://[::1]/",
    "v4-mapped": "https://[::ffff:169.254.169.254]/",
    "with a zone": "https://[fe80::1%25eth0]/",
}


@pytest.mark.parametrize("url", REFUSED_URLS.values(), ids=REFUSED_URLS)
def test_a_url_is_refused_that_could_lead_elsewhere_than_it_says(url: object) -> None:
    with pytest.raises(WebhookUrlRefused):
        read_webhook_url(url)


def test_http_is_spoken_where_private_networks_are_allowed() -> None:
    assert read_webhook_url("http://127.0.0.1:9000/hook", LOOPBACK) == Receiver("http", "127.0.0.1", 9000, "/hook")


def test_a_private_address_that_is_not_allowed_is_refused_though_others_are() -> None:
    with pytest.raises(WebhookUrlRefused, match="no public address"):
        read_webhook_url("https://10.0.0.1/", LOOPBACK)
