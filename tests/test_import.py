import subprocess
import sys

HEAVY = ("sklearn", "scipy", "matplotlib", "pandas", "typer", "rich", "lightning", "transformers", "accelerate", "arff")


def test_import_brings_in_nothing_optional_and_nothing_heavy():
    code = "import sys, torch; before = set(sys.modules); import batchsift; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    brought = {name.partition(".")[0] for name in done.stdout.split()}
    assert "batchsift" in brought
    assert brought.isdisjoint(HEAVY), brought & set(HEAVY)
