"""The same turn again, elsewhere: what ``detour.replay`` does with a flow, and others with a logged exchange."""

import logging
from collections.abc import Sequence

from mitmproxy import ctx, http
from mitmproxy.flow import Flow

from addon.prompts.entry import Entry
from addon.protocol.errors import ConfigError, DetourError
from addon.proxy import copies, record, transfer
from addon.routing.forced import REPLAY, Forced, choice_of
from addon.routing.settings import Settings

logger = logging.getLogger(__name__)


def start(flow: Flow, targets: Sequence[str], settings: Settings | None) -> list[http.HTTPFlow]:
    """Send a flow's request to each target, as flows of their own. Raises: ConfigError, and then nothing is sent.

    They wait for their turn in mitmproxy's queue: its option ``client_replay_concurrency`` says whether one by one.
    """
    if not isinstance(flow, http.HTTPFlow):
        raise ConfigError("the flow is no HTTP exchange")
    return _send([copies.copy(flow, forced) for forced in _forced(_copied(flow), targets, settings)])


def start_logged(entry: Entry, targets: Sequence[str], settings: Settings | None) -> list[http.HTTPFlow]:
    """Do the same with an exchange of the prompt log. Raises: ConfigError, and then nothing is sent."""
    if entry.request is None:
        raise ConfigError(f"of exchange {entry.summary.number} only the metadata are kept (record: metadata)")
    of = entry.summary.of or entry.summary.id
    return _send([copies.copy_logged(entry.request, forced) for forced in _forced(of, targets, settings)])


def _forced(of: str, targets: Sequence[str], settings: Settings | None) -> list[Forced]:
    if settings is None:
        raise ConfigError("the settings are wrong, the proxy's log says how")
    if not targets:
        raise ConfigError("name a model: provider/model")
    try:
        return [Forced(choice_of(target, settings).name, REPLAY, of) for target in targets]
    except DetourError as error:
        raise ConfigError(error.message) from None


def _send(made: list[http.HTTPFlow]) -> list[http.HTTPFlow]:
    if (view := ctx.master.addons.get("view")) is not None:
        view.add(made)  # beside the others, before their turn comes
    ctx.master.commands.call("replay.client", made)
    for flow in made:
        logger.info("%s %s", flow.id[:8], flow.comment)
    return made


def _copied(flow: http.HTTPFlow) -> str:
    """The id of what is copied: of a copy, that of the first."""
    of = record.of(flow).get("of")
    return of if isinstance(of, str) else transfer.exchange_id(flow)
