"""What ``bakery`` prints without arguments: the first commands, on one screen of 80 columns and 24 lines."""

from bakery.hints import Command

WIDTH = 21
TITLE = (
    "bakery bakes a DigitalOcean snapshot, and launches a Consul + Nomad cluster from\nit that forms by itself."
)
SECTIONS: tuple[tuple[str, tuple[tuple[Command, str], ...]], ...] = (
    (
        "Start",
        (
            (Command("init"), "write a commented bakery.yaml"),
            (Command("plan"), "show what a launch would create, and its price"),
            (Command("build-image"), "bake the snapshot with Packer"),
            (Command("launch"), "create the droplets, and wait until they are healthy"),
        ),
    ),
    (
        "Then",
        (
            (Command("status"), "show whether the cluster is healthy"),
            (Command("nomad", "job", "run"), "run a job"),
            (Command("ui"), "open the web UIs of Consul and Nomad"),
            (Command("destroy"), "delete the cluster"),
        ),
    ),
    (
        "Without an account",
        (
            (Command("tour"), "show the commands, without root, in half a minute"),
            (Command("demo"), "run a whole cluster on this machine"),
        ),
    ),
)
_ALL, _ONE = Command("--help"), Command("help", "VERB")


def start_page() -> str:
    """Return the page as text, without a final line break."""
    lines = [TITLE]
    for title, commands in SECTIONS:
        lines += ["", f"{title}:", *(f"  {command.line():<{WIDTH}}  {text}" for command, text in commands)]
    return "\n".join([*lines, "", f"{_ALL} lists every command, {_ONE} explains one."])
