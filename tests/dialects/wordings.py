"""How backends say that a prompt is too long, or the reply that was asked for, or that they take no pictures.

The texts are the vendors' own. Sources: collected in docs/protocol.md, "Errors".
"""

# the backend's words -> the prompt's tokens and the limit, where they tell them
TOO_LONG: dict[str, tuple[str, int | None, int | None]] = {
    "Anthropic": ("prompt is too long: 215000 tokens > 200000 maximum", 215_000, 200_000),
    "Bedrock Claude": ("The model returned the following errors: prompt is too long", None, None),
    "Anthropic, no room for a reply": (
        "input length and `max_tokens` exceed context limit: 199000 + 32000 > 200000, decrease input length",
        199_000,
        200_000,
    ),
    "Bedrock": ("Input is too long for requested model.", None, None),
    "Bedrock Titan": ("400 Bad Request: Too many input tokens. Max input tokens: 8192", None, 8_192),
    "Bedrock Titan, counted": (
        "400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token count: 9279",
        9_279,
        8_192,
    ),
    "Bedrock Cohere": ("Malformed input request: expected maxLength: 2048, actual: 9000", None, None),
    "Bedrock Jurassic": ("Malformed input request: prompt: length: 1..5000", None, None),
    "OpenAI chat": (
        "This model's maximum context length is 128000 tokens. However, your messages resulted in "
        "131234 tokens. Please reduce "
        "the length of the messages.",
        131_234,
        128_000,
    ),
    "OpenAI since gpt-5": (
        "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 291234 "
        "tokens. Please reduce the "
        "length of the messages.",
        291_234,
        272_000,
    ),
    "OpenAI responses": (
        "Your input exceeds the context window of this model. Please adjust your input.",
        None,
        None,
    ),
    "OpenAI, old": (
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens "
        "(8900 in the messages, 100 in "
        "the completion). Please reduce the length of the messages or completion.",
        8_900,
        8_192,
    ),
    "OpenRouter": (
        "This endpoint's maximum context length is 131072 tokens. However, you requested about "
        "150083 tokens (149083 of text "
        'input, 1000 in the output). Please reduce the length of either one, or use the "middle-out" transform',
        149_083,
        131_072,
    ),
    "OpenRouter, of tools too": (
        "This endpoint's maximum context length is 131072 tokens. However, you requested about "
        "141072 tokens (120000 of text "
        "input, 20072 of tool input, 1000 in the output).",
        140_072,
        131_072,
    ),
    "OpenRouter, other": ("exceeds the maximum allowed input length of 131,072 tokens", None, 131_072),
    "Gemini": (
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048575).",
        1_200_000,
        1_048_575,
    ),
    "Gemini, old": (
        "The input token count exceeds the maximum number of tokens allowed 1048576.",
        None,
        1_048_576,
    ),
    "xAI": (
        "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
        140_000,
        131_072,
    ),
    "Groq": ("Please reduce the length of the messages or completion.", None, None),
    "DeepSeek": (
        "This model's maximum context length is 131072 tokens. However, you requested 140000 tokens "
        "(132000 in the messages, "
        "8000 in the completion). Please reduce the length of the messages or completion.",
        132_000,
        131_072,
    ),
    "Mistral": (
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        40_000,
        32_768,
    ),
    "Together": ("The input (40000 tokens) is longer than the model's context length (32768 tokens).", 40_000, 32_768),
    "Moonshot": (
        "Invalid request: Your request exceeded model token limit: 262144 (requested: 300000)",
        300_000,
        262_144,
    ),
    "MiniMax": ("invalid params, context window exceeds limit (2013)", None, None),
    "DashScope": ("Range of input length should be [1, 129024]", None, 129_024),
    "Cerebras": (
        "Please reduce the length of the messages or completion. Current length is 70000 while limit is 65536",
        70_000,
        65_536,
    ),
    "Copilot": ("prompt token count of 130000 exceeds the limit of 128000", 130_000, 128_000),
    "vLLM, old": (
        "This model's maximum context length is 32768 tokens. However, you requested 41000 tokens in the messages",
        41_000,
        32_768,
    ),
    "vLLM": (
        "You passed 40000 input tokens and requested 1000 output tokens. However, the model's "
        "context length is only 32768 "
        "tokens, resulting in a maximum input length of 31768 tokens.",
        40_000,
        32_768,
    ),
    "vLLM, without its part": (
        "You passed at least 40000 input tokens and requested 0. The model's context length is only 32768 tokens",
        None,
        32_768,
    ),
    "vLLM, decoder": (
        "The decoder prompt (length 40000) is longer than the maximum model length of 32768.",
        40_000,
        32_768,
    ),
    "vLLM, at least": ("Your prompt contains at least 32769 input tokens", None, None),
    "vLLM, no room": ("max_tokens must be at least 1, got -4096.", None, None),
    "vLLM, too large": (
        "'max_tokens' or 'max_completion_tokens' is too large: 8192. This model's maximum context "
        "length is 32768 tokens and "
        "your request has 31000 input tokens (8192 > 32768 - 31000).",
        31_000,
        32_768,
    ),
    "vLLM since 0.12": (
        "This model's maximum context length is 32768 tokens. However, you requested 1 output tokens and your prompt "
        "contains at least 32768 input tokens, for a total of at least 32769 tokens. Please reduce the length of the "
        "input prompt or the number of requested output tokens.",
        None,
        32_768,
    ),
    "vLLM since 0.12, in characters": (
        "This model's maximum context length is 32768 tokens. However, you requested 1 output tokens and your prompt "
        "contains 4194433 characters (more than 4194176 characters, which is the upper bound for 32767 input tokens).",
        None,
        32_768,
    ),
    "a gateway over vLLM": ("Requested input length 600010 exceeds maximum input length 131071", 600_010, 131_071),
    "Poolside": ("Input length 131393 exceeds the maximum allowed input length of 131,040 tokens.", 131_393, 131_040),
    "DwarfStar": (
        "Prompt has 5,958,968 tokens, but the configured context size is 256,000 tokens",
        5_958_968,
        256_000,
    ),
    "z.ai": ("[1261][Prompt too long][20260929]", None, None),
    "z.ai in Chinese": ("Prompt \u8d85\u957f", None, None),
    "OpenAI, a text beyond all limits": (
        "Invalid 'messages[1].content': string too long. Expected a string with maximum length 10485760, but got a "
        "string with length 12000000 instead.",
        None,
        None,
    ),
    "Bedrock Mantle": ("Too many tokens", None, None),
    "SGLang": (
        "Requested token count exceeds the model's maximum context length of 32768 tokens. You "
        "requested a total of 50000 "
        "tokens: 40000 tokens from the input messages and 10000 tokens for the completion.",
        40_000,
        32_768,
    ),
    "SGLang, in short": (
        "maximum context length of 32768 tokens. You requested a total of 50000 tokens",
        50_000,
        32_768,
    ),
    "SGLang, input": ("Input length (40000) exceeds model's maximum context length (32768).", 40_000, 32_768),
    "TGI": (
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 "
        "`inputs` tokens and 100 "
        "`max_new_tokens`",
        4_000,
        4_096,
    ),
    "TGI, in short": ("`inputs` tokens + `max_new_tokens` must be <= 4096", None, 4_096),
    "llama.cpp": (
        "the request exceeds the available context size, try increasing it: request (9000 tokens) "
        "exceeds the available context "
        "size (8192 tokens)",
        9_000,
        8_192,
    ),
    "llama.cpp, old": (
        "the request exceeds the available context size. try increasing the context size",
        None,
        None,
    ),
    "LM Studio": (
        "The number of tokens to keep from the initial prompt is greater than the context length "
        "(n_keep: 12000>= n_ctx: 4096).",
        12_000,
        4_096,
    ),
    "LM Studio, other": (
        "Trying to keep the first 12000 tokens when context the overflows. However, the model is "
        "loaded with context length of "
        "only 4096 tokens, which is not enough.",
        12_000,
        4_096,
    ),
    "LM Studio, without numbers": (
        "tokens to keep from the initial prompt is greater than the context length",
        None,
        None,
    ),
    "Ollama": ("prompt too long; exceeded max context length by 500 tokens", None, None),
    "Azure": ("The request's context exceeds your deployment's limit", None, None),
    "litellm": ("litellm.ContextWindowExceededError: something new", None, None),
    "the apps gateway": ("capability_rejected: prompt_too_long", None, None),
    "others 1": ("token limit exceeded", None, None),
    "others 2": ("the maximum input length is reached", None, None),
    "others 3": ("input too long: 5000 input tokens, limit is 4096", 5_000, 4_096),
    "others 4": ("model_context_window_exceeded", None, None),
    "others 5": ("prompt exceeds max length", None, None),
    "others 6": ("tokens in request more than max tokens allowed", None, None),
    "others 7": ("9000 tokens given, but model only supports up to 8192", 9_000, 8_192),
    "others 8": ("input token length too long", None, None),
    "others 9": ("reached the maximum context limit", None, None),
    "others 10": ("the prompt is longer than the model's context length", None, None),
}

