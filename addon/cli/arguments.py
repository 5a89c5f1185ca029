"""A command whose own flags come first: from the first word that is none of them, all belongs to another program."""

from typing import override

import typer
from typer.core import TyperCommand


class OwnFlagsFirst(TyperCommand):
    """Leaves the rest in ``context.args`` unchanged, without the ``--`` that may stand before it."""

    @override
    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # typer names its own
        """Parse our flags alone."""
        own, rest = self._part(ctx, args)
        super().parse_args(ctx, own)
        ctx.args = rest
        return ctx.args

    def _part(self, ctx: typer.Context, args: list[str]) -> tuple[list[str], list[str]]:
        takes_value = {
            name: not (getattr(option, "is_flag", False) or getattr(option, "count", False))
            for option in self.get_params(ctx)
            for name in (*option.opts, *option.secondary_opts)
        }
        position = 0
        while position < len(args):
            name, equals, _ = args[position].partition("=")
            if name not in takes_value:
                break
            position += 2 if takes_value[name] and not equals else 1
        rest = args[position:]
        return args[:position], rest[1:] if rest[:1] == ["--"] else rest
