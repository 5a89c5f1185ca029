"""`detour env`: what `detour claude` would set, for a shell to read."""

import os
from pathlib import Path

from addon.cli import client_settings, wiring
from addon.cli.claude import say
from addon.cli.surroundings import Shell, guess_shell, render
from addon.settings.instance_file import Door


def exports(door: Door, shell: Shell | None) -> str:
    """Return the lines; what their reader should know goes to standard error."""
    known = dict(os.environ)
    home = wiring.home_folder(Path.cwd(), known)
    instance = wiring.find_instance(home, door)
    if instance is None:
        say("no Detour runs with that door open; these lines are for one that `detour web` starts")
        instance = wiring.usual_instance(Path.cwd())
    told = wiring.wire(
        door, instance, home, {**known, **client_settings.merged(client_settings.read_all(Path.cwd(), known))}
    )
    for note in told.notes:
        say(note)
    return render(told.changes, shell or guess_shell(known, windows=os.name == "nt"))
