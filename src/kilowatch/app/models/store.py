"""Where model artifacts come from: the models folder, else an HTTP source, whose bytes are verified and kept there."""

from __future__ import annotations

import re
import ssl
import time
from typing import TYPE_CHECKING

from kilowatch.errors import ConfigError, ModelError
from kilowatch.links.lean_httpx import httpx
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.onnx_file import MOST_BYTES

if TYPE_CHECKING:
    from kilowatch.nets.artifact import Artifact
    from kilowatch.nets.registry import ModelRegistry

_HASH = re.compile(r"[0-9a-f]{64}")
_TIMEOUT_S, _WHOLE_S = 10.0, 120.0


class MissingModelError(ModelError):
    """A model is nowhere at present; it may come."""


class HttpModels:
    """Asks URL/SHA256.onnx, follows nobody elsewhere, and takes no more bytes than a model has."""

    def __init__(self, url: str, token: str | None = None, ca_file: str | None = None) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"models.url is no HTTP address: {url!r}.", "Write it as https://HOST/FOLDER.")
        self._url, self._headers = url.rstrip("/"), {} if token is None else {"Authorization": f"Bearer {token}"}
        self._verify = _trusting(ca_file)

    def fetch(self, sha256: str) -> bytes:
        """Return the bytes under a hash, not verified; `MissingModelError` where they are not to be had."""
        where, deadline_s = f"{self._url}/{sha256}.onnx", time.monotonic() + _WHOLE_S
        body = bytearray()
        try:
            with (
                # trust_env: where models come from is said by the settings, and by no proxy of the environment.
                httpx.Client(headers=self._headers, timeout=_TIMEOUT_S, verify=self._verify, trust_env=False) as client,
                client.stream("GET", where) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise MissingModelError(f"{where} answers with HTTP {answer.status_code}.", "Is it there?")
                for piece in answer.iter_bytes():
                    body += piece
                    # The timeout is for each piece alone: a source that drips would hold the one thread for ever.
                    if len(body) > MOST_BYTES or time.monotonic() > deadline_s:
                        raise ModelError(f"{where} is too large or too slow to be a model.", "Is it one?")
        except (httpx.HTTPError, ssl.SSLError) as error:
            raise MissingModelError(f"{where} cannot be fetched: {error}.", "Does the source run?") from error
        return bytes(body)


class ModelStore:
    """Models by hash. folder: what was fetched is kept there."""

    def __init__(self, folder: ModelRegistry, source: HttpModels | None = None) -> None:
        self._folder = folder
        self._source = source

    def get(self, sha256: str) -> Artifact:
        """Return a model, its hash verified; `ModelError` where it is not what it should be, or nowhere."""
        if not _HASH.fullmatch(sha256):
            raise ModelError(f"{sha256[:80]!r} is no SHA-256.", "Choose a model by its whole hash.")
        if self._folder.path(sha256).exists():
            return self._folder.read(sha256)
        if self._source is None:
            hint = "Copy it there, or name an HTTP source as models.url."
            raise MissingModelError(f"Model {sha256[:12]} is not in the models folder.", hint)
        data = self._source.fetch(sha256)
        artifact = artifact_of(data, sha256)
        self._folder.add(data)
        return artifact


def _trusting(ca_file: str | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"models.ca_file: {ca_file} holds no certificates: {error}.", "Give a PEM file.") from error
