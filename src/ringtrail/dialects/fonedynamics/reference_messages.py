"""The reference of messages."""

from __future__ import annotations

from typing import Any

from ringtrail.dialects.fonedynamics.message_wire import (
    MAX_BATCH,
    MessageList,
    MessageResource,
    OneMessage,
    SendMessage,
    SendMessages,
)
from ringtrail.dialects.fonedynamics.reference_parts import (
    ACCOUNT_PATH,
    ACCOUNT_SID,
    BODY_ERRORS,
    LIST_ERRORS,
    MESSAGE_SID,
    PROPERTY_PATH,
    PROPERTY_SID,
    SID,
    SMS_NUMBER,
    UNIX,
    paging,
)
from ringtrail.dialects.fonedynamics.vocabulary import DIRECTIONS, METHODS, STATUSES
from ringtrail.httpkit.reference import Answer, Example, Field, Fields, Operation, Parameter
from ringtrail.model.errors import ErrorCode
from ringtrail.model.message import MAX_SEGMENTS

_PATH = Parameter("MessageSid", "The message.", SID | {"examples": [MESSAGE_SID]}, "path")
_METHOD = {"enum": [*METHODS, None]}
_KEPT = "Kept with the message; nothing acts on it yet."
_SID = Field("Its own sid.", {"pattern": "^[A-Z0-9]{32}$"})

_FILTERS = (
    Parameter("Date_From", "Messages that were created at this Unix second or later.", UNIX),
    Parameter("Date_To", "Messages that were created before this Unix second.", UNIX),
    Parameter("Status", "Any of these.", {"type": "array", "items": {"enum": list(STATUSES)}}),
    Parameter("Direction", "`Transmit`: sent; `Receive`: received.", {"enum": list(DIRECTIONS)}),
    *paging(),
)

MESSAGE_FIELDS: Fields = {
    SendMessage: {
        "To": Field("The recipient: E.164, or as people of the account's country write it. The account must be allowed to dial it.", {"examples": ["+33612345678"]}),
        "Text": Field(f"From 1 character to {MAX_SEGMENTS} segments: 160 characters of the GSM alphabet or 70 others in one; 153 or 67 in each of several.", {"examples": ["Your table is booked."], "minLength": 1}),
        "From": "A number of the property's that can send, or 1 to 11 letters, digits, spaces, `_` and `-` with a letter among them. Absent or blank: the property's first number that can.",
        "Schedule": "The Unix second when it shall go out, up to 14 days ahead. Up to an hour ago means now; longer ago is refused.",
        "DeliveryReceipt": "Whether to ask the carrier what became of it. Without, a message stays `Submitted`.",
        "DeliveryReceiptWebhookUri": _KEPT,
        "DeliveryReceiptWebhookMethod": Field(_KEPT, _METHOD),
        "WebhookUri": _KEPT,
        "WebhookMethod": Field(_KEPT, _METHOD),
        "ForwardToSms": _KEPT,
        "ForwardFromSms": _KEPT,
        "ForwardToEmail": _KEPT,
        "ForwardFromEmail": _KEPT,
        "ExternalId": "Your own name for it, shown with it.",
    },
    SendMessages: {"Messages": f"At most {MAX_BATCH}, each as `SendMessage`."},
    MessageResource: {
        "MessageSid": _SID,
        "AccountSid": "The account.",
        "PropertySid": "The property that sent or received it.",
        "From": "The sender: E.164 or a name; the last four digits `XXXX` of a received one where the property masks callers.",
        "To": "The recipient, E.164.",
        "Text": "What it says.",
        "DeliveryReceipt": "Whether a receipt is asked for.",
        "NumSegments": "Segments that it takes, at least 1.",
        "Status": Field("How far it got. `Processing`: waits for its time or for the carrier; `Submitted`: the carrier has it.", {"enum": list(STATUSES)}),
        "Direction": Field("`Transmit`: sent; `Receive`: received.", {"enum": list(DIRECTIONS)}),
        "Scheduled": "The Unix second that was asked for.",
        "Created": "The Unix second of its entry.",
        "Submitted": "When the carrier took it.",
        "Delivered": "When the carrier delivered it, by its receipt.",
        "Received": "When the carrier brought it, of a received one.",
        "ErrorCode": "Why it failed: the carrier's word, or `EXPIRED`, `SMS_DISABLED`, `RECIPIENT_BARRED`, `SENDER_GONE`.",
        "ExternalId": "The sender's own name for it.",
    },
    OneMessage: {"Message": "The message."},
    MessageList: {"Messages": "Earliest first."},
}  # fmt: skip

