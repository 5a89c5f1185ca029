"""Credentials that are made, and expire: tokens of Google, signatures of AWS, what commands print."""
