"""Which of several snapshots a launch boots from."""

from pathlib import Path

import pytest

from bakery.cloud.model import Image
from bakery.config.load import parse_cluster
from bakery.errors import UsageError
from bakery.hints import Command
from bakery.launch.converge.snapshot import find_snapshot
from tests.helpers.fake_cloud import FakeCloud

CONFIG = parse_cluster("version: 1\ncluster: demo\nregion: fra1\n", Path("bakery.yaml"))
TAG = "bakery:image:0123"


def _image(number: int, *, region: str = "fra1", status: str = "available", tag: str = TAG) -> Image:
    return Image(
        id=number,
        name=f"bakery-{number}",
        type="snapshot",
        regions=(region,),
        tags=(tag,),
        status=status,
        min_disk_size=25,
        size_gigabytes=2.0,
        created_at=f"2026-01-{number:02}T00:00:00Z",
    )


def _account(*images: Image) -> FakeCloud:
    cloud = FakeCloud()
    cloud.images = {image.id: image for image in images}
    return cloud


def test_the_newest_in_the_region_counts() -> None:
    cloud = _account(_image(1), _image(2), _image(3, region="nyc1"), _image(4, status="pending"))
    assert find_snapshot(cloud, CONFIG, TAG).id == 2


def test_one_in_another_region_is_better_than_none() -> None:
    """The launch then says where it is."""
    assert find_snapshot(_account(_image(3, region="nyc1")), CONFIG, TAG).id == 3


def test_none_names_the_command_that_bakes_it() -> None:
    with pytest.raises(UsageError) as caught:
        find_snapshot(_account(_image(1, tag="bakery:image:9999"), _image(2, status="deleted")), CONFIG, TAG)
    assert caught.value == UsageError(
        message="the account has no snapshot of consul 1.22.5 and nomad 2.0.5 on debian-12-x64",
        details="none has the tag bakery:image:0123",
        hint=Command("build-image"),
    )
