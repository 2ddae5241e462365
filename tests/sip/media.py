"""Just enough media: an SDP offer or answer (RFC 8866, RFC 3264) and RTP silence (RFC 3550)."""

from __future__ import annotations

import asyncio
import re
import secrets
import struct

CODECS: dict[str, tuple[int, str]] = {
    "ulaw": (0, "PCMU/8000"),
    "gsm": (3, "GSM/8000"),
    "alaw": (8, "PCMA/8000"),
    "g722": (9, "G722/8000"),
    "g729": (18, "G729/8000"),
    "opus": (107, "opus/48000/2"),
}
"""name: (payload type that we offer, rtpmap)"""

_TELEPHONE_EVENT = (101, "telephone-event/8000")
_SILENCE = {0: b"\xff" * 160, 8: b"\xd5" * 160}  # 20 ms of nothing, by static payload type


def offer(host: str, port: int, codecs: tuple[str, ...], direction: str = "sendrecv") -> bytes:
    """An SDP body that offers `codecs`, best first, and RFC 4733 digits."""
    return _describe(host, port, [*(CODECS[name] for name in codecs), _TELEPHONE_EVENT], direction)


def answer(offered: bytes, host: str, port: int, codecs: tuple[str, ...]) -> bytes | None:
    """The answer to an offer: its first codec that we speak, under its own payload number. None: nothing in common."""
    spoken = {CODECS[name][1].split("/")[0].lower() for name in codecs}
    formats = _formats(offered)
    voice = next((line for line in formats if line[1].split("/")[0].lower() in spoken), None)
    if voice is None:
        return None
    digits = [line for line in formats if line[1].lower().startswith("telephone-event/8000")]
    return _describe(host, port, [voice, *digits], "sendrecv")


def _describe(host: str, port: int, formats: list[tuple[int, str]], direction: str) -> bytes:
    lines = ["v=0", f"o=- {secrets.randbelow(10**9)} 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0"]
    lines.append(f"m=audio {port} RTP/AVP " + " ".join(str(number) for number, _ in formats))
    lines += [f"a=rtpmap:{number} {name}" for number, name in formats]
    lines += [f"a=fmtp:{number} 0-16" for number, name in formats if name.startswith("telephone-event")]
    return ("\r\n".join([*lines, "a=ptime:20", f"a={direction}"]) + "\r\n").encode()


def _formats(sdp: bytes) -> list[tuple[int, str]]:
    """(payload type, rtpmap) of the audio line, in its order."""
    text = sdp.decode(errors="replace")
    line = re.search(r"^m=audio \d+ \S+ ([\d ]+)", text, re.MULTILINE)
    named = {int(number): name for number, name in re.findall(r"^a=rtpmap:(\d+) (\S+)", text, re.MULTILINE)}
    static = dict(CODECS.values())
    numbers = [int(number) for number in line[1].split()] if line else []
    return [(number, named.get(number) or static.get(number, "unknown/0")) for number in numbers]


def audio_address(sdp: bytes) -> tuple[str, int] | None:
    text = sdp.decode(errors="replace")
    host, port = re.search(r"^c=IN IP4 (\S+)", text, re.MULTILINE), re.search(r"^m=audio (\d+)", text, re.MULTILINE)
    return (host[1], int(port[1])) if host and port else None


async def send_silence(transport: asyncio.DatagramTransport, described: bytes) -> None:
    """20 ms packets to the audio address of the far end's SDP until cancelled; G.711 only, else nothing."""
    address, formats = audio_address(described), _formats(described)
    payload = next((number for number, _ in formats if number in _SILENCE), None)
    if address is None or payload is None:
        return
    source, clock = secrets.randbits(32), asyncio.get_running_loop()
    began = clock.time()
    for count in range(1 << 16):
        header = struct.pack("!BBHII", 0x80, payload, count, count * 160, source)
        transport.sendto(header + _SILENCE[payload], address)
        await asyncio.sleep(max(0.0, began + (count + 1) * 0.02 - clock.time()))
