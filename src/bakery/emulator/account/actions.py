"""Actions of droplets, images and reserved IPs, with their status."""

from collections.abc import Iterable
from operator import attrgetter

from bakery.emulator.account.errors import NotFound
from bakery.emulator.account.model import Action
from bakery.emulator.account.source import Ids, WallClock

_IN_PROGRESS = "in-progress"


class Actions:
    """All actions in progress, and the ``keep_finished`` that finished last."""

    def __init__(self, clock: WallClock, ids: Ids, *, keep_finished: int) -> None:
        self._clock = clock
        self._ids = ids
        self._keep_finished = keep_finished
        self._actions: dict[int, Action] = {}
        self._by_resource: dict[tuple[str, int], dict[int, Action]] = {}
        self._finished: dict[int, None] = {}
        """Ids, in the order in which they finished."""

    def restore(self, actions: Iterable[Action]) -> None:
        """Replace all actions."""
        self._actions.clear()
        self._by_resource.clear()
        self._finished.clear()
        for action in actions:
            self._add(action)
        ended = [action for action in self._actions.values() if action.completed_at is not None]
        for action in sorted(ended, key=attrgetter("completed_at")):
            self._note_finished(action)

    def all(self) -> list[Action]:
        """Oldest first."""
        return list(self._actions.values())

    def of_droplet(self, droplet_id: int) -> list[Action]:
        """Oldest first."""
        return list(self._by_resource.get(("droplet", droplet_id), {}).values())

    def of_image(self, image_id: int) -> list[Action]:
        """Oldest first."""
        return list(self._by_resource.get(("image", image_id), {}).values())

    def of_reserved_ip(self, number: int) -> list[Action]:
        """Oldest first."""
        return list(self._by_resource.get(("reserved_ip", number), {}).values())

    def get(self, action_id: int) -> Action:
        """Return the action. Raises NotFound, also for a finished action that was forgotten."""
        action = self._actions.get(action_id)
        if action is None:
            raise NotFound
        return action

    def start(self, kind: str, *, resource_id: int, resource_type: str, region: str) -> Action:
        """Start an action of a resource; it is in progress until :meth:`finish`."""
        action = Action(
            id=self._ids.number(),
            type=kind,
            resource_id=resource_id,
            resource_type=resource_type,
            region=region,
            started_at=self._clock(),
            status=_IN_PROGRESS,
        )
        self._add(action)
        return action

    def finish(self, action: Action, *, errored: bool = False) -> None:
        """End the action; afterwards it does not change any more."""
        action.status = "errored" if errored else "completed"
        action.completed_at = self._clock()
        self._note_finished(action)

    def _add(self, action: Action) -> None:
        self._actions[action.id] = action
        self._by_resource.setdefault((action.resource_type, action.resource_id), {})[action.id] = action

    def _note_finished(self, action: Action) -> None:
        """Forget the actions that finished longest ago, so that the account does not grow without end."""
        self._finished[action.id] = None
        while len(self._finished) > self._keep_finished:
            self._forget(next(iter(self._finished)))

    def _forget(self, action_id: int) -> None:
        del self._finished[action_id]
        action = self._actions.pop(action_id)
        resource = (action.resource_type, action.resource_id)
        del self._by_resource[resource][action_id]
        if not self._by_resource[resource]:
            del self._by_resource[resource]
