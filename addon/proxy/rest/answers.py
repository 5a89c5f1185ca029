"""What the REST surface says and does, once it is known who asks for what. Pure.

Each function takes what was asked, checked, and the surroundings; it returns the reply's model, or raises BadRequest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import ceil
from typing import Protocol

from addon import __version__
from addon.protocol.errors import BadRequest, ConfigError
from addon.proxy.intake import Network, offered
from addon.proxy.rest import journal, models
from addon.proxy.rest.journal import Journal, LogType
from addon.proxy.rest.openapi import PREFIX
from addon.proxy.rest.tally import Tally
from addon.routing import health as healths
from addon.routing.config import ANTHROPIC, Choice, Slot, Tier
from addon.routing.facts import UNKNOWN, ModelFacts, Price
from addon.routing.settings import Settings
from addon.settings import inventory
from addon.settings.assembly import Configuration
from addon.settings.switch import ALL, AS_CONFIGURED, BLOCK_OPTION, MODEL_OPTIONS, PRESET_OPTION, Switch

WRONG = "the settings are wrong from the start, the proxy's log says how"
CONVERSATION = "Detour keeps no conversation: the client sends it whole each time, so this one goes on as well."


@dataclass(frozen=True, slots=True)
class Ask:
    """In place of a reply: the request shall be this one to the Messages API, and whoever is in force answers it.

    ``headers`` are given where the client sends none of these names.
    """

    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""


class ConversationPort(Protocol):
    """The conversations of the log. Each takes its time; none needs the event loop.

    Raises: BadRequest, 404 where the log does not hold what is asked for, 503 where it cannot be read or written.
    """

    def newest(self, session: str | None, limit: int) -> models.Conversation:
        """Return the newest messages of a conversation."""

    def status(self) -> models.Recorded:
        """Say whether conversations are recorded, and what the log holds."""

    def switch(self, *, on: bool, file_path: str = "") -> models.Recorded:
        """Record them, or do not."""

    def next(self, given: Mapping[str, object], session: str | None) -> Ask:
        """Return the next turn of a conversation."""

    def exported(self, session: str | None) -> models.Exported:
        """Return a conversation, whole."""

    def bring(self, wanted: models.ImportBody) -> models.Imported:
        """Put a conversation into the log."""

    def empty(self) -> models.Emptied:
        """Empty the log."""


type Facts = Callable[[str, str], ModelFacts]  # of a provider's model


class ControlPort(Protocol):
    """What is in force, and how to choose something else; see ``Control``."""

    @property
    def settings(self) -> Settings | None:
        """What is in force; None where it was wrong from the start."""

    @property
    def configuration(self) -> Configuration | None:
        """What is written."""

    @property
    def fault(self) -> str | None:
        """Why the files as they are now are not in force."""

    @property
    def switch(self) -> Switch:
        """What is chosen while running."""

    @property
    def file(self) -> object | None:
        """The path of the configuration file."""

    def rows(self) -> list[inventory.Row]:
        """Everything in force, with its origin."""

    def targets(self) -> Sequence[healths.Row]:
        """Every configured target, and how it is."""

    def switch_target(self, text: str, *, on: bool) -> None:
        """Switch a target by hand. Raises: ConfigError."""

    def summary(self) -> str:
        """Who answers, in one line."""

    def choose(self, **options: object) -> None:
        """Set options, all or none. Raises: ConfigError."""

    def read_anew(self) -> None:
        """Begin to read the files. Raises: ConfigError."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the answers are made of. ``token`` None: it can be neither read nor made."""

    control: ControlPort
    journal: Journal
    tally: Tally
    token: str | None
    token_file: str
    facts: Facts
    conversations: Callable[[], ConversationPort]  # made when somebody asks: what it imports is large
    networks: tuple[Network, ...] = ()
    uptime_s: int = 0
    has_layer: bool = True
    log_fault: str | None = None
    doors: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """What is in force. Raises: BadRequest 503."""
        if self.control.settings is None:
            raise BadRequest(WRONG, 503, "api_error")
        return self.control.settings


