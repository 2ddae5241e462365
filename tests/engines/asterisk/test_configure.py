"""The configuration that Asterisk is given: what listens where, who may do what."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ringtrail.engines.asterisk.configure import AsteriskSettings, configuration_files, write_configuration
from ringtrail.engines.asterisk.install import AsteriskInstall

INSTALL = AsteriskInstall(
    binary_command=("/opt/ast/ld.so", "/opt/ast/asterisk"),
    modules_dir=Path("/opt/ast/modules"),
    sounds_dir=Path("/opt/ast/share/sounds"),
    version="22.10.1",
)


def settings(folder: Path = Path("/srv/ast"), **changes: object) -> AsteriskSettings:
    plain = AsteriskSettings(
        node="node3", folder=folder / "asterisk", recordings_folder=folder / "recordings", sip_host="192.0.2.1",
        sip_port=5060, rtp_first=10_000, rtp_last=10_999, ari_port=8088, ami_port=5038, ari_secret="ari-secret",
        ami_secret="ami-secret", trunk_sources=("198.51.100.0/24", "203.0.113.7"), trunk_peer="sip.example.org:5060",
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def section(text: str, name: str, kind: str | None = None) -> dict[str, list[str]]:
    """{key: values} of a section; of the one with `type = kind` where a name is used more than once."""
    for block in re.split(r"^(?=\[)", text, flags=re.MULTILINE):
        if not block.startswith(f"[{name}]"):
            continue
        values: dict[str, list[str]] = {}
        for key, value in re.findall(r"^([\w]+) *=>? *(.*?) *$", block, re.MULTILINE):
            values.setdefault(key, []).append(value)
        if kind is None or values.get("type") == [kind]:
            return values
    raise AssertionError(f"no [{name}] of type {kind}")


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return configuration_files(INSTALL, settings())


def test_only_sip_and_rtp_listen_beyond_loopback(files: dict[str, str]) -> None:
    assert section(files["http.conf"], "general")["bindaddr"] == ["127.0.0.1"]
    assert section(files["manager.conf"], "general")["bindaddr"] == ["127.0.0.1"]
    assert section(files["pjsip.conf"], "udp")["bind"] == ["192.0.2.1:5060"]
    bound = [(name, line) for name, text in files.items() for line in text.splitlines() if line.startswith("bind")]
    assert {name for name, _ in bound} == {"http.conf", "manager.conf", "pjsip.conf"}


def test_only_the_trunk_s_addresses_are_known_and_who_has_a_password(files: dict[str, str]) -> None:
    """Nobody is let in by the name of the trunk, and no file has a password of a phone."""
    identify = section(files["pjsip.conf"], "trunk", "identify")
    assert identify["match"] == ["198.51.100.0/24", "203.0.113.7"]
    assert section(files["pjsip.conf"], "global")["endpoint_identifier_order"] == ["ip,auth_username"]
    assert section(files["pjsip.conf"], "trunk", "endpoint")["identify_by"] == ["ip"]
    assert section(files["sorcery.conf"], "res_pjsip")["auth"] == ["memory"]
    assert "type = auth" not in files["pjsip.conf"]
    assert "res_pjsip_endpoint_identifier_anonymous" not in files["modules.conf"]


def test_the_trunk(files: dict[str, str]) -> None:
    endpoint = section(files["pjsip.conf"], "trunk", "endpoint")
    assert endpoint["allow"] == ["alaw,ulaw,opus,g722"]
    assert endpoint["send_connected_line"] == ["no"]
    assert endpoint["direct_media"] == ["no"]
    assert section(files["pjsip.conf"], "trunk", "aor")["contact"] == ["sip:sip.example.org:5060"]


def test_modules_are_named_one_by_one(files: dict[str, str]) -> None:
    modules = section(files["modules.conf"], "modules")
    assert modules["autoload"] == ["no"]
    assert "chan_pjsip.so" in modules["load"]
    assert not {"app_system.so", "func_shell.so", "app_originate.so", "res_agi.so"} & set(modules["load"])


def test_the_manager_may_only_start_recordings(files: dict[str, str]) -> None:
    user = section(files["manager.conf"], "ringtrail")
    assert user["permit"] == ["127.0.0.1/255.255.255.255"]
    assert (user["read"], user["write"]) == (["none"], ["system"])


def test_calls_are_not_recorded_twice(files: dict[str, str]) -> None:
    assert section(files["cdr.conf"], "general")["enable"] == ["no"]
    assert section(files["cel.conf"], "general")["events"] == ["CHAN_START,ANSWER,BRIDGE_ENTER,HANGUP"]
    assert "[/srv/ast/asterisk/log/flight-recorder.jsonl]" in files["cel_custom.conf"]


@pytest.mark.parametrize(("country", "ring"), [("FR", "440/1500,0/3500"), ("US", "440+480/2000,0/4000")])
def test_ringback_is_the_country_s(country: str, ring: str) -> None:
    text = configuration_files(INSTALL, settings(country=country))["indications.conf"]
    assert section(text, "xx")["ring"] == [ring]


def test_every_file_is_private_and_the_command_runs_in_the_foreground(tmp_path: Path) -> None:
    node = settings(tmp_path)
    command = write_configuration(INSTALL, node)
    assert command == [*INSTALL.binary_command, "-f", "-C", str(node.folder / "etc/asterisk.conf")]
    assert node.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (node.folder / "etc").iterdir()} == {0o600}
    assert (node.folder / "spool/recording").resolve() == node.recordings_folder.resolve()
    assert write_configuration(INSTALL, node) == command


@pytest.mark.parametrize(
    "change",
    [
        {"node": "two words"},
        {"trunk_peer": "host;comment"},
        {"trunk_sources": ("127.0.0.1\nallow=all",)},
        {"ari_secret": ""},
        {"folder": Path("/srv/a,b")},
        {"realm": "two\nlines"},
    ],
)
def test_what_would_break_out_of_its_line_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"cannot be written|node must be"):
        settings(**change)


def test_behind_nat_the_public_address_is_named_to_everybody_outside(tmp_path: Path) -> None:
    assert "external_" not in configuration_files(INSTALL, settings(tmp_path))["pjsip.conf"]
    text = configuration_files(INSTALL, settings(tmp_path, sip_public_host="203.0.113.7"))["pjsip.conf"]
    transport = section(text, "udp", "transport")
    assert transport["external_media_address"] == transport["external_signaling_address"] == ["203.0.113.7"]
    assert "192.168.0.0/16" in transport["local_net"]
