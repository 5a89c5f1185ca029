"""A litellm configuration to document data: a backend and a target for each deployment, a route for each name. Pure.

What litellm does is kept: exact names before wildcards, the longer wildcard first; an alias before a name; the chain of
fallbacks of fallbacks; ``anthropic/*`` also answers for a bare ``claude-...``. What differs is said in ``ignored``:
deployments of one name are tried in order, not shuffled. A star in a target, ``openai/*``, stands for what the star in
the route's model matched. Sources: docs.litellm.ai "proxy/configs", "proxy/reliability", "wildcard_routing"; litellm
1.106, ``router.py`` and ``router_utils/pattern_match_deployments.py``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from addon.routing.config import ANTHROPIC, MOST_ATTEMPTS
from addon.settings import litellm_names as names
from addon.settings.litellm_deployments import EVERYTHING, Deployments
from addon.settings.litellm_values import Converted, Mistake, Path, Values, listed, mapping, number, shown

__all__ = ["Converted", "Mistake", "convert"]

# section of a document -> what it is made of: the first that is there
FOR_ALL: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "timeouts": ((names.ROUTER, "stream_timeout"), (names.ROUTER, "timeout"), (names.MODULE, "request_timeout")),
        "retry": ((names.ROUTER, "num_retries"), (names.MODULE, "num_retries")),
    }
)
MOST_FALLBACKS = 5  # levels: litellm's own limit
# what a deployment of everything is for names without a provider; those with one need no route
EVERYTHING_ROUTES = (("claude-*", ANTHROPIC), ("gpt-*", "openai/gpt-*"))


def convert(data: Mapping[str, Any]) -> Converted:
    """Read litellm's sections of ``data``; other keys are not looked at. Raises: Mistake."""
    made = Converted()
    values = Values.of(data)
    deployments = Deployments(made, values)
    for index, entry in enumerate(listed(data.get(names.MODEL_LIST), (names.MODEL_LIST,))):
        deployments.add((names.MODEL_LIST, index), entry)
    _Routes.of(data, values, made, deployments.groups()).write()
    values.leftovers(made)
    for section in (*names.OTHER_SECTIONS, names.SERVER):
        if data.get(section):
            made.ignore((section,), names.SERVER_ONLY)
    made.ignored[:] = dict.fromkeys(made.ignored)  # several organizations say the same of one deployment
    return made


@dataclass(slots=True)
class _Routes:
    """Makes the routes: a name, or a pattern, and the targets in order, fallbacks behind."""

    made: Converted
    groups: Mapping[str, list[tuple[str, Path]]]
    aliases: Mapping[str, tuple[str, Path]]
    chains: Mapping[str, tuple[tuple[str, ...], Path]]  # "*" for all that have none of their own

    @classmethod
    def of(
        cls, data: Mapping[str, Any], values: Values, made: Converted, groups: Mapping[str, list[tuple[str, Path]]]
    ) -> "_Routes":
        """Read what the settings say of names, and note the rest of them."""
        router, module = (
            {key: value for key, value in mapping(values.filled(data.get(name)), (name,)).items() if value is not None}
            for name in (names.ROUTER, names.MODULE)
        )
        chains: dict[str, tuple[tuple[str, ...], Path]] = {}
        for key in ("default_fallbacks", "fallbacks"):
            section = names.ROUTER if router.get(key) else names.MODULE
            given = router.pop(key, None) or module.pop(key, None)
            chains.update(_chains(key, listed(given, (section, key)), (section, key)))
        aliases = _aliases(router.pop("model_group_alias", None), (names.ROUTER, "model_group_alias"))
        _for_all({names.ROUTER: router, names.MODULE: module}, made)
        for section, left in ((names.ROUTER, router), (names.MODULE, module)):
            for key in left:
                made.ignore((section, str(key)), names.SERVER_ONLY)
        return cls(made, groups, aliases, chains)

    def write(self) -> None:
        for name, targets in self.groups.items():
            if name in self.aliases:
                for _, path in targets:
                    self.made.ignore(path, f"{names.ROUTER}.model_group_alias sends its name elsewhere")
            elif "*" not in name:
                self._add(name, self._all(name, targets[0][1]), targets[0][1])
        for alias, (_, path) in self.aliases.items():
            self._add(alias, self._all(alias, path), path)
        for name, (_, path) in self.chains.items():
            if name not in self.groups and name not in self.aliases and name != "*":
                if self._own(name) is None:
                    self.made.ignore(path, f"there is no {shown(name)} in {names.MODEL_LIST}")
                else:
                    self._add(name, self._all(name, path), path)
        for name in self._wildcards():
            self._add_wildcard(name)

    def _wildcards(self) -> list[str]:
        """The patterns, the most specific first, as litellm counts it."""

        def specificity(name: str) -> tuple[int, int]:
            pattern = _regex(name).pattern
            return len(pattern), sum(pattern.count(each) for each in "*+?\\^$|()")

        return sorted((name for name in self.groups if "*" in name), key=specificity, reverse=True)

    def _add_wildcard(self, name: str) -> None:
        path = self.groups[name][0][1]
        targets = self._all(name, path)
        if EVERYTHING in targets:  # then it is the name, too
            for glob, target in EVERYTHING_ROUTES:
                own = [target if each == EVERYTHING else each.replace("*", glob) for each in targets]
                self._add(glob, own, path, name)
            return
        self._add(name, targets, path)
        if name == f"{ANTHROPIC}/*":  # litellm knows the provider of a bare Claude, and tries the name with it
            self._add("claude-*", [each.replace("*", "claude-*") for each in targets], path, name)
        elif name.startswith(f"{ANTHROPIC}/claude"):
            self._add(name.removeprefix(f"{ANTHROPIC}/"), targets, path, name)

    def _add(self, glob: str, targets: list[str], path: Path, name: str | None = None) -> None:
        self.made.origins["routes", len(self.made.routes)] = path
        self.made.routes.append(
            {
                "name": f"litellm model {name or glob}",
                "when": {"model": re.sub(r"[\[?]", r"[\g<0>]", glob)},
                "to": list(dict.fromkeys(targets)),
            }
        )

    def _all(self, name: str, path: Path) -> list[str]:
        """The targets of a name and of its fallbacks."""
        targets = []
        for target, origin in self._chain(name, path, {name}, 0):
            if "*" in target and ("*" not in name or (target == EVERYTHING and name != EVERYTHING)):
                raise Mistake(origin, "a fallback with a star serves names with the same star only")
            targets.append(target)
        return targets

    def _chain(self, name: str, path: Path, seen: set[str], level: int) -> Iterator[tuple[str, Path]]:
        own = self._own(name)
        if own is None:
            name = self.aliases[name][0] if name in self.aliases else name
            near = get_close_matches(name, self.groups, n=3)
            hint = f"did you mean {' or '.join(map(shown, near))}?" if near else f"add it to {names.MODEL_LIST}"
            raise Mistake(path, f"there is no model_name {shown(name)}: {hint}")
        yield from ((target, path) for target in own)
        others, origin = self._fallbacks(name)
        for other in others if level < MOST_FALLBACKS else ():
            if other not in seen:
                seen.add(other)
                yield from self._chain(other, origin, seen, level + 1)

    def _fallbacks(self, name: str) -> tuple[tuple[str, ...], Path]:
        meant = self.aliases[name][0] if name in self.aliases else name
        return self.chains.get(name) or self.chains.get(meant) or self.chains.get("*") or ((), ())

    def _own(self, name: str) -> list[str] | None:
        """The targets of an asked name: through an alias, by its own name, by the first wildcard that matches."""
        if name in self.aliases:
            name = self.aliases[name][0]
        if name in self.groups:
            return [target for target, _ in self.groups[name]]
        for wildcard in self._wildcards():
            if found := _regex(wildcard).fullmatch(name):
                return [target.replace("*", found[1]) for target, _ in self.groups[wildcard]]
        return None


