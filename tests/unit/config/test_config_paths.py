"""Where a cluster's state lies, and how private it is."""

import stat
from pathlib import Path

import pytest

from bakery.config.paths import state_paths
from bakery.errors import UsageError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_state_lies_beside_the_cluster_file(tmp_path: Path) -> None:
    paths = state_paths(tmp_path / "bakery.yaml", "demo")
    assert {
        name: str(getattr(paths, name).relative_to(tmp_path))
        for name in (
            "root", "gitignore", "folder", "bundle", "journal", "lock", "roles",
            "consul_ca", "consul_cert", "consul_key", "nomad_ca", "nomad_cert", "nomad_key",
        )
    } == {
        "root": ".bakery",
        "gitignore": ".bakery/.gitignore",
        "folder": ".bakery/demo",
        "bundle": ".bakery/demo/bundle.json",
        "journal": ".bakery/demo/journal.json",
        "lock": ".bakery/demo/lock",
        "roles": ".bakery/demo/roles",
        "consul_ca": ".bakery/demo/consul-ca.pem",
        "consul_cert": ".bakery/demo/consul-cert.pem",
        "consul_key": ".bakery/demo/consul-key.pem",
        "nomad_ca": ".bakery/demo/nomad-ca.pem",
        "nomad_cert": ".bakery/demo/nomad-cert.pem",
        "nomad_key": ".bakery/demo/nomad-key.pem",
    }  # fmt: skip


def test_paths_do_not_change_with_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert state_paths(Path("bakery.yaml"), "demo").folder == tmp_path / ".bakery" / "demo"


def test_asking_for_paths_makes_nothing(tmp_path: Path) -> None:
    state_paths(tmp_path / "bakery.yaml", "demo")
    assert list(tmp_path.iterdir()) == []


def test_ensure_makes_private_folders_that_git_ignores(tmp_path: Path) -> None:
    paths = state_paths(tmp_path / "bakery.yaml", "demo")
    paths.ensure()
    paths.ensure()
    assert (mode(paths.root), mode(paths.folder)) == (0o700, 0o700)
    assert (tmp_path / ".bakery" / ".gitignore").read_text() == "*\n"


def test_git_is_told_before_there_is_a_folder_for_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = state_paths(tmp_path / "bakery.yaml", "demo")
    seen: list[bool] = []
    make = Path.mkdir

    def watch(self: Path, *arguments: object, **options: object) -> None:
        if self == paths.folder:
            seen.append(paths.gitignore.exists())
        make(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "mkdir", watch)
    paths.ensure()
    assert seen == [True]


def test_a_folder_that_others_can_enter_is_closed(tmp_path: Path) -> None:
    paths = state_paths(tmp_path / "bakery.yaml", "demo")
    paths.folder.mkdir(parents=True, mode=0o755)
    paths.ensure()
    assert mode(paths.folder) == 0o700


def test_a_gitignore_of_the_users_stays(tmp_path: Path) -> None:
    paths = state_paths(tmp_path / "bakery.yaml", "demo")
    paths.root.mkdir()
    paths.gitignore.write_text("*\n!keep\n")
    paths.ensure()
    assert paths.gitignore.read_text() == "*\n!keep\n"


def test_an_empty_gitignore_hides_nothing_and_is_written_again(tmp_path: Path) -> None:
    paths = state_paths(tmp_path / "bakery.yaml", "demo")
    paths.ensure()
    paths.gitignore.write_text("\n")
    paths.ensure()
    assert paths.gitignore.read_text() == "*\n"


def test_the_environment_moves_the_state_and_its_folder_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    monkeypatch.setenv("BAKERY_STATE_DIR", str(elsewhere))
    paths = state_paths(tmp_path / "project" / "bakery.yaml", "demo")
    paths.ensure()
    assert paths.folder == elsewhere / "demo"
    assert (mode(elsewhere), mode(paths.folder)) == (0o755, 0o700)
    assert [path.name for path in elsewhere.iterdir()] == ["demo"]
    assert (paths.folder / ".gitignore").read_text() == "*\n"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".bakery").symlink_to(tmp_path / ".bakery")
    paths = state_paths(tmp_path / "bakery.yaml", "demo")
    with pytest.raises(UsageError) as caught:
        paths.ensure()
    assert caught.value.message == f"cannot make the state folder {paths.folder}"
    assert caught.value.hint == "BAKERY_STATE_DIR names another place for it"


@pytest.mark.parametrize("name", [".bakery", ".bakery/demo"])
def test_a_file_where_the_folder_should_be_is_named_and_left_alone(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("a file")
    file.chmod(0o644)
    with pytest.raises(UsageError) as caught:
        state_paths(tmp_path / "bakery.yaml", "demo").ensure()
    assert caught.value.message == f"{file} is not a folder, and the cluster's state has to be in it"
    assert caught.value.hint == "move it away, or name another place with BAKERY_STATE_DIR"
    assert file.stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in file.parent.iterdir()) == [file.name]
