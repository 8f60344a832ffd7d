"""A server that gives the answers a test wrote down, for bodies no well-behaved stand-in would send."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; `body` bytes are sent as they are, anything else as JSON."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None  # bytes really sent of those announced
    chunked: bool = False

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    params: dict[str, str]
    token: str
    body: Any
    cache: str = ""


Script = Callable[[Asked], Answer]


class ScriptedApi:
    """Answers GET by `on_get` and POST by `on_post`; keeps what was asked in `requests`."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.on_get: Script = lambda asked: Answer([])
        self.on_post: Script = lambda asked: Answer({"access_token": "token-1"})
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, method: str) -> int:
        return sum(asked.method == method for asked in self.requests)

    def gets(self, *answers: Answer) -> None:
        """The answers to the GETs to come, in order; the last one stays."""
        self.on_get = _in_order(answers)

    def posts(self, *answers: Answer) -> None:
        """The same for token calls."""
        self.on_post = _in_order(answers)

    def _note(self, asked: Asked) -> None:
        with self._lock:
            self.requests.append(asked)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def log_message(self, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                self._answer(api.on_get)

            def do_POST(self) -> None:
                self._answer(api.on_post)

            def _answer(self, script: Script) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                url = urlsplit(self.path)
                asked = Asked(
                    self.command,
                    url.path,
                    dict(parse_qsl(url.query)),
                    self.headers.get("Authorization", "").removeprefix("JWT "),
                    json.loads(sent) if sent else None,
                    self.headers.get("Cache-Control", ""),
                )
                api._note(asked)
                answer = script(asked)
                content = answer.content
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                if answer.chunked:
                    self.send_header("Transfer-Encoding", "chunked")
                    content = f"{len(content):x}\r\n".encode() + content + b"\r\n0\r\n\r\n"
                else:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: answer.cut_after])
                self.wfile.flush()
                if answer.cut_after is not None:
                    self.close_connection = True

        return Handler


def _in_order(answers: tuple[Answer, ...]) -> Script:
    left = list(answers)
    lock = threading.Lock()

    def script(asked: Asked) -> Answer:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return script
