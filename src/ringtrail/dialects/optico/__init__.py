"""Optico's Data API, reading side: call records, day sums and SMS of one domain. See README.md."""

from ringtrail.dialects.optico.errors import render_error
from ringtrail.dialects.optico.routes import PATH, build
from ringtrail.httpkit.dialect import Dialect

DIALECT = Dialect(name="optico", path_prefixes=(PATH,), build=build, render_error=render_error)
