"""The composition root: builds everything from the settings, owns the tasks and the shutdown.

Three processes: `serve` (HTTP), `control` (calls), `work` (upkeep, messages, webhooks). They share nothing but the database and the data
folder, and any of them may die at any moment.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from litestar import Litestar

from ringtrail import dashboard, metrics
from ringtrail.config import Settings
from ringtrail.dialects import agendize, callr, fonedynamics, invox, native, optico
from ringtrail.dialects.agendize import webhooks as agendize_webhooks
from ringtrail.dialects.callr import cdr_export
from ringtrail.dialects.callr import webhooks as callr_webhooks
from ringtrail.dialects.invox import webhooks as invox_webhooks
from ringtrail.dialects.native import webhooks as native_webhooks
from ringtrail.engines.asterisk.client import Address
from ringtrail.engines.asterisk.configure import FLIGHT_RECORDER_FILE
from ringtrail.engines.asterisk.control import AsteriskEngine, AsteriskNode
from ringtrail.httpkit.dialect import Dialect, DialectOptions
from ringtrail.httpkit.server import build_server
from ringtrail.mail import webhooks as mail_webhooks
from ringtrail.mail.server import mailbox, server_of
from ringtrail.mail.smtp import Smtp
from ringtrail.model.call import Call
from ringtrail.model.errors import DomainError
from ringtrail.model.events import EventType
from ringtrail.model.ids import CallIds
from ringtrail.model.webhook import Endpoint
from ringtrail.ops import ops_pages
from ringtrail.ports.clock import Clock, SystemClock
from ringtrail.ports.engine import EngineError
from ringtrail.ports.sms import SmsTransport
from ringtrail.seeding import seed
from ringtrail.services import Services, build_services, media_imports
from ringtrail.services.buttons import Orders
from ringtrail.services.clicks import order_next_tries
from ringtrail.services.commands import CommandTaker
from ringtrail.services.controller import Controller
from ringtrail.services.deliverer import Deliverer
from ringtrail.services.egress import Egress, Policy, networks_of
from ringtrail.services.health import Health
from ringtrail.services.jobs import JobWorker, Runner
from ringtrail.services.messages import Messenger
from ringtrail.services.money import Subscriptions
from ringtrail.services.numbers import facts_of
from ringtrail.services.phone_in import PhoneIn, PhoneInRecordings
from ringtrail.services.recorder import Recorder
from ringtrail.services.recovery import Recovery
from ringtrail.services.retention import Retention
from ringtrail.services.routing import Routing
from ringtrail.services.sip import PhoneBook
from ringtrail.services.upkeep import Upkeep
from ringtrail.services.vault import Vault
from ringtrail.services.voicemails import Voicemails
from ringtrail.sms.loopback import Loopback
from ringtrail.sound.studio import LocalStudio
from ringtrail.storage.database import Database

log = structlog.get_logger("ringtrail")

DIALECTS: tuple[Dialect, ...] = (
    optico.DIALECT,
    invox.DIALECT,
    agendize.DIALECT,
    fonedynamics.DIALECT,
    callr.DIALECT,
    native.DIALECT,
)

BEAT_S = 1.0
UNSEEN_EVERY_S = 60.0
PHONES_EVERY_S = 1.0
ORDERS_EVERY_S = 0.25
PARTITIONS_EVERY_S = 3600.0
RECORDINGS_EVERY_S = 1.0
OLD_EVENTS_EVERY_S = 3600.0
MESSAGES_EVERY_S = 0.2
MONTHS_EVERY_S = 3600.0
OLD_FILES_EVERY_S = 3600.0
OLD_ORDERS_EVERY_S = 3600.0
DRAIN_S = 10.0


@asynccontextmanager
async def _opened(settings: Settings, connections: int) -> Any:
    database = Database(settings.database_url, max_connections=connections)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


# --- HTTP -----------------------------------------------------------------------------------------------------------


def build_web(settings: Settings, database: Database) -> Litestar:
    """Every dialect, the dashboard and the pages for machines on one server."""
    clock = SystemClock()
    services = _services(settings, database)
    measured = metrics.Metrics()

    def observe(dialect: str, status: int, seconds: float) -> None:
        measured.requests.labels(dialect, str(status)).inc()
        measured.request_seconds.labels(dialect).observe(seconds)

    return build_server(
        services,
        DIALECTS,
        _dialect_options(settings),
        hosts=settings.hosts,
        pages=[*dashboard.pages(services, settings.base_url), *ops_pages(Health(database, clock), clock)],
        max_request_bytes=settings.max_request_bytes,
        lifespan=[lambda _app: dashboard.lifespan(services)],
        observe=observe,
    )


def _services(settings: Settings, database: Database) -> Services:
    return build_services(
        database, SystemClock(), recordings_folder=str(settings.recordings_dir), media_folder=str(settings.media_dir),
        studio=LocalStudio(Path(settings.cache_dir)), secret_key=settings.secret_key,
        egress_allowed_networks=settings.egress_allowed_networks, recording_link_days=settings.recording_link_days,
    )  # fmt: skip


def _dialect_options(settings: Settings) -> DialectOptions:
    return DialectOptions(
        base_url=settings.base_url,
        optico_error_status=settings.optico_error_status,
        invox_national_numbers=settings.invox_national_numbers,
        invox_holds_unfinished=settings.invox_holds_unfinished,
    )


async def serve(settings: Settings) -> None:
    """The HTTP process, until SIGINT or SIGTERM."""
    metrics.use_folder(settings.data / "run" / "metrics")
    async with _opened(settings, 12) as database:
        config = uvicorn.Config(
            build_web(settings, database),
            host=settings.http_host,
            port=settings.http_port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,  # streams of the dashboard never end by themselves
            http="h11",  # the faster httptools keeps request headers of any size in memory
            h11_max_incomplete_event_size=65_536,
        )
        _calm_collector()
        await uvicorn.Server(config).serve()


def _calm_collector() -> None:
    """A page of 5,000 calls is a hundred thousand objects without a cycle; at Python's own thresholds the collector would
    walk through everything again and again while it is built."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


