"""What the service reads from its environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict

from . import cores
from .preprocessing import MAX_PIXELS


class Settings(BaseSettings):
    """The environment variables of the service; each has the name of its field in capitals."""

    model_config = SettingsConfigDict(frozen=True, protected_namespaces=())

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    model_path: Path = Path("model")

    threads: PositiveInt = Field(default_factory=cores.granted)
    """Photos that are decoded and classified at once; as many as there are cores."""
    max_batch: PositiveInt = 8
    """Photos that a thread classifies together, if so many wait."""

    max_bytes: PositiveInt = 10 * 2**20
    """The largest image file taken."""
    max_pixels: PositiveInt = MAX_PIXELS
    max_requests: PositiveInt = 160
    """Requests for predictions at once, waiting ones included; it bounds how long one waits."""
    max_held_bytes: PositiveInt = 80 * 2**20
    """Bytes of their bodies at once; it bounds the memory."""
    upload_timeout: PositiveFloat = 30.0
    """Seconds that an upload may take."""
    stuck_after: PositiveFloat = 30.0
    """Seconds of one prediction after which the service no longer calls itself ready."""
    shutdown_timeout: PositiveInt = 20
    """Seconds that requests are given to be answered once the service is told to end."""

    git_commit: str = "unknown"
    azureml_job: str = "unknown"
    model_name: str = "unknown"
    model_version: str = "unknown"
