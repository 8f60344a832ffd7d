"""How requests travel: deadlines, redirects, proxies, certificates; and that no secret of them is told."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_api import Answer, Asked, ScriptedApi

from breezeway_source.api.transport import Astray, NoAnswer, Transport
from breezeway_source.errors import ConfigError

CANARY = "s3cret-canary"


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    api = ScriptedApi()
    yield api
    api.close()


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "requests_ca_bundle",
        "curl_ca_bundle",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Dripping:
    """A server that sends one byte after another: of the head, or of a body of a known or unknown length."""

    def __init__(self, head: bytes, pause_s: float = 0.05) -> None:
        self._head, self._pause_s = head, pause_s
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            connection.recv(4096)
            try:
                connection.sendall(self._head)
                while True:
                    connection.sendall(b"x")
                    time.sleep(self._pause_s)
            except OSError:
                return


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
        b"HTTP/1.1 200 OK\r\nX-Endless: ",
        b"HTTP/1.1 200 ",
        b"",
    ],
)
def test_an_answer_that_drips_ends_at_its_deadline(head: bytes) -> None:
    server = Dripping(head)
    began = time.monotonic()
    with pytest.raises(NoAnswer, match="within 0.4 s"):
        Transport(server.base_url, answer_within_s=0.4).send("GET", server.base_url)
    assert time.monotonic() - began < 3


def test_one_thread_watches_all_deadlines_and_a_nearer_one_that_comes_later_counts() -> None:
    patient, hasty = (Dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n") for _ in range(2))
    ended: dict[str, float] = {}

    def ask(server: Dripping, within_s: float) -> None:
        with pytest.raises(NoAnswer, match=f"within {within_s:g} s"):
            Transport(server.base_url).send("GET", server.base_url, within_s=within_s)
        ended[server.base_url] = time.monotonic() - began

    began = time.monotonic()
    asking = [threading.Thread(target=ask, args=of) for of in ((patient, 1.6), (hasty, 0.4))]
    for thread in asking:
        thread.start()
        time.sleep(0.1)
    assert sum(thread.name == "deadlines" for thread in threading.enumerate()) == 1
    for thread in asking:
        thread.join()
    assert ended[hasty.base_url] < 1.5 < ended[patient.base_url] < 4


def test_what_is_under_way_can_be_cut() -> None:
    server = Dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
    transport = Transport(server.base_url)
    threading.Timer(0.3, transport.cut).start()
    began = time.monotonic()
    with pytest.raises(NoAnswer):
        transport.send("GET", server.base_url)
    assert time.monotonic() - began < 3


def test_redirects_are_followed_on_the_same_host_with_the_same_query(api: ScriptedApi) -> None:
    def answer(asked: Asked) -> Answer:
        if asked.path == "/old":
            return Answer(b"", 307, {"Location": "/new?b=2&a=1"})
        return Answer({"token": asked.token})

    api.on_get = answer
    sent = {"params": {"a": "1", "b": "2"}, "headers": {"Authorization": "JWT t"}}
    assert Transport(api.base_url).send("GET", f"{api.base_url}/old", **sent).json() == {"token": "t"}
    assert api.requests[-1].params == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("leads", "told"),
    [
        ("http://other.test/old?a=1", r"another address \(other.test\)"),
        ("http://user:s3cret-canary@other.test/old?a=1", "another address"),
        ("https://127.0.0.1/old?a=1", "another address"),
        ("/new", "another question"),
        ("/old?a=1", "on and on"),
    ],
)
def test_a_redirect_elsewhere_is_no_answer(leads: str, told: str, api: ScriptedApi) -> None:
    api.gets(Answer([], 302, {"Location": leads}))
    with pytest.raises(Astray, match=told) as caught:
        Transport(api.base_url).send("GET", f"{api.base_url}/old", params={"a": "1"})
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("status", [404, 410])
def test_a_redirect_to_a_page_that_is_not_there_says_nothing_of_the_record(
    status: int, api: ScriptedApi
) -> None:
    api.on_get = lambda asked: (
        Answer({}, status) if asked.path == "/login" else Answer(b"", 302, {"Location": "/login"})
    )
    with pytest.raises(Astray, match=f"leads nowhere .{status}"):
        Transport(api.base_url).send("GET", f"{api.base_url}/task/7")


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("HTTPS_PROXY", f"htp://user:{CANARY}@proxy.test:3128", "HTTPS_PROXY is no address of a proxy"),
        ("https_proxy", f"http://user:{CANARY}@proxy.test:99999", "https_proxy is no address of a proxy"),
        (
            "ALL_PROXY",
            f"socks5://user:{CANARY}@proxy.test:1080",
            "ALL_PROXY names a SOCKS proxy.*pip install",
        ),
        (
            "REQUESTS_CA_BUNDLE",
            "/nowhere/ca.pem",
            "REQUESTS_CA_BUNDLE names /nowhere/ca.pem, which is not there",
        ),
        ("CURL_CA_BUNDLE", __file__, "CURL_CA_BUNDLE names .*no readable certificate"),
    ],
)
def test_a_wrong_setting_is_told_by_its_variable(
    variable: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "socks" in value:
        monkeypatch.setattr("breezeway_source.api.transport.find_spec", lambda name: None)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=told) as caught:
        Transport("https://api.test")
    assert CANARY not in str(caught.value) and "Next: " in str(caught.value)


@pytest.mark.parametrize("base_url", ["http://api.test", "https://api.test"])
def test_a_dead_proxy_is_told_at_once(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = f"{base_url.split(':', maxsplit=1)[0].upper()}_PROXY"
    monkeypatch.setenv(variable.lower(), f"http://user:{CANARY}@127.0.0.1:1")
    with pytest.raises(ConfigError, match=f"proxy of {variable.lower()} does not answer") as caught:
        Transport(base_url).send("GET", base_url)
    assert CANARY not in str(caught.value)


def test_a_proxy_that_wants_a_password_is_told(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", api.base_url)
    api.gets(Answer({}, 407))
    with pytest.raises(ConfigError, match="http_proxy wants a user and a password"):
        Transport("http://api.test").send("GET", "http://api.test/x")


def test_a_host_that_refuses_is_an_outage_and_no_setting() -> None:
    with pytest.raises(NoAnswer, match="ConnectionError"):
        Transport("http://127.0.0.1:1").send("GET", "http://127.0.0.1:1")


def test_a_certificate_that_is_not_trusted_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: ScriptedApi
) -> None:
    file = own_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    api._server.socket = context.wrap_socket(api._server.socket, server_side=True)
    address = api.base_url.replace("http:", "https:")
    with pytest.raises(ConfigError, match=r"certificate of 127.0.0.1 is not trusted .*REQUESTS_CA_BUNDLE"):
        Transport(address).send("GET", address)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    assert Transport(address).send("GET", address).json() == []


def own_certificate(folder: Path) -> Path:
    """A certificate nobody else has signed, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=own"]
        + ["-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )
    file = folder / "own.pem"
    file.write_bytes(key.read_bytes() + certificate.read_bytes())
    return file
