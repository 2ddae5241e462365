"""Every method that this dialect answers, with its positional parameters. All others are -32601."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ringtrail.dialects.callr import (
    account_sub,
    analytics,
    analytics_sms,
    analytics_tops,
    api_keys,
    apps,
    billing,
    calling,
    calls,
    cdr,
    cdr_export,
    clicktocall,
    did,
    did_areacode,
    did_store,
    hlr,
    jobs,
    lists,
    media,
    media_email,
    media_library,
    media_recording,
    media_tts,
    packages,
    sessions,
    sip,
    sms,
    system,
    webhook_log,
    webhook_methods,
    webhook_options,
)
from ringtrail.dialects.callr import account_sub_parameters as subs
from ringtrail.dialects.callr import parameters as check
from ringtrail.dialects.callr.envelope import RpcCall
from ringtrail.dialects.callr.errors import METHOD_NOT_FOUND, RpcError
from ringtrail.dialects.callr.parameters import Asking, Param
from ringtrail.dialects.callr.sms_object import SMS_TYPES
from ringtrail.dialects.callr.state import State
from ringtrail.dialects.callr.vocabulary import CDR_TYPES, DID_CLASSES, DID_TYPES
from ringtrail.dialects.callr.webhook_types import TYPES
from ringtrail.model.app import PACKAGE_ACTIONS, PACKAGE_REAL_TIME
from ringtrail.model.errors import ErrorCode
from ringtrail.model.sip import TrunkKind


@dataclass(frozen=True, slots=True)
class Method:
    """The handler takes the Asking, then one checked argument for each parameter."""

    handler: Callable[..., Awaitable[Any]]
    params: tuple[Param, ...] = ()
    state: State = State.WORKS


_APP = Param("app", check.app)
_DID = Param("did", check.did)
_CLICK = Param("call", clicktocall.call)
_CALLID = Param("callid", calls.callid)
_REALTIME = Method(
    calls.realtime,
    (
        Param("app", calls.app_of(PACKAGE_REAL_TIME)),
        Param("target", calling.target),
        Param("options", calls.call_options, nullable=True),
    ),
    State.REFUSED,
)
_BROADCAST = Method(
    calls.broadcast,
    (
        Param("target", calling.target),
        Param("messages", calls.messages),
        Param("options", calls.broadcast_options, nullable=True),
    ),
    State.REFUSED,
)
_AREA = (
    Param("area_code_id", did_store.area_code_id),
    Param("class", check.one_of(DID_CLASSES)),
    Param("quantity", did_store.quantity),
)
_TOKEN = Param("token", did_store.token)
_WEBHOOK = Param("hash", webhook_methods.webhook)
_SUB = Param("id", subs.sub)
_RESERVED = Param("options", subs.no_options, nullable=True, optional=True)
_MESSAGE = (
    Param("from", sms.sender, null_is=check.wrong_type),
    Param("to", sms.recipient, null_is=check.wrong_type),
    Param("body", sms.body),
    Param("options", sms.options, nullable=True),
)
_MEDIUM = Param("media_id", media_library.medium)
_OWN_MEDIUM = Param("media_id", media_library.own_medium)
_DYNAMIC = Param("webhook", webhook_options.dynamic, nullable=True)
_SUBSCRIBER = Param("id", sip.subscriber)
_ORIGINATION = Param("id", sip.trunk(TrunkKind.ORIGINATION))
_TERMINATION = Param("id", sip.trunk(TrunkKind.TERMINATION))
_EMPTY = Param("properties", subs.no_options, nullable=True)
_NO_FILTERS = Param("filters", sip.no_filters, nullable=True)
_SIP_PAGE = Param("options", check.search_options(sip.ORDER), nullable=True)
_RANGE = (Param("from", check.instant), Param("to", check.range_end))
_SORT = Param("sort", check.one_of(analytics_tops.SORTS))
_LIMIT = Param("limit", analytics_tops.up_to(analytics_tops.MOST))
_FIELDS = Param("fields", analytics_sms.fields, nullable=True)

METHODS: dict[str, Method] = {
    "system.get_timestamp": Method(system.get_timestamp),
    "account/sub.create": Method(
        account_sub.create,
        (Param("properties", subs.properties(new=True)), Param("options", subs.create_options)),
    ),
    "account/sub.get": Method(account_sub.get, (Param("id", subs.member),)),
    "account/sub.edit": Method(account_sub.edit, (_SUB, Param("properties", subs.properties(new=False)), _RESERVED)),
    "account/sub.search": Method(
        account_sub.search,
        (
            Param("filters", subs.filters, nullable=True),
            Param("options", check.search_options(account_sub.ORDER), nullable=True),
        ),
    ),
    "account/sub.get_quota": Method(account_sub.get_quota),
    "account/sub.disable": Method(account_sub.disable, (_SUB,)),
    "account/sub.enable": Method(account_sub.enable, (_SUB,)),
    "account/sub.archive": Method(account_sub.archive, (_SUB, _RESERVED)),
    "account/sub.unarchive": Method(account_sub.unarchive, (_SUB, _RESERVED)),
    "account/sub.transfer_credit": Method(
        account_sub.transfer_credit,
        (Param("from", subs.member), Param("to", subs.taker), Param("amount", subs.amount), _RESERVED),
    ),
    "account/sub.transfer_dids": Method(
        account_sub.transfer_dids,
        (Param("from", subs.member), Param("to", subs.taker), Param("dids", subs.dids), _RESERVED),
    ),
    "api-key.create": Method(api_keys.create, (Param("name", check.name),)),
    "api-key.all": Method(api_keys.all_keys),
    "api-key.delete": Method(api_keys.delete, (Param("id", api_keys.key_id),)),
    "session.create": Method(sessions.create),
    "session.all": Method(sessions.all_sessions),
    "session.refresh": Method(sessions.refresh, (Param("refresh_token", sessions.refresh_token),)),
    "session.delete": Method(sessions.delete),
    "apps.create": Method(
        apps.create,
        (
            Param("package", apps.package),
            Param("name", check.name),
            Param("params", packages.new_params, nullable=True),
        ),
    ),
    "apps.edit": Method(
        apps.edit,
        (_APP, Param("name", check.name, nullable=True), Param("params", packages.edited_params, nullable=True)),
    ),
    "apps.get": Method(apps.get, (_APP,)),
    "apps.get_list": Method(apps.get_list, (Param("with_numbers", check.boolean),)),
    "apps.search": Method(
        apps.search,
        (
            Param("filters", apps.filters, nullable=True),
            Param("options", check.search_options(apps.ORDER), nullable=True),
        ),
    ),
    "apps.delete": Method(apps.delete, (_APP,)),
    "apps.get_authorized_clis": Method(apps.get_authorized_clis, (Param("type", check.one_of(apps.CLI_KINDS)),)),
    "apps.assign_did": Method(apps.assign_did, (_APP, _DID)),
    "apps.remove_did": Method(apps.remove_did, (_DID,)),
    "apps.get_dids": Method(apps.get_dids, (Param("only_available", check.boolean),)),
    "did.search": Method(
        did.search,
        (
            Param("filters", did.filters, nullable=True),
            Param("options", check.search_options(did.ORDER), nullable=True),
        ),
    ),
    "list.countries": Method(lists.countries),
    "list.timezones": Method(lists.timezones),
    "list.number_infos": Method(lists.number_infos, (Param("number", lists.written, nullable=True),)),
    "hlr.get": Method(hlr.get, (Param("number", hlr.number),)),
    "did/areacode.countries": Method(did_areacode.countries),
    "did/areacode.types": Method(did_areacode.types, (Param("country", did_areacode.country),)),
    "did/areacode.get_list": Method(
        did_areacode.get_list,
        (Param("country", did_areacode.country), Param("type", check.one_of(DID_TYPES), nullable=True)),
    ),
    "did/store.get_quota_status": Method(did_store.get_quota_status),
    "did/store.get_quote": Method(did_store.get_quote, _AREA),
    "did/store.reserve": Method(did_store.reserve, (*_AREA, Param("mode", check.one_of(did_store.MODES)))),
    "did/store.view_order": Method(did_store.view_order, (_TOKEN,)),
    "did/store.buy_order": Method(did_store.buy_order, (_TOKEN,)),
    "did/store.cancel_order": Method(did_store.cancel_order, (_TOKEN,)),
    "did/store.cancel_subscription": Method(did_store.cancel_subscription, (Param("hash", check.did),)),
    "calls.hangup": Method(calls.hangup, (_CALLID, Param("options", subs.no_options))),
    "calls.realtime": _REALTIME,
    "calls.realtime_break": Method(calls.realtime, (Param("callid", calls.nothing_real_time),), State.REFUSED),
    "calls.broadcast_1": _BROADCAST,
    "calls.get_status_1": Method(calls.broadcast, (Param("request_id", calls.no_request),), State.REFUSED),
    "dialr/call.realtime": _REALTIME,
    "sendr/simple.broadcast_1": _BROADCAST,
    "actions.start": Method(
        calls.start_action,
        (
            Param("app", calls.app_of(PACKAGE_ACTIONS)),
            Param("options", calls.action_options, nullable=True, optional=True),
        ),
        State.REFUSED,
    ),
    "clicktocall/calls.start_2": Method(
        clicktocall.start_2,
        (
            Param("app", clicktocall.app),
            Param("a_targets", calling.targets),
            Param("b_targets", calling.targets),
            Param("options", clicktocall.options, nullable=True),
        ),
    ),
    "clicktocall/calls.get_status": Method(clicktocall.get_status, (_CLICK,)),
    "clicktocall/calls.cancel": Method(clicktocall.cancel, (_CLICK,)),
    "clicktocall/calls.get_list": Method(clicktocall.get_list, (Param("app", clicktocall.app), *_RANGE)),
    "sip/subscriber.create": Method(
        sip.create,
        (Param("properties", sip.new_properties), Param("options", sip.options, nullable=True, optional=True)),
    ),
    "sip/subscriber.edit": Method(
        sip.edit,
        (
            _SUBSCRIBER,
            Param("properties", sip.edited_properties, nullable=True),
            Param("options", sip.options, nullable=True, optional=True),
        ),
    ),
    "sip/subscriber.get": Method(sip.get, (_SUBSCRIBER,)),
    "sip/subscriber.delete": Method(sip.delete, (_SUBSCRIBER,)),
    "sip/subscriber.search": Method(sip.search, (Param("filters", sip.filters, nullable=True), _SIP_PAGE)),
    "sip/trunk_origination.create": Method(sip.create_origination, (_EMPTY, _RESERVED), State.STORED),
    "sip/trunk_origination.edit": Method(sip.get_origination, (_ORIGINATION, _EMPTY, _RESERVED), State.STORED),
    "sip/trunk_origination.get": Method(sip.get_origination, (_ORIGINATION,), State.STORED),
    "sip/trunk_origination.delete": Method(sip.delete_trunk(TrunkKind.ORIGINATION), (_ORIGINATION,), State.STORED),
    "sip/trunk_origination.search": Method(sip.search_originations, (_NO_FILTERS, _SIP_PAGE), State.STORED),
    "sip/trunk_termination.create": Method(sip.create_termination, (_EMPTY, _RESERVED), State.STORED),
    "sip/trunk_termination.edit": Method(sip.get_termination, (_TERMINATION, _EMPTY, _RESERVED), State.STORED),
    "sip/trunk_termination.get": Method(sip.get_termination, (_TERMINATION,), State.STORED),
    "sip/trunk_termination.delete": Method(sip.delete_trunk(TrunkKind.TERMINATION), (_TERMINATION,), State.STORED),
    "sip/trunk_termination.search": Method(sip.search_terminations, (_NO_FILTERS, _SIP_PAGE), State.STORED),
    "cdr.get": Method(
        cdr.get,
        (
            Param("type", check.one_of(CDR_TYPES)),
            *_RANGE,
            Param("app", check.app, nullable=True),
            Param("number", cdr.number, nullable=True),
        ),
    ),
    "cdr.search": Method(
        cdr.search,
        (Param("filters", cdr.filters), Param("options", check.search_options(cdr.ORDER), nullable=True)),
    ),
    "cdr.export_async": Method(
        cdr_export.export_async,
        (
            Param("filters", cdr.filters),
            _RESERVED,
            Param("webhook", webhook_options.dynamic, nullable=True, optional=True),
        ),
    ),
    "analytics/calls.summary": Method(analytics.summary, _RANGE),
    "analytics/calls.history": Method(analytics.history, _RANGE),
    "analytics/calls.top_apps": Method(
        analytics_tops.top_apps, (Param("type", check.one_of(CDR_TYPES)), _SORT, *_RANGE, _LIMIT)
    ),
    "analytics/calls.inbound_did": Method(analytics_tops.inbound_did, (_SORT, *_RANGE, _LIMIT)),
    "analytics/calls.outbound_countries": Method(analytics_tops.outbound_countries, (_SORT, *_RANGE, _LIMIT)),
    "analytics/calls.cli_countries": Method(analytics_tops.cli_countries, (_SORT, *_RANGE, _LIMIT)),
    "analytics/calls.outbound_destinations": Method(analytics_tops.outbound_destinations, (_SORT, *_RANGE, _LIMIT)),
    "analytics/sms.summary": Method(analytics_sms.summary, _RANGE),
    "analytics/sms.history": Method(analytics_sms.history, _RANGE),
    "analytics/sms.summary_out": Method(analytics_sms.summary_out, (*_RANGE, _FIELDS)),
    "analytics/sms.history_out": Method(analytics_sms.history_out, (*_RANGE, _FIELDS)),
    "analytics/sms.summary_out_by_status": Method(analytics_sms.summary_out_by_status, _RANGE),
    "analytics/sms.history_out_by_status": Method(analytics_sms.history_out_by_status, _RANGE),
    "jobs.get": Method(jobs.get, (Param("id", jobs.job),)),
    "jobs.cancel": Method(jobs.cancel, (Param("id", jobs.job),)),
    "media.get_quota_status": Method(media.get_quota_status),
    "media.import_file_from_base64_async": Method(
        media.import_file_from_base64_async, (Param("base64", media_library.audio), _DYNAMIC)
    ),
    "media.import_file_from_url_async": Method(media.import_file_from_url_async, (Param("url", media.url), _DYNAMIC)),
    "media/email.get_templates": Method(media_email.get_templates, (Param("type", check.one_of(media_email.NAMES)),)),
    "media/library.create": Method(media_library.create, (Param("name", media_library.name),)),
    "media/library.get": Method(media_library.get, (_MEDIUM,)),
    "media/library.get_list": Method(
        media_library.get_list, (Param("categories", media_library.categories, nullable=True),)
    ),
    "media/library.search": Method(
        media_library.search,
        (
            Param("filters", media_library.filters, nullable=True),
            Param("options", check.search_options(media_library.ORDER), nullable=True),
        ),
    ),
    "media/library.overview": Method(media_library.overview),
    "media/library.delete": Method(media_library.delete, (_OWN_MEDIUM,)),
    "media/library.set_name": Method(media_library.set_name, (_OWN_MEDIUM, Param("name", media_library.name))),
    "media/library.set_tags": Method(media_library.set_tags, (_OWN_MEDIUM, Param("tags", media_library.tags))),
    "media/library.set_content": Method(
        media_library.set_content,
        (_OWN_MEDIUM, Param("text", media_library.text, nullable=True), Param("audio", media_library.audio)),
    ),
    "media/library.set_content_from_file": Method(
        media_library.set_content_from_file, (_OWN_MEDIUM, Param("filename", media_library.upload))
    ),
    "media/library.set_content_from_recording": Method(
        media_library.set_content_from_recording, (_OWN_MEDIUM, Param("media_file", media_library.recording_file))
    ),
    "media/library.get_phone_id": Method(
        media_library.get_phone_id, (_OWN_MEDIUM, Param("country_code", media_library.country_code))
    ),
    "media/recording.delete": Method(media_recording.delete, (Param("hashes", media_recording.hashes),)),
    "media/recording.set_read": Method(
        media_recording.set_read, (Param("hashes", media_recording.hashes), Param("read", check.boolean))
    ),
    "media/tts.get_voice_list": Method(media_tts.get_voice_list),
    "media/tts.set_content": Method(
        media_tts.set_content,
        (
            _OWN_MEDIUM,
            Param("text", media_library.text),
            Param("voice", media_tts.voice),
            Param("options", media_tts.options, nullable=True),
        ),
    ),
    "media/recording.search": Method(
        media_recording.search,
        (
            Param("filters", media_recording.filters, nullable=True),
            Param("options", check.search_options(media_recording.ORDER), nullable=True),
        ),
    ),
    "media/recording.get": Method(media_recording.get, (Param("hash", media_recording.recording),)),
    "media/recording.overview": Method(media_recording.overview),
    "media/recording.read_status": Method(media_recording.read_status),
    "billing.get_prepaid_credit": Method(billing.get_prepaid_credit),
    "list.destinations": Method(billing.destinations),
    "sms.send": Method(sms.send, _MESSAGE),
    "sms.get_quote": Method(billing.get_quote, _MESSAGE),
    "sms.get": Method(sms.get, (Param("id", sms.message),)),
    "sms.get_list": Method(sms.get_list, (Param("type", check.one_of(SMS_TYPES)), *_RANGE)),
    "sms.search": Method(
        sms.search,
        (
            Param("filters", sms.filters, nullable=True),
            Param("options", check.search_options(sms.ORDER), nullable=True),
        ),
    ),
    "sms.get_count_for_body": Method(sms.get_count_for_body, (Param("body", sms.body),)),
    "sms.get_gsm_charset_mapping": Method(sms.get_gsm_charset_mapping),
    "webhooks.get_event_types": Method(webhook_methods.get_event_types),
    "webhooks.subscribe": Method(
        webhook_methods.subscribe,
        (
            Param("type", check.one_of(TYPES)),
            Param("endpoint", webhook_options.endpoint),
            Param("options", webhook_options.new_options, nullable=True),
        ),
    ),
    "webhooks.unsubscribe": Method(webhook_methods.unsubscribe, (_WEBHOOK,)),
    "webhooks.get": Method(webhook_methods.get, (_WEBHOOK,)),
    "webhooks.get_list": Method(webhook_methods.get_list),
    "webhooks.edit": Method(
        webhook_methods.edit,
        (
            _WEBHOOK,
            Param("endpoint", webhook_options.endpoint, nullable=True),
            Param("options", webhook_options.options, nullable=True),
        ),
    ),
    "webhooks.enable": Method(webhook_methods.enable, (_WEBHOOK,)),
    "webhooks.disable": Method(webhook_methods.disable, (_WEBHOOK,)),
    "webhooks.test": Method(webhook_methods.test, (_WEBHOOK,)),
    "webhooks/log.search": Method(
        webhook_log.search,
        (
            Param("filters", webhook_log.filters, nullable=True),
            Param("options", check.search_options(webhook_log.ORDER), nullable=True),
        ),
    ),
    "webhooks/log.replay": Method(webhook_log.replay, (_WEBHOOK, Param("event_id", webhook_log.event_id))),
}


async def answer(asking: Asking, call: RpcCall) -> Any:
    """The result of one call. DomainError for everything that the asker can be told."""
    method = METHODS.get(call.method)
    if method is None:
        raise RpcError(ErrorCode.NOT_FOUND, rpc_code=METHOD_NOT_FOUND, message="Method not found")
    arguments = await check.checked(asking, method.params, call.params)
    return await method.handler(asking, *arguments)
