"""The emulator's page: jobs, models, data and computes to look at in a browser, rendered here and only to be read."""

from __future__ import annotations

from .server import Server

__all__ = ["Server"]
