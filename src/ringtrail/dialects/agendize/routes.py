"""Every path of the dialect, and who handles it."""

from __future__ import annotations

from litestar import Router, delete, get, post, put

from ringtrail.dialects.agendize.calls_routes import CallRoutes
from ringtrail.dialects.agendize.reference import REFERENCE
from ringtrail.dialects.agendize.tools_routes import ToolRoutes
from ringtrail.dialects.agendize.watch_routes import WatchRoutes
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.reference import document_route
from ringtrail.services import Services

PREFIX = REFERENCE.prefix
NEWER_PREFIX = "/api/2.3"
"""Where the vendor has watchers; here they are under both."""
_CALL = "/calls/{call_id:str}"
_BUTTON = "/calls/buttons/{tool_id:str}"
_CALL_TRACKING = "/calls/calltrackings/{tool_id:str}"
_WATCH = "/watchers/{watch_id:str}"
_ERROR = "/watchers/errors/{request_id:str}"


def build(services: Services, options: DialectOptions) -> Router:
    """Every success is a 200, also of POST and DELETE: the vendor's own client takes nothing else for one."""
    calls, tools, watches = CallRoutes(services, options), ToolRoutes(services), WatchRoutes(services, options)
    handlers = [
        document_route(REFERENCE, options.base_url),
        get("/calls")(calls.list_calls),
        post("/calls", status_code=200)(calls.add_call),
        get(_CALL)(calls.get_call),
        put(_CALL)(calls.change_call),
        delete(_CALL, status_code=200)(calls.delete_call),
        get(f"{_CALL}/record.mp3")(calls.get_record),
        get("/calls/buttons")(tools.list_buttons),
        post("/calls/buttons", status_code=200)(tools.add_button),
        get(_BUTTON)(tools.get_button),
        put(_BUTTON)(tools.change_button),
        delete(_BUTTON, status_code=200)(tools.delete_button),
        get("/calls/calltrackings")(tools.list_call_trackings),
        post("/calls/calltrackings", status_code=200)(tools.add_call_tracking),
        get(_CALL_TRACKING)(tools.get_call_tracking),
        put(_CALL_TRACKING)(tools.change_call_tracking),
        delete(_CALL_TRACKING, status_code=200)(tools.delete_call_tracking),
        post("/actions/call", status_code=200)(tools.press),
    ]
    watching = [
        post("/calls/watch", status_code=200)(watches.watch_calls),
        get("/watchers")(watches.list_watches),
        get("/watchers/requests")(watches.list_requests),
        get(_ERROR)(watches.get_error),
        delete(_ERROR, status_code=200)(watches.delete_error),
        get(_WATCH)(watches.get_watch),
        put(_WATCH)(watches.change_watch),
        delete(_WATCH, status_code=200)(watches.delete_watch),
    ]
    older, newer = Router(PREFIX, route_handlers=[*handlers, *watching]), Router(NEWER_PREFIX, route_handlers=watching)
    return Router("/", route_handlers=[older, newer])
