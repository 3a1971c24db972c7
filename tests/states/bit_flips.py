"""Flips bits of saved states, models, checkpoints, summaries and stores, and looks at what is made of them.

    python -m tests.states.bit_flips --flips 100000
    python -m tests.states.bit_flips --minutes 60 --seed 1
    python -m tests.states.bit_flips --flips 1 --first 1234

Each case is refused with a reason, or taken over and sound; else it is a failure: another exception, a crash, a hang,
something that cannot be. Its number makes it again. In half of the cases the bit is one of a file, in the other half
one of a value inside, with all sums of the file made right again.
"""

import argparse
import io
import multiprocessing
import resource
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import torch

from batchsift.data import MultiLabelData
from batchsift.studies.analysis.runs import Run
from batchsift.studies.store import Store
from batchsift.training import checkpoint
from batchsift.training.configuration import Configuration
from batchsift.training.fit import fit
from batchsift.training.folder import read_summary
from batchsift.training.loop import DivergedError, TrainingLoop
from batchsift.training.model import TrainedModel
from batchsift.training.parts import Part
from batchsift.training.settings import Settings
from batchsift.training.tensor_files import load_tensors, save_tensors

from . import METHODS, copied, inner, leaves, make, require_sound, train

SECONDS_A_CASE = 900  # beyond them it hangs
MEMORY = 12 * 2**30
SETTINGS = Settings(epochs=3, batch_size=16, learning_rate=1e-2, validation_share=0.4)
OUTCOMES = ("refused", "sound", "failed")


class Targets:
    """What bits are flipped in: made once, in a folder.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder):
        self.folder = folder
        self.states = {}
        for name in METHODS:
            selector = make(name)
            train(selector, 2, 2)
            self.states[name] = selector.state_dict()
        self.features = np.random.default_rng(0).normal(size=(80, 5))
        labels = (self.features[:, :3] > 0).astype(float)
        data = MultiLabelData(self.features, labels, tuple("abcde"), ("x", "y", "z"), "made")
        options = {"model": "mlp", "method": "d2ace", "settings": SETTINGS, "hyperparameters": {"hidden": [4]}}
        fit(data, folder / "done", calibrate="sigmoid", **options)
        self.configuration = Configuration(**options)
        self.part = Part(torch.from_numpy(self.features[:48]).float(), torch.from_numpy(labels[:48]).float())
        self.identity = read_summary(folder / "done")["config"]
        loop = TrainingLoop(self.configuration, self.part, self.part, selection_seed=1)
        epochs = loop.epochs()
        next(epochs), next(epochs)
        checkpoint.Checkpoint(folder / "checkpoint.pt", self.identity, device="cpu", seconds=-1).save_if_due(loop)
        write_cells(folder / "study")
        (self.cell,) = Store(folder / "study").keys()

    def selector(self, random, path, by_value):
        """Flip a bit of a selector's state; torch alone reads the file, which knows no sums."""
        name = random.choice(list(self.states))
        state = self.states[name]
        if by_value:
            state = with_flipped_value(state, random)
        else:
            buffer = io.BytesIO()
            torch.save(state, buffer)
            path.write_bytes(flipped(buffer.getvalue(), random))
            try:
                state = torch.load(path, weights_only=True)
            except Exception:  # before anything of batchsift sees it
                return "refused"
        selector = make(name)
        selector.load_state_dict(state)
        require_sound(selector, 1)
        return "sound"

    def model(self, random, path, by_value):
        """Flip a bit of a model."""
        damage(self.folder / "done" / "model.pt", path, random, by_value)
        model = TrainedModel.load(path)
        try:
            probs = model.predict_proba(self.features)
        except DivergedError:  # weights as large as they can be
            return "refused"
        assert ((probs >= 0) & (probs <= 1)).all()
        assert model.predict(self.features).max() <= 1
        return "sound"

    def checkpoint(self, random, path, by_value):
        """Flip a bit of a checkpoint."""
        damage(self.folder / "checkpoint.pt", path, random, by_value)
        loop = TrainingLoop(self.configuration, self.part, self.part, selection_seed=1)
        checkpoint.Checkpoint(path, self.identity, device="cpu", seconds=60).restore(loop)
        assert len(loop.records) == 2
        try:
            next(loop.epochs())
        except DivergedError:
            return "refused"
        return "sound"

    def summary(self, random, path, by_value):
        """Flip a bit of the summary of a training."""
        content = (self.folder / "done" / "training.json").read_bytes()
        path.with_name("training.json").write_bytes(flipped(content, random))
        summary = read_summary(path.parent)
        assert 0 <= summary["best_epoch"] < len(summary["epochs"])
        return "sound"

    def cells(self, random, path, by_value):
        """Flip a bit of a cell, or of the description of its study."""
        name = random.choice([f"cells/{self.cell}.json", "study.json"])
        target = path.parent / "study" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(flipped((self.folder / "study" / name).read_bytes(), random))
        store = Store(path.parent / "study")
        if name == "study.json":
            assert len(store.manifest().cells) == 1
            return "sound"
        record = store.read(self.cell)
        run = Run.of_record(record)
        assert 0 <= run.best_epoch < len(run.curve)
        assert record.seconds >= 0
        return "sound"


