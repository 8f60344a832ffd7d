"""Secrets and guests, planted in a world and in the environment of runs, and a search of all that runs leave behind."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import zlib
from pathlib import Path

import pendulum
import psycopg2
from started import PROGRAM, ROOT, run_py

from breezeway_source.sandbox import Sandbox, World

SECRET = "canary-secret-7f31"
GUEST = "Canaryguest"
WIFI = "canary-wifi-95c2"
HOOK = "canary-hook-22ab"
DATABASE_PASSWORD = "canary-database-81dd"
PROXY_PASSWORD = "canary-proxy-63aa"
PERSONAL = (GUEST, WIFI)
POSTGRES = "DESTINATION__POSTGRES__CREDENTIALS"
REGION = ("--region", "smoky")
RUN = " ".join((sys.executable, PROGRAM, *REGION))
LOAD = "--entities all --report report.json"


def planted_world(*, properties: int = 4, tasks: int = 4) -> World:
    """Smoky as it is today, with a guest, a note, comments, contacts and a key code to be found again."""
    world = World.seeded("smoky", now=pendulum.now("UTC"), properties=properties, tasks_per_property=tasks)
    (first, second, *_) = world.properties
    world.edit_property(first, wifi_password=WIFI, notes={"access": f"code {WIFI}"})
    stay = world.add_reservation(
        property_id=first, guests=[{"first_name": GUEST, "last_name": GUEST}], note=GUEST
    )
    task = world.add_task(home_id=first, linked_reservation={"id": stay["id"]}, name="Clean")
    world.set_comments(task["id"], [{"id": 1, "comment": f"{GUEST} lost the {WIFI}"}])
    world.set_contacts(first, [{"id": 9, "name": GUEST, "email": f"{GUEST}@example.test"}])
    world.set_contacts(second, [{"id": 10, "name": GUEST}])
    return world


def heed_interrupts() -> None:
    """For the child of a process that was started with `&`, where a shell has Ctrl-C ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Leavings:
    """A folder in which runs happen, and everything they leave there or say."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.said: list[str] = []
        (folder / ".dlt").mkdir()
        (folder / ".dlt" / "config.toml").write_bytes((ROOT / ".dlt" / "config.toml").read_bytes())

    def run(self, *options: str, **environment: str) -> int:
        """One load, as verbose as it can be; without marts, where nothing is asked for them."""
        return self._call([*LOAD.split(), "--verbose", *options], environment)

    def check(self, *options: str, **environment: str) -> int:
        """One `--check`."""
        return self._call(["--check", "--verbose", *options], environment)

    def shell(self, line: str, **environment: str) -> int:
        """A line of the shell, which is spared where there is nothing else in it; RUN in it is run.py with its
        region, LOAD what a load is told.
        """
        line = line.replace("LOAD", LOAD)
        if re.fullmatch(r"RUN( [\w.-]+)*", line):
            return self._call(line.split()[1:], environment)
        done = subprocess.run(
            ["bash", "-c", line.replace("RUN", RUN)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=120,
            preexec_fn=heed_interrupts,
            env=self._environ(environment),
        )
        return self._heard(done)

    def _call(self, options: list[str], environment: dict[str, str]) -> int:
        return self._heard(run_py([*REGION, *options], self.folder, self._environ(environment)))

    def _heard(self, done: subprocess.CompletedProcess[str]) -> int:
        self.said += [done.stdout, done.stderr]
        return done.returncode

    def _environ(self, more: dict[str, str]) -> dict[str, str]:
        return {
            **os.environ,
            "HOME": str(self.folder / "home"),
            "XDG_CACHE_HOME": str(self.folder / "home" / "cache"),
            "DLT_DATA_DIR": str(self.folder / "dlt"),
            "RUNTIME__LOG_LEVEL": "DEBUG",
            "RUNTIME__SLACK_INCOMING_HOOK": f"http://127.0.0.1:1/{HOOK}",
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "SOURCES__BREEZEWAY__BASE_URL": self.sandbox.base_url,
            "SOURCES__BREEZEWAY__REQUESTS_PER_MINUTE": "60000",
            "SOURCES__BREEZEWAY__MARTS": "false",
            "SOURCES__BREEZEWAY__LOG_FOLDER": "logs",
            "SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_ID": "canary-client",
            "SOURCES__BREEZEWAY__REGIONS__SMOKY__CLIENT_SECRET": SECRET,
            **more,
        }

    @property
    def tokens(self) -> list[str]:
        return list(self.sandbox.tokens._tokens)

    def holding(self, *words: str) -> dict[str, set[str]]:
        """File, or `output`, to the words it holds; also within compressed and escaped text."""
        found: dict[str, set[str]] = {}
        texts = {"output": "\n".join(self.said).encode()}
        for path in self.folder.rglob("*"):
            if path.is_file():
                texts[str(path.relative_to(self.folder))] = path.read_bytes()
        for name, content in texts.items():
            held = {word for word in words if word.encode() in content or word.encode() in _unpacked(content)}
            if held:
                found[name] = held
        return found


def _unpacked(content: bytes) -> bytes:
    """What gzip or zlib made small (dlt's packages, its stored state)."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(content)
    except zlib.error:
        return b""


def assert_no_secret(leavings: Leavings) -> None:
    """No secret anywhere; the token in its cache file alone, which is its owner's."""
    assert leavings.holding(SECRET, HOOK, DATABASE_PASSWORD, PROXY_PASSWORD) == {}
    for name in leavings.holding(*leavings.tokens):
        file = leavings.folder / name
        assert file.parent == leavings.folder / "home" / "cache" / "breezeway" and file.suffix == ".json", (
            name
        )
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def database_text(url: str) -> str:
    """Every row of every table of the database, as JSON."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select table_schema, table_name from information_schema.tables where table_schema like 'breezeway%'"
        )
        texts = []
        for schema, table in cursor.fetchall():
            cursor.execute(f'select coalesce(json_agg(t)::text, \'\') from "{schema}"."{table}" as t')
            texts.append((cursor.fetchone() or ("",))[0])
    return "\n".join(texts)
