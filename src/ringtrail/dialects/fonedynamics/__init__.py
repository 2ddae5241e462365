"""Fone Dynamics REST API v2, the reading side of calls: one call, a property's, an account's, and recordings."""

from __future__ import annotations

from ringtrail.dialects.fonedynamics.errors import render_error
from ringtrail.dialects.fonedynamics.routes import PREFIX, build
from ringtrail.httpkit.dialect import Dialect

DIALECT = Dialect("fonedynamics", (PREFIX,), build, render_error)
