"""The local DigitalOcean as one starlette application."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bakery.emulator.account import serialization
from bakery.emulator.account.errors import NotFound
from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.account.source import Ids, SystemIds, WallClock, system_clock
from bakery.emulator.account.state import AccountState
from bakery.emulator.account.store import AccountStore
from bakery.emulator.api.emulator import Emulator
from bakery.emulator.api.endpoint import endpoint, refusal
from bakery.emulator.api.middleware import ApiMiddleware
from bakery.emulator.api.rate_limits import RateLimits
from bakery.emulator.api.recording import Recording
from bakery.emulator.api.request_log import RequestLog
from bakery.emulator.api.routes import ROUTES
from bakery.emulator.api.scope import RECORD
from bakery.emulator.api.tokens import AccessTokens
from bakery.emulator.faults.table import Faults
from bakery.emulator.machines.interface import Machines
from bakery.emulator.work.edge_sync import EdgeSync
from bakery.emulator.work.firewall_sync import FirewallSync
from bakery.emulator.work.machine_actions import ActionRunner

__all__ = ["Emulator", "build_app", "emulator_of"]


def build_app(
    settings: EmulatorSettings,
    machines: Machines,
    *,
    clock: WallClock = system_clock,
    ids: Ids | None = None,
    account_file: Path | None = None,
) -> Starlette:
    """Build the API over ``machines``.

    The account is saved in ``account_file``; if that exists, the account is restored from it. Close
    ``app.state.emulator`` after the server has stopped.
    """
    saved = (
        serialization.read(account_file.read_text(encoding="utf-8"))
        if account_file is not None and account_file.exists()
        else None
    )
    if saved is not None:
        ids = SystemIds(serialization.next_id(saved))
    state = AccountState(settings, clock=clock, ids=ids)
    if saved is not None:
        serialization.restore(state, saved)
    faults = Faults()
    emulator = Emulator(
        settings=settings,
        state=state,
        work=ActionRunner(state, machines, faults),
        requests=RequestLog(settings.log_size),
        faults=faults,
        limits=RateLimits(settings),
        tokens=AccessTokens(settings),
        recording=Recording(),
        firewall_sync=FirewallSync(state, machines),
        edge_sync=EdgeSync(state, machines),
        store=AccountStore(state, account_file),
    )

    def after_task() -> None:
        emulator.edge_sync.notice()
        emulator.store.save()

    emulator.work.queues.after_task = after_task
    app = Starlette(
        routes=[Route(rule.path, endpoint(rule, emulator), methods=[rule.method]) for rule in ROUTES],
        middleware=[Middleware(ApiMiddleware, emulator=emulator)],
        exception_handlers={HTTPException: _unknown_path},
    )
    app.router.redirect_slashes = False
    app.state.emulator = emulator
    return app


def emulator_of(app: Starlette) -> Emulator:
    """Return ``app.state.emulator``, typed."""
    emulator: Emulator = app.state.emulator
    return emulator


async def _unknown_path(request: Request, error: Exception) -> Response:  # noqa: ARG001 - starlette's signature
    """Answer 404, also for a method that a known path does not have."""
    return refusal(NotFound(), request.scope[RECORD].request_id)
