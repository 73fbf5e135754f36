"""Logs: for a person at a terminal, or as JSON lines for a machine."""

from __future__ import annotations

import logging
import sys
from typing import Literal

from pythonjsonlogger.json import JsonFormatter
from rich.console import Console
from rich.logging import RichHandler


def configure(form: Literal["text", "json"], level: str, *, verbose: bool = False) -> None:
    """Send all logs to stderr. ``verbose`` shows Artalike's debug messages, whatever the level."""
    if form == "json":
        handler: logging.Handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(
            JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields={"asctime": "time"})
        )
    else:
        # Log lines hold text from the web: neither markup nor emoji codes in it may be acted on.
        handler = RichHandler(
            console=Console(stderr=True), show_path=False, markup=False, log_time_format="%H:%M:%S", highlighter=None
        )
        handler.setFormatter(logging.Formatter("%(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("artalike").setLevel(logging.DEBUG if verbose else level.upper())
    for chatty in ("aiohttp.access", "aiosqlite", "PIL", "faiss"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # what it cannot get, we tell ourselves
