"""Every operation of the API: the only list of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from ringtrail.dialects.native import examples, webhook_examples
from ringtrail.dialects.native.requests import AUDIO_PARAMETERS, LIST_PARAMETERS, Parameter
from ringtrail.dialects.native.responses import CallDetail, CallList, Recording, RecordingList
from ringtrail.dialects.native.webhook_requests import ATTEMPT_PARAMETERS, DELIVERY_PARAMETERS, EVENT_PARAMETERS
from ringtrail.dialects.native.webhook_structs import (
    AttemptList,
    DeliveryList,
    Due,
    Enabled,
    Enabling,
    Endpoint,
    EndpointChange,
    EndpointList,
    EndpointWithSecret,
    EventList,
    EventTypeList,
    NewEndpoint,
    Range,
    Rotation,
)
from ringtrail.model.errors import ErrorCode


class Operation(NamedTuple):
    path: str  # below PREFIX
    id: str
    group: str
    summary: str
    description: str
    answer: Any  # struct type, or None: see `content`
    example: Any
    parameters: tuple[Parameter, ...] = ()
    errors: tuple[ErrorCode, ...] = ()
    content: tuple[str, ...] = ("application/json",)  # none: an answer without a body
    secured: bool = True
    method: str = "get"
    body: Any = None  # struct type
    body_example: Any = None
    status: int = 200


_AUDIO = "The sound, mixed or one side. Byte ranges (RFC 9110) are answered with 206. The first listening is noted as `read_at`."
_AUDIO_ERRORS = (ErrorCode.NOT_FOUND, ErrorCode.CONFLICT)
_OWN = (ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)
_SWITCHED = (*_OWN, ErrorCode.CONFLICT)

OPERATIONS = (
    Operation("/calls", "listCalls", "Calls", "List calls",
        "Filters narrow the list together; a filter given several times matches any of its values. Follow `next_cursor`"
        " until it is null: what arrives meanwhile neither shifts nor repeats the rest of the list.",
        CallList, examples.CALL_LIST, LIST_PARAMETERS),
    Operation("/calls/{id}", "getCall", "Calls", "Read one call", "A call, live or ended, with its legs and its story.",
        CallDetail, examples.CALL_DETAIL, errors=(ErrorCode.NOT_FOUND,)),
    Operation("/calls/{id}/recordings", "listCallRecordings", "Recordings", "List the recordings of a call",
        "The conversation and the voicemail, newest first.",
        RecordingList, examples.RECORDING_LIST, errors=(ErrorCode.NOT_FOUND,)),
    Operation("/recordings/{hash}", "getRecording", "Recordings", "Read one recording", "What there is to hear, and where.",
        Recording, examples.RECORDING, errors=(ErrorCode.NOT_FOUND,)),
    Operation("/recordings/{hash}/audio", "getAudio", "Recordings", "Hear a recording", _AUDIO + " MP3 where there is one, else WAV.",
        None, None, AUDIO_PARAMETERS, _AUDIO_ERRORS, ("audio/mpeg", "audio/wav")),
    Operation("/recordings/{hash}/audio.wav", "getAudioWav", "Recordings", "Hear a recording as WAV", _AUDIO,
        None, None, AUDIO_PARAMETERS, _AUDIO_ERRORS, ("audio/wav",)),
    Operation("/recordings/{hash}/audio.mp3", "getAudioMp3", "Recordings", "Hear a recording as MP3", _AUDIO,
        None, None, AUDIO_PARAMETERS, _AUDIO_ERRORS, ("audio/mpeg",)),
    Operation("/event-types", "listEventTypes", "Events", "List the types of events", "Each with its meaning and an example.",
        EventTypeList, webhook_examples.EVENT_TYPES),
    Operation("/events", "pullEvents", "Events", "Pull events",
        "The same events, in the same words, as endpoints are pushed; you need no endpoint. Ask again with `next_after`, as"
        " often as you like: nothing is left out and nothing comes twice. A page that is not full is the newest there is."
        " 410 tells that events which you have not read are no longer kept.",
        EventList, webhook_examples.EVENT_LIST, EVENT_PARAMETERS, (ErrorCode.GONE,)),
    Operation("/endpoints", "listEndpoints", "Endpoints", "List endpoints",
        "Those of other dialects too, which are changed where they were made. No secrets.",
        EndpointList, webhook_examples.ENDPOINT_LIST),
    Operation("/endpoints", "addEndpoint", "Endpoints", "Make an endpoint",
        "It is told what happens from now on, signed as Standard Webhooks 1.0.0 says. The secret is shown in this answer"
        " and never again.",
        EndpointWithSecret, webhook_examples.WITH_SECRET, errors=(ErrorCode.TOO_MANY,), method="post", body=NewEndpoint,
        body_example=webhook_examples.NEW_ENDPOINT, status=201),
    Operation("/endpoints/{endpoint}/test", "testEndpoint", "Endpoints", "Try an endpoint out",
        "Sends it an `endpoint.test`. What it answered is among its deliveries.",
        Due, webhook_examples.DUE, errors=_SWITCHED, method="post", status=202),
    Operation("/endpoints/{endpoint}/rotate-secret", "rotateSecret", "Endpoints", "Replace a key",
        "The new key signs at once, and the old one with it for `overlap_s`: every request has both signatures, so change"
        " over whenever you like before that.",
        EndpointWithSecret, webhook_examples.WITH_SECRET, errors=_SWITCHED, method="post", body=Rotation,
        body_example=webhook_examples.ROTATION),
    Operation("/endpoints/{endpoint}/replay", "replayRange", "Ledger", "Tell an endpoint again",
        "Sends the kept events of its types once more, those too that happened before it was made. Each has the id that it"
        " always had.",
        Due, webhook_examples.DUE, errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.GONE), method="post",
        body=Range, body_example=webhook_examples.RANGE, status=202),
    Operation("/deliveries", "listDeliveries", "Ledger", "List deliveries",
        "What was, or is to be, sent where, and what came of it; to endpoints of every dialect.",
        DeliveryList, webhook_examples.DELIVERY_LIST, DELIVERY_PARAMETERS),
    Operation("/deliveries/{event}/{endpoint}/replay", "replayDelivery", "Ledger", "Tell one event again",
        "Sends it once more, or for the first time, to an endpoint that wants its type.",
        Due, webhook_examples.DUE, errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT), method="post", status=202),
    Operation("/deliveries/{event}/{endpoint}/attempts", "listAttempts", "Ledger", "List the attempts of a delivery",
        "Every request with its headers and body, and what was answered.",
        AttemptList, webhook_examples.ATTEMPT_LIST, ATTEMPT_PARAMETERS, (ErrorCode.NOT_FOUND,)),
    Operation("/endpoints/{endpoint}/disable", "disableEndpoint", "Endpoints", "Disable an endpoint",
        "It is told nothing until it is enabled; what waits for it is kept.",
        Endpoint, webhook_examples.DISABLED, errors=_OWN, method="post"),
    Operation("/endpoints/{endpoint}/enable", "enableEndpoint", "Endpoints", "Enable an endpoint",
        "It goes on with what it missed, unless you say `replay: false`.",
        Enabled, webhook_examples.ENABLED, errors=_OWN, method="post", body=Enabling,
        body_example=webhook_examples.ENABLING),
    Operation("/endpoints/{endpoint}", "getEndpoint", "Endpoints", "Read one endpoint", "Without its secret.",
        Endpoint, webhook_examples.ENDPOINT, errors=(ErrorCode.NOT_FOUND,)),
    Operation("/endpoints/{endpoint}", "changeEndpoint", "Endpoints", "Change an endpoint", "What you leave out stays as it is.",
        Endpoint, webhook_examples.ENDPOINT, errors=_SWITCHED, method="patch", body=EndpointChange,
        body_example=webhook_examples.CHANGE),
    Operation("/endpoints/{endpoint}", "deleteEndpoint", "Endpoints", "Delete an endpoint",
        "With its log and with what still waits for it.",
        None, None, errors=_OWN, content=(), method="delete", status=204),
    Operation("/openapi.json", "getOpenApi", "About", "OpenAPI document", "OpenAPI 3.1, without a token.",
        None, None, secured=False),
    Operation("/docs", "getDocs", "About", "This page", "The same for people: an HTML page, without a token.",
        None, None, content=("text/html",), secured=False),
)  # fmt: skip
