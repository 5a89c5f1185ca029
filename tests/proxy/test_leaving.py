"""What an unloaded addon still has to do, it does; then it goes. A real reload is in tests/test_rewrite."""

from mitmproxy import http
from mitmproxy.test import taddons, tflow

from addon.proxy.leaving import Leaving


class Owner:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.is_idle = False

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        self.calls.append("responseheaders")

    def response(self, flow: http.HTTPFlow) -> None:
        self.calls.append("response")

    def error(self, flow: http.HTTPFlow) -> None:
        self.calls.append("error")

    def left(self) -> None:
        self.calls.append("left")


def test_it_is_asked_before_all_others_and_leaves_after_the_last_exchange() -> None:
    owner, flow = Owner(), tflow.tflow()
    with taddons.context(Owner()) as context:
        addons = context.master.addons
        walked = addons.chain
        leaving = Leaving(owner)
        leaving.stay()
        assert addons.chain[0] is leaving
        assert leaving not in walked  # a walk under way goes on undisturbed
        leaving.responseheaders(flow)
        leaving.response(flow)
        assert leaving in addons.chain
        owner.is_idle = True
        leaving.error(flow)
        assert leaving not in addons.chain
        leaving.error(flow)  # late: harmless
    assert owner.calls == ["responseheaders", "response", "error", "left", "error"]