# -- what is shown -----------------------------------------------------------------------------------------------------


def in_force(around: Surroundings, note: str | None = None) -> models.InForce:
    """Who answers."""
    settings = around.settings
    big, middle, small = (_answers(settings, tier) for tier in (Tier.OPUS, Tier.SONNET, Tier.HAIKU))
    return models.InForce(
        summary=around.control.summary(),
        preset=settings.preset,
        models=models.Models(big=big, middle=middle, small=small),
        big_model=big,
        middle_model=middle,
        small_model=small,
        blocked=list(around.control.switch.blocked),
        note=note,
    )


def _answers(settings: Settings, tier: Tier) -> str:
    answer = settings.tiers.get(tier)
    return answer.name if answer is not None else ANTHROPIC


def config(around: Surroundings) -> models.Config:
    """Everything in force."""
    control, settings = around.control, around.settings
    return models.Config(
        **dict(in_force(around)),
        routes=[
            models.Rule(name=rule.name, when=rule.told, then=rule.outcome, where=rule.where) for rule in settings.rules
        ],
        rows=[models.Setting(name=row.name, value=row.value, origin=row.origin) for row in control.rows()],
        file=str(control.file) if control.file is not None else None,
        fault=control.fault,
    )


def model_list(around: Surroundings) -> models.ModelList:
    """What can be chosen, and what keeps the rest from it."""
    settings, configuration = around.settings, around.control.configuration
    presets = configuration.presets if configuration is not None else {}
    return models.ModelList(
        models=[_model(name, settings, around.facts) for name in offered(settings)],
        presets=[
            models.Preset(name=name, about=about, active=name == settings.preset, lacks=_lack(configuration, name))
            for name, about in presets.items()
        ],
    )


def _lack(configuration: Configuration | None, preset: str) -> str | None:
    """What keeps a preset from being used."""
    if configuration is not None:
        try:
            configuration.settings(Switch(preset))
        except ConfigError as error:
            return error.message
    return None


def _model(name: str, settings: Settings, facts: Facts) -> models.Model:
    """What is known of a model; of an alias, what is known of its first choice."""
    choices = settings.choices(name)
    lacks = [None if choice.passes else settings.endpoints[choice.provider].lack for choice in choices]
    known = ModelFacts() if choices[0].passes else _known(choices[0], settings, facts)
    return models.Model(
        name=name,
        answers=[choice.name for choice in choices],
        window=known.max_input_tokens,
        output=known.max_output_tokens,
        price=_price(known.price) if known.price is not None else None,
        lacks=lacks[0] if all(lacks) else None,
    )


def _price(price: Price) -> models.Price:
    """As it is for a prompt that is not long."""
    return models.Price(**{name: getattr(price, name) for name in models.Price.model_fields})


def _known(choice: Choice, settings: Settings, facts: Facts) -> ModelFacts:
    row = settings.endpoints[choice.provider].backend
    return settings.facts.get(choice.name, UNKNOWN).over(facts(row.like or row.name, choice.model))


def debug_logs(log_type: LogType, limit: int, around: Surroundings, *, authorized: bool) -> models.DebugLogs:
    """What happened lately; with bodies for those who have the token."""
    found, logging = around.journal.newest(log_type, limit), around.settings.logging
    note = None
    if not authorized and log_type is not LogType.ROUTE and any(entry.size for entry in found):
        note = f"Bodies are shown to those who send the token of {around.token_file}."
    elif log_type is LogType.REQUEST and not logging.request_bodies:
        note = "Bodies of requests are kept with LOG_REQUEST_BODY=true."
    elif log_type is LogType.RESPONSE and not logging.response_bodies:
        note = "Bodies of replies are kept with LOG_RESPONSE_BODY=true."
    shown = SHOWN[log_type] if authorized else (False, False)
    return models.DebugLogs(log_type=log_type, entries=[_entry(entry, *shown) for entry in found], note=note)


def forget_logs(around: Surroundings) -> models.Forgotten:
    """Forget what happened lately."""
    _ = around.settings
    gone = around.journal.clear()
    return models.Forgotten(message=f"{gone} entries are forgotten.")


