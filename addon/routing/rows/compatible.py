"""Smaller hosts that speak chat-completions as it is, and some Anthropic's format too.

Source: litellm 1.109.1 (MIT), ``llms/openai_like/providers.json``; an address is read and reviewed here before a key
of anybody's goes to it.
"""

from types import MappingProxyType

from addon.dialects.profiles import Profile, Takes
from addon.routing.backend import NATIVE, Backend

GATEWAY = Profile(takes=Takes.GATEWAY)
PLAIN_TEXT = Profile(images=False)  # a content is a string there
UNSTORED = Profile(always=MappingProxyType({"store": False}))

ROWS = (
    Backend("publicai", "https://api.publicai.co/v1", profile=PLAIN_TEXT),
    Backend("helicone", "https://ai-gateway.helicone.ai"),
    Backend("synthetic", "https://api.synthetic.new/openai/v1"),
    Backend("apertis", "https://api.stima.tech/v1", keys=("STIMA_API_KEY",)),
    Backend("abliteration", "https://api.abliteration.ai/v1"),
    Backend("llamagate", "https://api.llamagate.dev/v1"),
    Backend("gmi", "https://api.gmi-serving.com/v1"),
    Backend("sarvam", "https://api.sarvam.ai/v1", auth=("api-subscription-key", "")),
    Backend("assemblyai", "https://llm-gateway.assemblyai.com/v1"),
    Backend("charity-engine", "https://api.charityengine.services/remotejobs/v2/inference"),
    Backend("aihubmix", "https://aihubmix.com/v1"),
    Backend("crusoe", "https://managed-inference-api-proxy.crusoecloud.com/v1"),
    Backend("darkbloom", "https://api.darkbloom.dev/v1"),
    Backend("neosantara", "https://api.neosantara.xyz/v1"),
    Backend(
        "tensormesh",
        "https://serverless.tensormesh.ai/v1",
        keys=("TENSORMESH_INFERENCE_API_KEY",),
        bases=("TENSORMESH_SERVERLESS_BASE_URL",),
    ),
    Backend("parasail", "https://api.parasail.io/v1", profile=UNSTORED),
    Backend("libertai", "https://api.libertai.io/v1"),
    Backend("empiriolabs", "https://api.empiriolabs.ai/v1"),
    Backend("cognition", "https://api.cognition.ai/v1"),
    Backend("cortecs", "https://api.cortecs.ai/v1"),
    Backend("cortecs-anthropic", "https://api.cortecs.ai", NATIVE, keys=("CORTECS_API_KEY",), profile=GATEWAY),
    Backend("pinstripes", "https://pinstripes.io/v1"),
    Backend("scx-ai", "https://api.scx.ai/v1", keys=("SCX_API_KEY",), bases=("SCX_API_BASE",)),
    Backend("prism", "https://api.prisminference.com/v1"),
    Backend("prism-anthropic", "https://api.prisminference.com", NATIVE, keys=("PRISM_API_KEY",), profile=GATEWAY),
    Backend("sail", "https://api.sailresearch.com/v1"),
    Backend("sail-anthropic", "https://api.sailresearch.com", NATIVE, keys=("SAIL_API_KEY",), profile=GATEWAY),
    Backend("reka", "https://api.reka.ai/v1"),
)
