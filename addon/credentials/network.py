"""The way out for what makes credentials: the proxy in front, whom it is not for, who is trusted. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from addon.settings import upstream
from addon.settings.upstream import EXEMPTION_VARIABLES, VARIABLE, Upstream

LINK_LOCAL = ("169.254.", "fd00:ec2:", "metadata.")  # a cloud's own machine tells its tokens: no proxy leads there


@dataclass(frozen=True, slots=True)
class Network:
    """See the module. ``authorities``: a file of certificates; None: certifi's."""

    proxy: Upstream | None = field(default=None, repr=False)
    exemptions: str = ""
    authorities: str | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str], authorities: str | None) -> "Network":
        """Read DETOUR_UPSTREAM and NO_PROXY. Raises: ConfigError."""
        value = environment.get(VARIABLE)
        exemptions = next((environment[name] for name in EXEMPTION_VARIABLES if name in environment), "")
        return cls(upstream.parse(VARIABLE, value) if value else None, exemptions, authorities)

    def proxy_for(self, url: str) -> str | None:
        """Return the proxy's address, its credential within; None: there is none on the way to this address."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        if self.proxy is None or upstream.is_loopback(host) or host.startswith(LINK_LOCAL):
            return None
        if upstream.exempts(self.exemptions, host, port):
            return None
        who, colon, password = self.proxy.credential.partition(":")
        credential = f"{quote(who, safe='')}{colon}{quote(password, safe='')}@" if who else ""
        return self.proxy.url.replace("://", f"://{credential}", 1)
