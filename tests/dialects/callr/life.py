"""A life of an account, method after method: what the reference page shows of each.

`$name` in a parameter is what an earlier step's result was kept as; a step keeps `pick` of its result. `$receiver` is where
a subscriber listens.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.dialects.callr.happenings import MOBILE, SMS_NUMBER
from tests.dialects.callr.test_media import in_base64, tone
from tests.fixtures import CALLR_LOGIN


class Step(NamedTuple):
    method: str
    params: tuple[Any, ...] = ()
    keep: str = ""
    pick: tuple[str | int, ...] = ()  # keys that lead to what is kept
    token: str = ""  # of the session that asks; else a login does
    later: bool = False  # asked when the worker has done what there is to do


DAY = ("2026-07-14 00:00:00", "2026-07-14 23:59:59")
EVER = ("2026-01-01 00:00:00", "2099-12-31 23:59:59")
TARGETS = {"targets": [{"number": "+33987654321", "timeout": 20}]}
TARGET = {"number": "+33987654321", "timeout": 30}
OTHER_TARGET = {"number": "+33612345678", "timeout": 30}
SPOKEN = ["TTS|TTS_EN-GB_SERENA|The office is closed today."]
SOUND = in_base64(tone(0.1, rate=8_000, channels=1))
SUB_ACCOUNT: dict[str, Any] = {
    "account": {"company": "Branch Ltd", "firstname": "Ann", "lastname": "Lee"},
    "contact": {"emails": ["ann@branch.example"]},
    "params": {"billing": {"emails": ["bills@branch.example"]}},
}

LIFE: tuple[Step, ...] = (
    Step("system.get_timestamp"),
    Step("list.countries"),
    Step("list.timezones"),
    Step("list.number_infos", ("+33612345678",)),
    Step("list.destinations"),
    Step("billing.get_prepaid_credit"),
    Step("api-key.create", ("Reporting",), "key", ("id",)),
    Step("api-key.all"),
    Step("api-key.delete", ("$key",)),
    Step("session.create", (), "refresh", ("refresh_token",)),
    Step("session.all"),
    Step("session.refresh", ("$refresh",), "session", ("token",)),
    Step("session.delete", token="$session"),
    Step("apps.create", ("CALLTRACKING10", "Front desk", TARGETS), "app", ("hash",)),
    Step("apps.edit", ("$app", "Reception", None)),
    Step("apps.get", ("$app",)),
    Step("apps.get_dids", (True,), "did", (0, "hash")),
    Step("apps.assign_did", ("$app", "$did")),
    Step("apps.get_list", (True,)),
    Step("apps.search", ({"name": "Recep"}, {"offset": 0, "quantity": 10})),
    Step("apps.get_authorized_clis", ("CALL",)),
    Step("did.search", ({"type": "GEOGRAPHIC"}, None)),
    Step("apps.remove_did", ("$did",)),
    Step("apps.delete", ("$app",)),
    Step("calls.hangup", (242359184129, {})),
    Step("cdr.get", ("IN", *DAY, None, None)),
    Step("cdr.search", ({"type": "OUT", "from": DAY[0], "to": DAY[1]}, {"quantity": 1})),
    Step("cdr.export_async", ({"type": "IN", "from": DAY[0], "to": DAY[1]}, None, None)),
    Step("analytics/calls.summary", DAY),
    Step("analytics/calls.history", DAY),
    Step("analytics/calls.top_apps", ("IN", "COUNT", *DAY, 10)),
    Step("analytics/calls.inbound_did", ("DURATION", *DAY, 10)),
    Step("analytics/calls.outbound_countries", ("DURATION", *DAY, 10)),
    Step("analytics/calls.cli_countries", ("COUNT", *DAY, 10)),
    Step("analytics/calls.outbound_destinations", ("DEBIT", *DAY, 10)),
    Step("media/recording.search", ({"type": "CALL"}, None), "recording", ("items", 0, "hash")),
    Step("media/recording.get", ("$recording",)),
    Step("media/recording.overview"),
    Step("media/recording.read_status"),
    Step("sms.get_count_for_body", ("Your table is booked.",)),
    Step("sms.get_quote", (SMS_NUMBER, MOBILE, "Your table is booked.", None)),
    Step("sms.send", (SMS_NUMBER, MOBILE, "Your table is booked.", {"user_data": "order42"}), "sms"),
    Step("sms.get", ("$sms",)),
    Step("sms.get_list", ("OUT", *EVER)),
    Step("sms.search", ({"user_data": "order42"}, None)),
    Step("analytics/sms.summary", EVER),
    Step("analytics/sms.history", EVER),
    Step("analytics/sms.summary_out", (*EVER, ["count", "parts"])),
    Step("analytics/sms.history_out", (*EVER, None)),
    Step("analytics/sms.summary_out_by_status", EVER),
    Step("analytics/sms.history_out_by_status", EVER),
    Step("media.get_quota_status"),
    Step("media/library.create", ("Welcome",), "media"),
    Step("media/library.set_name", ("$media", "Welcome in French")),
    Step("media/library.set_tags", ("$media", {"CATEGORY": ["WELCOME"], "LANGUAGE": ["fr_FR"]})),
    Step("media.import_file_from_base64_async", (SOUND, None), "import"),
    Step("jobs.get", ("$import",), "file", ("result", "filename"), later=True),
    Step("media/library.set_content_from_file", ("$media", "$file")),
    Step("media/library.get", ("$media",)),
    Step("media.import_file_from_url_async", ("http://127.0.0.1:8080/welcome.mp3", None), "import"),
    Step("jobs.cancel", ("$import",)),
    Step("media/library.set_content", ("$media", "Welcome!", SOUND)),
    Step("media/tts.set_content", ("$media", "Bienvenue !", "TTS_FR-FR_AUDREY", {"rate": 50})),
    Step("media/library.set_content_from_recording", ("$media", "$recording")),
    Step("media/library.get_phone_id", ("$media", "FR")),
    Step("media/library.overview"),
    Step("media/library.delete", ("$media",)),
    Step("media/email.get_templates", ("VMS",)),
    Step("media/tts.get_voice_list"),
    Step("webhooks.get_event_types"),
    Step(
        "webhooks.subscribe",
        ("did.assigned", "$receiver", {"hmac_secret": "0123456789"}),
        "hook",
        ("hash",),
    ),
    Step("webhooks.get", ("$hook",)),
    Step("webhooks.get_list"),
    Step("webhooks.edit", ("$hook", None, {"hmac_algo": "SHA512"})),
    Step("webhooks.disable", ("$hook",)),
    Step("webhooks.enable", ("$hook",)),
    Step("webhooks.test", ("$hook",)),
    Step("did/areacode.countries"),
    Step("did/areacode.types", ("FR",)),
    Step("did/areacode.get_list", ("FR", None), "area", (0, "id")),
    Step("did/store.get_quota_status"),
    Step("did/store.get_quote", ("$area", "CLASSIC", 1)),
    Step("did/store.reserve", ("$area", "CLASSIC", 1, "RANDOM"), "order", ("token",)),
    Step("did/store.cancel_order", ("$order",)),
    Step("did/store.reserve", ("$area", "CLASSIC", 1, "RANDOM"), "order", ("token",)),
    Step("did/store.view_order", ("$order",)),
    Step("did/store.buy_order", ("$order",), "bought", ("success", 0, "hash")),
    Step("webhooks/log.search", ({"type": "did.assigned"}, None), "event", ("hits", 0, "event_id"), later=True),
    Step("webhooks/log.replay", ("$hook", "$event")),
    Step("webhooks.unsubscribe", ("$hook",)),
    Step("did/store.cancel_subscription", ("$bought",)),
    Step("account/sub.create", (SUB_ACCOUNT, {}), "sub", ("credentials", "login")),
    Step("account/sub.get", ("$sub",)),
    Step("account/sub.edit", ("$sub", {"contact": {"emails": ["office@branch.example"]}}, None)),
    Step("account/sub.search", ({"archived": False}, None)),
    Step("account/sub.get_quota"),
    Step("account/sub.transfer_credit", (CALLR_LOGIN[0], "$sub", "12.34", None)),
    Step("account/sub.transfer_dids", (CALLR_LOGIN[0], "$sub", ["$did"], None)),
    Step("account/sub.disable", ("$sub",)),
    Step("account/sub.archive", ("$sub", None), "job"),
    Step("jobs.get", ("$job",)),
    Step("account/sub.unarchive", ("$sub", None)),
    Step("account/sub.enable", ("$sub",)),
    Step("hlr.get", ("+33612345678",)),
    Step("sms.get_gsm_charset_mapping"),
    Step("apps.create", ("CLICKTOCALL10", "Call me back", None), "button", ("hash",)),
    Step("clicktocall/calls.start_2", ("$button", [TARGET], [OTHER_TARGET], None), "click"),
    Step("clicktocall/calls.get_status", ("$click",)),
    Step("clicktocall/calls.cancel", ("$click",)),
    Step("clicktocall/calls.get_list", ("$button", *EVER)),
    Step("media/library.create", ("Closed",), "closed"),
    Step("media/library.search", ({"name": "Closed"}, None)),
    Step("media/library.get_list", (None,)),
    Step("media/recording.set_read", (["$recording"], True)),
    Step("media/recording.delete", (["$recording"],)),
    Step("sip/subscriber.create", ({"username": "reception"}, None), "phone", ("id",)),
    Step("sip/subscriber.get", ("$phone",)),
    Step("sip/subscriber.edit", ("$phone", {"ring_timeout": 20}, None)),
    Step("sip/subscriber.search", ({"username": "reception"}, None)),
    Step("sip/subscriber.delete", ("$phone",)),
    *(
        step
        for trunk in ("sip/trunk_origination", "sip/trunk_termination")
        for step in (
            Step(f"{trunk}.create", (None, None), "trunk", ("id",)),
            Step(f"{trunk}.get", ("$trunk",)),
            Step(f"{trunk}.edit", ("$trunk", None, None)),
            Step(f"{trunk}.search", (None, None)),
            Step(f"{trunk}.delete", ("$trunk",)),
        )
    ),
    Step("apps.create", ("REALTIME10", "Live", {"url": "https://you.example/realtime"}), "live", ("hash",)),
    Step("calls.realtime", ("$live", TARGET, None)),
    Step("dialr/call.realtime", ("$live", TARGET, None)),
    Step("calls.realtime_break", (242359184129,)),
    Step("calls.broadcast_1", (TARGET, SPOKEN, {"loop": 2})),
    Step("sendr/simple.broadcast_1", (TARGET, SPOKEN, None)),
    Step("calls.get_status_1", ("8242D945",)),
    Step("apps.create", ("ACTIONS10", "Menu", {"script": "branches: {}"}), "menu", ("hash",)),
    Step("actions.start", ("$menu", {"variables": {"$name": "Ann"}})),
)
