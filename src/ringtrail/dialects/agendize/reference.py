"""What this dialect serves, as data: the OpenAPI document, the docs page and the tests are made of it."""

from __future__ import annotations

from ringtrail.dialects.agendize.errors import WORDINGS, Fault, Refusal
from ringtrail.dialects.agendize.reference_calls import CALL_FIELDS, CALL_OPERATIONS
from ringtrail.dialects.agendize.reference_tools import TOOL_FIELDS, TOOL_OPERATIONS
from ringtrail.dialects.agendize.reference_watches import WATCH_FIELDS, WATCH_OPERATIONS
from ringtrail.httpkit.reference import Failure, Fields, Reference

_ERROR_FIELDS: Fields = {
    Refusal: {"error": "What is wrong."},
    Fault: {
        "code": "The HTTP status again.",
        "reason": "What a program can go by.",
        "message": "For people; names the parameter at fault.",
    },
}

REFERENCE = Reference(
    title="Agendize, Calls API 2.0",
    prefix="/api/2.0",
    document_path="/api/2.0/openapi.json",
    introduction=(
        "Calls of your account, with their recordings: listed, entered, corrected and deleted; buttons, call-tracking numbers,"
        " click-to-call, and watches, which are also under `/api/2.3`. Every success is a 200. Instants in a query are RFC 3339 with an offset; times in an answer"
        " are local, next to their zone. Numbers are E.164. An empty value is one not given, and unknown parameters are"
        " ignored; a parameter given twice is an error."
    ),
    authentication=(
        "`apiKey` and `token`, both as headers or both in the query; a header wins. Prefer headers: addresses end up in logs."
        " Or an OAuth 2.0 access token, as `Authorization: Bearer`: authorization code and refresh with the scope `agendize` at"
        " `/o/oauth2/authorize`, `/o/oauth2/token` and `/o/oauth2/revoke`."
    ),
    curl='-H "apiKey: $API_KEY" -H "token: $TOKEN"',
    security_schemes={
        "apiKey": {"type": "apiKey", "in": "header", "name": "apiKey"},
        "token": {"type": "apiKey", "in": "header", "name": "token"},
        "apiKeyInQuery": {"type": "apiKey", "in": "query", "name": "apiKey"},
        "tokenInQuery": {"type": "apiKey", "in": "query", "name": "token"},
        "bearer": {"type": "http", "scheme": "bearer", "description": "An OAuth 2.0 access token with the scope agendize."},
    },
    security=({"apiKey": [], "token": []}, {"apiKeyInQuery": [], "tokenInQuery": []}, {"bearer": []}),
    failure=Refusal,
    failures={code: Failure(*wording) for code, wording in WORDINGS.items()},
    fields={**CALL_FIELDS, **TOOL_FIELDS, **WATCH_FIELDS, **_ERROR_FIELDS},
    operations=(*CALL_OPERATIONS, *TOOL_OPERATIONS, *WATCH_OPERATIONS),
)  # fmt: skip
