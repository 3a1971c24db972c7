"""What the command line reads before it knows what is asked is importable without torch."""

import subprocess
import sys
from pathlib import Path

import pytest

import batchsift

WITHOUT_TORCH = """
import sys, types
package = types.ModuleType("batchsift")  # in place of the table of contents, which is not looked at here
package.__path__ = [{path!r}]
sys.modules["batchsift"] = package
import batchsift.training.{module}
print(sorted({{"torch", "pandas", "scipy", "matplotlib"}} & sys.modules.keys()))
"""


@pytest.mark.parametrize("module", ["settings", "options", "presets"])
def test_importable_without_torch(module):
    code = WITHOUT_TORCH.format(path=str(Path(batchsift.__file__).parent), module=module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_papers_settings_need_no_torch():
    code = WITHOUT_TORCH.format(path=str(Path(batchsift.__file__).parent), module="presets").replace(
        "print(", "batchsift.training.presets.preset('paper', model='mlp', data='yeast')\nprint("
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
