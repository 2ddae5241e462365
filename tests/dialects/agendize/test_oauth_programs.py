"""OAuth 2.0: the programs that an operator registers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ringtrail import cli
from ringtrail.model.errors import DomainError
from tests.dialects.agendize.oauth_stage import (
    BACK,
    Stage,
    action_of,
    seal_of,
)

pytestmark = pytest.mark.postgres


WAYS_BACK = (
    "https://client.example/back", "https://client.example:8443/b?x=1", "http://127.0.0.1:9999/cb", "http://localhost/cb",
    "http://[::1]:9999/cb", "org.example.app:/cb", "org.example.app://cb",
)  # fmt: skip
NO_WAYS_BACK = (
    "http://client.example/", "https://client.example/#part", "https://user:pw@client.example/", "javascript:alert(1)",
    "data:text/html,x", "//client.example/", "client.example", "", "https://", "https://a b/", "https://x;y/",
    "https://é.example/", "https://*.example/", "http://localhost.evil.example/", "https://[::1/", "https://x:99999999/",
    "https://client.example/\r\nx: y",
)  # fmt: skip


async def test_a_program_may_be_sent_back_to_its_site_to_this_machine_and_to_its_own_scheme(stage: Stage) -> None:
    for uri in WAYS_BACK:
        program, _ = await stage.oauth.register("Any", [uri])
        page = await stage.browser.get(stage.asked(client_id=program.client_id, redirect_uri=uri))
        answer = await stage.browser.post(action_of(page), data={"seal": seal_of(page), "choice": "allow"})
        assert answer.headers["location"].startswith(f"{uri}{'&' if '?' in uri else '?'}code=")


async def test_a_program_may_not_be_sent_back_to_what_is_unsafe_or_no_address(stage: Stage) -> None:
    for uri in NO_WAYS_BACK:
        with pytest.raises(DomainError) as caught:
            await stage.oauth.register("Any", [uri])
        assert caught.value.field == "redirect", uri


async def test_a_program_has_a_name_and_a_way_back(stage: Stage) -> None:
    for name, uris in ((" ", [BACK]), ("Any", [])):
        with pytest.raises(DomainError):
            await stage.oauth.register(name, uris)
    with pytest.raises(DomainError):
        await stage.oauth.remove("nobody")
    assert [program.name for program in await stage.oauth.programs()] == ["Léa's CRM"]


def test_the_operator_registers_lists_and_removes_programs_from_the_command_line(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGTRAIL_DATABASE_URL", database_url)

    def ringtrail(*arguments: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(["oauth", *arguments])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    status, out, _ = ringtrail("add", "Example CRM", "--redirect", BACK, "--redirect", "http://localhost/cb")
    added = json.loads(out)
    assert (status, added["redirect_uris"]) == (0, [BACK, "http://localhost/cb"])
    _, out, _ = ringtrail("list")
    assert [item["client_id"] for item in json.loads(out)] == [added["client_id"]]
    assert added["client_secret"] not in out
    _, out, _ = ringtrail("remove", added["client_id"])
    assert json.loads(out)["disabled_at"]
    for wrong in (("remove", "nobody"), ("add", "Evil", "--redirect", "http://evil.example/")):
        status, _, err = ringtrail(*wrong)
        assert (status, err.startswith("ringtrail: ")) == (1, True)
