"""The chat-completions dialect: OpenAI's, and of everybody who copied it."""
