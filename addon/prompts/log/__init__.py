"""The prompt log: what it holds and how it is kept on disk."""
