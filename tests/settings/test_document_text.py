"""From the text to a document: each mistake is told with its line, its key and what is allowed; a litellm list too."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.protocol.errors import ConfigError
from addon.settings import document_text
from addon.settings.document import Document, Route

SECRET = "sk-never-to-be-shown-0123456789-0123456789"


def mistake(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        document_text.parse(text, "detour.yaml")
    return caught.value.message


MISTAKES = [
    ("preest: x", ["line 1: preest: there is no such key, is preset meant?"]),
    ("routes:\n- to: x\n  when:\n    modell: y", ["line 4: routes.0.when.modell: there is no", "is model meant?"]),
    ("routes:\n- to: x\n  when: {effort: high}", ["line 3: routes.0.when.effort: ", "is effort_at_least meant?"]),
    ("backends:\n  b: {zzz: 1}", ["line 2: backends.b.zzz: there is no such key, but address, body, credential, "]),
    ("backends:\n  b:\n    body: {model: 1}", ["line 3: backends.b.body: model is what Detour itself writes"]),
    ("models:\n  m: {price: {input: x}}", ["line 2: models.m.price.input: write a number"]),
    ("\nbig:\n", ["line 2: big: it has no value: write one, or take the line out"]),
    ("big: 5", ["line 1: big: write a text or a list"]),
    ("big: ''", ["line 1: big: it is empty"]),
    ("models:\n\n  m: 5", ["line 3: models.m: write a text or a list or a mapping"]),
    ("routes: 5", ["line 1: routes: write a list or a mapping"]),
    ("routes:\n- to: [a,\n  5]", ["line 3: routes.0.to.1: write a text"]),
    ("routes:\n- {}", ["line 2: routes.0: the rule does nothing"]),
    ("routes:\n- to: x\n  inline_tools: yes", ["line 3: routes.0.inline_tools: write true or false"]),
    ("routes:\n- to: x\n  max_tokens: 1.5", ["line 3: routes.0.max_tokens: write a whole number"]),
    ("routes:\n- to: x\n  effort: most", ["line 3: routes.0.effort: it must be 'off', 'low', 'medium', "]),
    ("routes:\n- long_context: {tokens: 5}", ["line 2: routes.0.long_context.to: it is missing"]),
    ("routes:\n- system: {replace: [{pattern: x}]}", ["line 2: routes.0.system.replace.0.with: it is missing"]),
    ("limits:\n  request_bytes: 0", ["line 2: limits.request_bytes: it must be greater than 0"]),
    ("backends:\n  b: {timeouts: {idle: soon}}", ["line 2: backends.b.timeouts.idle: write a time such as 10s"]),
    ("streaming:\n  ping: none", ["line 2: streaming.ping: write a time such as 10s or 1m30s; it cannot be none"]),
    ("backends:\n  b: {credential: {env: A, key: B}}", ["line 2: backends.b.credential: give exactly one of"]),
    ("redact:\n  Staff No: a", ["line 2: redact.Staff No: its name stands in the mark: write small letters"]),
    ("redact:\n  staff: (a", ["line 2: redact.staff: it is no regular expression: missing ), unterminated subpattern"]),
    ("redact:\n  staff: (a+)+", ["line 2: redact.staff: it repeats a repetition"]),
    ("function: my.py", ["line 1: function: write it as path/to/file.py:name"]),
    ("presets: {p: {backends: {}}}", ["line 1: presets.p.backends: there is no such key"]),
    ("- a", ["line 1: the top level must be a mapping"]),
    ("a: [", ["line 1: "]),
    ("big: &x {y: *x}", ["line 1: "]),
    ("x: 1\nx: 2", ["line 2: "]),
    ("router_settings: {}", ["line 1: router_settings: there is no such key"]),
    # several at once
    (
        "big: 1\nmiddle: 2\nsmall: 3\nprovider: 4\npreset: 5\nrecord: 6\nfunction: 7\n",
        ["line 2: middle: ", "line 3: small: ", "line 4: provider: ", "and 2 more"],
    ),
    # of a shape that was meant only the deepest is told
    ("models:\n  a: {window: x}", ["line 2: models.a.window: write a whole number"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), MISTAKES, ids=[text for text, _ in MISTAKES])
def test_a_mistake_is_told_with_its_line(text: str, told: list[str]) -> None:
    message = mistake(text)
    assert [part for part in told if part not in message] == []
    assert all(line.startswith(("detour.yaml, line ", "and ")) for line in message.splitlines())
    assert len(message.splitlines()) <= document_text.MOST_TOLD + 1


def test_one_mistake_is_told_once() -> None:
    assert len(mistake("models:\n  a: {window: x}").splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"backends: {{b: {{credential: [{SECRET}]}}}}",
        f"backends: {{b: {{credential: {{key: [{SECRET}]}}}}}}",
        f"backends: {{b: {{credential: {{env: A, key: {SECRET}}}}}}}",
        f"backends: {{b: {{credential: {{key: {SECRET}, lifetime: soon}}}}}}",
        f"backends: {{b: {{credential: {{{SECRET}: }}}}}}",
        f"backends: {{b: {{credential: {{{SECRET}: x}}}}}}",
        f"backends: {{b: {{headers: {{x: [{SECRET}]}}}}}}",
        f"backends: {{b: {{credentail: {SECRET}}}}}",
        f"backends: {{b: {{credential: !{SECRET}}}}}",
        f"backends: {{b: {{credential: *{SECRET}}}}}",
        f"record: {SECRET}",
        f"redact: {{a: ({SECRET}}}",
        f"redact: {{a: ({SECRET}+)+}}",
        f"big: {{x: {SECRET}}}",
        f"backends: {SECRET}",
        f"{SECRET}",
    ],
)
def test_no_mistake_quotes_a_value(text: str) -> None:
    assert SECRET not in mistake(text)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}", "~"])
def test_an_empty_file_says_nothing(text: str) -> None:
    found, _, unused = document_text.parse(text, "detour.yaml")
    assert (found, unused) == (Document(), ())


def test_a_huge_text_is_refused() -> None:
    assert "more than 1,000,000 characters" in mistake("a" * 1_000_001)


def test_each_value_has_its_place() -> None:
    _, place, _ = document_text.parse("big: x\nroutes:\n- to: y\n- when: {}\n  to: z\n", "my.yaml")
    assert [
        place(path) for path in ((), ("big",), ("routes", 1, "to"), ("routes", 1, "when", "filter"), ("nope",))
    ] == [
        "my.yaml, line 1",
        "my.yaml, line 1",
        "my.yaml, line 5",
        "my.yaml, line 4",
        "my.yaml, line 1",
    ]


def test_what_has_no_effect_is_said() -> None:
    _, _, unused = document_text.parse("streaming: {ping: 400s}\ntimeouts: {idle: 5s}\n", "detour.yaml")
    told = "streaming.ping is 400 s, and Claude Code gives up a silent stream after 180 s"
    assert unused == (f"detour.yaml, line 1: {told}",)


def test_pings_that_come_too_late_are_said() -> None:
    _, _, unused = document_text.parse("streaming: {grace: 12s, ping: 3m}\n", "detour.yaml")
    assert unused == (
        "detour.yaml, line 1: streaming.ping is 180 s, and Claude Code gives up a silent stream after 180 s",
    )
    assert document_text.parse("streaming: {grace: 170s, ping: 60s}\n", "detour.yaml")[2] == ()


LIST = """
model_list:
- model_name: large
  litellm_params:
    model: openai/gpt-x
    api_base: http://box/v1
    api_key: os.environ/BOX_KEY
    rpm: 5
