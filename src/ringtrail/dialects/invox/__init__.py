"""INVOX's call export: all calls of a project, or those after an id or between two dates. See README.md."""

from ringtrail.dialects.invox.errors import render_error
from ringtrail.dialects.invox.routes import PREFIX, build
from ringtrail.httpkit.dialect import Dialect

DIALECT = Dialect(name="invox", path_prefixes=(PREFIX,), build=build, render_error=render_error)
