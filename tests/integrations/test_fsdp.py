from pathlib import Path

import pytest

from scripts import TWO_PROCESSES, run_script


@pytest.mark.processes
def test_a_model_that_is_cut_and_a_selector_in_both_forms():
    run_script(*TWO_PROCESSES, Path(__file__).with_name("fsdp_in_processes.py"))
