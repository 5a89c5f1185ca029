"""A connection of the scripted backend that speaks HTTP/2."""

import asyncio
from typing import override

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from tests.faultlab.backend import Backend, Connection
from tests.faultlab.script import END, GOAWAY, RESET, Head, Step, Trailers


class Http2Connection(Connection):
    """One stream at a time, as the row wants; bytes are DATA."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._bodies: dict[int, bytearray] = {}
        self._tops: dict[int, dict[str, str]] = {}
        self._stream = 0
        self._has_room = asyncio.Event()

    @override
    def opened(self) -> None:
        self._h2.initiate_connection()
        self._flush()

    @override
    def data_received(self, data: bytes) -> None:
        try:
            found = self._h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            return  # after notice was given, nothing is heard any more
        for event in found:
            match event:
                case h2.events.RequestReceived():
                    self._tops[event.stream_id] = dict(event.headers)  # type: ignore[arg-type]  # decoded, as configured
                    self._bodies[event.stream_id] = bytearray()
                case h2.events.DataReceived():
                    self._bodies[event.stream_id] += event.data
                    self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case h2.events.StreamEnded():
                    self._answer(event.stream_id)
                case h2.events.StreamReset():
                    self.stop()
                case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                    self._has_room.set()
                case _:
                    pass
        self._flush()

    def _answer(self, stream: int) -> None:
        self._stream = stream
        top = self._tops.pop(stream)
        self.begin(top[":path"], repr(top), bytes(self._bodies.pop(stream)))

    @override
    async def step(self, step: Step) -> bool:
        match step:
            case Head(status, headers):
                told = [(":status", str(status)), *headers]
                self._h2.send_headers(self._stream, told)
            case Trailers(headers):
                self._h2.send_headers(self._stream, list(headers), end_stream=True)
            case _ if step is END:
                self._h2.end_stream(self._stream)
            case _ if step is RESET:
                self._h2.reset_stream(self._stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
            case _ if step is GOAWAY:
                self._h2.close_connection(h2.errors.ErrorCodes.NO_ERROR)
            case _:
                return await super().step(step)
        self._flush()
        return not self.gone.is_set()

    @override
    async def write(self, piece: bytes) -> None:
        while piece and not self.gone.is_set():
            room = min(self._h2.local_flow_control_window(self._stream), self._h2.max_outbound_frame_size)
            if not room:
                self._has_room.clear()
                await self._has_room.wait()
                continue
            self._h2.send_data(self._stream, piece[:room])
            self._flush()
            piece = piece[room:]

    def _flush(self) -> None:
        if waiting := self._h2.data_to_send():
            self.transport.write(waiting)
