"""docs/reference/webhooks.md: every event, who words it how, how it is delivered, and how it is signed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from docs.signature_examples import block, examples
from ringtrail.config import Settings
from ringtrail.dialects.agendize import webhooks as agendize
from ringtrail.dialects.callr import webhook_types as callr
from ringtrail.dialects.invox import webhooks as invox
from ringtrail.dialects.native.event_examples import EXAMPLES
from ringtrail.dialects.native.events import TOLD
from ringtrail.model.events import MEANING, UNASKED, EventType
from ringtrail.services.deliverer import MOST_TRIES, PAUSES_S

_OWN_WORDS: dict[str, Mapping[EventType, str]] = {
    "CALLR": callr.TYPE_OF
    | {
        EventType.CALL_STARTED: "`call.inbound_start`; of a call that we placed `call.outbound_start`",
        EventType.CALL_ENDED: "`call.inbound_hangup`; of a call that we placed `call.outbound_hangup`",
    },
    "Agendize": {type_: word for word, type_ in agendize.EVENT_TYPES.items()},
    "INVOX": dict.fromkeys(invox.EVENT_TYPES, "the call"),
}
"""What other dialects call the events that they tell. Optico's and Fone Dynamics' APIs tell none."""


def page() -> str:
    return "\n".join((_HEAD, _types(), _names(), _rules(), _signatures(), _details()))


_HEAD = """\
# Webhooks

What happens is written down as events, in the same transaction as what they tell; none is lost, whoever dies when. Each is
sent to every endpoint that asked for its type, and kept so that it can be pulled, looked up and sent again. How to receive
them, step by step, is in [the how-to](../how-to/webhooks.md); the requests that make endpoints, pull events and read the
ledger are in [the native API](native-api.md).
"""


def _types() -> str:
    rows = "".join(
        f"| [`{type_}`](#{_anchor(type_)}) | {meaning}{' It cannot be subscribed to.' if type_ in UNASKED else ''} |\n"
        for type_, meaning in MEANING.items()
    )
    return f"## The events\n\n| type | meaning |\n|---|---|\n{rows}"


def _names() -> str:
    head = f"| event | native | {' | '.join(_OWN_WORDS)} |\n|---|---|{'---|' * len(_OWN_WORDS)}\n"
    rows = "".join(
        f"| `{type_}` | `{type_}` | {' | '.join(_word(words.get(type_)) for words in _OWN_WORDS.values())} |\n"
        for type_ in MEANING
        if type_ not in UNASKED
    )
    return (
        "## What each dialect calls them\n\nAn endpoint speaks one dialect, in that vendor's words and form. INVOX and Agendize tell"
        " of calls only, and INVOX\ndoes not name the event: its receivers look at the call.\n\n" + head + rows
    )


def _word(word: str | None) -> str:
    return "" if word is None else word if " " in word else f"`{word}`"


def _anchor(type_: EventType) -> str:
    return type_.replace(".", "")


def _rules() -> str:
    pauses = ", ".join(_spoken(seconds) for seconds in PAUSES_S)
    return f"""\
## How they are delivered

Seconds and days are the defaults of [settings](configuration.md) (`webhook_timeout_s`, `webhook_disable_after_days`,
`webhook_log_days`).

| question | answer |
|---|---|
| How often? | At least once. A worker that dies between your answer and its note of it tells you again: drop what you have seen, by the id. |
| Which id? | `webhook-id` and `id` in native webhooks, `X-CALLR-EventId` in CALLR's, and `X-Ringtrail-Event-Id` with every dialect. It is the same at each try, for each endpoint, in each replay and when it is pulled. |
| In which order? | Events about the same call, message, number or endpoint (`subject`) one after the other: a later one waits until the earlier one is delivered or given up. Events about different things go side by side. |
| What is in it? | The thing as it is when it is told, so that a late delivery does not take you back. Native webhooks tell `null` as `data` if it is gone by then. |
| What is success? | Any 2xx within {_setting("webhook_timeout_s")} seconds. Redirects are not followed: a 3xx is a failure. |
| When is it tried again? | Up to {MOST_TRIES} times in all, over about {_days(PAUSES_S)} days. The pauses: {pauses}, each a fifth more or less by chance. |
| `Retry-After`? | It is not tried sooner; one day is the most that is believed. With 429 and 503 the whole endpoint rests. |
| 410? | The endpoint is disabled at once. |
| When else is it disabled? | When it has done nothing but fail for {_setting("webhook_disable_after_days")} days. Both are told as `endpoint.disabled` to the account's other endpoints. |
| And then? | What waits is kept. Enabled again, it is told everything since it began to fail, unless you say that you want none of it. |
| How long is it kept? | Events, deliveries and attempts for {_setting("webhook_log_days")} days after the event was written: so long they can be looked up, pulled and sent again. |
| Where to? | Public addresses only, unless the operator allows networks. The name is looked up at each try, and what was looked up is what is dialled. |

## Pulling

`GET /api/v1/events` gives the same events with the same bodies, without an endpoint: begin without `after`, keep
`next_after`, ask again with it. Ids are handed out in the order of the commits, so nothing appears behind your back. When
events that you have not read are no longer kept, the answer is 410 and not a silent gap.
"""


def _spoken(seconds: int) -> str:
    for unit, size in (("h", 3_600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _days(pauses: tuple[int, ...]) -> str:
    return f"{sum(pauses) / 86_400:.1f}"


def _setting(name: str) -> str:
    """Its default; the operator may have another."""
    default: float = next(item.default for item in msgspec.structs.fields(Settings) if item.name == name)
    return f"{default:g}"


def _signatures() -> str:
    parts = [
        f"### {example.title}\n\n`{example.header}`: {example.rule}\n\n```text\n{block(example)}```\n"
        for example in examples()
    ]
    head = (
        "## How they are signed\n\nEach example is a test vector: with this key and these bytes, your code must get this value. The"
        " body ends with its\nbrace, without a line feed. Verify the bytes as they came, before any JSON parser has touched"
        " them, and compare in constant\ntime.\n"
    )
    return "\n".join((head, *parts))


def _details() -> str:
    return "## What native webhooks say\n\n" + "\n".join(_detail(type_) for type_ in MEANING)


def _detail(type_: EventType) -> str:
    name = TOLD[type_].data.__name__
    shown: dict[str, Any] = msgspec.to_builtins(EXAMPLES[type_])
    example = json.dumps(shown, indent=2, ensure_ascii=False)
    return f"### {type_}\n\n{MEANING[type_]} `data` is a [{name}](native-api.md#{name.lower()}).\n\n```json\n{example}\n```\n"
