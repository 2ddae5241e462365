"""Recording a medium by phone: the code, then what is to be heard in calls.

[inferred], all of it: the vendor's documents only have the number and the code. Keys that end the recording are the engine's
'#' and our '*', which throws away what was said; silence and hanging up end it, too, and keep it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ringtrail.model.phone_in import CODE_LENGTH
from ringtrail.voice.control import CallControl

PROMPTS = ASK_CODE, ASK_AGAIN, SAY_IT, THANKS = 901, 902, 903, 904
"""Their ids, and the names of their files. Only these calls play them; they are in no list of media."""

TRIES = 3
CODE_WITHIN_S = 20.0
LONGEST_S = 300
SILENCE_S = 5


async def phone_in(call: CallControl, take: Callable[[str], Awaitable[str | None]]) -> None:
    """Run one call. take: uses a code up and gives the name of the recording to be made; None: it is no good."""
    prompt = ASK_CODE
    for _ in range(TRIES):
        code = await call.gather(prompt, most=CODE_LENGTH, within_s=CODE_WITHIN_S)
        name = await take(code) if code else None
        if name is not None:
            await call.play(SAY_IT)
            if await call.record(name, max_s=LONGEST_S, silence_s=SILENCE_S):
                await call.play(THANKS)
            return
        prompt = ASK_AGAIN
