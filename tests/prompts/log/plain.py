"""A redactor that leaves everything as it is but one word, for tests of how the log keeps things."""

from collections.abc import Iterable

from addon.prompts.entry import Headers

SECRET, MARK = "hunter2-hunter2", "[redacted]"


class Plain:
    """See the module."""

    def headers(self, fields: Iterable[tuple[str, str]]) -> Headers:
        return tuple((name, self.text(value)) for name, value in fields)

    def url(self, text: str) -> str:
        return self.text(text)

    def text(self, text: str) -> str:
        return text.replace(SECRET, MARK)

    def body(self, data: bytes) -> bytes:
        return data.replace(SECRET.encode(), MARK.encode())
