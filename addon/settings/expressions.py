"""Whether a regular expression of the user's own may run over every exchange. Pure.

What is wrong is told without the expression: somebody may have written the secret itself.
"""

import re

LONG = 50  # repetitions that are as good as without end
ORDINARY = ("the", "Hello, world", "12", "x = 1")
EMPTY = ("", "ab 1", "a-b\n")


def check(expression: str) -> str:
    """Return the expression. Raises: ValueError that says what is wrong with it, and the way out."""
    try:
        compiled = re.compile(expression)
    except (re.error, OverflowError, RecursionError) as error:
        place = f", at character {error.pos + 1}" if isinstance(error, re.error) and error.pos is not None else ""
        told = error.msg if isinstance(error, re.error) else str(error)
        raise ValueError(f"it is no regular expression: {told}{place}") from None
    if repeats_a_repetition(expression):
        raise ValueError(
            "it repeats a repetition, which takes for ever on some texts: write (?:a|b)+ for (a+|b)+, or a++ inside"
        )
    if any(not found[0] for text in EMPTY for found in compiled.finditer(text)):
        raise ValueError("it finds the empty text everywhere: write + for *, or say what must be there")
    if all(compiled.fullmatch(text) for text in ORDINARY):
        raise ValueError("it finds every text, and nothing would be left to read: say what is special about the secret")
    return expression


def repeats_a_repetition(expression: str) -> bool:
    """Whether a group with a repetition without end in it is repeated without end, as in ``(a+)+``."""
    groups = [False]  # for each that is open, whether such a repetition is in it
    closed = False  # whether such a group ended just before
    at = 0
    while at < len(expression):
        sign = expression[at]
        if sign == "\\":
            at, closed = at + 2, False
        elif sign == "[":
            at, closed = _end_of_class(expression, at), False
        elif sign == "(":
            groups.append(False)
            at, closed = at + 1, False
        elif sign == ")":
            inner = groups.pop() if len(groups) > 1 else False
            groups[-1] |= inner
            at, closed = at + 1, inner
        else:
            length, endless = _repetition(expression, at)
            if endless and closed:
                return True
            groups[-1] |= endless
            at, closed = at + max(length, 1), False
    return False


REPETITION = re.compile(r"(?P<sign>[*+]|\{(?P<least>\d*)(?P<comma>,?)(?P<most>\d*)\})(?P<how>[+?]?)")


def _repetition(expression: str, at: int) -> tuple[int, bool]:
    """Return how long the repetition at a place is, and whether it has no end and may give back what it took."""
    found = REPETITION.match(expression, at)
    if found is None:
        return 0, False
    most = found["most"] if found["comma"] else found["least"]
    endless = found["sign"] in "*+" or not most or int(most) >= LONG
    return len(found[0]), endless and found["how"] != "+"


def _end_of_class(expression: str, at: int) -> int:
    """Return where the characters in brackets end; a bracket that comes first is one of them."""
    at += 2 if expression[at + 1 : at + 2] == "^" else 1
    first = at
    while at < len(expression) and (expression[at] != "]" or at == first):
        at += 2 if expression[at] == "\\" else 1
    return at + 1
