"""The rules that the emulator sends to nftables of its router's namespace."""

import os
import threading
from collections.abc import Iterator

import pytest

from bakery.emulator.host import netns
from bakery.emulator.host.nft import Nft
from bakery.errors import CommandError
from bakery.proc import run
from tests.helpers.netns import named_namespace

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

TABLE = "add table inet filled\nadd set inet filled names { type ifname; }\n"


@pytest.fixture
def namespace() -> Iterator[str]:
    with named_namespace(f"bk-nft-{os.getpid()}") as name:
        yield name


@pytest.fixture
def nft(namespace: str) -> Iterator[Nft]:
    made = Nft(namespace)
    yield made
    made.close()


def _ruleset(namespace: str) -> str:
    """What the program nft finds there."""
    return run(["ip", "netns", "exec", namespace, "nft", "list", "ruleset"]).stdout


def test_the_namespace_gets_the_rules_and_this_one_does_not(namespace: str, nft: Nft) -> None:
    nft.run(TABLE)
    nft.run('add element inet filled names { "p7" }')
    assert '"p7"' in _ruleset(namespace)
    assert "filled" not in run(["nft", "list", "ruleset"]).stdout


def test_rules_with_an_error_change_nothing(namespace: str, nft: Nft) -> None:
    nft.run(TABLE)
    with pytest.raises(CommandError) as caught:
        nft.run('add element inet filled names { "p7" }\nadd element inet nowhere names { "p8" }')
    assert "No such file or directory" in str(caught.value.details)
    assert namespace in caught.value.command
    assert "p7" not in _ruleset(namespace)
    nft.run('delete element inet filled names { "p7" }', check=False)  # it is not there, and that is no error
    nft.run('add element inet filled names { "p9" }')  # the error before is forgotten
    assert '"p9"' in _ruleset(namespace)


def test_changes_of_another_program_are_seen(namespace: str, nft: Nft) -> None:
    nft.run(TABLE)
    run(["ip", "netns", "exec", namespace, "nft", "delete table inet filled"])
    nft.run(TABLE + 'add element inet filled names { "p7" }')
    assert '"p7"' in _ruleset(namespace)


def test_threads_take_turns(namespace: str, nft: Nft) -> None:
    nft.run(TABLE)

    def add(first: int) -> None:
        for number in range(first, first + 20):
            nft.run(f'add element inet filled names {{ "p{number}" }}')

    threads = [threading.Thread(target=add, args=(first,)) for first in (100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = _ruleset(namespace)
    assert [
        number for first in (100, 200, 300) for number in range(first, first + 20) if f'"p{number}"' not in found
    ] == []


def test_it_can_be_closed_and_opened_again(namespace: str, nft: Nft) -> None:
    nft.run(TABLE)
    nft.close()
    nft.close()
    nft.run('add element inet filled names { "p7" }')
    assert '"p7"' in _ruleset(namespace)


def test_a_namespace_that_does_not_exist() -> None:
    with pytest.raises(FileNotFoundError):
        Nft("bk-none").run(TABLE)
    assert not (netns.FOLDER / "bk-none").exists()