# --- calls ----------------------------------------------------------------------------------------------------------


def asterisk_node(settings: Settings) -> AsteriskNode:
    """Where the engine of this node is. The flight recorder is there when it is our own Asterisk."""
    ari = Address.parse(settings.ari_url)
    flight_recorder = settings.data / "asterisk" / FLIGHT_RECORDER_FILE
    own = ari.port == settings.ari_port and (settings.data / "asterisk" / "etc").is_dir()
    return AsteriskNode(
        name=f"n{settings.node}",
        ari=ari,
        ami=Address.parse(settings.ami_url) if settings.ami_url else None,
        recordings_folder=settings.recordings_dir,
        flight_recorder=flight_recorder if own else None,
        own_dialplan=own,
        shared_disk=own,
        realm=settings.domain if own else "",
    )


async def control(settings: Settings) -> None:
    """The call controller, until SIGINT or SIGTERM. Live calls go on without it."""
    metrics.use_folder(settings.data / "run" / "metrics")
    measured, clock = metrics.Metrics(), SystemClock()
    facts_of("+33140000000")  # loads the number plans now, not while the first caller waits
    engine = AsteriskEngine(asterisk_node(settings))
    async with _opened(settings, 8) as database:
        recorder = Recorder(database, saved=lambda calls, seconds: _count(measured, calls, seconds))
        routing = Routing(database, default_country=settings.default_country, media_folder=settings.media_dir)
        controller = Controller(
            engine=engine,
            routing=routing,
            clock=clock,
            ids=CallIds(settings.node),
            keep=recorder.put,
            refused_unknown=lambda reason: measured.offers_refused.labels(reason).inc(),
            phone_in=PhoneIn(database, clock),
        )
        orders = Orders(database, engine.name)
        recovery = Recovery(
            database=database, engine=engine, controller=controller, routing=routing, orders=orders, clock=clock,
            keep=recorder.put,
        )  # fmt: skip
        health = Health(database, clock)
        phone_book = PhoneBook(database, engine, Vault(settings.secret_key))

        async def take_over() -> None:
            await _insist(recovery.take_over, "recovery_waits")

        async def enter_unseen() -> None:
            if controller.connected:
                await recovery.enter_unseen()

        async def place_orders() -> None:
            await order_next_tries(database, clock.now())
            while controller.connected:
                call_id = controller.next_id()
                order = await orders.claim(call_id, clock.now())
                if order is None:
                    return
                controller.place(order, call_id)

        async def tell_phones() -> None:
            if controller.connected:
                await phone_book.tell()

        async def beat() -> None:
            measured.calls_in_progress.set(len(controller.live_calls))
            measured.records_waiting.set(recorder.depth)
            measured.engines_connected.set(int(controller.connected))
            if controller.connected:
                await health.beat(engine.name)

        await _run_until_stopped(
            engine.run(),
            recorder.run(),
            controller.run(take_over),
            _every(BEAT_S, beat),
            _every(UNSEEN_EVERY_S, enter_unseen),
            _every(ORDERS_EVERY_S, place_orders),
            CommandTaker(database, clock, engine.name, controller.hang_up, ready=lambda: controller.connected).run(),
            _every(PHONES_EVERY_S, tell_phones),
            drain=recorder.flushed,
        )


