"""The HTTP side: a threading server on loopback that writes each answer in one piece."""

from __future__ import annotations

import logging
import os
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .answers import Answer

log = logging.getLogger(__name__)

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Delivery:
    """An answer and how it goes out: whole, "cut_off" half-way, or "reset" (not at all).

    `pause_s`: the body goes byte by byte, with this pause before each.
    """

    answer: Answer
    manner: str = "whole"
    pause_s: float = 0.0


Respond = Callable[[str, str, str, bytes], Delivery]
"""(method, target, Authorization header, body) -> what to send."""


class Server(ThreadingHTTPServer):
    """Knows its open connections, so that stopping it really ends them."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, respond: Respond, clock: Callable[[], float] = time.time) -> None:
        self.respond = respond
        self.clock = clock
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((HOST, port), Handler)

    def server_bind(self) -> None:
        # HTTPServer asks the resolver for its own name here, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, int(self.server_address[1])

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def close_connections(self) -> None:
        """End idle keep-alive connections too: a stopped server answers nobody."""
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    log.debug("connection was closed already")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is a bug of the sandbox."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            log.error("the sandbox failed to answer", exc_info=error)


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with keep-alive."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        super().finish()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        authorization = self.headers.get("Authorization") or ""
        delivery = self.server.respond(self.command, self.path, authorization, body)
        if delivery.manner == "reset":
            self._reset()
            return
        answer = delivery.answer
        head = [
            f"HTTP/1.1 {answer.status} {_phrase(answer.status)}",
            *(
                [f"Date: {formatdate(self.server.clock(), usegmt=True)}"]
                if "Date" not in answer.headers
                else []
            ),
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            *(f"{name}: {text}" for name, text in answer.headers.items() if text),
        ]
        sent = answer.body
        if delivery.manner == "cut_off":
            head.append("Connection: close")
            sent = sent[: len(sent) // 2]
            self.close_connection = True
        opening = "\r\n".join([*head, "", ""]).encode()
        if not delivery.pause_s:
            self.wfile.write(opening + sent)
            return
        self.wfile.write(opening)
        for place in range(len(sent)):
            time.sleep(delivery.pause_s)
            self.wfile.write(sent[place : place + 1])

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def _reset(self) -> None:
        """RST instead of a polite end."""
        self.close_connection = True
        self.server.closed(self.connection)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the sandbox keeps its own log."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
