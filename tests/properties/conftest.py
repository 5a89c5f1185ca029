"""How many examples a property tries: 300 always the same ones, or 20,000 new ones with HYPOTHESIS_PROFILE=nightly."""

import os

from hypothesis import HealthCheck, settings

SLOW_BUT_FINE = (HealthCheck.too_slow, HealthCheck.filter_too_much)  # a busy machine is no fault of the property

settings.register_profile(
    "ci", max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW_BUT_FINE
)
settings.register_profile("nightly", max_examples=20_000, deadline=None, suppress_health_check=SLOW_BUT_FINE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