def write_cells(folder):
    """Write a store of one finished cell."""
    sys.path.append(str(Path(__file__).parents[1]))  # as pytest does
    from report.synthetic_study import write_study

    write_study(folder, data=["scene"], methods=["d2ace"], folds=1, epochs=3, labels=4)


def flipped(content, random):
    """Some bytes with one bit of another value."""
    changed = bytearray(content)
    changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def with_flipped_value(state, random):
    """A state with one bit of one of its values flipped."""
    state = copied(state)
    path = random.choice(list(leaves(state)))
    holder = inner(state, path)
    value = holder[path[-1]]
    if isinstance(value, torch.Tensor) and value.numel():
        raw = value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        changed = torch.frombuffer(bytearray(flipped(raw, random)), dtype=value.dtype)
        holder[path[-1]] = changed.reshape(value.shape)
    elif isinstance(value, bool):
        holder[path[-1]] = not value
    elif isinstance(value, int):
        holder[path[-1]] = value ^ (1 << random.randrange(64))
    elif isinstance(value, float):
        holder[path[-1]] = struct.unpack("<d", flipped(struct.pack("<d", value), random))[0]
    elif isinstance(value, str) and value:
        holder[path[-1]] = flipped(value.encode(), random).decode(errors="replace")
    return state


def damage(source, path, random, by_value):
    """Write a file with one bit flipped: as it lies on disk, or in one of its values."""
    if by_value:
        save_tensors(path, with_flipped_value(load_tensors(source), random))
    else:
        path.write_bytes(flipped(source.read_bytes(), random))


KINDS = ("selector", "selector", "selector", "model", "checkpoint", "summary", "cells")


def attempt(targets, seed, number, folder):
    """Try one case.

    Returns:
        What was damaged, one of `OUTCOMES`, and how it failed.
    """
    random = Random(f"{seed} {number}")
    kind, by_value = KINDS[number % len(KINDS)], random.random() < 0.5
    word = kind if kind in ("summary", "cells") else f"{kind}, {'a value' if by_value else 'the file'}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return word, getattr(targets, kind)(random, folder / "file.pt", by_value), ""
    except (ValueError, FileNotFoundError) as error:
        if not str(error):
            return word, "failed", "a reason that is empty"
        # What was refused, was refused while it was read: what was taken over must not fail later.
        stages = {frame.name for frame in traceback.extract_tb(error.__traceback__)}
        late = stages & {"require_sound", "predict_proba", "epochs"}
        return (word, "failed", f"later: {error}") if late else (word, "refused", str(error))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return word, "failed", f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"


def _work(connection, folder, seed, first, count):
    """Try cases in a process of its own."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    torch.set_num_threads(1)
    own = Path(folder) / f"work {first}"
    own.mkdir(parents=True, exist_ok=True)
    (own / "targets").mkdir()
    targets = Targets(own / "targets")
    for number in range(first, first + count):
        connection.send(("begun", number))
        connection.send((number, *attempt(targets, seed, number, own)))
    connection.send(("over", None))


def attempts(seed, first, count):
    """Yield what came of cases, tried in a process that may crash or hang."""
    context = multiprocessing.get_context("spawn")
    number, end = first, first + count
    while number < end:
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, folder, seed, number, end - number), daemon=True)
            process.start()
            theirs.close()
            how = "over"
            try:
                while True:
                    if not ours.poll(SECONDS_A_CASE):
                        how = "hangs"
                        break
                    message = ours.recv()
                    if message[0] == "over":
                        number = end
                        break
                    if message[0] == "begun":
                        number = message[1]
                        continue
                    yield message
                    number = message[0] + 1
            except EOFError:
                how = "crashed"
            finally:
                process.kill()
                process.join()
            if how != "over":
                yield number, "process", "failed", f"{how} ({process.exitcode})"
                number += 1


def main():
    """From the command line."""
    parser = argparse.ArgumentParser(description="Flips bits of whatever is saved.")
    parser.add_argument("--flips", type=int, default=None)
    parser.add_argument("--minutes", type=float, default=None)
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    count = arguments.flips if arguments.flips is not None else 10**9 if arguments.minutes is not None else 1000
    end = time.monotonic() + 60 * arguments.minutes if arguments.minutes is not None else float("inf")
    found, shown = {}, 0
    try:
        for number, word, outcome, how in attempts(arguments.seed, arguments.first, count):
            found.setdefault(word, Counter())[outcome] += 1
            if outcome == "failed":
                shown += 1
                if shown <= 50:
                    print(f"case {number}, {word}: {how}", flush=True)
            if time.monotonic() > end:
                break
    except KeyboardInterrupt:
        pass
    print(f"{'':<24}" + "".join(f"{outcome:>10}" for outcome in OUTCOMES))
    total = Counter()
    for word, counts in sorted(found.items()):
        total += counts
        print(f"{word:<24}" + "".join(f"{counts[outcome]:>10}" for outcome in OUTCOMES))
    print(f"{'together':<24}" + "".join(f"{total[outcome]:>10}" for outcome in OUTCOMES))
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
