"""The same turn again, elsewhere: what ``detour.replay`` does with a flow."""

import logging
from collections.abc import Sequence

from mitmproxy import ctx, http
from mitmproxy.flow import Flow

from addon.protocol.errors import ConfigError, DetourError
from addon.proxy import copies, record, transfer
from addon.routing.forced import REPLAY, Forced, choice_of
from addon.routing.settings import Settings

logger = logging.getLogger(__name__)


def start(flow: Flow, targets: Sequence[str], settings: Settings | None) -> list[http.HTTPFlow]:
    """Send a flow's request to each target, as flows of their own. Raises: ConfigError, and then nothing is sent.

    They wait for their turn in mitmproxy's queue: its option ``client_replay_concurrency`` says whether one by one.
    """
    if settings is None:
        raise ConfigError("the settings are wrong, the proxy's log says how")
    if not isinstance(flow, http.HTTPFlow):
        raise ConfigError("the flow is no HTTP exchange")
    if not targets:
        raise ConfigError("name a model: provider/model")
    try:
        names = [choice_of(target, settings).name for target in targets]
    except DetourError as error:
        raise ConfigError(error.message) from None
    made = [copies.copy(flow, Forced(name, REPLAY, _copied(flow))) for name in names]
    if (view := ctx.master.addons.get("view")) is not None:
        view.add(made)  # beside the others, before their turn comes
    ctx.master.commands.call("replay.client", made)
    logger.info("Detour: %s is sent again, to %s", flow.id[:8], ", ".join(names))
    return made


def _copied(flow: http.HTTPFlow) -> str:
    """The id of what is copied: of a copy, that of the first."""
    of = record.of(flow).get("of")
    return of if isinstance(of, str) else transfer.exchange_id(flow)
