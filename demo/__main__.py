"""`python -m demo`, `make demo`: one real call through a running ringtrail, and the record that it leaves.

Exit code 0 when the call is in all six APIs, 1 when something is missing (said on standard error), 130 on Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

import aiohttp

from demo.account import Demo, DemoError, Number, data_folder, read_account
from demo.apis import Reader, Sought
from demo.conversation import Sounds, converse
from demo.narrator import Narrator
from demo.phone import PhoneError

SETTLE_S = 20.0  # a recording of a few seconds is finished in one
INTERRUPTED = 130


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--number", help="demo number to call (default: the first that records)")
    parser.add_argument("--talk", type=float, default=6.0, metavar="SECONDS", help="length of the conversation")
    parser.add_argument("--keys", default="12#", help="keys that the caller presses on the way")
    parser.add_argument("--data-dir", help="ringtrail's data folder (default: from its settings)")
    parser.add_argument("--full", action="store_true", help="show empty fields of the records too")
    parser.add_argument("--json", action="store_true", help="for scripts: one JSON object a line")
    return parser.parse_args()


async def run(arguments: argparse.Namespace, narrator: Narrator) -> bool:
    """Whether every API knew the call."""
    folder = data_folder(arguments.data_dir)
    demo = read_account(folder)
    number = demo.pick(arguments.number)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        reader = Reader(session, demo)
        await reader.check()
        sounds = Sounds(folder=folder / "demo")
        await asyncio.to_thread(sounds.prepare, arguments.talk)
        narrator.title(f"{demo.caller} calls {number.name}, {number.number}, which leads to {number.target}")
        dialled_at = await converse(demo, number, sounds, narrator, talk_s=arguments.talk, keys=arguments.keys)
        return await report(reader, demo, number, Sought(number.number, dialled_at), sounds, narrator)


async def report(
    reader: Reader, demo: Demo, number: Number, sought: Sought, sounds: Sounds, narrator: Narrator
) -> bool:
    call, recordings = await reader.settled(sought, SETTLE_S)
    narrator.tell("recorded", f"ringtrail has the record: {call['disposition']}, {call['talk_s']} s of talk", call=call)
    narrator.title("The same call in six APIs")
    complete = True
    async for reading in reader.everywhere(sought):
        narrator.record(reading)
        complete = complete and reading.record is not None
    narrator.title("Listen")
    narrator.files(**await asyncio.to_thread(_files, demo, recordings, sounds))
    return complete


def _files(demo: Demo, recordings: list[dict[str, object]], sounds: Sounds) -> dict[str, str]:
    """{what: path} of every sound file of the call."""
    kept = Path(demo.recordings_dir)
    found: dict[str, str] = {}
    if recordings:
        found["recording"] = str(next(kept.rglob(f"*{recordings[0]['hash']}.wav"), kept))
    for who in ("caller", "target"):
        if sounds.heard(who).exists():
            found[f"heard_by_{who}"] = str(sounds.heard(who))
    return found


def main() -> None:
    arguments = parse_arguments()
    narrator = Narrator(as_json=arguments.json, full=arguments.full)
    try:
        complete = asyncio.run(run(arguments, narrator))
    except (DemoError, PhoneError) as error:
        narrator.fail(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `| head` had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    if not complete:
        narrator.fail("an API does not show the call, see above")
        sys.exit(1)


if __name__ == "__main__":
    main()
