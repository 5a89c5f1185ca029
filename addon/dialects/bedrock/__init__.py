"""Amazon Bedrock: Claude in Anthropic's format, all other models by Converse."""
