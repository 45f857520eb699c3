"""Rules of Traefik's, with what bakery finds wrong in them. The real Traefik is asked for the same ones."""

GOOD_RULES = [
    "Host(`example.com`)",
    "Host(`example.com`) && (Path(`/a`) || PathPrefix(`/b`))",
    "!Header(`X-Internal`, `1`) && Method(`GET`)",
    'host("example.com")&&!!ClientIP("10.0.0.0/8")',
    "HostRegexp(`^[a-z]+\\.example\\.com$`) && Query(`a`) && Query(`b`, `c`)",
]
BAD_RULES = [
    ("", "a matcher such as Host(`example.com`) is expected, not the end"),
    ("example.com", "example.com is not a matcher"),
    ("Host(example.com)", "Host needs its values in backticks"),
    ("Host()", "Host needs its values in backticks"),
    ("Host(`a`, `b`)", "Host takes 1 value, not 2"),
    ("Header(`X`)", "Header takes 2 values, not 1"),
    ("Hots(`example.com`)", "Hots is not a matcher"),
    ("Host(`example.com`) && ", "a matcher such as Host(`example.com`) is expected, not the end"),
    ("Host(`example.com`) Path(`/`)", "Path is not expected"),
    ("(Host(`example.com`)", ") is expected, not the end"),
    ("Host(`example.com", "`example.com is not expected"),
]
