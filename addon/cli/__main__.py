"""What `python -m addon.cli` and the entry point `detour` run."""

from addon.cli.app import main

if __name__ == "__main__":
    main()
