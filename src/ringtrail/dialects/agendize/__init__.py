"""Agendize Calls API 2.0, the reading side: the list with its sync tokens, one call, its recording."""

from __future__ import annotations

from ringtrail.dialects.agendize.errors import render_error
from ringtrail.dialects.agendize.routes import PREFIX, build
from ringtrail.httpkit.dialect import Dialect

DIALECT = Dialect("agendize", (PREFIX,), build, render_error)
