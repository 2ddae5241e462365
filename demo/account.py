"""The demo account, as `ringtrail up` describes it in <data_dir>/demo.json."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ringtrail.config import ConfigError, load


class DemoError(Exception):
    """The demo cannot go on; the message says what to do."""


class Sip(msgspec.Struct, frozen=True):
    host: str
    port: int


class Account(msgspec.Struct, frozen=True):
    sid: str
    name: str


class Number(msgspec.Struct, frozen=True):
    number: str  # the tracking number, E.164
    name: str
    target: str  # where it leads, E.164
    what: str  # what a call to it shows: "answers, records"

    @property
    def unanswered(self) -> bool:
        """Whether the point of this number is that its target does not pick up."""
        return "nobody answers" in self.what


class OpticoKey(msgspec.Struct, frozen=True):
    api_key: str


class Token(msgspec.Struct, frozen=True):
    token: str


class AgendizeKey(msgspec.Struct, frozen=True):
    apiKey: str  # noqa: N815 - the vendor's name
    token: str


class FoneDynamicsKey(msgspec.Struct, frozen=True):
    AccountSid: str
    token: str


class Login(msgspec.Struct, frozen=True):
    login: str
    password: str


class Credentials(msgspec.Struct, frozen=True):
    optico: OpticoKey
    invox: Token
    agendize: AgendizeKey
    fonedynamics: FoneDynamicsKey
    callr: Login
    native: Token


class Demo(msgspec.Struct, frozen=True):
    base_url: str
    sip: Sip
    trunk_peer: str  # host:port that outbound legs go to: the answering phone listens there
    caller: str
    account: Account
    numbers: list[Number]
    credentials: Credentials
    recordings_dir: str

    @property
    def peer(self) -> tuple[str, int]:
        host, _, port = self.trunk_peer.rpartition(":")
        return host, int(port)

    def pick(self, wanted: str | None) -> Number:
        """The number that is asked for, else the first one whose calls are recorded. Raises DemoError."""
        if wanted is None:
            return next((item for item in self.numbers if "record" in item.what), self.numbers[0])
        found = next((item for item in self.numbers if item.number.lstrip("+") == wanted.lstrip("+")), None)
        if found is None:
            listed = "\n".join(f"  {item.number}  {item.name}: {item.what}" for item in self.numbers)
            raise DemoError(f"{wanted} is no demo number; there are\n{listed}")
        return found


def data_folder(given: str | None) -> Path:
    """The data folder named, else that of the settings in force."""
    if given:
        return Path(given).resolve()
    try:
        return load().data
    except ConfigError as error:
        raise DemoError(str(error)) from error


def read_account(folder: Path) -> Demo:
    """Raises DemoError with advice when there is no readable description."""
    path = folder / "demo.json"
    try:
        demo = msgspec.json.decode(path.read_bytes(), type=Demo)
    except FileNotFoundError:
        advice = "start `ringtrail up` (or `make run`) in another terminal and wait for its banner"
        raise DemoError(f"{path} does not exist: {advice}") from None
    except PermissionError:
        raise DemoError(f"{path} belongs to another user: run the demo as the user who runs ringtrail") from None
    except msgspec.ValidationError as error:
        raise DemoError(f"{path} was not written by this version of ringtrail: {error}") from error
    except msgspec.DecodeError as error:
        raise DemoError(f"{path} is damaged ({error}): delete it and run `ringtrail seed`") from error
    if not demo.numbers:
        raise DemoError(f"{path} names no numbers: run `ringtrail seed`")
    return demo
