"""How the keys of each vendor look: what each begins with, and what follows. A table; no key stands in it.

A row has a ``hint``, which is in every such key and is looked for first, and a pattern that is tried where the hint
stands. Patterns never go back over what they took (possessive repetitions), so that no text makes them slow, and ask
for about four fifths of the usual length, because vendors change it. Sources: the vendors' documentation, GitHub's list
of "supported secret scanning patterns", and the rules of gitleaks, November 2026; where they give an exact length, it
is a lower bound here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# Not inside a longer word. In JSON the letter before may be the end of an escape (\n, \u0026), and the first letter of
# a key the middle of one: "\npm_..." is a line break and "pm_...".
START = rb"(?:(?<![A-Za-z0-9\\-])|(?<=\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{4}))"
WORD = rb"[A-Za-z0-9]"
URL_SAFE = rb"[A-Za-z0-9_-]"
DOTTED = rb"(?:[A-Za-z0-9_-]|\.(?=\w))"  # with dots, but for one that ends a sentence
HEX = rb"[0-9a-f]"
END = rb"(?![A-Za-z0-9])"


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of key. ``before``: how many bytes of it may stand before its hint."""

    kind: str
    hint: bytes
    pattern: re.Pattern[bytes]
    before: int = 0
    strict: bool = False  # the beginning is an ordinary one: what follows must look like chance


def _row(kind: str, hint: str, rest: bytes, *, strict: bool = False) -> Shape:
    return Shape(kind, hint.encode(), re.compile(START + re.escape(hint.encode()) + rest), strict=strict)


def _some(characters: bytes, least: int) -> bytes:
    """At least so many of them, and END, for characters that may be followed by other letters of a word."""
    return b"%s{%d,}+%s" % (characters, least, END)


# the same vendor's kinds of token differ in a letter or a word
_GITHUB = [_row("github", f"gh{letter}_", _some(WORD, 30)) for letter in "pousr"]
_GITLAB = [
    _row("gitlab", f"gl{name}-", DOTTED + rb"{18,}+")
    for name in ("pat", "ptt", "dt", "rt", "cbt", "oas", "soat", "ft", "imt", "agent", "ffct")
]
_DIGITALOCEAN = [_row("digitalocean", f"do{letter}_v1_", _some(HEX, 48)) for letter in "opr"]
_STRIPE = [
    _row("stripe", f"{key}_{mode}_", _some(WORD, 16)) for key in ("sk", "rk") for mode in ("live", "test", "prod")
]
_VERCEL = [_row("vercel", f"vc{letter}_", _some(URL_SAFE, 20), strict=True) for letter in "pkiarc"]

