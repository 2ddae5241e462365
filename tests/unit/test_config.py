"""Settings: where they come from, and what is said when they cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from ringtrail import cli
from ringtrail.config import ENV_PREFIX, ConfigError, Settings, load, reference
from ringtrail.supervisor.parts import environ_of


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for key in (*Settings.__struct_fields__, "config"):
        monkeypatch.delenv(ENV_PREFIX + key.upper(), raising=False)
    return tmp_path


def test_without_file_and_environment_the_defaults_hold() -> None:
    assert load({}) == Settings()


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(empty_folder: Path) -> None:
    (empty_folder / "ringtrail.toml").write_text("http_port = 8001\nsip_port = 5070\n")
    settings = load({"RINGTRAIL_HTTP_PORT": "8002"})
    assert (settings.http_port, settings.sip_port, settings.ari_port) == (8002, 5070, 8088)


def test_another_file_can_be_named(empty_folder: Path) -> None:
    (empty_folder / "other.toml").write_text("demo = false\n")
    assert load({"RINGTRAIL_CONFIG": "other.toml"}).demo is False


@pytest.mark.parametrize(
    ("environ", "file", "words"),
    [
        ({"RINGTRAIL_HTTP_PORT": "eighty"}, "", "http_port"),
        ({"RINGTRAIL_HTTP_PORT": "0"}, "", "http_port"),
        ({"RINGTRAIL_LOG_FORMAT": "xml"}, "", "log_format"),
        ({"RINGTRAIL_DEFAULT_COUNTRY": "france"}, "", "default_country"),
        ({"RINGTRAIL_DEMO": "perhaps"}, "", "demo"),
        ({"RINGTRAIL_WEBHOOK_LOG_DAYS": "367"}, "", "webhook_log_days"),
        ({"RINGTRAIL_WEBHOOK_DISABLE_AFTER_DAYS": "0"}, "", "webhook_disable_after_days"),
        ({"RINGTRAIL_WEBHOOK_DISABLE_AFTER_DAYS": "inf"}, "", "webhook_disable_after_days"),
        ({"RINGTRAIL_WEBHOOK_DISABLE_AFTER_DAYS": "nan"}, "", "webhook_disable_after_days"),
        ({"RINGTRAIL_WORKERS": "0"}, "", "workers"),
        ({"RINGTRAIL_EGRESS_ALLOWED_NETWORKS": "10.0.0.0/8,intranet"}, "", "egress_allowed_networks: 'intranet'"),
        ({"RINGTRAIL_SMTP_URL": "smtp://host"}, "", "mail_from is needed with smtp_url"),
        ({"RINGTRAIL_SMTP_URL": "mail.example.org"}, "", "smtp_url: must look like smtp://"),
        ({"RINGTRAIL_MAIL_FROM": "calls"}, "", "mail_from: is not an e-mail address"),
        ({"RINGTRAIL_NOTICE_EMAIL": "ops@example.org"}, "", "smtp_url is needed with notice_email"),
        ({}, "htp_port = 1\n", "htp_port"),
        ({}, "http_port = \n", "ringtrail.toml"),
        ({"RINGTRAIL_CONFIG": "gone.toml"}, "", "gone.toml does not exist"),
    ],
)
def test_what_cannot_be_used_is_named(environ: dict[str, str], file: str, words: str, empty_folder: Path) -> None:
    if file:
        (empty_folder / "ringtrail.toml").write_text(file)
    with pytest.raises(ConfigError, match=words):
        load(environ)


def test_a_child_reads_the_very_settings_of_its_parent() -> None:
    settings = Settings(demo=False, http_port=8123, database_url="postgresql://a:b@c/d", trunk_sources="10.0.0.0/8,::1")
    assert load(environ_of(settings)) == settings


def test_every_setting_is_explained_with_its_default() -> None:
    rows = reference()
    assert [key for key, _, _ in rows] == list(Settings.__struct_fields__)
    assert all(meaning.endswith(".") for _, _, meaning in rows)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int | str | None, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


def test_config_prints_every_value_in_force_without_passwords(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGTRAIL_DATABASE_URL", "postgresql://ringtrail:hunter2@db/ringtrail")
    for shape in ((), ("--json",)):
        code, out, _ = run(capsys, "config", *shape)
        assert code == 0
        assert "hunter2" not in out
        assert "postgresql://ringtrail:[redacted]@db/ringtrail" in out
    assert set(json.loads(out)) == set(msgspec.structs.asdict(Settings()))


def test_config_check_fails_in_words_on_a_setting_that_cannot_be_used(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(capsys, "config", "--check")[0] == 0
    monkeypatch.setenv("RINGTRAIL_SIP_PORT", "70000")
    code, out, err = run(capsys, "config", "--check")
    assert (code, out) == (1, "")
    assert "sip_port" in err


def test_an_unknown_command_is_refused_with_the_list_of_commands(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "strat")
    assert code == 2
    assert "'up'" in err or "up," in err
