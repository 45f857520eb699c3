"""The cache holds whole tools only, and notices when one was changed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bakery.toolchain.cache import find_by_key, find_cached, publish, sha256_of
from bakery.toolchain.model import CNI_PLUGINS, Origin, Tool, ToolName

# printf program | sha256sum
PROGRAM_SHA256 = "1310ca2c8932dbd118668bd97442558a3e1f546b5e15c69699dfbd6024f548d8"


def fill_with(content: bytes) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        (folder / "consul").write_bytes(content)

    return fill


def put(cache: Path, *, key: str = "k", content: bytes = b"program") -> Tool:
    return publish(cache, ToolName.CONSUL, "1.2.3", key=key, origin=Origin.SOURCE, fill=fill_with(content))


def test_what_is_published_is_found_and_can_be_run(tmp_path: Path) -> None:
    tool = put(tmp_path)
    assert tool == find_cached(tmp_path, ToolName.CONSUL, "1.2.3")
    assert tool == find_by_key(tmp_path, ToolName.CONSUL, "1.2.3", "k")
    assert tool.path == tmp_path / "consul" / "1.2.3-k" / "consul"
    assert tool.sha256 == PROGRAM_SHA256
    assert tool.path.stat().st_mode & 0o777 == 0o755
    assert find_cached(tmp_path, ToolName.CONSUL, "1.2") is None


def test_a_second_publication_does_not_fill_again(tmp_path: Path) -> None:
    first = put(tmp_path)

    def refuse(folder: Path) -> None:
        pytest.fail("filled twice")

    assert publish(tmp_path, ToolName.CONSUL, "1.2.3", key="k", origin=Origin.SOURCE, fill=refuse) == first


def test_a_changed_program_is_not_found_and_is_made_anew(tmp_path: Path) -> None:
    tool = put(tmp_path)
    tool.path.write_bytes(b"prograM")
    assert find_cached(tmp_path, ToolName.CONSUL, "1.2.3") is None
    assert put(tmp_path).path.read_bytes() == b"program"


def test_a_failed_fill_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "consul").write_bytes(b"half")
        message = "disk full"
        raise OSError(message)

    with pytest.raises(OSError, match="disk full"):
        publish(tmp_path, ToolName.CONSUL, "1.2.3", key="k", origin=Origin.SOURCE, fill=fail)
    left = [path.name for path in (tmp_path / "consul").iterdir() if not path.name.endswith(".lock")]
    assert left == []


def test_what_a_killed_fill_left_is_removed_by_the_next(tmp_path: Path) -> None:
    half = tmp_path / "consul" / ".1.2.3-k.tmp-abc"
    half.mkdir(parents=True)
    (half / "consul").write_bytes(b"half")
    assert find_cached(tmp_path, ToolName.CONSUL, "1.2.3") is None
    put(tmp_path)
    assert not half.exists()


def test_every_member_of_a_set_counts(tmp_path: Path) -> None:
    for plugin in CNI_PLUGINS:
        (tmp_path / plugin).write_text(plugin)
    before = sha256_of(ToolName.CNI, tmp_path)
    for plugin in CNI_PLUGINS:
        (tmp_path / plugin).write_text(plugin + "x")
        assert sha256_of(ToolName.CNI, tmp_path) != before
        (tmp_path / plugin).write_text(plugin)
    assert sha256_of(ToolName.CNI, tmp_path) == before
