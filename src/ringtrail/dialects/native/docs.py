"""The OpenAPI document as a page for people: one HTML file and one stylesheet of our own, nothing from elsewhere."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from litestar import Response
from markupsafe import Markup, escape

from ringtrail.dialects.native.errors import PROBLEMS
from ringtrail.dialects.native.openapi import errors_of, openapi_document
from ringtrail.dialects.native.operations import OPERATIONS
from ringtrail.dialects.native.vocabulary import PREFIX

_FOLDER = Path(__file__).parent
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-cache",
}


@cache
def docs_page(base_url: str) -> Response[str]:
    templates = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True)
    templates.filters |= {"prose": prose, "kind": kind_of, "json": _json}
    document = openapi_document(base_url)
    text = templates.get_template("docs.html").render(
        document=document,
        operations=OPERATIONS,
        errors_of=errors_of,
        problems=sorted(set(PROBLEMS.values())),
        base_url=base_url,
        prefix=PREFIX,
    )
    return Response(text, media_type="text/html", headers=_HEADERS)


@cache
def stylesheet() -> Response[str]:
    return Response((_FOLDER / "docs.css").read_text(), media_type="text/css", headers=_HEADERS)


def prose(text: str) -> Markup:
    """Text with `code` in backquotes and blank lines between paragraphs."""
    paragraphs = re.split(r"\n\s*\n", str(escape(text)))
    marked = [re.sub(r"`([^`]+)`", r"<code>\1</code>", paragraph) for paragraph in paragraphs]
    return Markup("".join(f"<p>{paragraph}</p>" for paragraph in marked))  # noqa: S704 - escaped above


def kind_of(schema: dict[str, Any]) -> Markup:
    """A schema in a few words, with links to the objects that it names."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    if "anyOf" in schema:
        return Markup(" or ").join(kind_of(option) for option in schema["anyOf"])
    if "enum" in schema:
        return Markup(" · ").join(Markup("<code>{}</code>").format(word) for word in schema["enum"])
    if "const" in schema:
        return Markup("<code>{}</code>").format(schema["const"])
    if schema.get("type") == "array":
        return Markup("list of {}").format(kind_of(schema.get("items", {})))
    if schema.get("format") == "date-time":
        return Markup("instant")
    return escape(schema.get("type", "any"))


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
