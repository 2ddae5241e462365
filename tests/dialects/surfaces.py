"""Every HTTP surface as one table: which requests there are, who may send them, and what an answer must look like.

Requests go straight into the ASGI application, so that a path, a query string or a header can hold what no well-behaved
client library sends.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import unquote

from litestar import Litestar, Request, Response

from ringtrail import dashboard
from ringtrail.app import DIALECTS
from ringtrail.httpkit.dialect import Dialect, DialectOptions
from ringtrail.httpkit.server import build_server
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.ids import call_sid
from ringtrail.services import Services
from tests.fixtures import AGENDIZE_API_KEY, CALLR_LOGIN, FONE_TOKEN, TOKENS, World

BASE_URL = "http://testserver.local"
HANG_S = 10.0  # far above what any answer takes: only a request that hangs meets it
_OURS = (ErrorCode.INTERNAL, ErrorCode.UNAVAILABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request. surface: a dialect's name, `recordings` or `rest` for CALLR's sound files and REST paths, or `pages`."""

    surface: str
    path: str  # as the client writes it, percent-encoded
    query: bytes = b""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: tuple[bytes, ...] = ()  # in chunks

    def __str__(self) -> str:
        return f"{self.surface} {self.method} {self.path}?{self.query!r} {self.headers} {b''.join(self.body)[:2000]!r}"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Surfaces:
    """The application with all dialects and pages. faults: what it could not answer by itself, a bug each."""

    services: Services
    faults: list[DomainError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.app: Litestar = build_server(
            self.services,
            [self._watched(dialect) for dialect in DIALECTS],
            DialectOptions(base_url=BASE_URL),
            pages=dashboard.pages(self.services, BASE_URL),
        )

    def _watched(self, dialect: Dialect) -> Dialect:
        def render(request: Request[Any, Any, Any], error: DomainError, options: DialectOptions) -> Response[Any]:
            if error.code in _OURS:
                self.faults.append(error)
            return dialect.render_error(request, error, options)

        return dialect._replace(render_error=render)

    async def ask(self, asked: Asked) -> Answer:
        chunks = list(asked.body) or [b""]
        sent: list[Any] = []
        answered = asyncio.Event()

        async def receive() -> Any:
            if not chunks:
                await answered.wait()
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

        async def send(message: Any) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                answered.set()

        headers = [(b"host", b"testserver.local")] if "host" not in dict(asked.headers) else []
        headers += [(name.encode(), value.encode("latin-1")) for name, value in asked.headers]
        scope: Any = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": asked.method, "scheme": "http",
            "path": unquote(asked.path), "raw_path": asked.path.encode(), "query_string": asked.query, "root_path": "",
            "headers": headers, "client": ("127.0.0.1", 50_000), "server": ("testserver.local", 80),
        }  # fmt: skip
        await asyncio.wait_for(self.app(scope, receive, send), HANG_S)  # type: ignore[arg-type]
        start = sent[0]
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(
            start["status"], {name.decode(): value.decode("latin-1") for name, value in start["headers"]}, body
        )


# --- who asks -------------------------------------------------------------------------------------------------------------


class Keys(NamedTuple):
    """One account's credentials."""

    optico: str
    headers: Mapping[str, tuple[tuple[str, str], ...]]  # by surface


def keys_of(account_sid: str, session: str = "", suffix: str = "") -> Keys:
    """Those that `fixtures.add_credentials` gave to the account, and a web session."""
    callr = ("authorization", _basic(CALLR_LOGIN[0] + suffix, CALLR_LOGIN[1]))
    return Keys(
        TOKENS["optico"] + suffix,
        {
            "optico": (),
            "invox": (("x-api-key", TOKENS["invox"] + suffix),),
            "agendize": (("apikey", AGENDIZE_API_KEY + suffix), ("token", TOKENS["agendize"] + suffix)),
            "fonedynamics": (("authorization", _basic(account_sid, FONE_TOKEN + suffix)),),
            "callr": (callr,),
            "recordings": (callr,),
            "rest": (callr,),
            "native": (("authorization", f"Bearer {TOKENS['native']}{suffix}"),),
            "pages": (("cookie", f"ringtrail_session={session}"),),
        },
    )


def signed(asked: Asked, keys: Keys) -> Asked:
    query = asked.query
    if asked.surface == "optico":
        query = b"api_key=" + keys.optico.encode() + b"&" + query
    return replace(asked, query=query, headers=keys.headers[asked.surface] + asked.headers)


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# --- what can be asked ----------------------------------------------------------------------------------------------------

PERIOD = b"type=calls&start_date=2026-01-01&end_date=2026-12-31&page=1&limit=10"
SPAN = ["2026-01-01 00:00:00", "2026-12-31 23:59:59"]


