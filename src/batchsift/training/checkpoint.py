"""A checkpoint of a training run: everything needed to go on exactly, in one file."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from batchsift.entries import check_keys, part
from batchsift.training.configuration import check_same_run, warn_of_versions
from batchsift.training.contents import content_of, text_of
from batchsift.training.environment import generator_states, restore_generators
from batchsift.training.loop import TrainingLoop
from batchsift.training.provenance import versions
from batchsift.training.tensor_files import load_tensors, save_tensors

VERSION = 1


class Checkpoint:
    """The checkpoint of one run.

    Args:
        path: The file.
        identity: The identity of the run, see `Configuration.identity`.
        device: The device it trains on.
        seconds: How old the last checkpoint must be for another one.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], *, device: str, seconds: float) -> None:
        self.path, self.identity, self.device, self.seconds = path, identity, device, seconds
        self._last = time.monotonic()

    def restore(self, loop: TrainingLoop) -> None:
        """Put a new loop and the random generators where the checkpoint was written; leave them where there is none.

        Raises:
            ValueError: Where the file is damaged, of another version, or of another run.
        """
        if self.path.is_file():
            saved = load_tensors(self.path)
            if saved.get("version") != VERSION:
                raise ValueError(f"{self.path} is of another version of batchsift: remove it to start again")
            with content_of(self.path, "remove it to train from the beginning"):
                config = read_config(saved)
                before = saved.get("versions", versions())  # older ones do not say theirs
                check_keys(before, (), others=True)
            check_same_run(self.path.parent, config, self.identity)
            warn_of_versions(self.path.parent, before)
            with content_of(self.path, "remove it to train from the beginning"):
                check_keys(saved, ("version", "config", *loop.state_dict(), "generators"), others="versions" in saved)
                check_keys(saved["generators"], generator_states(self.device), others=True)
                loop.check_state(saved)
                restore_generators(saved["generators"], self.device)
                loop.load_state_dict(saved)
        self._last = time.monotonic()

    def save_if_due(self, loop: TrainingLoop) -> None:
        """Write the checkpoint, between two epochs or two batches, if the last one is old enough.

        Raises:
            OSError: Where it cannot be written.
        """
        if time.monotonic() - self._last < self.seconds:
            return
        content = {
            "version": VERSION,
            "config": json.dumps(self.identity),
            "versions": dict(versions()),
            **loop.state_dict(),
            "generators": generator_states(self.device),
        }
        save_tensors(self.path, content)
        self._last = time.monotonic()

    def remove(self) -> None:
        """Remove the file: the run is over."""
        self.path.unlink(missing_ok=True)


def read_config(saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the identity of the run that a checkpoint is of.

    Raises:
        ValueError: It has none.
    """
    check_keys(saved, ("config",), others=True)
    with part("config"):
        config: dict[str, Any] = json.loads(text_of(saved, "config"))
        check_keys(config, ("training",), others=True)
        check_keys(config["training"], ("epochs",), others=True)
    return config
