"""The guard of requests to addresses that users name."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_address, ip_network

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from ringtrail.services.egress import MOST_ANSWER_BYTES, Egress, EgressRefusedError, Network, Policy, networks_of
from tests.receiver import Receiver, receiving

LOCAL = Policy([ip_network("127.0.0.1/32")])

REFUSED = {
    "this network": "0.0.0.0 0.1.2.3",
    "private": "10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255",
    "carrier's NAT": "100.64.0.1 100.127.255.255 100.100.100.200",
    "loopback": "127.0.0.1 127.255.255.254 ::1",
    "link-local and metadata": "169.254.0.1 169.254.169.254 fe80::1 fe80::1%eth0 fd00:ec2::254 168.63.129.16 192.0.0.192",
    "unique local": "fc00::1 fdff:ffff::1",
    "multicast": "224.0.0.1 239.255.255.255 ff02::1 ff0e::1",
    "reserved": "240.0.0.1 255.255.255.255 192.0.0.1 ::",
    "documentation": "192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff::1",
    "benchmarks": "198.18.0.1 198.19.255.255 2001:2::1",
    "IPv4-mapped": "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8",
    "IPv4-compatible": "::127.0.0.1 ::8.8.8.8",
    "NAT64": "64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::a00:1",
    "6to4": "2002:7f00:1::1 2002:a00:1::1 192.88.99.1",
    "Teredo": "2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "ORCHID": "2001:10::1 2001:20::1",
    "discard": "100::1",
    "segment routing": "5f00::1",
    "site-local": "fec0::1",
    "AMT and AS112": "192.52.193.1 192.31.196.1 192.175.48.1 2620:4f:8000::1",
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, all_ in REFUSED.items() for text in all_.split()])
def test_an_address_that_is_not_public_is_refused(kind: str, text: str) -> None:
    with pytest.raises(EgressRefusedError, match="not on the public internet"):
        Policy().check(ip_address(text), 443)


RANGES = [
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32", "::1/128", "fc00::/7",
        "fe80::/10", "fec0::/10", "ff00::/8", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16",
    )
]  # fmt: skip


@pytest.mark.parametrize("network", RANGES, ids=str)
def test_a_refused_range_is_refused_from_its_first_to_its_last_address(network: Network) -> None:
    for place in (0, network.num_addresses // 3, network.num_addresses // 2, network.num_addresses - 1):
        with pytest.raises(EgressRefusedError):
            Policy().check(network[place], 443)


@pytest.mark.parametrize("network", RANGES, ids=str)
def test_an_operators_exception_opens_its_own_range_and_no_other(network: Network) -> None:
    policy = Policy([network])
    policy.check(network[0], 8)
    policy.check(network[-1], 443)
    for other in RANGES:
        if other != network:
            with pytest.raises(EgressRefusedError):
                policy.check(other[-1], 443)


@pytest.mark.parametrize("text", ["8.8.8.8", "93.184.216.34", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::1"])  # fmt: skip
def test_a_public_address_is_allowed(text: str) -> None:
    Policy().check(ip_address(text), 443)


@pytest.mark.parametrize("port", [80, 443, 1024, 8443, 65_535])
def test_ports_of_web_servers_are_allowed(port: int) -> None:
    Policy().check(ip_address("8.8.8.8"), port)


@pytest.mark.parametrize("port", [0, 22, 25, 53, 110, 445, 1023])
def test_other_ports_are_refused(port: int) -> None:
    with pytest.raises(EgressRefusedError, match="port"):
        Policy().check(ip_address("8.8.8.8"), port)
    with pytest.raises(EgressRefusedError, match="port"):
        Policy().check_url(f"http://example.com:{port}/")


def test_an_operator_allows_networks_on_any_port_and_nothing_beside_them() -> None:
    policy = Policy(networks_of("10.1.2.0/24, fd12::/16"))
    policy.check(ip_address("10.1.2.3"), 25)
    policy.check(ip_address("fd12::1"), 443)
    for text in ("10.1.3.1", "fd13::1", "::ffff:10.1.2.3"):
        with pytest.raises(EgressRefusedError):
            policy.check(ip_address(text), 443)


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com/x", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "https://", "http:///x",
        "https://user@example.com/", "https://user:secret@example.com/", "http://8.8.8.8@127.0.0.1/", "javascript:alert(1)",
        "http://exa mple.com/\n", "http://example.com/\r\nX: y", "http://[::1", "http://example.com:99999/",
        "http://example.com/" + "a" * 3000, "//example.com/", "http://127.0.0.1/", "http://[::1]/", "http://[::ffff:7f00:1]/",
        "http://169.254.169.254/latest/meta-data/", "https://[64:ff9b::7f00:1]/",
    ],
)  # fmt: skip
def test_a_url_that_we_never_send_to_is_refused_at_once(url: str) -> None:
    with pytest.raises(EgressRefusedError):
        Policy().check_url(url)


@pytest.mark.parametrize("url", ["https://example.com", "http://example.com:8080/a?b=c#d", "https://bücher.example/", "https://8.8.8.8/", "https://[2606:4700::1111]:8443/x"])  # fmt: skip
def test_a_plain_url_is_taken(url: str) -> None:
    assert Policy().check_url(url).scheme in ("http", "https")


class Names(AbstractResolver):
    """A name server: answers[i] is the i-th answer, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_UNSPEC) -> list[ResolveResult]:  # type: ignore[override]
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host, host=text, port=port, family=socket.AF_INET6 if ":" in text else socket.AF_INET, proto=0,
                flags=0,
            )
            for text in answer
        ]  # fmt: skip

    async def close(self) -> None:
        pass


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """A port on 127.0.0.2 that nobody may reach."""
    with socket.create_server(("127.0.0.2", 0)) as listening:
        listening.setblocking(False)
        yield listening


