"""The token: one a day for all workers, processes and runs, and what the odd answers of its endpoint mean."""

from __future__ import annotations

import base64
import copy
import json
import logging
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from scripted_api import Answer, Asked, ScriptedApi

from breezeway_source.api.auth import Auth, expiry
from breezeway_source.api.counters import Counters
from breezeway_source.api.token_cache import user_cache_dir
from breezeway_source.errors import AuthError

NOON = datetime(2031, 3, 4, 12, 0, 0, tzinfo=timezone.utc)
ID, SECRET = "the-client-id", "the-client-secret"


class FakeDay:
    """A wall clock that only moves when someone sleeps."""

    def __init__(self) -> None:
        self.now = NOON
        self.slept: list[float] = []

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


def jwt(expires_at: datetime, mark: str = "") -> str:
    def part(claims: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part({'exp': int(expires_at.timestamp()), 'mark': mark})}.signature"


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    api = ScriptedApi()
    yield api
    api.close()


@pytest.fixture
def day() -> FakeDay:
    return FakeDay()


@pytest.fixture
def make(api: ScriptedApi, day: FakeDay, tmp_path: Path) -> Any:
    def make(secret: str = SECRET, **extra: Any) -> Auth:
        options: dict[str, Any] = {"region": "smoky", "cache_dir": tmp_path / "cache", "clock": day.clock}
        return Auth(api.base_url, ID, secret, **{**options, "sleep": day.sleep, **extra})

    return make


def test_a_token_is_fetched_with_the_key_pair_and_kept(api: ScriptedApi, make: Any) -> None:
    counters = Counters()
    auth = make(counters=counters)
    assert [auth.token(), auth.token()] == ["token-1", "token-1"]
    assert [(asked.path, asked.body) for asked in api.requests] == [
        ("/public/auth/v1/", {"client_id": ID, "client_secret": SECRET})
    ]
    assert counters.token_calls == 1


def test_sixteen_threads_make_one_token_call(api: ScriptedApi, make: Any) -> None:
    auth = make()
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: auth.token(), range(64))) == {"token-1"}
    assert api.count("POST") == 1


def test_four_processes_make_one_token_call(api: ScriptedApi, tmp_path: Path) -> None:
    script = (
        "import sys, pathlib, types\n"
        # The package without its __init__: four imports of dlt would take most of this suite's time.
        "package = sys.modules['breezeway_source'] = types.ModuleType('breezeway_source')\n"
        "package.__path__ = ['breezeway_source']\n"
        "from breezeway_source.api.auth import Auth\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        f"print(Auth({api.base_url!r}, {ID!r}, {SECRET!r}, cache_dir=folder).token())"
    )
    root = str(Path(__file__).parent.parent)
    processes = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=root)
        for _ in range(4)
    ]
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == ["token-1"] * 4
    assert api.count("POST") == 1


def test_the_cache_is_private_and_serves_the_next_run(api: ScriptedApi, make: Any, tmp_path: Path) -> None:
    make().token()
    assert make().token() == "token-1"
    assert api.count("POST") == 1
    folder = tmp_path / "cache"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = sorted(folder.iterdir())
    assert [file.suffix for file in files] == [".json", ".lock"]
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert len(file.stem) == 64
        assert ID not in file.read_text() + file.name
        assert SECRET not in file.read_text()


@pytest.mark.parametrize("harm", ["garbage", "empty", "readable", "other shape", "link", "folder"])
def test_a_cache_file_that_cannot_be_trusted_is_ignored(
    harm: str, api: ScriptedApi, make: Any, tmp_path: Path
) -> None:
    make().token()
    (file,) = (tmp_path / "cache").glob("*.json")
    if harm == "garbage":
        file.write_bytes(b'{"access_token": "to')
    elif harm == "empty":
        file.write_bytes(b"")
    elif harm == "readable":
        file.chmod(0o644)
    elif harm == "other shape":
        file.write_text('["token-0"]')
    elif harm == "link":
        file.rename(tmp_path / "elsewhere")
        file.symlink_to(tmp_path / "elsewhere")
    else:
        file.unlink()
        file.mkdir()
    assert make().token() == "token-1"
    assert api.count("POST") == 2


