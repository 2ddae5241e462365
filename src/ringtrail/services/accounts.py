"""Who is asking: keys, passwords, web sessions."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

from ringtrail.model.account import Account, Principal, Property
from ringtrail.model.errors import DomainError, ErrorCode
from ringtrail.model.ids import new_sid
from ringtrail.ports.clock import Clock
from ringtrail.storage import accounts as store
from ringtrail.storage.database import Database

SESSION_LIFETIME = timedelta(hours=12)
_VERIFIED_FOR = timedelta(minutes=5)
_MAX_SECRET_LENGTH = 512


class Accounts:
    """Credentials to Principals. Secrets are compared in constant time and never kept in clear.

    That a password fits a credential is remembered for five minutes under a keyed digest, so that scrypt's cost is paid
    once and not on each request. The credential itself is read each time: a revoked one stops working at once.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._process_key = secrets.token_bytes(32)
        self._verified: dict[bytes, datetime] = {}  # digest of password and stored hash: believed until
        self._decoy_salt = secrets.token_bytes(16)

    async def by_token(self, dialect: str, token: str) -> Principal | None:
        """The owner of a long random token, or None."""
        if not token or len(token) > _MAX_SECRET_LENGTH:
            return None
        async with self._database.reading() as connection:
            found = await store.credential_by_digest(connection, dialect, token_digest(token))
        return principal_of(found) if found else None

    async def by_password(self, dialect: str, login: str, password: str) -> Principal | None:
        """The owner of a login, or None. Unknown logins cost as much as wrong passwords."""
        if not login or "\0" in login or max(len(login), len(password)) > _MAX_SECRET_LENGTH:
            return None
        async with self._database.reading() as connection:
            found = await store.credential_by_login(connection, dialect, login)
        fits = await self._fits(password, found)
        return principal_of(found) if found and fits else None

    async def _fits(self, password: str, found: store.Credential | None) -> bool:
        """Whether this is the credential's password. Without a credential as slow as with a wrong password."""
        expected, salt = (found.secret_hash, found.salt or b"") if found else (b"", self._decoy_salt)
        key = hmac.digest(self._process_key, expected + password.encode(), "sha256")
        if self._verified.get(key, datetime.min.replace(tzinfo=UTC)) > self._clock.now():
            return True
        digest = await asyncio.to_thread(password_digest, password, salt)
        if not hmac.compare_digest(digest, expected):
            return False
        if len(self._verified) > 10_000:
            self._verified.clear()
        self._verified[key] = self._clock.now() + _VERIFIED_FOR
        return True

    async def open_session(self, principal: Principal) -> str:
        """A new web session's token, to be kept in a cookie."""
        token = secrets.token_urlsafe(32)
        async with self._database.transaction() as connection:
            await store.add_session(
                connection,
                principal.account.id,
                principal.credential_id,
                token_digest(token),
                self._clock.now() + SESSION_LIFETIME,
            )
        return token

    async def by_session(self, token: str) -> Principal | None:
        if not token or len(token) > _MAX_SECRET_LENGTH:
            return None
        async with self._database.reading() as connection:
            found = await store.credential_by_session(connection, token_digest(token), self._clock.now())
        return principal_of(found) if found else None

    async def close_session(self, token: str) -> None:
        async with self._database.transaction() as connection:
            await store.delete_session(connection, token_digest(token))

    async def property_by_sid(self, account_id: int, sid: str) -> Property | None:
        async with self._database.reading() as connection:
            return await store.property_by_sid(connection, account_id, sid)

    async def properties(self, account_id: int) -> list[Property]:
        async with self._database.reading() as connection:
            return await store.properties_of(connection, account_id)

    async def first(self) -> Account | None:
        """The oldest account, or None in an empty database."""
        async with self._database.reading() as connection:
            return await store.any_account(connection)

    async def by_id(self, account_id: int) -> Account:
        """One that is known to be there: accounts are never deleted."""
        async with self._database.reading() as connection:
            account = await store.account_by_id(connection, account_id)
        assert account is not None
        return account

    async def by_sid(self, sid: str) -> Account | None:
        async with self._database.reading() as connection:
            return await store.account_by_sid(connection, sid)

    async def all(self) -> list[Account]:
        async with self._database.reading() as connection:
            return await store.all_accounts(connection)

    async def allow_outbound(self, account_id: int, prefixes: tuple[str, ...]) -> Account:
        """Replace the list of E.164 prefixes that the account may dial."""
        async with self._database.transaction() as connection:
            await store.set_outbound_prefixes(connection, account_id, prefixes)
            account = await store.account_by_id(connection, account_id)
        assert account is not None
        return account

    async def create(
        self, *, name: str, timezone: str, country: str, currency: str, outbound_prefixes: tuple[str, ...]
    ) -> Account:
        account = Account(
            id=0, sid=new_sid(), name=name, timezone=timezone, country=country, currency=currency,
            billing_increment_s=60, outbound_prefixes=outbound_prefixes,
        )  # fmt: skip
        async with self._database.transaction() as connection:
            account_id = await store.add_account(connection, account)
            stored = await store.account_by_id(connection, account_id)
        assert stored is not None
        return stored

    async def add_property(
        self,
        account_id: int,
        name: str,
        *,
        timezone: str | None = None,
        masks_callers: bool = False,
        main_domain: str | None = None,
        active: bool = True,
        sms_enabled: bool = True,
        call_recording_enabled: bool = True,
        integrations_enabled: bool = False,
    ) -> Property:
        """timezone: an IANA name, or None for each dialect's own default. DomainError BAD_FORMAT for anything else."""
        item = Property(
            id=0, account_id=account_id, sid=new_sid(), name=name, timezone=_zone(timezone), active=active,
            masks_callers=masks_callers, main_domain=main_domain, sms_enabled=sms_enabled,
            call_recording_enabled=call_recording_enabled, integrations_enabled=integrations_enabled,
        )  # fmt: skip
        async with self._database.transaction() as connection:
            await store.add_property(connection, item)
            stored = await store.property_by_sid(connection, account_id, item.sid)
        assert stored is not None
        return stored

    async def change_property(self, account_id: int, sid: str, change: Callable[[Property], Property]) -> Property:
        """Write what `change` makes of it as it is now. DomainError NOT_FOUND, or BAD_FORMAT for a timezone that is no IANA
        name."""
        async with self._database.transaction() as connection:
            found = await store.property_by_sid(connection, account_id, sid, lock=True)
            if found is None:
                raise DomainError(ErrorCode.NOT_FOUND, field="property")
            changed = change(found)
            _zone(changed.timezone)
            await store.update_property(connection, changed)
        return changed

    async def add_token(
        self, account_id: int, dialect: str, token: str, *, property_id: int | None = None, label: str = ""
    ) -> None:
        """Let a random token (at least 128 bits of it) speak for the account in one dialect."""
        async with self._database.transaction() as connection:
            await store.add_credential(
                connection, account_id=account_id, property_id=property_id, dialect=dialect, login=None, scheme="sha256",
                secret_hash=token_digest(token), salt=None, label=label,
            )  # fmt: skip

    async def add_password(self, account_id: int, dialect: str, login: str, password: str, *, label: str = "") -> None:
        """Let a login and password speak for the account in one dialect (or the dashboard). DomainError CONFLICT 'login'."""
        salt = secrets.token_bytes(16)
        async with self._database.transaction() as connection:
            if await store.login_exists(connection, dialect, login):
                raise DomainError(ErrorCode.CONFLICT, "login", f"{login!r} is taken")
            await store.add_credential(
                connection, account_id=account_id, property_id=None, dialect=dialect, login=login, scheme="scrypt",
                secret_hash=password_digest(password, salt), salt=salt, label=label,
            )  # fmt: skip


def _zone(timezone: str | None) -> str | None:
    if timezone is not None and timezone not in available_timezones():
        raise DomainError(ErrorCode.BAD_FORMAT, field="timezone", detail="not an IANA time zone")
    return timezone


def token_digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def password_digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=2**14, r=8, p=1, dklen=32)


def principal_of(found: store.Credential) -> Principal:
    return Principal(account=found.account, property=found.property, credential_id=found.id, login=found.login)
