"""Which requests a server on loopback answers. What browsers send: https://www.w3.org/TR/fetch-metadata/."""

from email.message import Message

import pytest

from bakery.browser.origin import refusal

HERE_AT = ("127.0.0.1", 8500)
HERE = {"Host": "127.0.0.1:8500"}
OWN_PAGE = {"Origin": "http://127.0.0.1:8500", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

ANSWERED = {
    "an address that is typed": ("GET", HERE | {"Sec-Fetch-Site": "none"}),
    "a program such as curl": ("PUT", HERE),
    "a script of the page": ("GET", HERE | OWN_PAGE),
    "a script of the page that changes": ("POST", HERE | OWN_PAGE),
    "a link on another page": ("GET", HERE | LINK),
}  # fmt: skip
REFUSED = {
    "the name that IPv6 has too": ("GET", {"Host": "localhost:8500"}),
    "a script of a page under that name": (
        "POST", {"Host": "localhost:8500", "Origin": "http://localhost:8500", "Sec-Fetch-Site": "same-origin"},
    ),
    "a rebound name": ("GET", {"Host": "evil.example:8500"}),
    "a rebound name without port": ("GET", {"Host": "evil.example"}),
    "a name that begins like ours": ("GET", {"Host": "127.0.0.1:8500.evil.example"}),
    "another port": ("GET", {"Host": "127.0.0.1:8501"}),
    "no port": ("GET", {"Host": "127.0.0.1"}),
    "no Host": ("GET", {}),
    "a script of another page": ("GET", HERE | {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}),
    "a script of a page on another port": (
        "GET", HERE | {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-site"},
    ),
    "a script of the page's other name": ("GET", HERE | {"Origin": "http://localhost:8500"}),
    "the same over TLS": ("GET", HERE | {"Origin": "https://127.0.0.1:8500"}),
    "a form of another page": ("POST", HERE | LINK | {"Origin": "https://evil.example"}),
    "a form of a page in a sandbox": ("POST", HERE | {"Origin": "null"}),
    "an image of another page": (
        "GET", HERE | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    ),
    "a script tag of a page on another port": (
        "GET", HERE | {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
    ),
    "a frame in another page": ("GET", HERE | LINK | {"Sec-Fetch-Dest": "iframe"}),
    "a change by a link": ("DELETE", HERE | LINK),
    "the question before a change": ("OPTIONS", HERE | {"Origin": "https://evil.example"}),
}  # fmt: skip


def message(headers: dict[str, str]) -> Message:
    made = Message()
    for name, value in headers.items():
        made[name] = value
    return made


@pytest.mark.parametrize("case", ANSWERED)
def test_own_requests_are_answered(case: str) -> None:
    """Control: the check does not refuse everything."""
    method, headers = ANSWERED[case]
    assert refusal(method, "/ui/", message(headers), HERE_AT) is None


@pytest.mark.parametrize("case", REFUSED)
def test_requests_of_other_pages_are_refused(case: str) -> None:
    method, headers = REFUSED[case]
    assert refusal(method, "/ui/", message(headers), HERE_AT) is not None


def test_two_hosts_are_refused() -> None:
    two = message(HERE)
    two["Host"] = "evil.example"
    assert refusal("GET", "/", two, HERE_AT) is not None


def test_browsers_leave_out_port_80() -> None:
    assert (
        refusal("GET", "/", message({"Host": "127.0.0.1", "Origin": "http://127.0.0.1"}), ("127.0.0.1", 80))
        is None
    )
    assert refusal("GET", "/", message({"Host": "evil.example"}), ("127.0.0.1", 80)) is not None


@pytest.mark.parametrize(
    ("path", "answered"),
    [
        ("/", True), ("/ui", True), ("/ui/jobs?namespace=*", True),
        ("/v1/client/gc", False), ("/v1/client/allocation/1/restart", False), ("/v1/operator/snapshot", False),
        ("/uix", False), ("/v1/jobs?/ui/", False),
    ],
)  # fmt: skip
def test_a_link_leads_to_a_page_only(path: str, answered: bool) -> None:  # noqa: FBT001
    """Control: what the page itself asks is answered."""
    assert (refusal("GET", path, message(HERE | LINK), HERE_AT) is None) == answered
    assert refusal("GET", path, message(HERE | OWN_PAGE), HERE_AT) is None
