"""The wheel and the sdist hold what they must, and a wheel alone, far from the checkout, is a whole bakery."""

import os
import shutil
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

from bakery.proc import Completed, run

pytestmark = pytest.mark.integration

CHECKOUT = Path(__file__).parents[2]
FOLDERS = ("packer", "cloud-init", "systemd-units")
VERSION = "0.1.0"
# Not root, and with the right to read all files: the environment that lends packages may be root's alone.
_READS = "+dac_read_search"
_NOT_ROOT = (
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    f"--inh-caps={_READS}",
    f"--ambient-caps={_READS}",
)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What make package makes, elsewhere."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, CHECKOUT], seconds=120)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    return dist / f"cluster_bakery-{VERSION}-py3-none-any.whl"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it; what it depends on is lent by this one."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
    ]
    run([*pip, wheel], seconds=120)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "bin"


def _names(folder: str) -> set[str]:
    files = (file for file in (CHECKOUT / folder).rglob("*") if file.is_file())
    return {file.relative_to(CHECKOUT).as_posix() for file in files}


def test_the_wheel_holds_the_package_and_the_three_folders(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    info = f"cluster_bakery-{VERSION}.dist-info/"
    assets = {name.removeprefix("bakery/_assets/") for name in names if name.startswith("bakery/_assets/")}
    assert assets == {name for folder in FOLDERS for name in _names(folder)}
    assert assets >= {"packer/bakery.pkr.hcl", "cloud-init/nomad-client.yaml.j2", "systemd-units/consul.service"}
    manual = f"cluster_bakery-{VERSION}.data/data/share/man/man1/"
    pages = {name.removeprefix(manual) for name in names if name.startswith(manual)}
    assert pages >= {"bakery.1", "bakery-launch.1", "bakery-emulator-fault-add.1"}
    rest = {name for name in names if not name.startswith(("bakery/_assets/", info, manual))}
    page = {f"bakery/dashboard/{name}" for name in ("index.html", "dashboard.css", "dashboard.js")}
    assert {name for name in rest if not name.endswith(".py")} == {"bakery/py.typed", *page}
    modules = {
        f"bakery/{f.relative_to(CHECKOUT / 'src/bakery').as_posix()}"
        for f in (CHECKOUT / "src/bakery").rglob("*.py")
    }
    assert {name for name in rest if name.endswith(".py")} == modules
    assert {f"{info}METADATA", f"{info}entry_points.txt", f"{info}licenses/LICENSE"} <= names


def test_the_manual_is_installed_and_groff_reads_it(installed: Path) -> None:
    page = installed.parent / "share" / "man" / "man1" / "bakery-launch.1"
    assert page.is_file()
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    done = run(["groff", "-man", "-Tutf8", "-ww", page], seconds=60)
    assert "Create missing droplets until each role has its count" in " ".join(done.stdout.split())
    assert done.stderr == ""


def test_the_wheel_keeps_scripts_executable(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if entry.filename.startswith("bakery/_assets/"):
                source = CHECKOUT / entry.filename.removeprefix("bakery/_assets/")
                mode = entry.external_attr >> 16
                assert bool(mode & 0o100) == os.access(source, os.X_OK), entry.filename


def test_the_sdist_builds_and_holds_no_work_of_ours(dist: Path) -> None:
    """The wheel above was built from it, so it is whole; here is what must stay out."""
    with tarfile.open(dist / f"cluster_bakery-{VERSION}.tar.gz") as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {name.split("/", 1)[0] for name in names} == {
        "src", "packer", "cloud-init", "systemd-units", "README.md", "CHANGELOG.md", "LICENSE",
        "pyproject.toml", "PKG-INFO", ".gitignore", "hatch_build.py",
    }  # fmt: skip
    assert [name for name in names if "__pycache__" in name or ".bakery" in name] == []


def test_an_installed_bakery_renders_far_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PYTHONSAFEPATH": "1"}
    where = run(
        [installed / "python", "-c", "import bakery; print(bakery.__file__)"], env=environment, cwd=tmp_path
    )
    assert Path(where.stdout.strip()).is_relative_to(installed.parent), "control: it is not the checkout's"

    run([installed / "bakery", "init", "--cluster", "far"], env=environment, cwd=tmp_path)
    arguments = ["render", "--role", "nomad-client", "--join", "10.100.0.2", "--output", "out"]
    run([installed / "bakery", *arguments], env=environment, cwd=tmp_path)
    document = yaml.safe_load((tmp_path / "out" / "nomad-client.yaml").read_text(encoding="utf-8"))
    assert any(file["path"].endswith(".json") for file in document["write_files"])

    code = "from bakery.assets import image_inputs as i; print(len(i()))"
    inputs = run([installed / "python", "-c", code], env=environment, cwd=tmp_path)
    assert int(inputs.stdout) == len(_names("packer") | _names("systemd-units"))


def test_python_m_bakery(installed: Path, tmp_path: Path) -> None:
    done = run([installed / "python", "-m", "bakery", "--version"], cwd=tmp_path)
    assert done.stdout == f"bakery, version {VERSION}\n"


def test_the_same_content_tag_from_wheel_and_checkout(installed: Path, tmp_path: Path) -> None:
    """Else an image baked from a checkout would be baked again by an installed bakery."""
    environment = {"HOME": str(tmp_path), "DIGITALOCEAN_TOKEN": "unused"}
    run([installed / "bakery", "init", "--cluster", "far"], env=environment, cwd=tmp_path)
    tags = {
        run([program, "-m", "bakery", "images", "--tag"], env=environment, cwd=tmp_path).stdout
        for program in (installed / "python", Path(sys.executable))
    }
    assert len(tags) == 1
    assert next(iter(tags)).startswith("bakery:image:")


def _without_root(program: Path, home: Path, *arguments: str) -> Completed:
    """Run the program as a user who is not root, in an empty folder."""
    work = home / "work"
    work.mkdir(parents=True)
    for folder in (home, work):
        folder.chmod(0o777)
    prefix = ["setpriv", *_NOT_ROOT] if os.geteuid() == 0 else []
    environment = {"HOME": str(home), "TMPDIR": str(home), "PYTHONSAFEPATH": "1"}
    return run([*prefix, program, *arguments], env=environment, cwd=work, seconds=120, check=False)


def test_the_tour_from_the_wheel_without_root(installed: Path, tmp_path: Path) -> None:
    done = _without_root(installed / "bakery", tmp_path / "home", "tour")
    assert done.returncode == 0, done.stderr
    assert "tour is active: 9 droplets, 9 new" in done.stderr
    assert "cluster tour is destroyed" in done.stderr
    assert [file.name for file in (tmp_path / "home").rglob("*") if file.name != "work"] == [], "nothing is left"


def test_the_demo_from_the_wheel_needs_root(installed: Path, tmp_path: Path) -> None:
    """The control of the user: it is not root."""
    done = _without_root(installed / "bakery", tmp_path / "home", "demo")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "error: booting droplets needs root"
    assert f"sudo {installed / 'bakery'} demo; or without root: bakery demo --memory" in done.stderr
