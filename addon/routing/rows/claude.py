"""Claude itself: at Anthropic, and on the clouds that have it under an address of Anthropic's format."""

from dataclasses import replace
from types import MappingProxyType

from addon.dialects.profiles import Takes
from addon.routing.backend import NATIVE, SEARCHES, X_API_KEY, Backend, Mint, Minting

BY_GOOGLE = Minting(Mint.GOOGLE, "https://www.googleapis.com/auth/cloud-platform")
CLAUDE = replace(SEARCHES, claude=True, takes=Takes.ALL, documents=True)

ROWS = (
    # not ANTHROPIC_BASE_URL: that is the client's, and points at our own door
    Backend(
        "anthropic",
        "https://api.anthropic.com",
        NATIVE,
        X_API_KEY,
        needs_key=False,
        bases=("ANTHROPIC_API_BASE",),
        profile=CLAUDE,
    ),
    Backend(
        "azure-claude",
        "https://{ANTHROPIC_FOUNDRY_RESOURCE}.services.ai.azure.com/anthropic",
        NATIVE,
        X_API_KEY,
        keys=("ANTHROPIC_FOUNDRY_API_KEY",),
        tokens=("ANTHROPIC_FOUNDRY_AUTH_TOKEN",),
        bases=("ANTHROPIC_FOUNDRY_BASE_URL",),
        place=MappingProxyType({"ANTHROPIC_FOUNDRY_RESOURCE": None}),
        profile=replace(CLAUDE, takes=Takes.FOUNDRY),
    ),
    # Amazon's own /v1/messages; for Bedrock's InvokeModel see bedrock
    Backend(
        "bedrock-mantle",
        "https://bedrock-mantle.{AWS_REGION}.api.aws/anthropic",
        NATIVE,
        keys=("BEDROCK_MANTLE_API_KEY",),
        tokens=("AWS_BEARER_TOKEN_BEDROCK",),
        minting=Minting(Mint.AWS, "bedrock-mantle"),
        place=MappingProxyType({"AWS_REGION": "us-east-1"}),
        place_names=MappingProxyType({"AWS_REGION": ("BEDROCK_MANTLE_REGION", "AWS_DEFAULT_REGION")}),
        profile=replace(CLAUDE, takes=Takes.MANTLE),
    ),
    # Anthropic itself, by way of Amazon
    Backend(
        "claude-on-aws",
        "https://aws-external-anthropic.{AWS_REGION}.api.aws",
        NATIVE,
        X_API_KEY,
        keys=("ANTHROPIC_AWS_API_KEY",),
        minting=Minting(Mint.AWS, "aws-external-anthropic"),
        bases=("ANTHROPIC_AWS_API_BASE",),
        place=MappingProxyType({"ANTHROPIC_AWS_WORKSPACE_ID": None, "AWS_REGION": "us-east-1"}),
        place_names=MappingProxyType({"AWS_REGION": ("AWS_DEFAULT_REGION",)}),
        headers=(("anthropic-workspace-id", "{ANTHROPIC_AWS_WORKSPACE_ID}"),),
        profile=CLAUDE,
    ),
    # Anthropic itself, by way of Google
    Backend(
        "gcp-claude",
        "https://claude.googleapis.com/v1/projects/{ANTHROPIC_GOOGLE_CLOUD_PROJECT}"
        "/locations/{ANTHROPIC_GOOGLE_CLOUD_LOCATION}/workspaces/{ANTHROPIC_GOOGLE_CLOUD_WORKSPACE_ID}/invoke",
        NATIVE,
        keys=("ANTHROPIC_GOOGLE_CLOUD_AUTH_TOKEN",),
        minting=BY_GOOGLE,
        bases=("ANTHROPIC_GOOGLE_CLOUD_API_BASE",),
        place=MappingProxyType(
            {
                "ANTHROPIC_GOOGLE_CLOUD_PROJECT": None,
                "ANTHROPIC_GOOGLE_CLOUD_WORKSPACE_ID": None,
                "ANTHROPIC_GOOGLE_CLOUD_LOCATION": "global",
            }
        ),
        profile=CLAUDE,
    ),
)
