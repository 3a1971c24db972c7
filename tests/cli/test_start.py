"""How the command starts: help and usage errors without the heavy imports, and Ctrl-C while those last."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from batchsift import __version__, methods, models
from batchsift.cli.verbs import VERBS
from batchsift.verbs import words

HEAVY = ("torch", "scipy", "sklearn", "pandas", "matplotlib")
# Runs one command after another in one process: what none of them imports, no single one imports.
RUN = f"""
import contextlib, io, json, sys
from batchsift.cli import main
for line in sys.stdin:
    sys.argv = ["batchsift", *json.loads(line)]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as ending:
            code = ending.code or 0
    imported = [name for name in {HEAVY} if name in sys.modules]
    texts = [(stream.seek(0), stream.read())[1] for stream in (out, err)]
    print(json.dumps([code, imported, *texts]))
"""


def started(*commands):
    """Exit code, heavy modules imported by then, stdout and stderr of each command."""
    lines = "".join(json.dumps(command) + "\n" for command in commands)
    done = subprocess.run([sys.executable, "-c", RUN], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_help_and_version():
    verbs = [*VERBS, "methods", "study run", "study status", "datasets fetch"]
    results = started(["--version"], ["--help"], *([*verb.split(), "--help"] for verb in verbs))
    assert [result[:2] for result in results] == [[0, []]] * len(results)
    assert [result[3] for result in results] == [""] * len(results)
    (version, overview, *helps) = (result[2] for result in results)
    assert version == f"batchsift {__version__}\n"
    listed = overview.partition("Commands:")[2].split("\n")[1:]
    assert [line.split()[0] for line in listed if line] == [*VERBS, "methods"]
    for verb, text in zip(verbs, helps, strict=True):
        assert f"Usage: batchsift {verb} " in text
        assert "--install-completion" not in text


USAGE_ERRORS = [
    (["compar"], "No such command 'compar'. Did you mean 'compare'?"),
    (["compare"], "Missing argument"),
    (["compare", "digits", "--nope"], "No such option: --nope"),
    (["compare", "digits", "--epochs", "many"], "Invalid value for '--epochs'"),
    (["compare", "digits", "--epochs", "0"], "epochs must be at least 1, got 0"),
    (["compare", "digits", "--methods", "random,hrd"], "unknown method 'hrd': did you mean 'hard'?"),
    (["compare", "digits", "--model", "mpl"], "unknown model 'mpl': did you mean 'mlp'?"),
    (["compare", "digits", "--settings", "tunde"], "there are no settings 'tunde': did you mean 'tuned'?"),
    (["compare", "digits", "--loss", "focl"], "unknown loss 'focl': did you mean 'focal'?"),
    (["compare", "digits", "--scaling", "mimax"], "unknown scaling 'mimax': did you mean 'minmax'?"),
    (["compare", "digits", "--scaling", "none", "--center-sparse"], "center_sparse belongs to scaling 'standard'"),
    (["train", "digits", "--loss", "focl"], "unknown loss 'focl': did you mean 'focal'?"),
    (["compare", "digits", "--set", "hidden"], "--set hidden: expected NAME=VALUE"),
    (["compare", "digits", "--jobs", "0"], "--jobs must be at least 1"),
    (["train", "digits", "--method", "d2ac"], "unknown method 'd2ac': did you mean 'd2ace'?"),
    (["train", "digits", "--model", "mpl"], "unknown model 'mpl': did you mean 'mlp'?"),
    (["train", "digits", "--settings", "tunde"], "there are no settings 'tunde': did you mean 'tuned'?"),
    (["train", "digits", "--option", "window"], "--option window: expected NAME=VALUE"),
    (["predict", "run", "new.csv", "--threshold", "2"], "--threshold must be in [0, 1), got 2"),
    (["predict", "run", "new.csv", "--thresholds", "f3"], "unknown thresholds 'f3'"),
    (["train", "digits", "--calibrate", "isotonc"], "did you mean 'isotonic'?"),
    (["predict", "run"], "Missing argument"),
    (["report"], "Missing argument"),
    (["study", "rn"], "No such command 'rn'"),
    (["study", "run", "study.toml", "--jobs", "0"], "--jobs must be at least 1"),
    (["datasets", "fetch"], "Missing argument"),
]


def test_usage_errors():
    results = started(*(arguments for arguments, _ in USAGE_ERRORS))
    for (arguments, message), (code, imported, out, err) in zip(USAGE_ERRORS, results, strict=True):
        assert (code, imported, out) == (2, [], ""), arguments
        assert message in err
        assert "Traceback" not in err


def test_words_are_those_of_the_registries():
    assert set(words.METHODS) == set(methods.names())
    assert set(words.MODELS) == set(models.names())


@pytest.mark.parametrize(
    "arguments", [["compare", "digits"], ["train", "digits"], ["predict", "run", "a.csv"], ["study", "status", "."]]
)
def test_an_interruption_while_torch_is_imported(tmp_path, arguments):
    """A stand-in for torch takes long to import, and takes a KeyboardInterrupt for a reason to fail otherwise."""
    (tmp_path / "torch.py").write_text(
        "import pathlib, time\n"
        f"pathlib.Path({str(tmp_path / 'begun')!r}).touch()\n"
        "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    raise ImportError('half a module')\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(
        [sys.executable, "-m", "batchsift", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    while not (tmp_path / "begun").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "batchsift: interrupted\n")