_MESSAGE: dict[str, Any] = {
    "MessageSid": MESSAGE_SID,
    "AccountSid": ACCOUNT_SID,
    "PropertySid": PROPERTY_SID,
    "From": SMS_NUMBER,
    "To": "+33612345678",
    "Text": "Your table is booked.",
    "DeliveryReceipt": True,
    "NumSegments": 1,
    "Status": "Processing",
    "Direction": "Transmit",
    "Scheduled": None,
    "Created": 1784019910,
    "Submitted": None,
    "Delivered": None,
    "Received": None,
    "ErrorCode": None,
    "ExternalId": "booking 7",
}
_BODY = {"To": "+33612345678", "Text": "Your table is booked.", "ExternalId": "booking 7"}
_NEW = frozenset({"MessageSid", "Created"})
_CREATED = frozenset({"Created"})
_NOT_ALLOWED = {"ErrorCode": "FORBIDDEN", "Message": "To: the account may not send to this number"}

MESSAGE_OPERATIONS = (
    Operation(
        "POST", "/Properties/{PropertySid}/Messages", "sendMessage", "Send a message",
        {200: Answer("The message as it was accepted; the worker hands it on.", (OneMessage,))},
        "A message that was accepted is handed to the carrier once; should the worker die while doing so, it is handed on"
        " again under the same sid. If the carrier cannot be reached for a day, it has failed.",
        parameters=(PROPERTY_PATH,),
        body=SendMessage,
        errors=BODY_ERRORS,
        examples=(
            Example("At once", {"Message": _MESSAGE}, body=_BODY, varying=_NEW),
            Example("To where the account may not send", {"ResponseStatus": _NOT_ALLOWED}, body=_BODY | {"To": "+61412345678"}, status=403),
            Example(
                "Without text", {"ResponseStatus": {"ErrorCode": "PARAMETER_REQUIRED", "Message": "Text: A parameter is missing."}},
                body={"To": "+33612345678"}, status=400,
            ),
        ),
    ),
    Operation(
        "POST", "/Properties/{PropertySid}/BatchMessages", "sendMessages", "Send a batch of messages",
        {200: Answer("An array with an item for each message, in their order: a `MessageResource`, or a `Fault` for what was refused.", (list[Any],))},
        "One that is refused does not stop the others; what was accepted is sent.",
        parameters=(PROPERTY_PATH,),
        body=SendMessages,
        errors=BODY_ERRORS,
        examples=(
            Example(
                "One that is accepted, one that is not", [_MESSAGE, _NOT_ALLOWED],
                body={"Messages": [_BODY, {"To": "+61412345678", "Text": "Hello"}]}, varying=_NEW,
            ),
        ),
    ),
    Operation(
        "GET", "/Messages/{MessageSid}", "getMessage", "Get a message", {200: Answer("The message as it is now.", (OneMessage,))},
        parameters=(_PATH,),
        errors=(ErrorCode.NOT_FOUND,),
        examples=(Example("What became of it", {"Message": _MESSAGE}, varying=_CREATED),),
    ),
    Operation(
        "GET", "/Properties/{PropertySid}/Messages", "listMessagesOfProperty", "List the messages of a property",
        {200: Answer("A page of messages.", (MessageList,))}, "Filters combine with AND.",
        parameters=(PROPERTY_PATH, *_FILTERS),
        errors=LIST_ERRORS,
        examples=(Example("Sent, not delivered yet", {"Messages": [_MESSAGE]}, "Direction=Transmit&Status=Processing,Submitted", varying=_CREATED),),
    ),
    Operation(
        "GET", "/Accounts/{AccountSid}/Messages", "listMessagesOfAccount", "List the messages of an account",
        {200: Answer("A page of messages.", (MessageList,))}, "Not among the vendor's paths: made after those of calls and numbers.",
        parameters=(ACCOUNT_PATH, *_FILTERS),
        errors=LIST_ERRORS,
        examples=(Example("The first one", {"Messages": [_MESSAGE]}, "Results_Count=1", varying=_CREATED),),
    ),
)  # fmt: skip
