"""Launched by the tests in several processes: trains, resumes in the middle of an epoch, writes down what happened."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist

sys.path.insert(0, str(Path(__file__).parent))

from hf_training import B, Run, make_arguments, make_selector


def main(out: Path) -> None:
    arguments = {"per_device_train_batch_size": B // 2, "save_strategy": "steps", "save_steps": 7}
    make_arguments(out)  # joins the processes
    rank = dist.get_rank()
    results = {}
    for last_batch in ("fill", "drop"):
        folder = out / last_batch
        whole = Run(folder, selector=make_selector(last_batch=last_batch), **arguments)
        plan = whole.selector.state_dict()["plan"]
        resumed = Run(
            out / f"{last_batch}-resumed",
            resume=folder / "checkpoint-7",
            selector=make_selector(last_batch=last_batch),
            **arguments,
        )
        results[last_batch] = {
            "blocks": whole.blocks,
            "resumed_blocks": resumed.blocks,
            "probabilities": whole.selector.probabilities,
            "resumed_probabilities": resumed.selector.probabilities,
            "plan": plan,
            "weights": whole.weights,
            "resumed_weights": resumed.weights,
        }
    try:
        Run(out / "short", selector=make_selector(last_batch="short"), **arguments)
    except ValueError as error:
        results["short"] = str(error)
    torch.save(results, out / f"rank{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
