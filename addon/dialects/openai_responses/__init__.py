"""OpenAI's Responses API, and of those who copied it."""
