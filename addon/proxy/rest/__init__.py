"""The REST surface: what is in force, what happened lately and what was lost, told and changed over HTTP."""