class Things(NamedTuple):
    """What an account has that a request can name."""

    account_sid: str
    property_sid: str
    call_id: int
    call_seq: int  # in the account's own count
    recording: str
    app: str
    did: str
    did_number: str


async def things_of(world: World, call_id: int, recording: str) -> Things:
    call = await world.services.calls.by_id(world.account.id, call_id)
    assert call is not None
    return Things(
        world.account.sid, world.property.sid, call_id, call.creation_seq, recording, world.app.hash, world.did.hash,
        world.did.number_e164,
    )  # fmt: skip


def rpc(method: str, *params: Any) -> Asked:
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}).encode()
    return Asked(surface="callr", path="/json-rpc/v1.1/", method="POST", body=(body,))


def _posted(path: str, **fields: str) -> Asked:
    return Asked(surface="fonedynamics", path=path, method="POST", body=(json.dumps(fields).encode(),))


def lists() -> list[Asked]:
    """Readings that name nothing: they show whatever the asker has."""
    return [
        Asked(surface="optico", path="/data-api", query=PERIOD),
        Asked(surface="optico", path="/data-api", query=PERIOD + b"&group_by_day=true"),
        Asked(surface="optico", path="/data-api", query=PERIOD.replace(b"calls", b"sms")),
        Asked(surface="invox", path="/api/v2/calls"),
        Asked(surface="agendize", path="/api/2.0/calls"),
        Asked(surface="fonedynamics", path="/v2/Properties"),
        Asked(surface="native", path="/api/v1/calls", query=b"include=live"),
        *(Asked(surface="native", path=f"/api/v1/{noun}") for noun in ("events", "endpoints", "deliveries")),
        Asked(surface="pages", path="/"),
        Asked(surface="pages", path="/fragments/live"),
        Asked(surface="pages", path="/fragments/latest"),
        rpc("apps.get_list", True),
        rpc("apps.get_dids", False),
        rpc("did.search", None, None),
        rpc("cdr.get", "IN", *SPAN, None, None),
        rpc("cdr.get", "OUT", *SPAN, None, None),
        rpc("cdr.search", {"type": "IN"}, None),
        rpc("cdr.search", {"type": "OUT"}, None),
        rpc("analytics/calls.summary", *SPAN),
        rpc("analytics/calls.history", *SPAN),
        rpc("media/recording.search", None, None),
        rpc("media/recording.overview"),
        rpc("media/recording.read_status"),
        rpc("account/sub.search", None, None),
        rpc("api-key.all"),
        rpc("session.all"),
        Asked(surface="rest", path="/rest/v1.1/sms", query=b"type=OUT&from=2026-01-01+00:00:00&to=2026-12-31+00:00:00"),
    ]


def named(things: Things) -> list[Asked]:
    """Readings of a thing by its name."""
    fone, recording = call_sid(things.call_id), things.recording
    number = things.did_number.removeprefix("+")
    return [
        Asked(surface="agendize", path=f"/api/2.0/calls/{things.call_seq}"),
        Asked(surface="agendize", path=f"/api/2.0/calls/{things.call_seq}/record.mp3"),
        Asked(surface="fonedynamics", path=f"/v2/Calls/{fone}"),
        Asked(surface="fonedynamics", path=f"/v2/Calls/{fone}/Recording"),
        *(
            Asked(surface="fonedynamics", path=f"/v2/Properties/{things.property_sid}{noun}")
            for noun in ("", "/Calls", "/Messages", "/Numbers", "/Flows")
        ),
        *(
            Asked(surface="fonedynamics", path=f"/v2/Accounts/{things.account_sid}/{noun}")
            for noun in ("Calls", "Messages", "Numbers")
        ),
        Asked(surface="fonedynamics", path=f"/v2/Numbers/{number}"),
        _posted(f"/v2/Numbers/{number}", Friendly="renamed"),
        _posted(f"/v2/Properties/{things.property_sid}/Messages", To="+33699999999", From="Bakery", Text="Hello"),
        Asked(surface="native", path=f"/api/v1/calls/{things.call_id}"),
        Asked(surface="native", path=f"/api/v1/calls/{things.call_id}/recordings"),
        Asked(surface="native", path="/api/v1/calls", query=f"property={things.property_sid}".encode()),
        Asked(surface="native", path=f"/api/v1/recordings/{recording}"),
        *(Asked(surface="native", path=f"/api/v1/recordings/{recording}/audio{end}") for end in ("", ".mp3", ".wav")),
        Asked(surface="recordings", path=f"/callr/recordings/{recording}.mp3"),
        Asked(surface="recordings", path=f"/callr/recordings/{recording}.wav"),
        *(Asked(surface="pages", path=f"/recordings/{recording}{end}") for end in ("", "/audio", "/audio.mp3")),
        rpc("apps.get", things.app),
        rpc("apps.edit", things.app, "renamed", None),
        rpc("apps.assign_did", things.app, things.did),
        rpc("apps.remove_did", things.did),
        rpc("cdr.get", "IN", *SPAN, things.app, None),
        rpc("cdr.search", {"type": "IN", "did": things.did}, None),
        rpc("cdr.search", {"type": "OUT", "app": things.app}, None),
        rpc("media/recording.get", recording),
        # These find nothing, and say so without an error.
        Asked(surface="agendize", path="/api/2.0/calls", query=f"toolId={things.property_sid}".encode()),
        Asked(surface="agendize", path="/api/2.0/calls", query=f"search={number}".encode()),
        Asked(surface="optico", path="/data-api", query=PERIOD + f"&tracking_phone=%2B{number}".encode()),
        Asked(surface="native", path="/api/v1/calls", query=f"tracking_number=%2B{number}".encode()),
        rpc("did.search", {"hash": things.did}, None),
        rpc("did.search", {"KEYWORDS": things.did_number}, None),
        rpc("cdr.search", {"type": "IN", "hash": str(things.call_id)}, None),
        rpc("media/recording.search", {"hash": recording}, None),
        rpc("media/recording.search", {"callid": things.call_id}, None),
    ]