def test_a_cache_folder_that_cannot_be_made_is_no_error(api: ScriptedApi, make: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    auth = make(cache_dir=tmp_path / "file" / "cache")
    assert [auth.token(), auth.token()] == ["token-1", "token-1"]
    assert api.count("POST") == 1


def test_another_secret_is_another_entry(api: ScriptedApi, make: Any) -> None:
    make().token()
    make(secret="wrong").token()
    assert api.count("POST") == 2


def test_the_tokens_own_expiry_decides_five_minutes_ahead(api: ScriptedApi, make: Any, day: FakeDay) -> None:
    first, second = jwt(NOON + timedelta(hours=12)), jwt(NOON + timedelta(hours=24))
    api.posts(Answer({"access_token": first}), Answer({"access_token": second}))
    auth = make()
    assert auth.token() == first
    day.now = NOON + timedelta(hours=11, minutes=54)
    assert auth.token() == first
    day.now += timedelta(minutes=1)
    assert auth.token() == second
    assert make().token() == second
    assert api.count("POST") == 2


def test_an_unreadable_token_is_renewed_after_a_day(api: ScriptedApi, make: Any, day: FakeDay) -> None:
    auth = make()
    auth.token()
    day.now += timedelta(hours=22, minutes=54)
    auth.token()
    assert api.count("POST") == 1
    day.now += timedelta(minutes=1)
    auth.token()
    assert api.count("POST") == 2


def test_a_token_of_a_minute_is_not_renewed_at_every_request(
    api: ScriptedApi, make: Any, day: FakeDay
) -> None:
    api.posts(Answer({"access_token": jwt(NOON + timedelta(minutes=1))}))
    auth = make()
    assert auth.token() == auth.token()
    assert api.count("POST") == 1


@pytest.mark.parametrize(
    "token", ["opaque", "a.b.c", "a.bm90IGpzb24.c", f"a.{base64.b64encode(b'[]').decode()}.c"]
)
def test_a_token_that_is_no_jwt_has_no_known_expiry(token: str) -> None:
    assert expiry(token) is None
    assert expiry(jwt(NOON)) == NOON


def test_renewing_is_done_once_for_all_threads(api: ScriptedApi, make: Any) -> None:
    api.posts(Answer({"access_token": "token-1"}), Answer({"access_token": "token-2"}))
    auth = make()
    stale = auth.token()
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: auth.renew(stale), range(16))) == {"token-2"}
    assert api.count("POST") == 2


def test_a_renewal_by_another_process_is_taken_over(api: ScriptedApi, make: Any) -> None:
    api.posts(Answer({"access_token": "token-1"}), Answer({"access_token": "token-2"}))
    one, other = make(), make()
    assert one.token() == other.token() == "token-1"
    assert one.renew("token-1") == "token-2"
    assert other.renew("token-1") == "token-2"
    assert api.count("POST") == 2


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(b""), "credentials refused"),
        (Answer(b"null"), "credentials refused"),
        (Answer({}), "credentials refused"),
        (Answer({"error": "inactive client"}), "inactive client"),
        (Answer({"error": f"no client {ID}"}), "answered 200 with an error."),
        (Answer({"access_token": ""}), "without an access_token"),
        (Answer({"access_token": None}), "without an access_token"),
        (Answer([{"access_token": "x"}]), "without an access_token"),
        (Answer({"error": "x"}, 401), "401"),
        (Answer({"error": "x"}, 403), "403"),
        (Answer({"error": "x"}, 404), "404, so no tokens are given there: is base_url right?"),
        (Answer(b"<html>", 405), "405, so no tokens are given there: is base_url right?"),
        (Answer({}, 302, {"Location": "http://127.0.0.1:1/"}), "302"),
    ],
)
def test_a_refusal_of_the_credentials_is_final(
    answer: Answer, told: str, api: ScriptedApi, make: Any
) -> None:
    api.posts(answer)
    auth = make()
    for _ in range(3):
        with pytest.raises(AuthError) as caught:
            auth.token()
        assert told in str(caught.value)
        assert "'smoky'" in str(caught.value)
        assert ID not in str(caught.value) and SECRET not in str(caught.value)
        assert caught.value.permanent
    assert api.count("POST") == 1


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        ({"error": "x", "details": {"retry_after": "2031-03-04T12:00:40"}}, {}, 41),
        ({"error": "x", "details": {"retry_after": "2031-03-04T13:00:40+01:00"}}, {}, 41),
        ({"error": "x", "details": {"retry_after": "2031-03-04T12:00:40Z"}}, {"Retry-After": "9"}, 41),
        ({"error": "x", "details": {"retry_after": 20}}, {}, 21),
        ({"error": "x", "details": {"retry_after": "20"}}, {}, 21),
        ({"error": "x", "details": {"retry_after": 0}}, {}, 1),
        ({"error": "x", "retry_after": 30}, {}, 31),
        ({"error": "x"}, {"Retry-After": "12"}, 13),
        ({"error": "x", "details": "soon"}, {}, 61),
        ({"error": "x", "details": {"retry_after": "soon"}}, {}, 61),
        ({"error": "x", "details": {"retry_after": "2031-03-04T11:59:58"}}, {}, 1),
        ({"error": "x", "details": {"retry_after": "2031-03-04T09:00:00"}}, {}, 61),
        ({"error": "x", "details": {"retry_after": "2031-03-05T12:00:00"}}, {}, 901),
        (b"<html>", {}, 61),
    ],
)
def test_a_429_is_waited_out_as_its_answer_says(
    body: Any, headers: dict[str, str], seconds: float, api: ScriptedApi, make: Any, day: FakeDay
) -> None:
    api.posts(Answer(body, 429, headers), Answer({"access_token": "token-1"}))
    assert make().token() == "token-1"
    assert day.slept == [seconds]
    assert api.count("POST") == 2


