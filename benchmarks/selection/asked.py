"""The measurements that are asked for."""

from collections.abc import Iterable

from benchmarks.selection.jobs import Job
from benchmarks.selection.sizes import LARGE, MAIN, Size

TWICE = (MAIN, Size(2 * MAIN.samples, MAIN.labels))
TENFOLD = (Size(20_000, 100), Size(20_000, 1_000))
SCORED = Size(20_000, 80)
IN_MEMORY = Size(20_000, 80)

MACHINE = Job("machine", {})
BANDWIDTH = Job("bandwidth", {})
TRAINING_CNN = Job("cnn", {"size": MAIN.text})
STARTUP = Job("startup", {"method": "d2ace", "size": MAIN.text})
HOST_WAITS = Job("host_waits", {"method": "d2ace", "size": MAIN.text})  # on a GPU only
LOADING = Job("loading", {"size": IN_MEMORY.text})
STORAGE_COST = Job("storage_cost", {"size": MAIN.text})
DRAWING = Job("drawing", {"size": LARGE.text})
SCORE_ERRORS = Job("score_errors", {"size": SCORED.text})


def cell(method: str, size: Size, storage: str = "float32") -> Job:
    """One method at one size."""
    return Job("cell", {"method": method, "size": size.text, "storage": storage})


def balancing(size: Size) -> Job:
    """A pass dealt into balanced blocks."""
    return Job("balancing", {"size": size.text})


def growth(sizes: tuple[Size, Size]) -> Job:
    """D2ACE at two sizes."""
    small, large = (size.text for size in sizes)
    return Job("growth", {"method": "d2ace", "small": small, "large": large})


def contention(threads: int) -> Job:
    """D2ACE beside a busy core."""
    return Job("contention", {"method": "d2ace", "size": MAIN.text}, threads)


def differences(source: str) -> Job:
    """What storage types do to the results on a data set."""
    return Job("result_differences", {"source": source, "epochs": 20, "seeds": 5})


def claimed() -> list[Job]:
    """What the claims need."""
    pairs = [contention(1), contention(2), growth(TWICE), growth(TENFOLD)]
    balanced = [cell("balanced_pass", MAIN), balancing(MAIN), balancing(LARGE)]
    return [MACHINE, cell("d2ace", MAIN), TRAINING_CNN, *pairs, STARTUP, DRAWING, *balanced, cell("d2ace", LARGE)]


def basic(sizes: Iterable[Size], methods: Iterable[str]) -> list[Job]:
    """Every method at every size."""
    methods = list(methods)
    network = [TRAINING_CNN] if "d2ace" in methods else []
    return [MACHINE, BANDWIDTH, *network, *(cell(method, size) for size in sizes for method in methods)]


def everything(sizes: Iterable[Size], methods: Iterable[str], sources: Iterable[str]) -> list[Job]:
    """All there is."""
    storage = [STORAGE_COST, SCORE_ERRORS, cell("d2ace", LARGE, "float16"), *map(differences, sources)]
    jobs = [*claimed(), *storage, LOADING, *basic(sizes, methods)]
    return list({job.key: job for job in jobs}.values())
