"""What a model thought in an earlier turn, said back to it in the form that its backend wants.

In: the thinking blocks of one assistant turn. Out: fields of the message on the wire. Only a provider's own thinking
goes back to it, and what is sealed (signatures, encrypted parts) only to the very model that made it.
Sources: DeepSeek, "thinking mode"; OpenRouter, "preserving reasoning"; Mistral, "reasoning"; Gemini, "thought
signatures"; Groq, "reasoning"; litellm, "reasoning_content".
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from addon.dialects import Target
from addon.dialects.profiles import Echo
from addon.protocol import signature
from addon.protocol.event_shapes import UNSHOWN
from addon.protocol.messages import Json

PARAGRAPH = "\n\n"
DETAILS, CALLS = "reasoning_details", "calls"  # keys of a signature's state, as the decoder carries them
NO_THOUGHTS = " "  # Kimi K2.5 and K2.6 treat an empty text as a missing one, with a 400; earendil-works/pi#4179
# Gemini 3 refuses a call of the current turn without a signature, and takes this one for calls that it did not make
UNSIGNED = {"google": {"thought_signature": "skip_thought_signature_validator"}}


class Thoughts:
    """The thinking of one assistant turn, as far as it may go back to this target."""

    def __init__(self, target: Target) -> None:
        """Start with none."""
        self._target = target
        self._always = target.profile.echo_always
        self.texts: list[str] = []
        self.details: list[Json] = []
        self.calls: dict[str, Json] = {}  # the client's id of a call -> what belongs on it

    def add(self, block: Json) -> str | None:
        """Take a thinking block. Returns None, or whose thinking it is that cannot go back."""
        seal = signature.unseal(block.get("signature"))
        if seal is None:
            return "an earlier turn"
        echo = self._target.profile.reasoning_echo
        is_own = seal.origin == self._target.name or (
            echo is not Echo.THINKING_BLOCKS and seal.provider == self._target.provider
        )
        if echo is None or not is_own:
            return seal.origin
        if text := block["thinking"] or seal.state.get(UNSHOWN):
            self.texts.append(str(text))
        if seal.origin == self._target.name:
            details, calls = seal.state.get(DETAILS), seal.state.get(CALLS)
            self.details += details if isinstance(details, list) else []
            self.calls |= calls if isinstance(calls, dict) else {}
        return None

    @property
    def text(self) -> str:
        """All of it as one text."""
        return PARAGRAPH.join(self.texts)

    def onto(self, message: Json, blocks: list[Json]) -> None:
        """Put it on the message; ``blocks`` are those of the client's turn."""
        if echo := self._target.profile.reasoning_echo:
            ECHOES[echo](self, message, blocks)

    def _as_content(self, message: Json, _: list[Json]) -> None:
        if self.texts or self._always:
            message["reasoning_content"] = self.text or NO_THOUGHTS

    def _as_reasoning(self, message: Json, _: list[Json]) -> None:
        if self.texts or self._always:
            message["reasoning"] = self.text

    def _as_details(self, message: Json, blocks: list[Json]) -> None:
        if self.details:
            message["reasoning_details"] = self.details
        else:
            self._as_reasoning(message, blocks)

    def _as_blocks(self, message: Json, _: list[Json]) -> None:
        if self.texts:
            message["reasoning_content"] = self.text
        if self.details:
            message["thinking_blocks"] = self.details

    def _as_parts(self, message: Json, _: list[Json]) -> None:
        if self.texts:
            thought = {"type": "thinking", "thinking": [{"type": "text", "text": self.text}]}
            said = [{"type": "text", "text": message["content"]}] if message["content"] else []
            message["content"] = [thought, *said]

    def _as_tags(self, message: Json, _: list[Json]) -> None:
        if self.texts:
            message["content"] = f"<think>\n{self.text}\n</think>\n\n{message['content'] or ''}"

    def _on_calls(self, message: Json, blocks: list[Json]) -> None:
        """Of parallel calls Gemini signs the first alone; so where none is signed, the first gets the stand-in."""
        calls = message.get("tool_calls") or []
        call_ids = [block["id"] for block in blocks if block["type"] == "tool_use"]
        for call, call_id in zip(calls, call_ids, strict=True):
            if call_id in self.calls:
                call["extra_content"] = self.calls[call_id]
        if calls and not any("extra_content" in call for call in calls):
            calls[0]["extra_content"] = UNSIGNED


ECHOES: Mapping[Echo, Callable[[Thoughts, Json, list[Json]], None]] = MappingProxyType(
    {
        Echo.REASONING_CONTENT: Thoughts._as_content,
        Echo.REASONING: Thoughts._as_reasoning,
        Echo.REASONING_DETAILS: Thoughts._as_details,
        Echo.THINKING_BLOCKS: Thoughts._as_blocks,
        Echo.THINKING_PARTS: Thoughts._as_parts,
        Echo.THINK_TAGS: Thoughts._as_tags,
        Echo.CALL_SIGNATURES: Thoughts._on_calls,
    }
)
