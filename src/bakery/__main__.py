"""``python -m bakery`` is ``bakery``."""

from bakery.cli.main import main

if __name__ == "__main__":
    main()
