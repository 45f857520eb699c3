"""``bakery upgrade``: other versions of Consul and Nomad, in the cluster file, in a snapshot and on every node."""

from typing import TYPE_CHECKING, Any

import click

from bakery.cli.answers import print_answer
from bakery.cli.build_image import bake_lines
from bakery.cli.invocation import Invocation, builds_folder, invocation_of
from bakery.cli.options import common_options
from bakery.cli.recorder import recorded
from bakery.cli.replacing import drain_options, replaced_json
from bakery.cli.roll import plan_json, show_roll
from bakery.cli.where import cloud_json, cloud_line, other_cloud_option
from bakery.console import counted
from bakery.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bakery.config.model import ClusterConfig
    from bakery.hints import Text
    from bakery.launch.base.model import DrainPolicy
    from bakery.operations.upgrade_cluster import Upgraded, UpgradePlan, UpgradeRequest


@click.command()
@click.option("--consul", metavar="VERSION", help="Version of Consul (default: that of the cluster file).")
@click.option("--nomad", metavar="VERSION", help="Version of Nomad (default: that of the cluster file).")
@drain_options
@click.option("--dry-run", is_flag=True, help="Check the versions, show what would be done, and exit.")
@other_cloud_option
@common_options
@recorded
@click.pass_context
def upgrade(
    context: click.Context,
    consul: str | None,
    nomad: str | None,
    drain: "DrainPolicy",
    dry_run: bool,  # noqa: FBT001 - a click flag
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> int:
    """Run other versions of Consul and Nomad on every node of the cluster.

    First the versions are checked against those that run: at most two minor versions at once, and servers never
    back (else exit 2). Then they are written into the cluster file, the snapshot is baked if there is none, and
    every node is replaced as by roll. The same command continues an interrupted upgrade.

    \b
    Examples:
      bakery upgrade --consul 1.22.5 --nomad 2.0.5 --dry-run
      bakery upgrade --nomad 2.0.5
    """
    from bakery.bake.request import build_request
    from bakery.operations.place import check_place
    from bakery.operations.upgrade_cluster import UpgradeRequest, plan_upgrade

    invocation = invocation_of(context)
    wanted = {name: text for name, text in (("consul", consul), ("nomad", nomad)) if text is not None}
    check_place(invocation, insists=other_cloud)
    upgraded = invocation.with_config(_changed(invocation, wanted))
    bake = build_request(
        upgraded.config, endpoint=invocation.endpoint.url, token=invocation.token, folder=builds_folder()
    )
    request = UpgradeRequest(bake=bake, drain=drain)
    if dry_run:
        plan = plan_upgrade(upgraded, request)
        _show(invocation, upgraded, plan, invocation.print_or_note)
        if invocation.settings.json:
            print_answer(invocation.settings, "upgrade", _as_json(invocation, upgraded, plan, None))
        return ExitCode.DONE
    _upgrade(invocation, upgraded, request, wanted)
    return ExitCode.DONE


def _upgrade(
    invocation: Invocation, upgraded: Invocation, request: "UpgradeRequest", wanted: "Mapping[str, str]"
) -> None:
    from bakery.operations.upgrade_cluster import upgrade_cluster

    shown: list[UpgradePlan] = []

    def approve(plan: "UpgradePlan") -> None:
        shown.append(plan)
        _show(invocation, upgraded, plan, invocation.note_before_question)
        invocation.confirm(f"replace {counted(len(plan.roll.needs), 'node')}?")
        _save(invocation, wanted)

    done = upgrade_cluster(upgraded, request, approve)
    _save(invocation, wanted)
    if invocation.settings.json:
        print_answer(
            invocation.settings, "upgrade", _as_json(invocation, upgraded, shown[0] if shown else None, done)
        )
    versions = _versions(upgraded.config)
    if not shown:
        invocation.print_or_note(f"nothing to upgrade: every node runs {versions}")
    else:
        invocation.console.note(f"{counted(len(done.replaced), 'node')} replaced; the cluster runs {versions}")


def _changed(invocation: Invocation, wanted: "Mapping[str, str]") -> "ClusterConfig":
    """Return the cluster file with the versions. Write nothing.

    Raises:
        UsageError: bakery does not accept a version, or it cannot be changed in its place in the file.
    """
    from bakery.config.load import parse_cluster, read_text
    from bakery.config.save import with_version
    from bakery.config.versions import CONSUL, NOMAD, version_problem

    before = invocation.config
    text = read_text(before.path)
    for product in (CONSUL, NOMAD):
        name = product.name.lower()
        version = wanted.get(name)
        if version is None or version == getattr(before.image, name):
            continue
        problem = version_problem(product, version)
        if problem is not None:
            raise UsageError(message=f"--{name}: {problem[0]}", hint=problem[1])
        text = with_version(text, before.path, name, version)
    after = parse_cluster(text, before.path)
    invocation.warn_of_changed(after)
    return after


def _save(invocation: Invocation, wanted: "Mapping[str, str]") -> None:
    from bakery.config.save import save_version

    path, image = invocation.config.path, invocation.config.image
    for product, version in wanted.items():
        if version != getattr(image, product) and save_version(path, product, version):
            invocation.console.change()
            invocation.console.note(f"image.{product} in {path} is {version} now")


def _versions(config: "ClusterConfig") -> str:
    return f"Consul {config.image.consul} and Nomad {config.image.nomad}"


def _show(
    invocation: Invocation, upgraded: Invocation, plan: "UpgradePlan", print_line: "Callable[[Text], None]"
) -> None:
    print_line(cloud_line(invocation))
    if not plan.bake.bakes and not plan.roll.needs:
        print_line(f"nothing to upgrade: every node runs {_versions(upgraded.config)}")
        return
    now, after = invocation.config.image, upgraded.config.image
    for product in ("consul", "nomad"):
        before, version = getattr(now, product), getattr(after, product)
        if before != version:
            print_line(f"image.{product} in {invocation.config.path} becomes {version} (now {before})")
    for line in bake_lines(upgraded, plan.bake) if plan.bake.bakes else ():
        print_line(line)
    if plan.roll.needs:
        show_roll(plan.roll, print_line)


def _as_json(
    invocation: Invocation, upgraded: Invocation, plan: "UpgradePlan | None", done: "Upgraded | None"
) -> dict[str, Any]:
    image, baked = upgraded.config.image, done.baked if done is not None else None
    return {
        "cloud": cloud_json(invocation),
        "versions": {"consul": image.consul, "nomad": image.nomad},
        "bakes": plan is not None and plan.bake.bakes,
        "baked": None if baked is None else {"id": baked.id, "name": baked.name},
        **plan_json(plan.roll if plan is not None else None),
        "replaced": [replaced_json(each) for each in done.replaced] if done is not None else [],
    }