def port_of(receiver: Receiver) -> int:
    return int(receiver.url.rpartition(":")[2])


def untouched(trap: socket.socket) -> bool:
    try:
        trap.accept()
    except BlockingIOError:
        return True
    return False


async def test_the_name_is_kept_in_the_host_header(receiver: Receiver) -> None:
    async with Egress(LOCAL, resolver=Names(["127.0.0.1"])).opened() as egress:
        answer = await egress.fetch(
            "POST", f"http://crm.example:{port_of(receiver)}/a?b=%20", headers={"X-A": "1"}, body=b"x"
        )
    assert (answer.status, answer.body) == (200, b"ok")
    (request,) = receiver.received
    assert request.headers["host"] == f"crm.example:{port_of(receiver)}"
    assert (request.method, request.path, request.body, request.headers["x-a"]) == ("POST", "/a?b=%20", b"x", "1")


async def test_a_name_with_one_refused_address_among_others_is_refused(receiver: Receiver) -> None:
    names = Names(["127.0.0.1", "10.0.0.1"])
    async with Egress(LOCAL, resolver=names).opened() as egress:
        with pytest.raises(EgressRefusedError):
            await egress.fetch("GET", f"http://crm.example:{port_of(receiver)}/")
    assert receiver.received == []


async def test_a_name_that_changes_between_two_requests_is_looked_at_each_time(
    receiver: Receiver, trap: socket.socket
) -> None:
    receiver.reply = lambda _request: web.Response(headers={"Connection": "close"})
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with Egress(LOCAL, resolver=names).opened() as egress:
        assert (await egress.fetch("GET", f"http://crm.example:{port_of(receiver)}/")).status == 200
        with pytest.raises(EgressRefusedError):
            await egress.fetch("GET", f"http://crm.example:{trap.getsockname()[1]}/")
    assert untouched(trap)


