"""Run ``bakery`` with ``python -m bakery``."""

from bakery.cli.main import main

if __name__ == "__main__":
    main()