SHOWN: Mapping[LogType, tuple[bool, bool]] = {  # whether the body of the request, and of the reply
    LogType.ALL: (True, True),
    LogType.ERROR: (True, True),
    LogType.REQUEST: (True, False),
    LogType.RESPONSE: (False, True),
    LogType.ROUTE: (False, False),
}


def _entry(entry: journal.Entry, request: bool, response: bool) -> models.Entry:
    request_body, response_body = (
        body if shown else None for body, shown in ((entry.request_body, request), (entry.response_body, response))
    )
    return models.Entry(**asdict(replace(entry, request_body=request_body, response_body=response_body)))


def losses(around: Surroundings) -> models.LossList:
    """Count what could not be said."""
    _ = around.settings
    return models.LossList(losses=[models.Lost(**asdict(row)) for row in around.tally.rows()])


def target_list(around: Surroundings) -> models.TargetList:
    """Every target, and how it is."""
    _ = around.settings
    made = [
        models.Target(**{**asdict(row), "left_s": None if row.left_s is None else ceil(row.left_s)})
        for row in around.control.targets()
    ]
    return models.TargetList(targets=made)


def health(around: Surroundings) -> models.Health:
    """Told whatever is wrong."""
    settings = around.control.settings
    fault = around.control.fault or (WRONG if settings is None else None)
    return models.Health(
        status="ok" if fault is None and around.log_fault is None else "degraded",
        version=__version__,
        uptime_s=around.uptime_s,
        preset=settings.preset if settings is not None else None,
        summary=around.control.summary() if settings is not None else WRONG,
        fault=fault,
        log_fault=around.log_fault,
        layer=around.has_layer,
        targets={row.name: row.state for row in around.control.targets() if row.state is not healths.State.UP},
        doors=dict(around.doors),
    )


# -- what is changed ---------------------------------------------------------------------------------------------------


def switch(wanted: models.SwitchBody, around: Surroundings) -> models.InForce:
    """Choose a preset, models, or both. A preset sets aside the models that were chosen before it."""
    options: dict[str, object] = {}
    if wanted.preset:
        options |= dict.fromkeys(MODEL_OPTIONS.values(), "")
        options[PRESET_OPTION] = _named(wanted.preset)
    chosen = {Slot.BIG: wanted.big_model, Slot.MIDDLE: wanted.middle_model, Slot.SMALL: wanted.small_model}
    options |= {MODEL_OPTIONS[slot]: _named(model) for slot, model in chosen.items() if model}
    return _choose(around, options, None if wanted.preserve_conversation else CONVERSATION)


def _named(name: str) -> str:
    return "" if name.strip() == AS_CONFIGURED else name


def block(wanted: models.BlockBody, around: Surroundings) -> models.InForce:
    """Refuse calls of a kind."""
    return _choose(around, {BLOCK_OPTION: sorted({*around.control.switch.blocked, wanted.kind})})


def unblock(wanted: models.UnblockBody, around: Surroundings) -> models.InForce:
    """Let them pass again."""
    left = [kind for kind in around.control.switch.blocked if wanted.kind not in (kind, ALL)]
    return _choose(around, {BLOCK_OPTION: left})


def _choose(around: Surroundings, options: Mapping[str, object], note: str | None = None) -> models.InForce:
    """Set options. Raises: BadRequest, and all is as before."""
    _ = around.settings
    try:
        around.control.choose(**options)
    except ConfigError as error:
        raise BadRequest(error.message) from None
    return in_force(around, note)


def switch_target(wanted: models.TargetBody, around: Surroundings, *, on: bool) -> models.TargetList:
    """Switch a target by hand. Raises: BadRequest."""
    _ = around.settings
    try:
        around.control.switch_target(wanted.target, on=on)
    except ConfigError as error:
        raise BadRequest(error.message) from None
    return target_list(around)


def reload(around: Surroundings) -> models.Reading:
    """Begin to read the files."""
    _ = around.settings
    around.control.read_anew()
    return models.Reading(note=f"The files are being read; {PREFIX}health says what came of it.")
