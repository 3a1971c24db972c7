"""Launched by the tests in several processes: trains, resumes in the middle of an epoch, writes down what happened."""

import sys
import warnings
from pathlib import Path

import torch
from accelerate import Accelerator

sys.path.insert(0, str(Path(__file__).parent))

from accelerate_training import Run, make_loader, make_selector

import batchsift as bs


def main(out: Path) -> None:
    accelerator = Accelerator(cpu=True)
    results = {}
    for last_batch in ("fill", "drop"):
        folder = out / last_batch
        whole = Run(accelerator, make_selector(last_batch=last_batch), save=(folder, 1, 2))
        accelerator.free_memory()
        accelerator._custom_objects.clear()
        resumed = Run(accelerator, make_selector(last_batch=last_batch), resume=folder)
        accelerator.free_memory()
        accelerator._custom_objects.clear()
        parted = bs.shard(make_selector(last_batch=last_batch), sharded=True)
        parted = Run(accelerator, parted, resume=folder)
        accelerator.free_memory()
        accelerator._custom_objects.clear()
        results[last_batch] = {
            "parted_blocks": parted.blocks,
            "parted_probabilities": parted.selector.probabilities,
            "blocks": whole.blocks,
            "resumed_blocks": resumed.blocks,
            "probabilities": whole.selector.probabilities,
            "resumed_probabilities": resumed.selector.probabilities,
            "plan": whole.selector.state_dict()["plan"],
            "logits": whole.logits,
            "weights": whole.weights,
            "resumed_weights": resumed.weights,
        }
    try:
        Run(accelerator, make_selector(last_batch="short"))
    except ValueError as error:
        results["short"] = str(error)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        selector = make_selector(last_batch="fill")
        for indices, (x, _) in accelerator.prepare(make_loader(selector)):
            selector.observe(indices, x[:, :3])
        selector.end_epoch()
    results["prepared by Accelerate alone"] = [str(one.message) for one in caught if one.category is UserWarning]
    torch.save(results, out / f"rank{accelerator.process_index}.pt")
    accelerator.end_training()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
