"""Kill ranks of a training at random times: it must end as one that was never killed.

    python -m tests.kill_ranks --kills 40

Each start has another number of processes, and saves after every few blocks. One process is killed (KILL, TERM or INT);
the others must end by themselves within the time-out of their group. The run then goes on from its last checkpoint.
"""

import argparse
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist

EPOCHS, B, EVERY = 6, 60, 4
PATIENCE = 100  # seconds


def train(folder):
    """One rank."""
    import batchsift as bs

    sys.path.insert(0, str(Path(__file__).parent / "selection"))
    from equal_in_processes import LOGITS, build

    dist.init_process_group("gloo")
    selector = build("d2ace", {})
    if dist.get_world_size() > 1:
        bs.shard(selector, sharded=True, exchange_every=3)
    if (folder / "state").exists() or (folder / "state.before").exists():
        bs.load_state(selector, folder / "state")
    while selector.epoch < EPOCHS:
        for block, indices in enumerate(selector.batches(), start=1):
            selector.observe(indices, LOGITS[selector.epoch % len(LOGITS)][indices])
            if block % EVERY == 0:
                bs.save_state(selector, folder / "state")
        selector.end_epoch()
        bs.save_state(selector, folder / "state")
    bs.save_state(selector, folder / "end")
    dist.destroy_process_group()


def start(folder, processes):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ranks = []
    for rank in range(processes):
        names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "MASTER_ADDR": "127.0.0.1"}
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_PORT": str(port)}
        environment |= {name: str(value) for name, value in names.items()}
        command = [sys.executable, "-m", "tests.kill_ranks", "--rank", str(folder)]
        ranks.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    return ranks


def ended(ranks):
    """What the ranks wrote; they must end by themselves."""
    wrote = []
    for rank in ranks:
        try:
            wrote.append(rank.communicate(timeout=PATIENCE)[1])
        except subprocess.TimeoutExpired:
            for one in ranks:
                one.kill()
            raise SystemExit("a rank did not end after another was killed") from None
    return wrote


def probabilities(folder):
    content = torch.load(folder / "end" / "common.pt", weights_only=True)
    return content["state"]["probabilities"], content["state"]["plan"]


def until_the_end(folder, chance, kills, longest):
    """Start, kill, and start again; gives how many ranks were killed, and of the others how many said so."""
    killed, said, others = 0, 0, 0
    while not (folder / "end").exists():
        processes = chance.choice([1, 2, 3, 4])
        ranks = start(folder, processes)
        if killed < kills:
            time.sleep(chance.uniform(0, longest))
            victim = chance.choice(ranks)
            if victim.poll() is None:
                victim.send_signal(chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
                killed += 1
                wrote = [text for rank, text in zip(ranks, ended(ranks), strict=True) if rank is not victim]
                others += len(wrote)
                said += sum("another process of this training has ended" in text for text in wrote)
                continue
        wrote = ended(ranks)
        if any(rank.returncode for rank in ranks):
            raise SystemExit("undisturbed, it failed:\n" + "\n".join(wrote))
    return killed, said, others


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rank", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rank:
        train(options.rank)
        return
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        whole = Path(name) / "undisturbed"
        whole.mkdir()
        begun = time.monotonic()
        until_the_end(whole, random.Random(3), 0, 0)
        longest = time.monotonic() - begun
        killed = said = others = 0
        while killed < options.kills:
            folder = Path(name) / "killed"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            counts = until_the_end(folder, chance, min(5, options.kills - killed), 1.2 * longest)
            killed, said, others = (a + b for a, b in zip((killed, said, others), counts, strict=True))
            (expected, plan), (found, found_plan) = probabilities(whole), probabilities(folder)
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
            if not torch.equal(plan, found_plan):
                raise SystemExit("it ended with another plan")
            print(f"{killed} killed, equal each time; of {others} others {said} were in an exchange and said why")


if __name__ == "__main__":
    main()
