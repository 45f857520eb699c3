"""Build the tools from the Go modules in ``toolchain/`` of a checkout, into the same cache.

Each tool has its own module, because ``go install`` refuses modules with replace lines and the tools' replace
lines contradict each other.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from bakery import assets, proc
from bakery.console import SILENT, Reporter
from bakery.errors import MissingToolError, UsageError
from bakery.toolchain.cache import find_by_key, publish
from bakery.toolchain.model import Origin, Tool, ToolName
from bakery.toolchain.wheel import REQUIREMENTS, install_wheel, read_requirement

MODULES = assets.PACKER.parent / "toolchain"
"""Exists only in a checkout."""

_BUILD_SECONDS = 3600
# The user's settings of Go for proxies, checksums and folders. No other variable is passed on.
GO_ENVIRONMENT = (
    "GOCACHE", "GOMODCACHE", "GOPATH", "GOROOT", "GOPROXY", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOSUMDB",
    "GOTOOLCHAIN", "GOENV", "XDG_CACHE_HOME", "XDG_CONFIG_HOME",
)  # fmt: skip

SHARED_TAGS = ("netgo", "osusergo")
"""Go resolves names and users itself (https://pkg.go.dev/net, https://pkg.go.dev/os/user), as in every program
that is built without cgo. Otherwise a build with cgo compiles ``net`` and each package that imports it once more.
"""
UNUSED = (
    "cloud.google.com", "github.com/Azure", "github.com/aliyun", "github.com/aws", "github.com/google/gnostic",
    "github.com/softlayer", "github.com/tencentcloud", "github.com/vmware", "google.golang.org/api", "k8s.io",
)  # fmt: skip
"""Clients of other clouds and of Kubernetes, which no droplet calls: Consul, Nomad and Packer contain them all.

They are half of what is compiled (aws-sdk-go-v2/service/ec2 alone takes 50 s of CPU), and take 0.6 of the time
without inlining (https://pkg.go.dev/cmd/compile, ``-l``).
"""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings of the build of one module."""

    module: str
    """The module whose version is the tool's."""
    cgo: bool = False
    tags: tuple[str, ...] = ()
    """Beside :data:`SHARED_TAGS`."""
    symbols: str = ""
    """``-X`` linker flags; ``{version}`` is replaced."""

    def flags(self, version: str) -> list[str]:
        """Return the flags of ``go build``."""
        symbols = f" {self.symbols.format(version=version)}" if self.symbols else ""
        uninlined = [f"-gcflags={path}/...=-l" for path in UNUSED]
        return ["-trimpath", "-buildvcs=false", *self.selection, *uninlined, "-ldflags", f"-s -w{symbols}"]

    @property
    def selection(self) -> list[str]:
        """The flags that decide which packages are built."""
        return ["-mod=readonly", "-tags", ",".join((*SHARED_TAGS, *self.tags))]


RECIPES: dict[ToolName, Recipe] = {
    ToolName.CONSUL: Recipe(module="github.com/hashicorp/consul"),
    # Without cgo Nomad has no exec driver; without the tag "release" it ships mock_driver; "ui" embeds the UI.
    ToolName.NOMAD: Recipe(
        module="github.com/hashicorp/nomad", cgo=True, tags=("release", "ui", "codegen_generated")
    ),
    ToolName.PACKER: Recipe(module="github.com/hashicorp/packer"),
    # The tagged source has the version 1.4.1-dev; release builds clear the suffix (the plugin's .goreleaser.yml).
    ToolName.PLUGIN: Recipe(
        module="github.com/digitalocean/packer-plugin-digitalocean",
        symbols="-X github.com/digitalocean/packer-plugin-digitalocean/version.VersionPrerelease=",
    ),
    ToolName.CNI: Recipe(
        module="github.com/containernetworking/plugins",
        symbols="-X github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion=v{version}",
    ),
}


def build_tool(
    name: ToolName,
    *,
    cache: Path,
    modules: Path = MODULES,
    reporter: Reporter = SILENT,
    run: proc.Runner = proc.run,
) -> Tool:
    """Return the tool. Build it unless the cache has a build with the same go.sum, Go version and flags.

    Traefik's wheel is downloaded instead.

    Raises:
        UsageError: this is not a checkout.
        MissingToolError: Go or a C compiler is not installed.
        CommandError: the build failed.
    """
    if name is ToolName.TRAEFIK:
        return install_wheel(name, modules / name / REQUIREMENTS, cache=cache, reporter=reporter, run=run)
    recipe = RECIPES[name]
    version = read_version(name, modules)
    go = _check_compilers(recipe, name)
    module = modules / name
    key = build_key(name, version, sums=(module / "go.sum").read_bytes(), go=_go_version(go, module, run))
    found = find_by_key(cache, name, version, key)
    if found is not None:
        reporter.note(f"{name} {version} is built already: {found.path}")
        return found

    def fill(folder: Path) -> None:
        with reporter.step(f"building {name} {version} from source, a few minutes the first time"):
            argv: list[str | Path] = [go, "build", *recipe.flags(version), "-o", f"{folder}/", "tool"]
            run(argv, cwd=module, env=_environment(recipe), seconds=_BUILD_SECONDS)

    tool = publish(cache, name, version, key=key, origin=Origin.SOURCE, fill=fill)
    reporter.note(f"{name} {version}: {tool.path}")
    return tool


def download_modules(name: ToolName, *, cache: Path, modules: Path = MODULES, run: proc.Runner = proc.run) -> None:
    """Download the Go modules that :func:`build_tool` needs, unless the cache has the tool.

    Go downloads all of a program's modules before it compiles the first, and does not use the processors while it
    waits for them. For a build of several tools the modules of the next can come while one is compiled.

    Raises:
        UsageError, MissingToolError, CommandError: as for :func:`build_tool`.
    """
    if name is ToolName.TRAEFIK:
        return
    recipe, module, version = RECIPES[name], modules / name, read_version(name, modules)
    go = _check_compilers(recipe, name)
    key = build_key(name, version, sums=(module / "go.sum").read_bytes(), go=_go_version(go, module, run))
    if find_by_key(cache, name, version, key) is None:
        argv: list[str | Path] = [go, "list", *recipe.selection, "-deps", "tool"]
        run(argv, cwd=module, env=_environment(recipe), seconds=_BUILD_SECONDS)


def read_version(name: ToolName, modules: Path = MODULES) -> str:
    """Return the version that the wrapper module requires.

    Raises:
        UsageError: this is not a checkout, so there are no wrapper modules.
    """
    file = modules / name / (REQUIREMENTS if name is ToolName.TRAEFIK else "go.mod")
    if not file.is_file():
        message = f"{name} can only be built in a checkout of bakery"
        raise UsageError(
            message=message, details=f"there is no {file}", hint="git clone bakery and run `make toolchain` there"
        )
    if name is ToolName.TRAEFIK:
        return read_requirement(file)
    wanted = re.search(
        rf"^\s*(?:require )?{re.escape(RECIPES[name].module)} v(\S+)", file.read_text(), re.MULTILINE
    )
    if wanted is None:
        message = f"{file} does not require {RECIPES[name].module}"
        raise UsageError(message=message)
    return wanted[1]


def build_key(name: ToolName, version: str, *, sums: bytes, go: str) -> str:
    """Return a digest of the build's inputs: go.sum, Go's version and platform, cgo and the flags."""
    recipe = RECIPES[name]
    parts = [name, version, hashlib.sha256(sums).hexdigest(), go, str(recipe.cgo), *recipe.flags(version)]
    return f"source-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:12]}"


def _check_compilers(recipe: Recipe, name: ToolName) -> Path:
    if recipe.cgo:
        proc.find_on_path("gcc", reason=f"to build {name}", hint="apt-get install -y gcc libc6-dev")
    return proc.find_on_path(
        "go",
        reason=f"to build {name} from source",
        hint="apt-get install -y golang-go (1.21 or newer: it fetches the version it needs), or https://go.dev/dl/",
    )


def _go_version(go: Path, module: Path, run: proc.Runner) -> str:
    """Return Go's version and platform, as selected by the module's go line."""
    asked = run([go, "env", "GOVERSION", "GOOS", "GOARCH"], cwd=module, env=_go_settings())
    version = " ".join(asked.stdout.split())
    release = re.match(r"go1\.(\d+)", version)
    if release is None or int(release[1]) < 21:
        message = f"{version or 'this Go'} is too old to build the tools"
        raise MissingToolError(message=message, hint="install Go 1.21 or newer: https://go.dev/dl/")
    return version


def _environment(recipe: Recipe) -> dict[str, str]:
    return _go_settings() | {"CGO_ENABLED": "1" if recipe.cgo else "0", "GOFLAGS": ""}


def _go_settings() -> dict[str, str]:
    return {key: os.environ[key] for key in GO_ENVIRONMENT if key in os.environ}
