"""The reference of watches and of the log of what was sent."""

from __future__ import annotations

from typing import Any

from ringtrail.dialects.agendize.reference_parts import (
    ACCOUNT_SID,
    BASE_URL,
    BODY_ERRORS,
    DELETED,
    ERROR_ID,
    NOT_JSON,
    WATCHER_ID,
    error,
    hash_path,
)
from ringtrail.dialects.agendize.watch_requests import (
    HIDDEN,
    OBJECT_TYPES,
    BasicAuth,
    NewWatch,
    OAuth2Auth,
    ObjectOwner,
    Signature,
    WatchChange,
)
from ringtrail.dialects.agendize.watch_responses import (
    ReceivedAnswer,
    RequestList,
    RequestResource,
    SentRequest,
    WatchList,
    WatchName,
    WatchOwner,
    WatchResource,
)
from ringtrail.httpkit.reference import Answer, Example, Field, Fields, Operation, Parameter
from ringtrail.model.errors import ErrorCode

_ADDRESS = "https://crm.example.com/hook"
_WATCH_PATH = hash_path("watcherId", "The watch's `id`.", WATCHER_ID)
_ERROR_PATH = Parameter("errorId", "The request's `id`.", {"type": "string", "pattern": "^[1-9][0-9]{0,17}-[A-Za-z0-9]{8}$", "examples": [ERROR_ID]}, "path")  # fmt: skip
_OBJECT_TYPE = Parameter("objectType", "Watches of these objects. Those of calls are watches of both kinds of calls.", {"enum": list(OBJECT_TYPES), "examples": ["callTracking"]})  # fmt: skip
_PAGE_TOKEN = Parameter("pageToken", "`nextPageToken` of the answer before.", {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"})  # fmt: skip
_EVENTS = {"items": {"enum": ["created", "updated", "deleted"]}}

_SAID: dict[str, str | Field] = {
    "address": Field("Where to send: http or https, on the public internet. `${$.path}` may stand behind the host.", {"examples": [_ADDRESS]}),
    "name": "A name for people.",
    "basicAuth": "Credentials for the address (RFC 7617).",
    "httpRequestHeader": "More headers, by name.",
    "schema": "What to send instead of the Call: an object whose strings hold `${$.path}`, or a string that holds such a JSON text.",
    "method": "`POST` if not said. `DELETE` and `GET` carry no body.",
    "status": "`disabled`: nothing is sent.",
    "oauth2Auth": "Where to get an access token for the address.",
    "signature": "Whether, and with which of the account's keys, a request is signed.",
    "objectOwner": "Whose calls: the account's, or those of one property.",
    "addPreviousData": "Only `false`; `true` is an error.",
    "levelDetails": "Only `full`; `extraFull` is an error.",
    "events": Field("Which events; all if not said.", _EVENTS),
}  # fmt: skip
_NAMES: dict[str, str | Field] = {
    "id": "The watch.",
    "address": "Where it is sent.",
    "objectType": "Always `call`.",
    "selfLink": "Where this watch is.",
}  # fmt: skip

WATCH_FIELDS: Fields = {
    WatchChange: _SAID,
    NewWatch: _SAID,
    WatchResource: {**_SAID, **_NAMES, "basicAuth": f"Its password reads `{HIDDEN}`.", "httpRequestHeader": f"Every value reads `{HIDDEN}`.", "oauth2Auth": f"Its secrets read `{HIDDEN}`."},
    WatchList: {"items": "Oldest first."},
    WatchName: {**_NAMES, "name": "Its name."},
    WatchOwner: {"type": Field("Whose calls are watched.", {"enum": ["account", "property"]}), "id": "Its sid."},
    BasicAuth: {"username": "No colon.", "password": f"`{HIDDEN}`: as it was."},
    OAuth2Auth: {
        "grantType": "`refresh_token` if not said.",
        "clientId": "Needed.",
        "clientSecret": f"Needed for `client_credentials`. `{HIDDEN}`: as it was.",
        "refreshToken": f"Needed for `refresh_token`. `{HIDDEN}`: as it was.",
        "authUrl": "Kept; you get the first refresh token yourself.",
        "accessTokenUrl": "Needed: where we ask for access tokens.",
        "redirectUri": "Kept.",
        "scope": "Sent whenever it is given.",
    },
    Signature: {
        "enabled": "Whether requests are signed: one header `X-Agendize-Signature-<key id>` each, HMAC-SHA-256 of the body in hex.",
        "cryptoKeyIds": "Names of the account's keys.",
        "keys": "The same, as newer pages of the vendor call it.",
    },
    ObjectOwner: {"type": "Not looked at.", "id": "The account's sid, or a property's."},
    RequestResource: {
        "id": "The request.",
        "owner": "Whose watch it is.",
        "request": "What was sent at the newest try.",
        "response": "What the newest try was answered.",
        "watcher": "The watch.",
        "created": "When it happened, UTC.",
        "sent": "When it was tried last, UTC; null: not yet.",
        "objectEvent": Field("What happened.", {"enum": ["created", "updated", "deleted"]}),
        "duration": "Milliseconds of the newest try.",
        "status": Field("`retrying`: it failed so far; `failed`: given up.", {"enum": ["pending", "success", "retrying", "failed"]}),
    },
    RequestList: {"items": "Newest first, of the last ten days; a test of a watch is among them as `created`. Up to 100 in an answer, and no event is cut in two.", "nextPageToken": "There is more: send it as `pageToken`."},
    SentRequest: {
        "body": "Its beginning; null: nothing was sent yet, or there was none.",
        "address": "Where to, with its placeholders filled; before it is sent, the watch's address.",
        "headers": "Those that hold secrets read `***`; null: nothing was sent yet.",
    },
    ReceivedAnswer: {"body": "Its beginning.", "statusCode": "HTTP status; null: no answer.", "errorMessage": "Why it counts as failed, or could not be sent."},
}  # fmt: skip

_WATCH: dict[str, Any] = {
    "id": WATCHER_ID,
    "address": _ADDRESS,
    "name": "CRM",
    "basicAuth": {"username": "ann", "password": HIDDEN},
    "httpRequestHeader": None,
    "schema": {"at": {"t": "${$.start.dateTime}"}, "who": "${$.callerNumber}"},
    "method": "POST",
    "status": "enabled",
    "oauth2Auth": None,
    "signature": None,
    "objectOwner": {"type": "account", "id": ACCOUNT_SID},
    "addPreviousData": False,
    "levelDetails": "full",
    "events": ["created", "updated", "deleted"],
    "objectType": "call",
    "selfLink": f"{BASE_URL}/api/2.3/watchers/{WATCHER_ID}",
}
_WISH = {
    "address": _ADDRESS, "name": "CRM", "basicAuth": {"username": "ann", "password": "correct horse"},
    "schema": {"at": {"t": "${$.start.dateTime}"}, "who": "${$.callerNumber}"},
}  # fmt: skip
_FAILED: dict[str, Any] = {
    "id": ERROR_ID,
    "owner": {"type": "account", "id": ACCOUNT_SID},
    "request": {
        "body": '{"at":{"t":"2026-07-14T11:05:10"},"who":"+33612345678"}', "address": _ADDRESS,
        "headers": {"Content-Type": "application/json", "Authorization": "***", "X-Agendize-Event": "created"},
    },
    "response": {"body": "no such hook", "statusCode": 404, "errorMessage": "HTTP status 404"},
    "watcher": {
        "id": WATCHER_ID, "name": "CRM", "address": _ADDRESS, "objectType": "call",
        "selfLink": f"{BASE_URL}/api/2.3/watchers/{WATCHER_ID}",
    },
    "created": "2026-07-14T09:08:40Z",
    "sent": "2026-07-14T09:08:41Z",
    "objectEvent": "created",
    "duration": 12,
    "status": "failed",
}  # fmt: skip
_HERS = frozenset({"id", "selfLink"})

WATCH_OPERATIONS = (
    Operation(
        "POST", "/calls/watch", "watchCalls", "Watch calls", {200: Answer("The watch.", (WatchResource,)), **NOT_JSON},
        "From now on each call that has ended or was entered (`created`), corrected (`updated`) or deleted is sent to the"
        " address, until it is answered with 2xx: at growing pauses, for about three days.",
        body=NewWatch,
        errors=(*BODY_ERRORS, ErrorCode.TOO_MANY),
        examples=(
            Example("A CRM with a password", _WATCH, body=_WISH, varying=_HERS),
            Example(
                "An address of our own network", error(400, "invalid", "address: …"),
                body={"address": "http://10.0.0.1/"}, status=400, varying=frozenset({"message"}),
            ),
        ),
    ),
    Operation(
        "GET", "/watchers", "listWatchers", "List watches", {200: Answer("All of them.", (WatchList,))},
        parameters=(_OBJECT_TYPE,),
        errors=(ErrorCode.BAD_FORMAT, ErrorCode.UNKNOWN_VALUE),
        examples=(
            Example("Watches of calls", {"items": [_WATCH]}, "objectType=call"),
            Example("Watches of what is not here", {"items": []}, "objectType=schedulingCompany"),
        ),
    ),
    Operation(
        "GET", "/watchers/requests", "listRequests", "What was sent", {200: Answer("The log of all watches.", (RequestList,))},
        parameters=(_PAGE_TOKEN,),
        errors=(ErrorCode.BAD_FORMAT,),
        examples=(Example("A request that failed", {"items": [_FAILED]}, varying=frozenset({"sent"})),),
    ),
    Operation(
        "GET", "/watchers/errors/{errorId}", "getError", "Get a failed request", {200: Answer("The request.", (RequestResource,))},
        parameters=(_ERROR_PATH,),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(Example("A request that failed", _FAILED, varying=frozenset({"sent"})),),
    ),
    Operation(
        "DELETE", "/watchers/errors/{errorId}", "deleteError", "Forget a failed request", DELETED, "It is not tried again.",
        parameters=(_ERROR_PATH,),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(
            Example("A request that never was", error(404, "notFound", "no such error"), path={"errorId": f"99-{WATCHER_ID}"}, status=404),
        ),
    ),
    Operation(
        "GET", "/watchers/{watcherId}", "getWatcher", "Get a watch", {200: Answer("The watch.", (WatchResource,))},
        parameters=(_WATCH_PATH,),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(Example("A watch", _WATCH),),
    ),
    Operation(
        "PUT", "/watchers/{watcherId}", "changeWatcher", "Change a watch",
        {200: Answer("The watch as it is now.", (WatchResource,)), **NOT_JSON},
        f"What is absent stays as it was; null takes it away. A secret that reads `{HIDDEN}` stays.",
        parameters=(_WATCH_PATH,),
        body=WatchChange,
        errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, *BODY_ERRORS),
        examples=(Example("No more for now", {**_WATCH, "status": "disabled"}, body={"status": "disabled"}),),
    ),
    Operation(
        "DELETE", "/watchers/{watcherId}", "deleteWatcher", "Delete a watch", DELETED, "With what waits for it, and its log.",
        parameters=(_WATCH_PATH,),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(Example("A watch that is gone already", error(404, "notFound", "no such watcher"), path={"watcherId": "NOSUCH01"}, status=404),),
    ),
)  # fmt: skip