def test_waiting_is_told_in_one_line(api: ScriptedApi, make: Any, caplog: pytest.LogCaptureFixture) -> None:
    api.posts(Answer({"details": {"retry_after": "2031-03-04T21:41:57"}}, 429), Answer({"access_token": "t"}))
    with caplog.at_level(logging.INFO):
        make(sleep=lambda seconds: None).token()
    assert caplog.messages == [
        "Token request answered 429 for region 'smoky'; waiting until 12:15:01 UTC."  # capped at 15 minutes
    ]


def test_an_endless_429_ends_after_five_waits(api: ScriptedApi, make: Any, day: FakeDay) -> None:
    api.posts(Answer({"details": {"retry_after": 10}}, 429))
    with pytest.raises(AuthError, match="answered 429") as caught:
        make().token()
    assert caught.value.status == 429 and not caught.value.permanent
    assert day.slept == [11] * 5
    assert api.count("POST") == 6


def test_who_is_called_off_while_waiting_leaves_no_storm_behind(api: ScriptedApi, make: Any) -> None:
    api.posts(Answer({"details": {"retry_after": 100}}, 429))

    def called_off(seconds: float) -> None:
        raise RuntimeError

    auth = make(sleep=called_off)
    for _ in range(5):
        with pytest.raises(RuntimeError):
            auth.token()
    assert api.count("POST") == 1


@pytest.mark.parametrize(
    "answer",
    [Answer({}, 503), Answer({}, 500), Answer(b"<html>"), Answer({"access_token": "x"}, cut_after=5)],
)
def test_an_outage_of_the_token_endpoint_is_tried_again(answer: Answer, api: ScriptedApi, make: Any) -> None:
    api.posts(answer, answer, Answer({"access_token": "token-1"}))
    assert make().token() == "token-1"
    api.posts(answer)
    with pytest.raises(AuthError) as caught:
        make(secret="other").token()
    assert not caught.value.permanent
    assert api.count("POST") == 3 + 5


def test_nobody_listening_is_an_error_without_an_address(make: Any, tmp_path: Path) -> None:
    auth = Auth("http://127.0.0.1:1", ID, SECRET, cache_dir=tmp_path, sleep=lambda seconds: None)
    with pytest.raises(AuthError, match="no complete answer") as caught:
        auth.token()
    assert ID not in str(caught.value)


def test_nothing_secret_is_in_texts_and_a_copy_is_the_same_object(
    api: ScriptedApi, make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    auth = make()
    with caplog.at_level(logging.DEBUG):
        token = auth.token()
    assert repr(auth) == "Auth('smoky')"
    assert token not in repr(auth._token)
    assert not any(word in caplog.text for word in (ID, SECRET, token))
    assert copy.deepcopy(auth) is auth


def test_an_entry_of_netrc_does_not_replace_the_token(
    api: ScriptedApi, make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    make().token()
    assert api.requests[0].token == ""


def test_the_cache_folder_follows_the_platforms_convention(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache_dir() == tmp_path / "breezeway"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert user_cache_dir() == tmp_path / ".cache" / "breezeway"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert user_cache_dir() == tmp_path / "Library" / "Caches" / "breezeway"


def test_the_lock_of_a_dead_process_is_not_in_the_way(api: ScriptedApi, make: Any, tmp_path: Path) -> None:
    make().token()
    (lock,) = (tmp_path / "cache").glob("*.lock")
    program = f"import fcntl, os; fcntl.flock(open({str(lock)!r}), fcntl.LOCK_EX); os._exit(1)"
    subprocess.run([sys.executable, "-c", program], check=False)
    assert make().renew("token-1") == "token-1"
    assert api.count("POST") == 2


def test_a_waiting_process_takes_the_token_of_the_one_that_fetched_it(api: ScriptedApi, make: Any) -> None:
    arrived, go = threading.Event(), threading.Event()

    def slow(asked: Asked) -> Answer:
        arrived.set()
        go.wait(5)
        return Answer({"access_token": "token-1"})

    api.on_post = slow
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(make().token)
        arrived.wait(5)
        second = pool.submit(make(sleep=lambda seconds: go.set()).token)
        assert [first.result(5), second.result(5)] == ["token-1", "token-1"]
    assert api.count("POST") == 1