def _count(measured: metrics.Metrics, calls: list[Call], seconds: float) -> None:
    measured.record_seconds.observe(seconds)
    for call in calls:
        if call.ended:
            measured.calls_ended.labels(call.disposition).inc()


# --- upkeep ---------------------------------------------------------------------------------------------------------


async def work(settings: Settings) -> None:
    """The worker, until SIGINT or SIGTERM."""
    metrics.use_folder(settings.data / "run" / "metrics")
    measured, clock = metrics.Metrics(), SystemClock()
    egress = Egress(Policy(networks_of(settings.egress_allowed_networks)), limit_s=settings.webhook_timeout_s)
    fetching = Egress(Policy(networks_of(settings.egress_allowed_networks)), limit_s=media_imports.FETCHED_WITHIN_S)
    async with _opened(settings, 8) as database, egress.opened(), fetching.opened():
        services = _services(settings, database)
        upkeep = Upkeep(database, clock, settings.recordings_dir, Voicemails(services.webhooks, clock))
        transport = sms_transport(settings, clock)
        messenger = Messenger(database, clock, transport, default_country=settings.default_country)

        def tried(dialect: str, outcome: str) -> None:
            measured.webhook_attempts.labels(dialect, outcome).inc()

        deliverer = deliverer_of(settings, database, egress, tried)
        jobs = JobWorker(database, clock, job_runners(services, fetching))
        phone_in = PhoneInRecordings(database, clock, services.media, settings.recordings_dir)

        async def finish_recordings() -> None:
            await upkeep.finish_recordings()
            measured.recordings_waiting.set(await upkeep.recordings_waiting())

        async def bill_months() -> None:
            await Subscriptions(database, clock).bill_months()

        log.info("sms_transport", name=transport.name)
        await _run_until_stopped(
            _every(PARTITIONS_EVERY_S, upkeep.make_partitions),
            _every(RECORDINGS_EVERY_S, finish_recordings),
            _every(RECORDINGS_EVERY_S, phone_in.settle),
            _every(OLD_FILES_EVERY_S, phone_in.sweep),
            _every(MESSAGES_EVERY_S, messenger.dispatch_all),
            _every(MONTHS_EVERY_S, bill_months),
            messenger.listen(),
            _every(OLD_EVENTS_EVERY_S, deliverer.forget_old),
            deliverer.run(),
            _every(OLD_FILES_EVERY_S, jobs.forget_old),
            _every(OLD_ORDERS_EVERY_S, Retention(database, clock).forget_old),
            _every(OLD_FILES_EVERY_S, services.media.sweep),
            _every(OLD_FILES_EVERY_S, services.exports.sweep),
            jobs.run(),
        )


def job_runners(services: Services, egress: Egress) -> dict[str, Runner]:
    """What does each kind of job."""
    return {
        media_imports.IMPORT: media_imports.runner(services.media, egress),
        cdr_export.EXPORT: services.exports.runner(cdr_export.source(services)),
    }


