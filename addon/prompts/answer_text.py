"""An answer as text for people: what was said, what is called, what was thought, what it took. Pure.

In: an ``Answer``. Out: text that YAML's colours suit.
"""

from collections.abc import Iterator

from addon.prompts import render
from addon.prompts.answer import Answer, Call

UNDER_WAY = "# the reply is still on its way"


def text(answer: Answer, *, under_way: bool = False) -> str:
    """Render an answer; ``under_way``: more of it is to come, so that it has not ended is no error."""
    return "\n".join((*_overview(answer), *_error(answer, under_way=under_way), *_parts(answer), *_usage(answer), ""))


def _overview(answer: Answer) -> Iterator[str]:
    facts = [str(answer.message["model"])] if answer.message and answer.message.get("model") else []
    facts += [f"stopped: {answer.stop_reason}"] if answer.stop_reason else []
    if (spoken := _spent(answer)) is not None:
        facts.append(spoken)
    yield f"# {' · '.join(facts) if facts else 'no message'}"


def _spent(answer: Answer) -> str | None:
    """The tokens in words; None where the reply does not say."""
    counts = {name: answer.usage.get(name) for name in ("input_tokens", "output_tokens")}
    if not all(isinstance(count, int) for count in counts.values()):
        return None
    cached = {
        words: count
        for words, name in (("read", "cache_read_input_tokens"), ("written", "cache_creation_input_tokens"))
        if isinstance(count := answer.usage.get(name), int) and count
    }
    whole = sum((*cached.values(), answer.usage["input_tokens"]))
    told = ", ".join(f"{count:,} {words}" for words, count in cached.items())
    return f"{whole:,} tokens in{f' (cache: {told})' if told else ''}, {answer.usage['output_tokens']:,} out"


def _error(answer: Answer, *, under_way: bool) -> Iterator[str]:
    if under_way:
        yield UNDER_WAY
    elif answer.error is not None:
        yield ""
        yield f"error: {answer.error}"


def _parts(answer: Answer) -> Iterator[str]:
    if answer.text:
        yield from _titled("text", answer.text)
    if answer.calls:
        yield ""
        yield f"calls: # {len(answer.calls):,}"
        for call in answer.calls:
            yield from _call(call)
    if answer.thinking:
        yield from _titled("thinking", answer.thinking)


def _titled(title: str, said: str) -> Iterator[str]:
    yield ""
    yield f"{title}: | # {render.counted(len(said), 'character')}"
    yield render.indented(said)


def _call(call: Call) -> Iterator[str]:
    cut = "" if call.whole else ", cut before its end"
    yield f"- {call.name}: | # {call.id}{cut}"
    yield render.indented(render.call(call.arguments))


def _usage(answer: Answer) -> Iterator[str]:
    if answer.usage:
        yield ""
        yield "usage:"
        yield from (f"{render.INDENT}{name}: {render.scalar(value)}" for name, value in answer.usage.items())
