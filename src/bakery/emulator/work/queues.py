"""Threads for slow work: one queue per droplet; the queues run in parallel."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from bakery.emulator.work.timers import Timers
from bakery.wait import Clock, SystemClock

T = TypeVar("T")
Task = Callable[[], None]

log = logging.getLogger("bakery.emulator")


@dataclass(frozen=True)
class _Entry:
    task: Task
    delay: float


class Queues:
    """Tasks of one key run one after the other, in the order of their submission. A task must not raise."""

    def __init__(self, workers: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="machine-work")
        self._timers = Timers()
        self._lock = threading.Lock()
        self._waiting: dict[Hashable, deque[_Entry]] = {}
        self._closing = threading.Event()
        self.after_task: Task = lambda: None
        """Called after every task, in its thread."""

    def call(self, key: Hashable, function: Callable[[], T]) -> Future[T]:
        """Run a function that may raise as a task; the future has what it returned or raised."""
        future: Future[T] = Future()

        def task() -> None:
            try:
                future.set_result(function())
            except Exception as error:
                future.set_exception(error)

        self.submit(key, task)
        return future

    def submit(self, key: Hashable, task: Task, *, delay: float = 0.0) -> None:
        """Run the task after all earlier ones of ``key`` and ``delay`` seconds more.

        The delay needs no thread, so any number of keys can wait. An emulator that stops drops the task.
        """
        with self._lock:
            if self._closing.is_set():
                return
            entry = _Entry(task, delay)
            if key in self._waiting:
                self._waiting[key].append(entry)
                return
            self._waiting[key] = deque([entry])
            self._start(key)

    def pause(self, seconds: float) -> None:
        """Wait ``seconds``, or until the emulator stops."""
        self._closing.wait(seconds)

    @property
    def clock(self) -> Clock:
        """Real time, whose sleeps end early when the emulator stops."""
        return _PoolClock(self)

    @property
    def is_closing(self) -> bool:
        return self._closing.is_set()

    @property
    def busy(self) -> int:
        """How many tasks are running or waiting."""
        with self._lock:
            return sum(len(tasks) for tasks in self._waiting.values())

    def close(self) -> None:
        """Finish the tasks that run, drop those that wait, accept no new ones."""
        self._closing.set()
        self._timers.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, key: Hashable) -> None:
        """Start a worker for the first task of ``key`` when its delay is over; hold the lock."""
        delay = self._waiting[key][0].delay
        if delay <= 0:
            self._pool.submit(self._work, key)
        else:
            self._timers.call_after(delay, lambda: self._start_delayed(key))

    def _start_delayed(self, key: Hashable) -> None:
        with self._lock:
            if not self._closing.is_set():
                self._pool.submit(self._work, key)

    def _work(self, key: Hashable) -> None:
        while True:
            with self._lock:
                task = self._waiting[key][0].task
            try:
                task()
                self.after_task()
            except Exception:
                log.exception("a task of %s failed", key)
            with self._lock:
                tasks = self._waiting[key]
                tasks.popleft()
                if not tasks or self._closing.is_set():
                    del self._waiting[key]
                    return
                if tasks[0].delay > 0:
                    self._start(key)
                    return


class _PoolClock(SystemClock):
    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    def sleep(self, seconds: float) -> None:
        self._queues.pause(seconds)