"""


def test_a_litellm_list_stands_behind_what_the_document_says() -> None:
    found, place, unused = document_text.parse(f"{LIST}routes:\n- think: a/b\nbig: large\n", "both.yaml")
    assert found.big == "large"
    assert isinstance(found.routes, list)
    assert [rule.think for rule in found.routes] == ["a/b"]
    (name,) = found.backends
    assert list(found.models) == ["large"]
    assert [place(("routes", 0)), place(("models", "large"))] == ["both.yaml, line 10", "both.yaml, line 3"]
    assert place(("backends", name)) == "both.yaml, line 4"
    assert [line.partition(" has no effect: ")[0] for line in unused] == [
        "both.yaml, line 8: model_list.0.litellm_params.rpm"
    ]


def test_scenarios_before_a_litellm_list_keep_their_order_and_lines() -> None:
    text = f"{LIST}routes:\n  default: a\n  think: b\n  image: c\n"
    found, place, _ = document_text.parse(text, "both.yaml")
    assert isinstance(found.routes, list)
    assert [next(iter(rule.model_fields_set)) for rule in found.routes[:3]] == ["image", "think", "default"]
    assert [place(("routes", 0, "image")), place(("routes", 2, "default"))] == [
        "both.yaml, line 12",
        "both.yaml, line 10",
    ]
    wildcard = LIST.replace("large", "'large*'")
    found, place, _ = document_text.parse(f"{wildcard}routes:\n  default: a\n", "both.yaml")
    assert isinstance(found.routes, list)
    assert found.routes[1].when.model == "large*"
    assert place(("routes", 1)) == "both.yaml, line 3"


def test_what_the_document_says_of_a_provider_wins_over_the_list() -> None:
    (name,) = document_text.parse(LIST, "x")[0].backends
    found, place, _ = document_text.parse(f"{LIST}backends:\n  {name}: {{address: http://mine}}\n", "both.yaml")
    assert found.backends[name].address == "http://mine"
    assert place(("backends", name)) == "both.yaml, line 10"


def test_what_holds_for_all_of_a_litellm_list_stands_behind_what_the_document_says() -> None:
    text = f"{LIST}litellm_settings:\n  request_timeout: 60\n  num_retries: 1\n"
    found, place, unused = document_text.parse(text, "both.yaml")
    assert (found.timeouts.first_byte, found.timeouts.idle, found.retry.attempts) == (60, 60, 1)
    assert [place(("timeouts",)), place(("retry", "attempts"))] == ["both.yaml, line 10", "both.yaml, line 11"]
    assert len(unused) == 1
    found, place, _ = document_text.parse(f"{text}timeouts: {{idle: 5s}}\nretry: {{attempts: 4}}\n", "both.yaml")
    assert (found.timeouts.first_byte, found.timeouts.idle, found.retry.attempts) == (60, 5, 4)
    assert [place((name,)) for name in ("timeouts", "retry")] == ["both.yaml, line 12", "both.yaml, line 13"]
    assert place(("timeouts", "first_byte")) == "both.yaml, line 10"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{LIST}retry: 5\nrouter_settings: {{num_retries: 5}}\n", "line 9: retry: write a mapping"),
        (f"{LIST}preest: x\n", "line 9: preest: there is no such key, is preset meant?"),
        (f"{LIST}routes: x\n", "line 9: routes: write a list or a mapping"),
        (f"{LIST}routes: {{thnk: x}}\n", "line 9: routes.0.thnk: there is no such key, is think meant?"),
        (f"{LIST}backends: x\n", "line 9: backends: write a mapping"),
        ("model_list:\n- model_name: x\n  litellm_params: {}\n", "line 3: model_list.0.litellm_params.model"),
    ],
)
def test_a_mistake_beside_or_in_a_litellm_list_has_its_line(text: str, told: str) -> None:
    assert told in mistake(text)


def test_an_empty_list_is_none() -> None:
    assert "line 1: model_list: there is no such key" in mistake("model_list:\n")


SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 5) | st.sampled_from(["x", "", "5s", "opus", "env", "full"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from([*Document.model_fields, *Route.model_fields, "env", "zz"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*Document.model_fields, "zz"]), SHAPES, max_size=4))
def test_whatever_is_written_is_a_document_or_a_mistake(written: dict[str, object]) -> None:
    text, message = json.dumps(written), ""
    try:
        document_text.parse(text, "detour.yaml")
    except ConfigError as error:
        message = error.message
    assert message == "" or message.startswith("detour.yaml, line 1: ")


def test_a_comma_in_a_text_is_explained() -> None:
    with pytest.raises(ConfigError, match="a text with a comma in it needs quotes"):
        document_text.parse("routes:\n- {when: {kind: title}, block: No titles, thank you.}\n", "detour.yaml")
