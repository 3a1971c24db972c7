"""The ARFF reader under files that are written in many ways, and under mutated ones.

    cd tests && python -m fuzz.arff_reader 100000 --seed 1

Some of the files say what a known table says, in one of many ways: the reader must find just that. The others are
mutated: what the reader makes of them must be what `oracle` makes of them, and where that refuses a file the reader
must refuse it too, by a ValueError that names the file and the line, in bounded time.
"""

import argparse
import gzip
import math
import re
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from random import Random

from batchsift.data import MultiLabelData, read_arff
from batchsift.data.arff import source
from fuzz import oracle
from fuzz.mutations import mutated
from fuzz.tables import File, meaning, random_table, written

SECONDS_A_FILE = 20
# Refusals that are about no single line.
OF_THE_WHOLE = re.compile(
    r" is empty| is damaged|there is no @data line|has no rows after @data|asks for \S+ labels?|does not say which|"
    r"leave no label or no feature|has no attribute|\.xml makes labels of all|\.xml is not well-formed|"
    r"does not name the labels"
)


class FailureError(Exception):
    """What the reader did with a file is neither right nor a clear refusal."""


def fuzz(count: int, seed: int) -> dict[str, int]:
    """Reads that many files, the same ones for a seed.

    Returns:
        How many were read, and how many refused.

    Raises:
        FailureError: With the file.
    """
    outcomes = {"written": 0, "mutated, read": 0, "mutated, refused": 0}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            outcomes[_try_one(Path(folder), Random(f"{seed} {number}"))] += 1
    return outcomes


def _try_one(folder: Path, random: Random) -> str:
    table = random_table(random)
    is_sparse = random.random() < 0.4
    file = written(random, table, is_sparse)
    if random.random() < 0.4:
        _compare(file, _outcome(folder, random, file), meaning(table, is_sparse))
        return "written"
    if file.xml is not None and random.random() < 0.2:
        file = replace(file, xml=mutated(random, file.xml))
    else:
        file = replace(file, content=mutated(random, file.content))
    found = _outcome(folder, random, file)
    _compare(file, found, _expected(file))
    return "mutated, refused" if isinstance(found, str) else "mutated, read"


def _outcome(folder: Path, random: Random, file: File) -> MultiLabelData | str:
    """What the reader makes of a file: data, or the message with which it refuses the file."""
    path, xml_path = folder / f"set{file.suffix}", folder / "set.xml"
    path.write_bytes(file.content)
    xml_path.unlink(missing_ok=True)
    if file.xml is not None:
        xml_path.write_bytes(file.xml)
    source.CHUNK_BYTES = random.choice([1, 30, 200, 1 << 18])
    started = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings(
                "ignore", r".*(dropped \d+ attribute|the weights of \d+ row|labels=\d+ takes the last)", UserWarning
            )
            return read_arff(path, file.labels)
    except ValueError as error:
        message = str(error)
        if not message.startswith(str(folder / "set")):
            raise FailureError(f"a message without the file: {message}\n{file}") from error
        if not re.match(r".*?, line \d+(, column \d+)?: ", message, re.DOTALL) and not OF_THE_WHOLE.search(message):
            raise FailureError(f"a message without the line: {message}\n{file}") from error
        return message
    except Exception as error:
        raise FailureError(f"{error!r}\n{file}") from error
    finally:
        if time.perf_counter() - started > SECONDS_A_FILE:
            raise FailureError(f"{time.perf_counter() - started:.1f} s\n{file}")


def _expected(file: File) -> oracle.Answer | None:
    try:
        return oracle.read(file.content, file.xml, file.labels)
    except (oracle.RefusedError, EOFError, gzip.BadGzipFile, gzip.zlib.error):
        return None


def _compare(file: File, found: MultiLabelData | str, expected: oracle.Answer | None) -> None:
    if expected is None and isinstance(found, str):
        return
    if expected is None or isinstance(found, str):
        raise FailureError(f"expected {expected}, found {found!r}\n{file}")
    features = found.features.toarray() if found.is_sparse else found.features
    same = (
        found.is_sparse == expected.is_sparse
        and list(found.feature_names) == expected.feature_names
        and list(found.label_names) == expected.label_names
        and _same(features.tolist(), expected.features)
        and _same(found.labels.tolist(), expected.labels)
    )
    if not same:
        raise FailureError(f"expected {expected}, found {found}: {features.tolist()}, {found.labels.tolist()}\n{file}")


def _same(found: list, expected: list) -> bool:
    return [len(row) for row in found] == [len(row) for row in expected] and all(
        a == b or (math.isnan(a) and math.isnan(b))
        for row, other in zip(found, expected, strict=True)
        for a, b in zip(row, other, strict=True)
    )


def main() -> int:
    """From the command line."""
    parser = argparse.ArgumentParser(description="Reads written and mutated ARFF files.")
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    started = time.perf_counter()
    print(fuzz(arguments.count, arguments.seed), f"{time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
