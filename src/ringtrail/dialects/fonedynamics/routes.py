"""Everything that is served, noun by noun."""

from __future__ import annotations

from litestar import Router

from ringtrail.dialects.fonedynamics.call_routes import CallRoutes
from ringtrail.dialects.fonedynamics.message_routes import MessageRoutes
from ringtrail.dialects.fonedynamics.number_routes import NumberRoutes
from ringtrail.dialects.fonedynamics.property_routes import PropertyRoutes
from ringtrail.dialects.fonedynamics.reference import REFERENCE
from ringtrail.dialects.fonedynamics.vocabulary import PREFIX
from ringtrail.httpkit.dialect import DialectOptions
from ringtrail.httpkit.reference import document_route
from ringtrail.services import Services


def build(services: Services, options: DialectOptions) -> Router:
    nouns = (CallRoutes, MessageRoutes, NumberRoutes, PropertyRoutes)
    handlers = [handler for noun in nouns for handler in noun(services, options).handlers()]
    return Router(PREFIX, route_handlers=[document_route(REFERENCE, options.base_url), *handlers])