async def test_the_address_that_was_checked_is_the_one_that_is_dialled(receiver: Receiver) -> None:
    """A name server that would answer differently the second time is not asked a second time."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with Egress(LOCAL, resolver=names).opened() as egress:
        assert (await egress.fetch("GET", f"http://crm.example:{port_of(receiver)}/")).status == 200
    assert names.asked == 1


async def test_what_slips_past_the_names_is_refused_when_it_is_dialled(trap: socket.socket) -> None:
    """The last check is on the very address that the socket is made for."""
    egress = Egress(LOCAL)
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", trap.getsockname())
    with pytest.raises(EgressRefusedError):
        egress._socket(info)
    assert untouched(trap)


@pytest.mark.parametrize(
    "host",
    ["2130706434", "0x7f000002", "0x7f.0.0.2", "0177.0.0.2", "0177.2", "127.2", "127.0.2", "017700000002", "127.0.0.2",
     "127.0.0.2.", "[::ffff:127.0.0.2]", "[::127.0.0.2]", "１２７.0.0.2", "127。0。0。2", "%31%32%37.0.0.2"],
)  # fmt: skip
async def test_no_spelling_of_a_host_gets_through(host: str, trap: socket.socket) -> None:
    async with Egress(LOCAL, limit_s=5).opened() as egress:
        with pytest.raises((EgressRefusedError, OSError)):
            await egress.fetch("GET", f"http://{host}:{trap.getsockname()[1]}/")
    assert untouched(trap)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_is_not_followed(
    receiver: Receiver, trap: socket.socket, status: int
) -> None:
    target = f"http://127.0.0.2:{trap.getsockname()[1]}/"
    receiver.reply = lambda _request: web.Response(status=status, headers={"Location": target})
    async with Egress(LOCAL).opened() as egress:
        answer = await egress.fetch("GET", receiver.url)
    assert (answer.status, len(receiver.received), untouched(trap)) == (status, 1, True)


async def test_no_proxy_of_the_environment_is_used(
    receiver: Receiver, trap: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.2:{trap.getsockname()[1]}")
    async with Egress(LOCAL).opened() as egress:
        assert (await egress.fetch("GET", receiver.url)).status == 200
    assert untouched(trap)


async def test_of_an_endless_answer_only_the_beginning_is_read(receiver: Receiver) -> None:
    async def endless(_: object) -> web.StreamResponse:
        class Endless(web.StreamResponse):
            async def write_eof(self, data: bytes = b"") -> None:
                while True:
                    await self.write(b"x" * 65_536)

        return Endless()

    receiver.reply = endless
    async with Egress(LOCAL, limit_s=10).opened() as egress:
        answer = await egress.fetch("GET", receiver.url)
    assert len(answer.body) == MOST_ANSWER_BYTES


async def test_a_slow_answer_ends_at_the_limit(receiver: Receiver) -> None:
    async def slow(_: object) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    receiver.reply = slow
    async with Egress(LOCAL, limit_s=0.3).opened() as egress:
        with pytest.raises(TimeoutError):
            await egress.fetch("GET", receiver.url)


async def test_an_answer_that_drips_ends_at_the_limit_too() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            writer.write(b"x")
            await asyncio.sleep(0.05)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server, Egress(LOCAL, limit_s=0.4).opened() as egress:
        with pytest.raises(TimeoutError):
            await egress.fetch("GET", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")


async def test_cookies_are_not_kept(receiver: Receiver) -> None:
    receiver.reply = lambda _request: web.Response(headers={"Set-Cookie": "a=b"})
    async with Egress(LOCAL).opened() as egress:
        for _ in range(2):
            await egress.fetch("GET", receiver.url)
    assert [request.headers.get("cookie") for request in receiver.received] == [None, None]


async def test_faults_are_told_in_words_without_addresses(trap: socket.socket) -> None:
    names = Names(["127.0.0.1"])
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with Egress(LOCAL, resolver=names).opened() as egress:
        with pytest.raises(OSError, match="no connection could be made") as told:
            await egress.fetch("GET", f"http://crm.example:{port}/")
        assert "127.0.0.1" not in str(told.value)
        with pytest.raises(OSError, match="connection"):
            await egress.fetch("GET", f"https://crm.example:{port}/")


# --- nothing leaks ------------------------------------------------------------------------------------------------------

ALL_REFUSED = [text for all_ in REFUSED.values() for text in all_.split()]


class Dialled:
    """Every address that this process connects a socket to while it listens, whoever makes the socket."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.listening = False

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.listening and event == "socket.connect" and isinstance(arguments[1], tuple):
            self.addresses.append(arguments[1][0])


@pytest.fixture(scope="module")
def audited() -> Dialled:
    """An audit hook cannot be taken away again: there is one, that listens when it is told to."""
    dialled = Dialled()
    sys.addaudithook(dialled)
    return dialled


@pytest.fixture
def dialled(audited: Dialled) -> Iterator[list[str]]:
    audited.addresses.clear()
    audited.listening = True
    yield audited.addresses
    audited.listening = False