# the backend's words -> the prompt's tokens, the reply's, the window
OUTPUT_CAPS: dict[str, tuple[str, int, int, int]] = {
    "Anthropic": (
        "input length and `max_tokens` exceed context limit: 180000 + 32000 > 200000, decrease",
        180_000,
        32_000,
        200_000,
    ),
    "OpenAI, DeepSeek": (
        "This model's maximum context length is 131072 tokens. However, you requested 140000 tokens "
        "(100000 in the messages, "
        "40000 in the completion).",
        100_000,
        40_000,
        131_072,
    ),
    "OpenAI with functions": (
        "This model's maximum context length is 16385 tokens. However, you requested 18000 tokens "
        "(8000 in the messages, 2000 in "
        "the functions, and 8000 in the completion).",
        10_000,
        8_000,
        16_385,
    ),
    "OpenRouter": (
        "This endpoint's maximum context length is 131072 tokens. However, you requested about "
        "145083 tokens (17083 of text "
        "input, 128000 in the output).",
        17_083,
        128_000,
        131_072,
    ),
    "OpenRouter with tools": (
        "This endpoint's maximum context length is 131072 tokens. However, you requested about "
        "148083 tokens (17083 of text "
        "input, 3000 of tool input, 128000 in the output).",
        20_083,
        128_000,
        131_072,
    ),
    "SGLang": (
        "Requested token count exceeds the model's maximum context length of 32768 tokens. You "
        "requested a total of 40000 tokens: "
        "20000 tokens from the input messages and 20000 tokens for the completion.",
        20_000,
        20_000,
        32_768,
    ),
    "vLLM": (
        "'max_tokens' or 'max_completion_tokens' is too large: 9000. This model's maximum context "
        "length is 8192 tokens and your "
        "request has 321 input tokens (9000 > 8192 - 321).",
        321,
        9_000,
        8_192,
    ),
    "vLLM, other": (
        "You passed 100 input tokens and requested 40000 output tokens. However, the model's context "
        "length is only 32768 tokens, "
        "resulting in a maximum input length of 0 tokens.",
        100,
        40_000,
        32_768,
    ),
    "TGI": (
        "`inputs` tokens + `max_new_tokens` must be <= 8192. Given: 90 `inputs` tokens and 8192 `max_new_tokens`",
        90,
        8_192,
        8_192,
    ),
}

