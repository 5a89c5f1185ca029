"""Gemini's own format, ``generateContent``, at AI Studio and on Vertex AI."""
