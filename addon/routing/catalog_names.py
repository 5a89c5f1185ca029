"""Whose model a row of litellm's data file is: its names for providers and ours, its keys and our targets. Pure.

A key is ``prefix/model`` or a bare model; ``litellm_provider`` says who has it. One that none of our rows is for is
reached through litellm itself: ``litellm/provider/model``.
"""

import re
from collections.abc import Collection, Iterator, Mapping

# our provider name -> the prefixes litellm files its models under, the best first
PREFIXES: Mapping[str, tuple[str, ...]] = {
    "azure": ("azure/", "azure/global-standard/", "azure/global/"),
    "azure-claude": ("azure_ai/",),
    "bedrock": ("", "bedrock/"),
    "vertex": ("vertex_ai/", ""),
    "fireworks": ("fireworks_ai/", "fireworks_ai/accounts/fireworks/models/"),
    "bigmodel": ("bigmodel/", "zai/"),
    "kimi-coding": ("moonshot/",),
    "cohere": ("cohere_chat/", "cohere/"),
}
# litellm's provider -> ours, where the two are not called the same
OURS: Mapping[str, str] = {
    "azure_ai": "azure-foundry",
    "bedrock_converse": "bedrock",
    "bedrock_mantle": "bedrock-mantle",
    "charity_engine": "charity-engine",
    "cohere_chat": "cohere",
    "fireworks_ai": "fireworks",
    "github_copilot": "github-copilot",
    "hosted_vllm": "vllm",
    "lm_studio": "lmstudio",
    "nano-gpt": "nanogpt",
    "nvidia_nim": "nvidia",
    "together_ai": "together",
    "veniceai": "venice",
    "vercel_ai_gateway": "vercel",
    "xiaomi_mimo": "xiaomi",
}
VERTEX = re.compile(r"vertex_ai(-[\w-]+)?")  # a name for each maker
BRIDGE = "litellm"  # the provider that is litellm itself
# keys that price a size, a region, a commitment or a training, and name nothing that can be asked
NO_MODEL = re.compile(
    r"ft:|together-ai-|fireworks-ai-|azure/(us|eu|global|global-standard)/"
    r"|bedrock/([a-z]{2}(-gov)?-[a-z]+-\d|\*|\d+-month|moonshotai|invoke|converse)"
)
REGION = re.compile(r"^(us|us-gov|eu|apac|jp|au|ca|sa|global)\.(?=\w+\.)")  # of an inference profile on Bedrock
SUFFIX = re.compile(r"(-preview|-latest|@default)?([-@](20\d{6}|20\d\d-\d\d-\d\d|\d{4}))?(-preview)?(-v\d:\d)?$")


def keys(provider: str, model: str, home: str | None = None) -> Iterator[str]:
    """Yield the keys that a model may be filed under, the surest first.

    They are its name at the provider, the bare name, and both without what a reseller or a release adds to it.
    ``home``: the provider of its maker, whose row of it is better than none.
    """
    prefixes = _prefixes(provider.removesuffix("-anthropic"))
    model = model.rpartition("/")[2] if model.startswith("arn:") else model  # of an inference profile
    bare = model.partition(":")[0]  # openrouter's ":free", ollama's ":30b"
    last = bare.rpartition("/")[2]
    if last.startswith("claude-"):
        last = last.replace(".", "-")  # as resellers write its version
    names = dict.fromkeys((model, bare, REGION.sub("", model)))
    seen: set[str] = set()
    plain = dict.fromkeys((*names, bare.lower(), last, last.lower()))
    undated = dict.fromkeys(stem for name in plain if (stem := SUFFIX.sub("", name)) not in (name, ""))
    homes = _prefixes(home) if home else ()
    found = (
        *(prefix + name for prefix in prefixes for name in names),
        *plain,
        *(prefix + name for prefix in prefixes for name in undated),
        *(prefix + name for prefix in homes for name in (last, last.lower(), SUFFIX.sub("", last)) if name),
        *undated,
    )
    for key in found:
        if key not in seen:
            seen.add(key)
            yield key


def _prefixes(provider: str) -> tuple[str, ...]:
    theirs = (name for name, ours in OURS.items() if ours == provider)
    return PREFIXES.get(provider, (*(f"{name}/" for name in theirs), f"{provider}/"))


def provider_of(theirs: str) -> str:
    """Return what we call a provider of litellm's, whether or not a row of ours is for it."""
    return "vertex" if VERTEX.fullmatch(theirs) else OURS.get(theirs, theirs)


def target_of(key: str, theirs: str, known: Collection[str]) -> tuple[str, str] | None:
    """Return our provider and its model for a key; None where it names nothing that can be asked.

    ``known``: the providers that there are. What none of them has goes by litellm, if that is one of them.
    """
    if NO_MODEL.match(key):
        return None
    ours = provider_of(theirs)
    if ours in known:
        prefixes = (f"{theirs}/", *_prefixes(ours))
        fitting = [prefix for prefix in prefixes if prefix and key.startswith(prefix)]
        return ours, key.removeprefix(fitting[0]) if fitting else key
    return (BRIDGE, key if key.startswith(f"{theirs}/") else f"{theirs}/{key}") if BRIDGE in known else None