# the backend's words -> the most that the model writes
REPLY_LIMITS: dict[str, tuple[str, int]] = {
    "OpenAI": ("max_tokens is too large: 128000. This model supports at most 16384 completion tokens", 16_384),
    "Anthropic": (
        "max_tokens: 64000 > 32000, which is the maximum allowed number of output tokens for this model",
        32_000,
    ),
    "Bedrock": ("The maximum tokens you requested exceeds the model limit of 4096.", 4_096),
    "DeepSeek": ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8_192),
    "DashScope": ("Range of max_tokens should be [1, 8192]", 8_192),
    "Gemini": (
        "Unable to submit request because it has a maxOutputTokens value of 128000 but the supported range is from 1 "
        "(inclusive) to 65537 (exclusive).",
        65_537,
    ),
    "Groq": ("`max_tokens` must be less than or equal to `32768`, the maximum value for `max_tokens`", 32_768),
    "the least that is worth it": ("Range of max_tokens should be [1, 3000]", 3_000),
}

# the status that goes with the words, and the words
NO_PICTURES: dict[str, tuple[int, str]] = {
    "OpenAI": (400, "Invalid content type. image_url is only supported by certain models."),
    "DeepSeek": (
        400,
        "Failed to deserialize the JSON body into the target type: messages[1]: unknown variant `image_url`, "
        "expected `text` at line 1 column 679289",
    ),
    "vLLM": (500, "Qwen/Qwen3-8B is not a multimodal model"),
    "vLLM, told to take none": (400, "At most 0 image(s) may be provided in one prompt."),
    "llama.cpp": (
        500,
        "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
    ),
    "llama.cpp, before": (500, 'Failed to parse messages: Unsupported content part type: "image_url"; messages = [ {'),
    "llama.cpp, between": (500, "image input is not supported by this server"),
    "Ollama": (400, "this model does not support image input (ref: b8bd630e)"),
    "Ollama, before": (
        500,
        "Failed to create new sequence: failed to process inputs: this model is missing data required for image input",
    ),
    "LM Studio": (400, "Model does not support images. Please use a model that does."),
    "LM Studio, half loaded": (400, "<LM Studio error> Vision model is not loaded. Cannot process images."),
    "OpenRouter": (404, "No endpoints found that support image input"),
    "GLM": (400, "messages.content.type \u53c2\u6570\u975e\u6cd5\uff0c\u53d6\u503c\u8303\u56f4 ['text']"),
    "Mistral": (400, "Image input is not enabled for this model"),
    "xAI": (400, "Image inputs are not supported by this model."),
    "GitHub Copilot": (400, 'model "gpt-4.1" not supported for vision'),
    "GitHub Copilot, by policy": (400, "vision is not enabled for this organization"),
    "mlx-lm": (404, "Only 'text' content type is supported."),
    "Infini-AI": (400, "Bad Request: [message type 'image_url' is not supported for model 'glm-5']"),
    "DashScope": (400, "Unexpected item type in content."),
    "a gateway": (501, "This provider doesn't support vision."),
}
