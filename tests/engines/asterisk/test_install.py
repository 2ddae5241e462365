"""Which Asterisk is used, and where one would be fetched from."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringtrail.engines.asterisk.install import (
    AsteriskInstall,
    InstallError,
    debian_source,
    find_or_fetch,
    speaks_rest_over_websocket,
)
from tests.engines.asterisk.conftest import CACHE

DEB822 = """\
Types: deb
URIs: http://mirror.example.org/debian-security
Suites: bookworm-security

Types: deb
Enabled: no
URIs: http://off.example.org/debian
Suites: bookworm

Types: deb
URIs: http://mirror.example.org/debian/
Suites: bookworm bookworm-updates
Components: main
"""


@pytest.mark.parametrize(
    ("version", "fit"),
    [("18.10.0", False), ("20.13.0", False), ("20.14.0", True), ("21.8.0", False), ("22.3.0", False), ("22.10.1", True),
     ("23.0.0", True), ("", False)],
)  # fmt: skip
def test_versions_that_take_commands_over_the_websocket(version: str, fit: bool) -> None:
    assert speaks_rest_over_websocket(version) is fit


def test_the_mirror_is_the_machine_s_own_in_deb822(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/debian.sources").write_text(DEB822)
    source = debian_source(tmp_path)
    assert source.startswith("deb [signed-by=")
    assert source.endswith("check-valid-until=no] http://mirror.example.org/debian sid main\n")


def test_the_mirror_is_the_machine_s_own_on_one_line(tmp_path: Path) -> None:
    text = "# deb http://old.example.org/debian bookworm main\ndeb [arch=amd64] https://one.example.org/debian bookworm main\n"
    (tmp_path / "sources.list").write_text(text)
    assert "https://one.example.org/debian sid main" in debian_source(tmp_path)


def test_without_a_debian_mirror_the_message_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text("deb http://archive.example.org/ubuntu noble main\n")
    with pytest.raises(InstallError, match="RINGTRAIL_ARI_URL"):
        debian_source(tmp_path)


def test_without_apt_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringtrail.engines.asterisk.install.shutil.which", lambda *_, **__: None)
    with pytest.raises(InstallError, match="without apt-get none can be fetched"):
        find_or_fetch(tmp_path)


def test_a_torn_prefix_in_the_cache_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "asterisk-1_22/usr/lib/x86_64-linux-gnu/asterisk/modules").mkdir(parents=True)
    monkeypatch.setattr("ringtrail.engines.asterisk.install.shutil.which", lambda *_, **__: None)
    with pytest.raises(InstallError):
        find_or_fetch(tmp_path)


@pytest.mark.asterisk
def test_the_cached_prefix_is_used_again(install: AsteriskInstall) -> None:
    said: list[str] = []
    assert find_or_fetch(CACHE, said.append) == install
    assert not [line for line in said if "Downloading" in line]
    assert any((install.sounds_dir / "en").glob("beep.*"))