def _chains(key: str, given: list[Any], path: Path) -> Iterator[tuple[str, tuple[tuple[str, ...], Path]]]:
    """Yield a name and its fallbacks: ``[{name: [other, ...]}]``, or ``[other, ...]`` for every name."""
    if key == "default_fallbacks":
        given = [{"*": given}] if given else []
    for index, each in enumerate(given):
        where = (*path, index) if key == "fallbacks" else path
        for name, others in mapping(each, where).items():
            several = others if isinstance(others, list) else [others]
            wanted = [each.get("model") if isinstance(each, dict) else each for each in several]
            texts = tuple(other for other in wanted if isinstance(other, str) and other)
            if len(texts) < len(wanted):
                raise Mistake(where, "the names of models are needed here: NAME: [OTHER, ...]")
            yield str(name), (texts, where)


def _for_all(sections: Mapping[str, dict[str, Any]], made: Converted) -> None:
    """Take what holds for every deployment out of ``sections``."""
    for part, places in FOR_ALL.items():
        for section, key in places:
            path, value = (section, key), sections[section].pop(key, None)
            if value is None:
                continue
            if part in made.for_all:
                made.ignored.append((path, f"{'.'.join(map(str, made.origins[part,]))} is what holds"))
            elif isinstance(value, str) and value.startswith(names.ENVIRON):
                made.ignored.append((path, "a number is needed here"))
            else:
                made.for_all[part] = _timeouts(value, path) if part == "timeouts" else _retry(value, path)
                made.origins.update(dict.fromkeys(((part,), *((part, name) for name in made.for_all[part])), path))


def _timeouts(value: Any, path: Path) -> dict[str, float]:
    seconds = number(value, path)
    if not seconds:
        raise Mistake(path, "a number of seconds above 0 is needed here")
    return {"first_byte": seconds, "idle": seconds}


def _retry(value: Any, path: Path) -> dict[str, float]:
    return {"attempts": min(int(number(value, path) or 0), MOST_ATTEMPTS)}


def _aliases(given: Any, path: Path) -> dict[str, tuple[str, Path]]:
    aliases = {}
    for alias, entry in mapping(given, path).items():
        where = (*path, str(alias))
        target = entry.get("model") if isinstance(entry, dict) else entry
        if not isinstance(target, str) or not target:
            raise Mistake(where, "the name of a model is needed here")
        aliases[str(alias)] = (target, where)
    return aliases


def _regex(name: str) -> re.Pattern[str]:
    return re.compile(re.escape(name).replace(r"\*", "(.*)"))
