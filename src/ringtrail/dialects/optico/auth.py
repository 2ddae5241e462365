"""`api_key` in the query string: the key of one domain."""

from __future__ import annotations

from dataclasses import dataclass

from ringtrail.model.account import Account, Property
from ringtrail.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """Whose calls a key may read: one property of one account."""

    account: Account
    property: Property


async def domain_of(services: Services, api_key: str | None) -> Domain | None:
    """The key's domain. None if the key is missing or unknown, or its domain is inactive.

    A key that belongs to no property is refused too: this API has no other scope than a domain.
    """
    principal = await services.accounts.by_token("optico", api_key or "")
    if principal is None or principal.property is None or not principal.property.active:
        return None
    return Domain(account=principal.account, property=principal.property)
