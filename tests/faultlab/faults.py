"""The table of faults: what goes wrong, and what must come of it. The groups are what docs/reliability.md shows."""

from collections.abc import Mapping

from tests.faultlab.home import HOME
from tests.faultlab.replies import MISTAKEN, REFUSALS
from tests.faultlab.script import (
    HANG,
    HELLO,
    LAST,
    SABOTAGE,
    WHOLE,
    Fault,
    Moment,
    Sees,
    chunk,
    failure,
    head,
)
from tests.faultlab.streams import BROKEN, ODD, SAID, SILENT
from tests.faultlab.unheard import HTTP2, KEPT, UNREACHABLE, WORDLESS

INCIDENT = Sees(424, "api_error", "incident")

LEAVING = (
    Fault("leaves_sending", "it leaves in the middle of its own request", asks="", leaves=Moment.SENDING),
    Fault("leaves_connecting", "it leaves while the backend is being connected", targets=("queued",), asks="",
          leaves=Moment.CONNECTING),
    Fault("leaves_asked", "it leaves while it waits for the reply", ((HANG,),), leaves=Moment.ASKED),
    Fault("leaves_asked_whole", "the same, and no stream was asked for", ((HANG,),), leaves=Moment.ASKED,
          stream=False),
    Fault("leaves_asked_http2", "the same, and it speaks HTTP/2", ((HANG,),), leaves=Moment.ASKED, client="http/2"),
    Fault("leaves_mid_headers", "it leaves in the middle of the headers", ((head()[:40], HANG),),
          leaves=Moment.WAITING),
    Fault("leaves_before_content", "it leaves before the first content", ((head(), HANG),), leaves=Moment.WAITING),
    Fault("leaves_begun", "it leaves in the middle of the reply", ((*SAID, HANG),), leaves=Moment.BEGUN),
    Fault("leaves_begun_http2", "the same, and it speaks HTTP/2", ((*SAID, HANG),), leaves=Moment.BEGUN,
          client="http/2"),
    Fault("leaves_begun_tunnel", "the same, through the proxy door", ((*SAID, HANG),), leaves=Moment.BEGUN,
          client="tunnel"),
    Fault("leaves_mid_whole", "it leaves in the middle of a reply that is no stream", ((WHOLE[:-20], HANG),),
          leaves=Moment.WAITING, stream=False),
    Fault("leaves_retry", "it leaves while a retry waits",
          ((failure("429 Too Many Requests", "slow down", "retry-after: 2"),), (HELLO,)),
          leaves=Moment.WAITING, lingers_s=2.2),
    Fault("leaves_pings", "it leaves while it gets nothing but pings", ((HANG,),), leaves=Moment.BEGUN,
          setting="brisk"),
)  # fmt: skip

OURS = (
    Fault("raises_in_decide", "a bug where the route is chosen", asks="", sees=INCIDENT, log="incident"),
    Fault("raises_in_encode", "a bug where the request is translated", asks="", sees=INCIDENT, log="incident"),
    Fault("raises_in_open_stream", "a bug where the reply's headers are taken", sees=INCIDENT, log="incident"),
    Fault("raises_in_feed_first", "a bug where the first event is translated", ((head(), chunk(SABOTAGE), HANG),),
          INCIDENT, log="incident"),
    Fault("raises_in_feed", "a bug where a later event is translated", ((*SAID, chunk(SABOTAGE), HANG),),
          Sees(200, "api_error", "incident", "Hel"), log="incident"),
    Fault("raises_in_close", "a bug where the end of a stream is translated", ((*SAID, LAST),),
          Sees(200, "api_error", "incident", "Hel"), log="incident"),
    Fault("raises_in_decode_whole", "a bug where a reply in one piece is translated", ((WHOLE,),), INCIDENT,
          stream=False, log="incident"),
    Fault("raises_in_decode_error", "a bug where a backend's error is read", ((failure("500 Oops", "oops"),),),
          INCIDENT, log="incident"),
    Fault("raises_in_keep_reply", "a bug where the exchange is put on record", log="incident"),
    Fault("full_disk", "the disk under DETOUR_HOME is full", setting="full disk", log="cannot be written"),
    Fault("no_folder", "what should be the folder for logs under DETOUR_HOME is none", setting="no folder",
          log="cannot be written"),
    Fault("two_instances", "two Detours have one DETOUR_HOME", setting="shared folder", instances=2,
          reads="logs/detour.log", log="two_instances"),
)  # fmt: skip

GROUPS: Mapping[str, tuple[Fault, ...]] = {
    "The backend cannot be reached": UNREACHABLE,
    "The backend says nothing that is a reply": WORDLESS,
    "Connections that are kept, and shared": KEPT,
    "The same over HTTP/2": HTTP2,
    "The backend refuses": REFUSALS,
    "The reply is not what it should be": MISTAKEN,
    "The stream breaks after its first words": BROKEN,
    "Streams that are odd, and right": ODD,
    "Silence": SILENT,
    "Anthropic itself, untouched, or in a list of targets": HOME,
    "The client leaves": LEAVING,
    "Detour itself, and its machine": OURS,
}
FAULTS: tuple[Fault, ...] = tuple(fault for group in GROUPS.values() for fault in group)
