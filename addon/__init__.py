"""Detour: take Claude Code to any model, and see every prompt on the way.

The rooms, outermost first; imports point down this list only:

* ``rewrite``    what ``mitmdump -s`` loads: a guarded bootstrap that fails closed.
* ``cli``        the ``detour`` command: set-up, the doors, the demo.
* ``proxy``      inside mitmproxy: hooks, our HTTP layer, content views.
* ``stream``     backend bytes to client bytes while they arrive; the output law as a state table.
* ``prompts``    what was said, made readable.
* ``settings``   what the user configured: read, merged, checked.
* ``routing``    who answers: the provider table, model facts, the choice.
* ``dialects``   what backends speak, one folder for each wire format.
* ``protocol``   what the client speaks, and our neutral words between the two.

Everything but ``rewrite``, ``cli``, ``proxy`` and the readers in ``settings`` and ``routing`` is pure: values in,
values out.
"""

__version__ = "0.1.0"
