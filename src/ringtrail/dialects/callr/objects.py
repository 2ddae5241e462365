"""The vendor's names of its objects: how ours are called where they have another name, and what a result is made of."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from ringtrail.dialects.callr.registry import Method

VENDOR_NAMES = {
    "account_sub.SubAccountQuota": "SubAccount.Quota",
    "analytics.CallsIn": "Analytics.Calls.Summary.IN",
    "analytics.CallsOfDay": "Analytics.Calls.History.Call",
    "analytics.CallsOut": "Analytics.Calls.Summary.OUT",
    "analytics.History": "Analytics.Calls.History",
    "analytics.Summary": "Analytics.Calls.Summary",
    "analytics_sms.Amounts": "Analytics.SMS.Summary.OUT",
    "analytics_sms.Day": "Analytics.SMS.History.OUT",
    "analytics_sms.History": "Analytics.SMS.History",
    "analytics_sms.Summary": "Analytics.SMS.Summary",
    "analytics_tops.CallsOfApp": "Analytics.Calls.App",
    "analytics_tops.CallsOfCountry": "Analytics.Calls.Country",
    "analytics_tops.CallsOfDestination": "Analytics.Calls.Destination",
    "analytics_tops.CallsOfDid": "Analytics.Calls.DID",
    "api_keys.ApiKey": "Authentication.ApiKey",
    "apps.CustomerCli": "Customer.CLI",
    "billing.SmsQuote": "SMS.Quote",
    "clicktocall.Call": "CLICKTOCALL.Call",
    "clicktocall.Status": "CLICKTOCALL.Call.Status",
    "did.DidOfAccount": "DID",
    "did_areacode.DidAreaCode": "DID.AreaCode",
    "did_areacode.DidCountry": "DID.Country",
    "did_areacode.DidType": "DID.Type",
    "did_store.BuyStatus": "DID.Store.BuyStatus",
    "did_store.QuotaStatus": "DID.Store.QuotaStatus",
    "did_store.StoreQuote": "DID.Store.Quote",
    "did_store.StoreReservation": "DID.Store.Reservation",
    "hlr.HlrResponse": "HLR.Response",
    "media.MediaQuota": "Media.Quota",
    "media_email.EmailTemplate": "Media.EmailTemplate",
    "media_library.Media": "Media.Library",
    "media_library.Overview": "Media.Library.Overview",
    "media_library.PhoneID": "Media.PhoneID",
    "media_recording.ActionResult": "Media.Recording.ActionResult",
    "media_recording.Overview": "Media.Recording.Overview",
    "media_recording.ReadStatus": "Media.Recording.ReadStatus",
    "responses.AppPackage": "App.Package",
    "responses.CdrIn": "CDR.In",
    "responses.CdrOut": "CDR.Out",
    "responses.Did": "DID",
    "responses.MediaRecording": "Media.Recording",
    "responses.RecordingList": "Media.Recording.ListResult",
    "responses.SearchResults": "Search.Results",
    "responses.VoiceApp": "App",
    "sessions.Session": "Authentication.Session",
    "sip.SipSubscriber": "SIP.Subscriber",
    "sip.TrunkOrigination": "SIP.TrunkOrigination",
    "sip.TrunkTermination": "SIP.TrunkTermination",
    "sms_object.Sms": "SMS",
}
"""By module and name of our Struct; one that is not here has the vendor's name."""


class Shape(NamedTuple):
    """What a result is made of. kind: `object` (then `name`), `array` or `dictionary` of `items`, `any of` the items, or the
    name of a plain JSON type."""

    kind: str
    name: str = ""
    items: tuple[Shape, ...] = ()
    struct: type[msgspec.Struct] | None = None

    def __str__(self) -> str:
        inner = " or ".join(map(str, self.items))
        if self.kind == "object":
            return f"{self.name} of {inner}" if inner else self.name or "object"
        return inner if self.kind == "any of" else f"{self.kind} of {inner}" if inner else self.kind


_PLAIN = {bool: "bool", int: "int", str: "string", float: "number", type(None): "null", Any: "mixed"}


def result_of(method: Method) -> Shape:
    return shape(get_type_hints(method.handler)["return"])


def shape(annotation: Any) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _PLAIN:
        return Shape(_PLAIN[annotation])
    struct = origin or annotation
    if isinstance(struct, type) and issubclass(struct, msgspec.Struct):
        return Shape("object", vendor_name(struct), tuple(map(shape, arguments)), struct)
    if origin in (Union, types.UnionType):
        return Shape("any of", items=tuple(shape(item) for item in arguments))
    if isinstance(struct, type) and issubclass(struct, Mapping):
        return Shape("dictionary", items=tuple(map(shape, arguments[1:])))
    if isinstance(struct, type) and issubclass(struct, Sequence):
        return Shape("array", items=tuple(shape(item) for item in arguments if item is not Ellipsis))
    raise TypeError(f"no shape of {annotation}")


def vendor_name(struct: type[msgspec.Struct]) -> str:
    module = struct.__module__.rpartition(".")[2]
    return VENDOR_NAMES.get(f"{module}.{struct.__name__}", struct.__name__)