SHAPES: tuple[Shape, ...] = (
    # models
    _row("anthropic", "sk-ant-", _some(URL_SAFE, 20)),
    _row("openrouter", "sk-or-", _some(URL_SAFE, 24)),
    _row("openai", "sk-proj-", _some(URL_SAFE, 24)),
    _row("openai", "sk-svcacct-", _some(URL_SAFE, 24)),
    _row("openai", "sk-admin-", _some(URL_SAFE, 24)),
    _row("langfuse", "sk-lf-", _some(URL_SAFE, 24)),
    _row("openai", "sk-", _some(URL_SAFE, 20), strict=True),  # and DeepSeek, Moonshot, DashScope, LiteLLM and more
    _row("google", "AIza", rb"[\w-]{30,}+"),
    _row("google", "ya29.", DOTTED + rb"{20,}+"),
    _row("google", "GOCSPX-", rb"[\w-]{20,}+"),
    _row("groq", "gsk_", _some(WORD, 40)),
    _row("xai", "xai-", _some(WORD, 40)),
    _row("huggingface", "hf_", _some(WORD, 30)),
    _row("huggingface", "api_org_", _some(WORD, 30)),
    _row("replicate", "r8_", _some(WORD, 30)),
    _row("perplexity", "pplx-", _some(WORD, 32)),
    _row("together", "tgp_v1_", rb"[\w-]{32,}+"),
    _row("fireworks", "fw_", _some(WORD, 20), strict=True),
    _row("nvidia", "nvapi-", rb"[\w-]{40,}+"),
    _row("cerebras", "csk-", _some(WORD, 32)),
    _row("voyage", "pa-", rb"[\w-]{40,}+", strict=True),
    _row("jina", "jina_", _some(WORD, 40)),
    _row("tavily", "tvly-", rb"[A-Za-z0-9-]{24,}+", strict=True),
    _row("brave", "BSA", rb"[\w-]{27,29}+(?![\w-])", strict=True),
    _row("bedrock", "bedrock-api-key-", rb"[A-Za-z0-9+/=]{40,}+"),
    _row("bedrock", "ABSK", rb"[A-Za-z0-9+/]{100,}+={0,2}"),
    _row("langsmith", "lsv2_", rb"\w{32,}+"),
    *_VERCEL,
    # clouds
    _row("aws", "AKIA", rb"[A-Z2-7]{16}+(?![\w-])"),
    _row("aws", "ASIA", rb"[A-Z2-7]{16}+(?![\w-])"),
    _row("alibaba", "LTAI", rb"[A-Za-z0-9]{16,24}+(?![\w-])", strict=True),
    *_DIGITALOCEAN,
    _row("databricks", "dapi", rb"[0-9a-f]{32}+(?:-\d)?(?![\w-])"),
    _row("cloudflare", "v1.0-", rb"[0-9a-f]{24}-[0-9a-f]{140,}+"),
    _row("cloudflare", "cfut_", _some(WORD, 32)),
    _row("cloudflare", "cfat_", _some(WORD, 32)),
    _row("heroku", "HRKU-", rb"[\w-]{36,}+"),
    _row("fly", "fm2_", rb"[A-Za-z0-9+/]{80,}+={0,2}"),
    _row("fly", "fo1_", rb"[\w-]{40,}+"),
    _row("pulumi", "pul-", _some(HEX, 40)),
    _row("planetscale", "pscale_", rb"(?:tkn|oauth|pw)_" + DOTTED + rb"{30,}+={0,2}"),
    _row("supabase", "sbp_", _some(HEX, 36)),
    _row("supabase", "sb_secret_", rb"[\w-]{24,}+"),
    _row("vault", "hvs.", rb"[\w-]{24,}+"),
    _row("vault", "hvb.", rb"[\w-]{100,}+"),
    _row("doppler", "dp.", rb"(?:pt|st|ct|sa|scim)\." + DOTTED + rb"{32,}+"),
    _row("tailscale", "tskey-", rb"[A-Za-z0-9-]{24,}+"),
    # code and packages
    *_GITHUB,
    _row("github", "github_pat_", rb"\w{60,}+"),
    *_GITLAB,
    _row("npm", "npm_", _some(WORD, 32)),
    _row("pypi", "pypi-", rb"[\w-]{50,}+"),
    _row("rubygems", "rubygems_", _some(HEX, 40)),
    _row("docker", "dckr_pat_", rb"[\w-]{24,}+"),
    _row("docker", "dckr_oat_", rb"[\w-]{24,}+"),
    _row("postman", "PMAK-", rb"[0-9a-f]{24}-[0-9a-f]{30,}+"),
    _row("linear", "lin_api_", _some(WORD, 32)),
    _row("notion", "ntn_", _some(WORD, 40)),
    _row("notion", "secret_", rb"[A-Za-z0-9]{43}+(?![\w-])"),
    _row("atlassian", "ATATT3", rb"[\w=-]{60,}+"),
    _row("figma", "figd_", rb"[\w-]{36,}+"),
    _row("grafana", "glsa_", rb"[A-Za-z0-9]{32}_[0-9a-fA-F]{8}"),
    _row("grafana", "glc_", rb"[A-Za-z0-9+/]{32,}+={0,2}"),
    _row("sentry", "sntrys_", rb"[A-Za-z0-9+/=_-]{40,}+"),
    _row("sentry", "sntryu_", _some(HEX, 60)),
    _row("newrelic", "NRAK-", _some(rb"[A-Z0-9]", 26)),
    _row("dynatrace", "dt0c01.", rb"[A-Z0-9]{24}\.[A-Z0-9]{60,}+"),
    _row("posthog", "phx_", _some(WORD, 32)),
    # money, mail and talk
    *_STRIPE,
    _row("stripe", "whsec_", rb"[A-Za-z0-9+/]{24,}+={0,2}"),
    _row("square", "sq0", rb"(?:atp|csp)-[\w-]{22,}+"),
    _row("shopify", "shp", rb"(?:at|ca|pa|ss)_[0-9a-fA-F]{30,}+" + END),
    _row("slack", "xox", rb"[abceoprs][.-]" + DOTTED + rb"{16,}+"),
    _row("slack", "xapp-", rb"\d-[A-Za-z0-9-]{30,}+"),
    Shape("telegram", b":AA", re.compile(START + rb"\d{7,12}:AA[\w-]{32,34}+(?![\w-])"), before=12),
    _row("sendgrid", "SG.", rb"[\w-]{16,}+\.[\w-]{30,}+"),
    _row("twilio", "SK", rb"[0-9a-f]{32}+(?![\w-])"),
    _row("mailgun", "key-", rb"[0-9a-f]{32}+(?![\w-])"),
    _row("brevo", "xkeysib-", rb"[0-9a-f]{60,}+-[A-Za-z0-9]{14,}+"),
    _row("resend", "re_", rb"[A-Za-z0-9]{8,}_[A-Za-z0-9]{20,}+", strict=True),
    # of no vendor
    _row("jwt", "eyJ", rb"[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]++){1,3}+"),
    _row("age", "AGE-SECRET-KEY-1", _some(rb"[A-Z0-9]", 50)),
)

