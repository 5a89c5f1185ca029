"""What the client speaks, and our neutral words. Imports nothing of ours."""
