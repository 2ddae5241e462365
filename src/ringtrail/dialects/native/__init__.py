"""ringtrail's own API: the canonical record, in our own words, under /api/v1."""

from __future__ import annotations

from ringtrail.dialects.native.errors import render_error
from ringtrail.dialects.native.routes import build
from ringtrail.dialects.native.vocabulary import PREFIX
from ringtrail.httpkit.dialect import Dialect

DIALECT = Dialect(name="native", path_prefixes=(PREFIX,), build=build, render_error=render_error)
