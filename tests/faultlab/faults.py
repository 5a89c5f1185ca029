"""The table of faults: what goes wrong, and what must come of it. The groups are what docs/reliability.md shows."""

from collections.abc import Mapping

from tests.faultlab.replies import MISTAKEN, REFUSALS
from tests.faultlab.script import (
    HANG,
    HELLO,
    LAST,
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
SABOTAGE = chunk(b": sabotage\n\n")  # upon which inside.py raises

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
          ((failure("429 Too Many Requests", "slow down", "retry-after: 1"),), (HELLO,)),
          leaves=Moment.WAITING, lingers_s=1.2),
    Fault("leaves_pings", "it leaves while it gets nothing but pings", ((HANG,),), leaves=Moment.BEGUN,
          setting="brisk"),
)  # fmt: skip

OURS = (
    Fault("raises_in_decide", "a bug where the route is chosen", asks="", sees=INCIDENT, log="incident"),
    Fault("raises_in_encode", "a bug where the request is translated", asks="", sees=INCIDENT, log="incident"),
    Fault("raises_in_open_stream", "a bug where the reply's headers are taken", sees=INCIDENT, log="incident"),
    Fault("raises_in_feed_first", "a bug where the first event is translated", ((head(), SABOTAGE, HANG),), INCIDENT,
          log="incident"),
    Fault("raises_in_feed", "a bug where a later event is translated", ((*SAID, SABOTAGE, HANG),),
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
    "The client leaves": LEAVING,
    "Detour itself, and its machine": OURS,
}
FAULTS: tuple[Fault, ...] = tuple(fault for group in GROUPS.values() for fault in group)
# rows that wait for a part of the addon: name -> what they wait for
PENDING: Mapping[str, str] = dict.fromkeys(
    """
    refused_then_second connect_hangs connect_hangs_then_second tls_mute tls_missing proxy_mute reset_before_headers
    reset_before_headers_whole reset_once reset_then_second closed_before_headers reset_mid_headers
    closed_mid_headers hangs_before_headers hangs_before_headers_whole hangs_before_headers_http2 hangs_once
    hangs_then_second hangs_mid_headers hangs_after_headers cut_after_headers cut_after_role cut_after_role_once
    garbage garbage_headers garbage_length garbage_status switching_protocols continue_first early_hints_first
    several_hints_first hints_then_cut hints_whole kept_reset kept_closed kept_reset_http2 beside_a_reset
    h2_reset_before_headers h2_reset_once h2_goaway_before_headers h2_closed_before_headers h2_hangs_before_headers
    h2_empty h2_hangs_mid_stream html_502 html_502_once html_502_then_second error_500 error_503 error_529 error_408
    error_409 limit_once limit_once_whole limit_once_http2 limit_short limit_long_then_second
    key_refused_then_second refused_400_then_second overflow_then_larger limit_in_stream limit_in_stream_once
    error_cut error_hangs no_content redirect error_in_200 error_in_200_whole html_200 html_200_whole
    content_type_stream length_short_whole length_long_whole cut_whole cut_whole_once hangs_whole gzip_broken
    compression_unknown empty_whole empty_stream empty_stream_length only_done only_comments garbage_event
    null_event hangs_mid_stream hangs_mid_stream_http2 hangs_mid_call total_mid_stream native_cut hangs_after_done
    length_long_hangs endless_event silent_before_headers silent_before_headers_http2 silent_after_headers
    silent_mid_stream silent_mid_event silent_mid_call silent_second_target silent_then_reset
    silent_then_reset_http2 silent_then_reset_once silent_then_503 silent_then_limit silent_then_overflow
    silent_then_second silent_for_ever silent_then_cut leaves_pings raises_in_open_stream raises_in_feed_first
    raises_in_feed raises_in_keep_reply error_then_hangs hangs_after_done_for_long
    overflow_in_stream_then_larger total_before_content
    """.split(),  # noqa: SIM905 - a list of a hundred names
    "timeouts, retries, fallback and pings: the HTTP layer that keeps them",
)
