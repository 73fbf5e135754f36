"""Addresses of PostgreSQL databases: what of them may be shown, and what they say of how to connect."""

from __future__ import annotations

import os
import ssl
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

from artalike.errors import SettingError

SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
OPTIONAL: Final = ("allow", "prefer")
HERE: Final = ("", "localhost", "127.0.0.1", "::1")

Tls = ssl.SSLContext | bool


def without_password(url: str) -> str:
    """For people: where the database is, and for whom. Raises SettingError when it is no such address."""
    try:
        parts = urlsplit(url)
        _, place = parts.port, parts.netloc.rpartition("@")[2]
    except ValueError:
        raise SettingError("storage.catalog: expected postgresql://user@host:port/database") from None
    if parts.scheme not in {"postgresql", "postgres"}:
        raise SettingError(f"storage.catalog: {parts.scheme or 'no'} scheme; expected postgresql://user@host/database")
    user = f"{quote(parts.username)}@" if parts.username else ""
    return f"{parts.scheme}://{user}{place}{parts.path}"


def said_without_password(error: Exception, url: str) -> str:
    """What an error says, which may quote the address."""
    password = password_in(url) if url else ""
    return str(error).replace(password, "…") if password else str(error)


# asyncpg would read passwords and certificates from files on the event loop, where it is not told all of this.


def password_in(url: str) -> str:
    """Of the address, or of the environment."""
    parts = urlsplit(url)
    asked = parse_qs(parts.query).get("password", [""])[0]
    return unquote(parts.password or "") or asked or os.environ.get("PGPASSWORD", "")


def ways_to_connect(url: str) -> list[Tls]:
    """How to connect, best first: as the address's ``sslmode`` says, and by ``prefer``, libpq's own default.

    https://www.postgresql.org/docs/current/libpq-ssl.html. On this machine ``prefer`` is without. Reads certificates.
    """
    parts = urlsplit(url)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    mode = asked.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer"
    if mode not in SSL_MODES:
        raise SettingError(f"storage.catalog: sslmode = {mode!r}: expected one of {', '.join(SSL_MODES)}")
    if mode == "disable" or (mode in OPTIONAL and (parts.hostname or "") in HERE):
        return [False]
    verified = mode.startswith("verify")
    context = ssl.create_default_context(cafile=asked.get("sslrootcert") if verified else None)
    context.check_hostname = mode == "verify-full"
    if not verified:
        context.verify_mode = ssl.CERT_NONE
    if "sslcert" in asked:
        context.load_cert_chain(asked["sslcert"], asked.get("sslkey"))
    return [context, False] if mode in OPTIONAL else [context]