# --- how an answer must look ----------------------------------------------------------------------------------------------

JSON, PROBLEM, RPC = "application/json", "application/problem+json", "application/json-rpc; charset=utf-8"


def assert_well_formed(asked: Asked, answer: Answer) -> None:
    """The vendor's content type and keys, whatever was asked."""
    content_type = answer.headers.get("content-type", "")
    if answer.status in (204, 304) or (asked.surface, asked.method, answer.status) == ("agendize", "DELETE", 200):
        assert not answer.body
    elif asked.surface == "pages":
        assert (
            content_type.split(";")[0] in ("text/html", "text/plain", "audio/mpeg", "audio/wav") or answer.status == 303
        )
    elif content_type in ("audio/mpeg", "audio/wav"):
        assert answer.status in (200, 206, 416)
    elif asked.path.startswith("/api/v1/docs") and answer.status < 400:
        assert content_type.startswith("text/")
    else:
        expected = {"callr": RPC, "native": PROBLEM if answer.status >= 400 else JSON}.get(asked.surface, JSON)
        assert content_type == expected
        _KEYS[asked.surface](answer.status, answer.json)


def _optico(status: int, body: Any) -> None:
    assert status == 200
    expected = {"OK": ({"status", "results"}, {"status", "total_results", "results"}), "ERROR": ({"status", "errors"},)}
    assert body.keys() - {"next_page"} in expected[body["status"]]
    assert all(isinstance(text, str) for text in body.get("errors", []))


def _invox(status: int, body: Any) -> None:
    assert isinstance(body, list) if status == 200 else list(body) == ["error"] and isinstance(body["error"], str)


def _agendize(status: int, body: Any) -> None:
    if status != 200:
        assert list(body) == ["error"]
        assert list(body["error"]) == ["code", "reason", "message"]
        assert body["error"]["code"] == status


def _fonedynamics(status: int, body: Any) -> None:
    if status != 200:
        assert list(body) == ["ResponseStatus"]
        assert list(body["ResponseStatus"]) == ["ErrorCode", "Message"]
    else:
        one = {"Call", "Message", "Number", "Project"}
        several = {"Calls", "Messages", "Numbers", "Projects", "Flows"}
        assert next(iter(body)) in one | several


def _callr(status: int, body: Any) -> None:
    assert status in (200, 401, 404, 405, 413)
    assert list(body) in (["jsonrpc", "id", "result"], ["jsonrpc", "id", "error"])
    if "error" in body:
        assert (type(body["error"]["code"]), type(body["error"]["message"])) == (int, str)


def _recordings(status: int, body: Any) -> None:
    assert status >= 400
    assert (list(body), body["status"], list(body["data"])) == (["status", "data"], "error", ["code", "message"])


def _rest(status: int, body: Any) -> None:
    if status >= 400:
        _recordings(status, body)
    else:
        assert (status, list(body), body["status"]) == (200, ["status", "data"], "success")


def _native(status: int, body: Any) -> None:
    if status >= 400:
        assert list(body) == ["type", "title", "status", "detail", "errors"]
        assert body["status"] == status


_KEYS = {
    "optico": _optico, "invox": _invox, "agendize": _agendize, "fonedynamics": _fonedynamics, "callr": _callr,
    "recordings": _recordings, "rest": _rest, "native": _native,
}  # fmt: skip


def with_headers(asked: Asked, headers: Iterable[tuple[str, str]]) -> Asked:
    """These headers instead of the request's own of the same names."""
    changed = dict(headers)
    kept = tuple(item for item in asked.headers if item[0] not in changed)
    return replace(asked, headers=kept + tuple(changed.items()))