async def refused(egress: Egress, url: str) -> None:
    with pytest.raises(EgressRefusedError):
        await egress.fetch("POST", url, body=b"secret")


async def test_what_is_dialled_is_heard(dialled: list[str], receiver: Receiver) -> None:
    """Else the next tests would prove nothing."""
    async with Egress(LOCAL).opened() as egress:
        await egress.fetch("GET", receiver.url)
    assert dialled == ["127.0.0.1"]


async def test_no_refused_address_is_dialled_by_literal(dialled: list[str]) -> None:
    async with Egress(Policy(), limit_s=5).opened() as egress:
        for text in ALL_REFUSED:
            host = f"[{text.replace('%', '%25')}]" if ":" in text else text
            for scheme, port in (("http", 80), ("https", 443), ("http", 8080)):
                await refused(egress, f"{scheme}://{host}:{port}/")
    assert dialled == []


async def test_no_refused_address_is_dialled_through_a_name_that_leads_there(dialled: list[str]) -> None:
    """Alone, behind a public address, or before one: none of a name's addresses is dialled, not even the public one."""
    for text in ALL_REFUSED:
        for answer in ([text], ["8.8.8.8", text], [text, "8.8.8.8"], ["2606:4700::1111", "8.8.8.8", text]):
            async with Egress(Policy(), resolver=Names(answer), limit_s=5).opened() as egress:
                await refused(egress, "http://crm.example/")
    assert dialled == []


async def test_a_name_that_is_public_first_and_private_then_is_never_followed(
    dialled: list[str], receiver: Receiver
) -> None:
    receiver.reply = lambda _request: web.Response(headers={"Connection": "close"})
    for text in ALL_REFUSED:
        if ip_address(text.partition("%")[0]) == ip_address("127.0.0.1"):
            continue
        dialled.clear()
        async with Egress(LOCAL, resolver=Names(["127.0.0.1"], [text])).opened() as egress:
            await egress.fetch("GET", f"http://crm.example:{port_of(receiver)}/")
            for _ in range(2):
                await refused(egress, f"http://crm.example:{port_of(receiver)}/")
        assert dialled == ["127.0.0.1"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_dialled(dialled: list[str], receiver: Receiver, status: int) -> None:
    async with Egress(LOCAL).opened() as egress:
        for target in (
            "http://169.254.169.254/latest/meta-data/",
            "//10.0.0.1/",
            "http://[::1]/",
            "https://crm.example/",
        ):
            receiver.reply = lambda _request, to=target: web.Response(status=status, headers={"Location": to, "Refresh": f"0; {to}"})  # fmt: skip
            assert (await egress.fetch("GET", receiver.url)).status == status
    assert set(dialled) == {"127.0.0.1"}


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST", "localhost.", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "0", "0.0.0.0", "0x0", "00", "127.0.0.1", "127.1", "127.0.0.1.",
     "127.000.000.001", "0177.0.0.1", "0x7f.1", "2130706433", "0x7f000001", "017700000001", "①②⑦.0.0.1", "127。0。0。1",
     "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]", "[::1%lo]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
     "[0:0:0:0:0:ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "user@127.0.0.1", "8.8.8.8@127.0.0.1",
     "127.0.0.1%00", "127.0.0.1%2f@8.8.8.8", "127.0.0.1\\@8.8.8.8", "%31%32%37.0.0.1"],
)  # fmt: skip
async def test_no_spelling_of_this_machine_reaches_it(host: str, dialled: list[str]) -> None:
    """A socket that listens on each of its addresses, of both families, sees nobody."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listening:
        listening.setblocking(False)
        async with Egress(Policy(), limit_s=5).opened() as egress:
            with pytest.raises((EgressRefusedError, OSError)):
                await egress.fetch("GET", f"http://{host}:{listening.getsockname()[1]}/")
        assert untouched(listening)
    assert not {"127.0.0.1", "::1", "0.0.0.0", "::"} & set(dialled)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", "a." + "b" * 300, "256.256.256.256", "[v1.a]"])
async def test_a_host_that_no_name_can_be_like_is_an_error_in_words(host: str) -> None:
    async with Egress(Policy(), limit_s=5).opened() as egress:
        with pytest.raises((EgressRefusedError, OSError), match=r"name is not known|not an address"):
            await egress.fetch("GET", f"http://{host}/")
