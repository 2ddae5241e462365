"""Structured logs: one line a fact, as JSON or as text, with the ids of the call and account it is about and no secret.

Whoever handles a call binds `call_id` and `account_id` with `structlog.contextvars`; every line logged below then
carries them. Redaction is the last step before the line is rendered, so it also sees tracebacks and the lines of
libraries that use `logging`.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

REDACTED = "[redacted]"

_SECRET_NAME = re.compile(
    r"passw(or)?d|passphrase|secret|token|authori[sz]ation|api[_-]?key|credential|cookie|signature|(^|[_-])key$"
    r"|code_verifier|authorization_code",
    re.I,
)
_SECRET_IN_TEXT = re.compile(
    r"(?P<name>[\w-]*(?:passw(?:or)?d|secret|token|api[_-]?key|signature|authorization|code_verifier)|(?<![\w-])key"
    r"|(?:(?<=[?&])|^)code(?==))"  # an OAuth code, in a query string or form: elsewhere a code is an HTTP status or a country
    r"(?P<is>[\"']?\s*[=:]\s*[\"']?)(?!\[redacted\])(?:(?:bearer|basic)\s+)?[^\s&\"',;}]+",
    re.I,
)
_SECRET_SCHEME = re.compile(r"\b(?P<scheme>bearer|basic)\s+[\w.~+/=-]{8,}", re.I)
_URL_PASSWORD = re.compile(r"(?P<user>://[^\s:/@]*):[^\s/@]+@")


def configure(*, level: str, log_format: str, process: str, stream: TextIO | None = None) -> None:
    """Send this process's logs to `stream`, or standard output. `process` says which one of ours it is."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_process(process),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer(log_format)],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    _quieten_libraries()


def renderer(log_format: str) -> Processor:
    """The last processor, `json` or `text`: an event dictionary becomes a line."""
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, sort_keys=False)


def _quieten_libraries() -> None:
    """Access lines hold query strings (keys, callers' numbers) and cost time; the metrics count requests instead."""
    logging.getLogger("uvicorn.access").disabled = True
    for name in ("alembic", "psycopg.pool", "uvicorn", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _name_process(process: str) -> Processor:
    def add(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    return add


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Processor: nothing that could log somebody in leaves the process, whoever logged it."""
    for name, value in event.items():
        event[name] = redacted(name, value)
    return event


def redacted(name: str, value: Any) -> Any:
    """`value` as it may be logged under `name`."""
    if value is not None and _SECRET_NAME.search(name):
        return REDACTED
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, bytes):
        return redacted_text(value.decode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return {key: redacted(str(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redacted("", item) for item in value]
    return value if isinstance(value, (int, float, bool, type(None))) else redacted_text(str(value))


def redacted_text(text: str) -> str:
    """Text without the values of `api_key=...`, `token: ...`, `Authorization` headers and passwords in URLs."""
    text = _SECRET_IN_TEXT.sub(rf"\g<name>\g<is>{REDACTED}", text)
    text = _SECRET_SCHEME.sub(rf"\g<scheme> {REDACTED}", text)
    return _URL_PASSWORD.sub(rf"\g<user>:{REDACTED}@", text)
