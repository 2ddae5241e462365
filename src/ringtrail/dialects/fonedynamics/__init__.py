"""Fone Dynamics REST API v2: calls, messages, numbers, properties, flows."""

from __future__ import annotations

from ringtrail.dialects.fonedynamics.errors import render_error
from ringtrail.dialects.fonedynamics.routes import build
from ringtrail.dialects.fonedynamics.vocabulary import PREFIX
from ringtrail.httpkit.dialect import Dialect

DIALECT = Dialect("fonedynamics", (PREFIX,), build, render_error)
