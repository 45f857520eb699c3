"""Bake the snapshot: look for an existing one, run Packer, verify the result, delete everything else."""

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bakery import proc
from bakery.bake import packer
from bakery.bake.model import BakeRequest, Build, Tools
from bakery.bake.request import choose_size, write_variables
from bakery.bake.snapshot import find_baked, verify_snapshot
from bakery.bake.sweep import WORK_PREFIX, lock, record_build, sweep_build, sweep_ended
from bakery.cloud.interface import Cloud
from bakery.cloud.model import Account, Image
from bakery.console import SILENT, Reporter
from bakery.errors import BakeryError, MissingToolError
from bakery.hints import Command, Hint
from bakery.wait import Clock


def bake(
    request: BakeRequest,
    *,
    tools: Tools,
    cloud: Cloud,
    reporter: Reporter = SILENT,
    run: proc.Runner = proc.run,
    stream: packer.Stream = proc.stream,
    clock: Clock | None = None,
    new_id: Callable[[], str] = lambda: secrets.token_hex(6),
) -> Image:
    """Return the requested snapshot. Bake it unless one with the same content exists and ``fresh`` is False.

    At its end, also if it fails or is interrupted, the bake deletes its build droplet, its SSH key, and an
    unfinished snapshot with its tag. What a killed bake leaves, the next bake deletes.

    Raises:
        UnauthorizedError, UnreachableError: the API refused a request, or cannot be reached.
        MissingToolError: Packer, its plugin or a binary to upload does not exist.
        BakeError: Packer failed, or its snapshot is not the requested one.
        DeadlineError: its snapshot did not appear in time.
        LockedError: another bake is running in ``request.folder``.
    """
    account = cloud.get_account()
    with lock(request.folder):
        sweep_ended(cloud, request.folder, reporter=reporter)
        baked = None if request.fresh else find_baked(cloud, request)
        if baked is not None:
            reporter.note(f"{baked.name} already has this content; nothing to bake")
            return baked
        _check_tools(tools)
        build = Build(id=new_id(), folder=request.folder)
        size = request.size or choose_size(cloud.list_sizes(), request.region)
        with (
            reporter.step(f"baking {build.snapshot_name} in {request.region}"),
            _swept(cloud, build, account, reporter),
        ):
            with _work_folder(request.folder) as work:
                packer.install_plugin(tools, work, run=run)
                variables = write_variables(request, build, tools, size=size, work=work)
                packer.run_build(request, build, tools, variables, stream=stream, reporter=reporter)
            return verify_snapshot(cloud, request, build, reporter=reporter, clock=clock)


def _check_tools(tools: Tools) -> None:
    for name, path in (("packer", tools.packer), ("Packer's DigitalOcean plugin", tools.plugin)):
        if not path.is_file():
            message = f"{name} is not at {path}"
            raise MissingToolError(message=message, hint="`make toolchain` builds it from source with Go")


@contextmanager
def _swept(cloud: Cloud, build: Build, account: Account, reporter: Reporter) -> Iterator[None]:
    """When the block ends, delete everything of the build except a verified snapshot."""
    record_build(build, account)
    try:
        yield
    except BaseException:
        try:
            sweep_build(cloud, build, keep_snapshot=False, reporter=reporter)
        except BakeryError as error:
            # Report the first failure. The record stays, so that the next bake sweeps again.
            reporter.warn(
                Hint(
                    f"could not clean up after {build.snapshot_name}: {error.message}; try later: ",
                    Command("gc", "--delete"),
                )
            )
        raise
    sweep_build(cloud, build, keep_snapshot=True, reporter=reporter)


@contextmanager
def _work_folder(parent: Path) -> Iterator[Path]:
    """Create a private folder (mkdtemp makes it 0700), and delete it when the block ends."""
    work = Path(tempfile.mkdtemp(prefix=WORK_PREFIX, dir=parent))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