def deliverer_of(
    settings: Settings, database: Database, egress: Egress, tried: Callable[[str, str], None]
) -> Deliverer:
    """What sends every dialect's webhooks. tried: see Deliverer."""
    services, options = _services(settings, database), _dialect_options(settings)
    renders = {
        "invox": invox_webhooks.renderer(services, options),
        "agendize": agendize_webhooks.renderer(services, options, egress),
        "callr": callr_webhooks.renderer(services, options),
        "native": native_webhooks.renderer(services, options),
        "mail": mail_webhooks.renderer(services, base_url=settings.base_url, domain=_mail_domain(settings)),
    }
    mail = smtp(settings, limit_s=settings.webhook_timeout_s)
    return Deliverer(
        database, SystemClock(), services.webhooks, egress, renders, mail=mail.send if mail else None,
        notice=_notice(services, settings.notice_email), tried=tried,
        disabled_after=timedelta(days=settings.webhook_disable_after_days),
        kept=timedelta(days=settings.webhook_log_days),
    )  # fmt: skip


def smtp(settings: Settings, *, limit_s: float) -> Smtp | None:
    """What takes our e-mails; None: nothing is set up."""
    if not settings.smtp_url:
        return None
    return Smtp(server_of(settings.smtp_url), mailbox(settings.mail_from), limit_s=limit_s)


def _mail_domain(settings: Settings) -> str:
    return mailbox(settings.mail_from).domain if settings.mail_from else "localhost"


def _notice(services: Services, email: str) -> Callable[[int], Awaitable[Endpoint | None]] | None:
    """Who is told of an account's disabled endpoint besides those that ask for it: the operator's address, unless the
    account has an e-mail endpoint of its own for that."""
    if not email:
        return None
    address = f"mailto:{mailbox(email).addr_spec}"
    services.webhooks.check_address(address)

    async def notice(account_id: int) -> Endpoint | None:
        own = await services.webhooks.list(account_id, dialect="mail")
        if any(_hears_of_disabled(endpoint) for endpoint in own):
            return None
        return await services.webhooks.dynamic(account_id, "mail", address)

    return notice


def _hears_of_disabled(endpoint: Endpoint) -> bool:
    return endpoint.enabled and endpoint.property_id is None and EventType.ENDPOINT_DISABLED in endpoint.event_types


def sms_transport(settings: Settings, clock: Clock) -> SmsTransport:
    """What the setting of this name means."""
    match settings.sms_transport:
        case "loopback":
            return Loopback(clock)
        case unknown:
            raise ValueError(f"no SMS transport {unknown!r}")


async def seed_demo(settings: Settings) -> dict[str, Any]:
    """See seeding.seed."""
    async with _opened(settings, 2) as database:
        return await seed(_services(settings, database), settings, SystemClock())


async def recount(settings: Settings, rebuild: bool) -> int:
    """How many rollup rows differ from the calls; with `rebuild`, they are counted again."""
    async with _opened(settings, 2) as database:
        return await Health(database, SystemClock()).rollup_differences(rebuild=rebuild)


# --- tasks ----------------------------------------------------------------------------------------------------------


async def _every(seconds: float, step: Callable[[], Awaitable[None]]) -> None:
    """Repeat a step for ever. While a dependency is away it is told and tried again."""
    while True:
        try:
            await step()
        except (DomainError, EngineError) as exc:
            log.warning("step_postponed", step=step.__name__, reason=str(exc))
        await asyncio.sleep(seconds)


async def _insist(step: Callable[[], Awaitable[None]], told: str) -> None:
    while True:
        try:
            return await step()
        except DomainError as exc:
            log.warning(told, reason=str(exc))
            await asyncio.sleep(1.0)


async def _run_until_stopped(*work_items: Awaitable[None], drain: Callable[[], Awaitable[None]] | None = None) -> None:
    """Run until a signal asks to stop; one that fails takes the process down, and the supervisor mends it."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        tasks = [asyncio.ensure_future(item) for item in work_items]
        stack.push_async_callback(_cancelled, tasks)
        stopped = asyncio.ensure_future(stop.wait())
        done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            task.result()
        if drain is not None:
            try:
                await asyncio.wait_for(drain(), DRAIN_S)
            except TimeoutError:
                log.error("records_not_written", after_s=DRAIN_S)


async def _cancelled(tasks: Sequence[asyncio.Future[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