# Keys that begin with nothing known but have parts: looked for in long words with a dot.
PARTS: Mapping[str, re.Pattern[bytes]] = MappingProxyType(
    {
        "zai": re.compile(START + rb"[0-9a-f]{32}\.[A-Za-z0-9]{16}(?![\w-]|\.\w)"),
        "discord": re.compile(START + rb"[MNO][\w-]{22,27}\.[\w-]{6}\.[\w-]{27,40}+(?![\w-]|\.\w)"),
    }
)
SHORTEST_WITH_PARTS = 49

# Those whose hint stands between slashes, and so in no long word.
ANYWHERE: tuple[Shape, ...] = (
    Shape("slack", b"hooks.slack.com/", re.compile(rb"hooks\.slack\.com/(?:services|workflows|triggers)/[\w/-]{30,}+")),
    Shape("discord", b"/webhooks/", re.compile(rb"/webhooks/\d{15,22}/[\w-]{50,}+")),
    Shape("teams", b"/IncomingWebhook/", re.compile(rb"/IncomingWebhook/\w{24,}+/[\w-]{30,}+(?:/[\w-]{20,}+)?")),
)

# What a key is at least as a word, hint and all: what is shorter is not looked at.
SHORTEST = 16


def is_like_chance(word: bytes, *, strict: bool) -> bool:
    """Whether a key's word is no placeholder; ``strict``: nor a name that people made of words."""
    if len(set(word)) < 8:  # xxxx, 0000, ABCABC
        return False
    pieces = re.split(rb"[^A-Za-z0-9]", word)
    if strict:
        return any(len(piece) >= 14 and is_mixed(piece) for piece in pieces)
    return any(is_mixed(piece) or changes_case(piece) for piece in pieces if len(piece) >= 8)


def is_mixed(piece: bytes) -> bool:
    """Whether it has letters, and more than one digit somewhere between them."""
    digits = sum(48 <= byte <= 57 for byte in piece)  # the digits of ASCII
    return 1 < digits < len(piece)


def changes_case(piece: bytes) -> bool:
    """Whether capitals stand as chance would have them, not at the beginning of words."""
    return len(re.findall(rb"[A-Z]{2,}[a-z]|[a-z][A-Z](?![a-z]{2})", piece)) > 2
