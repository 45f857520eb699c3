"""All parts of one emulator, for the middleware and the endpoints; a handler gets a few of them."""

from dataclasses import dataclass

from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.account.state import AccountState
from bakery.emulator.account.store import AccountStore
from bakery.emulator.api.call import AdminTools
from bakery.emulator.api.rate_limits import RateLimits
from bakery.emulator.api.recording import Recording
from bakery.emulator.api.request_log import RequestLog
from bakery.emulator.api.tokens import AccessTokens
from bakery.emulator.faults.table import Faults
from bakery.emulator.work.edge_sync import EdgeSync
from bakery.emulator.work.firewall_sync import FirewallSync
from bakery.emulator.work.machine_actions import ActionRunner


@dataclass(frozen=True, kw_only=True)
class Emulator:
    """All parts of one emulator: ``app.state.emulator``."""

    settings: EmulatorSettings
    state: AccountState
    work: ActionRunner
    requests: RequestLog
    faults: Faults
    limits: RateLimits
    tokens: AccessTokens
    recording: Recording
    firewall_sync: FirewallSync
    edge_sync: EdgeSync
    store: AccountStore

    def close(self) -> None:
        """Finish the running machine work and stop every machine."""
        self.work.close()
        self.firewall_sync.close()
        self.edge_sync.close()
        self.work.stop_machines()
        self.store.close()
        self.recording.stop()

    @property
    def admin_tools(self) -> AdminTools:
        return AdminTools(requests=self.requests, faults=self.faults, tokens=self.tokens, recording=self.recording)
