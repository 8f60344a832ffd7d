"""A stand-in for the Breezeway API: a real HTTP server over an invented, editable world."""

from __future__ import annotations

from .answers import LoggedRequest
from .faults import Faults
from .server import Sandbox
from .world import World

__all__ = ["Faults", "LoggedRequest", "Sandbox", "World"]
