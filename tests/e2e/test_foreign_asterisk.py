"""An Asterisk of somebody else's, named by RINGTRAIL_ARI_URL: no AMI, no flight recorder, no dialplan of ours but Stasis."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from demo.melody import write_melody
from demo.phone import Phone
from ringtrail.engines.asterisk.configure import USER, write_configuration
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.supervisor.doctor import examine
from ringtrail.supervisor.parts import asterisk_settings
from ringtrail.supervisor.secrets import load_secrets
from tests.e2e.audio import heard
from tests.e2e.phones import subscriber
from tests.e2e.stack import Stack, eventually, free_port, private_folder
from tests.sip import answers

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]


class ForeignAsterisk(Stack):
    """Its Asterisk lives in a folder that the controller knows nothing of."""

    async def start_asterisk(self) -> None:
        elsewhere = msgspec.structs.replace(self.base, data_dir=str(self.folder / "elsewhere"), ari_port=free_port())
        (self.folder / "elsewhere").mkdir(exist_ok=True)
        secrets = load_secrets(elsewhere.data)
        self.start("asterisk", write_configuration(self.install, asterisk_settings(elsewhere, secrets)))
        url = f"http://{USER}:{secrets.ari_password}@127.0.0.1:{elsewhere.ari_port}"
        self.settings = msgspec.structs.replace(self.settings, ari_url=url, ami_url="")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    folder = private_folder("ringtrail-foreign-")
    stack = ForeignAsterisk(folder)
    try:
        await stack.up(trunk_peer=f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}")
        stack.start_worker()
        yield stack
    finally:
        await stack.down()
        shutil.rmtree(folder, ignore_errors=True)


async def test_subscribers_cannot_be_made_and_the_doctor_tells_of_those_that_are_there(stack: Stack) -> None:
    with pytest.raises(DomainError, match="not ours to say") as refused:
        await subscriber(stack)
    assert refused.value.code is ErrorCode.FORBIDDEN
    async with stack.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO sip_subscribers (account_id, username, secrets, created_at) VALUES (%s, 'desk', '', now())",
            (stack.account.id,),
        )
    found = {check.name: check for check in await examine(stack.settings, {})}
    assert found["SIP phones"].status == "warn"
    assert found["SIP phones"].found.startswith("the phones of 1 subscribers cannot register")


async def test_a_call_is_served_and_recorded_mixed(stack: Stack) -> None:
    mine = stack.folder / "caller.wav"
    write_melody(mine, "caller", 2.0)
    did, _ = await stack.number((stack.target(), 20, answers()), record=True)
    host, _, port = stack.settings.trunk_peer.rpartition(":")
    async with Phone(host=host, port=int(port), answer_after_s=0.5) as target, Phone(play=mine, loop=True) as caller:
        await caller.call(stack.sip_uri(did.number_e164))
        await target.wait("answered", timeout_s=20)
        await asyncio.sleep(5)
        await caller.hangup()
        await target.wait("ended")
    record = await stack.ended_call(did.number_e164)
    assert (record.disposition, record.hangup_by, record.recording_kind) == ("answered", "caller", "call")

    async def ready() -> bool:
        found, _ = await stack.services.recordings.find(stack.account.id, call_ids=[record.id], statuses=["ready"])
        return bool(found)

    await eventually(ready, 15)
    found, _ = await stack.services.recordings.find(stack.account.id, call_ids=[record.id])
    path = stack.services.recordings.file(found[0], "wav")
    assert path is not None
    assert heard(path, mine) > 0.8
    assert not found[0].per_leg
