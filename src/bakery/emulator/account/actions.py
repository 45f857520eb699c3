"""Actions: what was asked of a droplet or image, and how it went. They are kept for ever."""

from collections.abc import Iterable

from bakery.emulator.account.errors import NotFound
from bakery.emulator.account.model import Action
from bakery.emulator.account.source import Clock, Ids


class Actions:
    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._actions: dict[int, Action] = {}
        self._by_resource: dict[tuple[str, int], list[Action]] = {}

    def restore(self, actions: Iterable[Action]) -> None:
        """Have these and no others."""
        self._actions = {action.id: action for action in actions}
        self._by_resource.clear()
        for action in self._actions.values():
            self._by_resource.setdefault((action.resource_type, action.resource_id), []).append(action)

    def all(self) -> list[Action]:
        return list(self._actions.values())

    def of_droplet(self, droplet_id: int) -> list[Action]:
        return self._by_resource.get(("droplet", droplet_id), [])

    def of_image(self, image_id: int) -> list[Action]:
        return self._by_resource.get(("image", image_id), [])

    def get(self, action_id: int) -> Action:
        action = self._actions.get(action_id)
        if action is None:
            raise NotFound
        return action

    def start(self, kind: str, *, resource_id: int, resource_type: str, region: str) -> Action:
        action = Action(
            id=self._ids.number(),
            type=kind,
            resource_id=resource_id,
            resource_type=resource_type,
            region=region,
            started_at=self._clock(),
        )
        self._actions[action.id] = action
        self._by_resource.setdefault((resource_type, resource_id), []).append(action)
        return action

    def finish(self, action: Action, *, errored: bool = False) -> None:
        action.status = "errored" if errored else "completed"
        action.completed_at = self._clock()
