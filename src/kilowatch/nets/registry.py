"""A folder of models: files by hash that never change, and an index that says which one serves where.

`models/<sha256>.onnx` and `index.json`. A post is a network for a kind of device (or any): it has one live model, may
have one in shadow, and remembers what was live before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kilowatch.errors import ConfigError, ModelError
from kilowatch.nets.artifact import Artifact, artifact_of, read_artifact
from kilowatch.nets.card import Network
from kilowatch.nets.locks import alone
from kilowatch.nets.whole_file import whole_file

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

ANY = "any"
INDEX_FORMAT = 1


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """Which model serves a network's place for a kind of device; past: live ones before, the latest last."""

    network: Network
    device_kind: str = ANY
    live: str | None = None
    shadow: str | None = None
    past: tuple[str, ...] = ()


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """All posts of a registry."""

    format: int = INDEX_FORMAT
    posts: tuple[Post, ...] = ()


class ModelRegistry:
    """Models in a folder. Reading makes nothing; the folder is made by the first model that comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def index(self) -> Index:
        """Return all posts; `ModelError` where the index is corrupt or newer."""
        path = self._folder / "index.json"
        if not path.exists():
            return Index()
        try:
            index = msgspec.json.decode(path.read_bytes(), type=Index)
        except (msgspec.MsgspecError, OSError) as error:
            raise ModelError(f"{path} cannot be read: {error}.", "Restore it from a backup.") from None
        if index.format != INDEX_FORMAT:
            message = f"{path} has format {index.format}; this version reads {INDEX_FORMAT}."
            raise ModelError(message, "Upgrade kilowatch; nothing was changed.")
        return index

    def hashes(self) -> list[str]:
        """Return the SHA-256 of every model in the folder, sorted."""
        return sorted(path.stem for path in self._models.glob("*.onnx"))

    def find(self, start: str) -> str:
        """Return the hash that begins so; `ConfigError` where none or several do."""
        found = [digest for digest in self.hashes() if start and digest.startswith(start.lower())]
        if len(found) != 1:
            message = f"{len(found) or 'No'} models begin with {start!r}."
            raise ConfigError(message, "See them with: kilowatch models list.")
        return found[0]

    def read(self, digest: str) -> Artifact:
        """Return a model, its hash verified."""
        return read_artifact(self.path(digest), digest)

    def path(self, digest: str) -> Path:
        """Return where a model of that hash lies."""
        return self._models / f"{digest}.onnx"

    def add(self, data: bytes) -> Artifact:
        """Take a model file in, verified; one that is there already stays as it is."""
        artifact = artifact_of(data)
        path = self.path(artifact.sha256)
        if path.exists():
            return artifact
        self._models.mkdir(parents=True, exist_ok=True)
        with self._alone():
            if not path.exists():
                with whole_file(path) as file:
                    file.write(data)
                # Its name is its hash: whoever edits it should be stopped here, not when it is next loaded.
                path.chmod(0o444)
        return artifact

    def post(self, network: Network, device_kind: str = ANY) -> Post:
        """Return who serves a post; one without models where none was promoted."""
        for post in self.index().posts:
            if (post.network, post.device_kind) == (network, device_kind):
                return post
        return Post(network=network, device_kind=device_kind)

    def promote(self, digest: str, device_kind: str = ANY, *, shadow: bool = False) -> Post:
        """Make a model live, or put it in shadow beside the live one, once it is verified."""
        artifact = self.read(digest)
        with self._alone():
            post = self.post(artifact.card.kind, device_kind)
            if shadow:
                return self._put(msgspec.structs.replace(post, shadow=digest))
            # Live once more would put the model into its own past, and a rollback would lead to itself.
            if post.live == digest:
                return post
            past = post.past if post.live is None else (*post.past, post.live)
            kept = None if post.shadow == digest else post.shadow
            return self._put(msgspec.structs.replace(post, live=digest, shadow=kept, past=past))

    def rollback(self, network: Network, device_kind: str = ANY) -> Post:
        """Make the model live that was so before; `ConfigError` where there is none."""
        if not self._folder.is_dir():
            raise _none_before(network, device_kind)
        with self._alone():
            post = self.post(network, device_kind)
            if not post.past:
                raise _none_before(network, device_kind)
            # Verified first: a file that is gone or torn by now must not become live.
            self.read(post.past[-1])
            return self._put(msgspec.structs.replace(post, live=post.past[-1], past=post.past[:-1]))

    @property
    def _models(self) -> Path:
        return self._folder / "models"

    def _alone(self) -> AbstractContextManager[None]:
        # Who changes the index reads it first: of two at once one would undo what the other did.
        return alone(self._folder / "lock")

    def _put(self, post: Post) -> Post:
        key = (post.network, post.device_kind)
        others = [other for other in self.index().posts if (other.network, other.device_kind) != key]
        index = Index(posts=tuple(sorted([*others, post], key=lambda each: (each.network, each.device_kind))))
        with whole_file(self._folder / "index.json") as file:
            file.write(msgspec.json.format(msgspec.json.encode(index), indent=2))
        return post


def _none_before(network: Network, device_kind: str) -> ConfigError:
    return ConfigError(f"No {network} for {device_kind} was live before.", "Promote one instead.")
