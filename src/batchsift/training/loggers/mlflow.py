"""MLflow: a run of the experiment that MLFLOW_EXPERIMENT_NAME says, at the place that MLFLOW_TRACKING_URI says."""

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from batchsift.training.loggers.opening import failures_explained, plain
from batchsift.training.loggers.run import PROJECT, LoggedRun

if TYPE_CHECKING:
    from mlflow import MlflowClient

_TAG = "batchsift.key"
_AT_ONCE = 100  # parameters that MLflow takes in one call


def open_log(run: LoggedRun) -> "MlflowRun":
    """Return the log of a run: the one an earlier process began, or a new one.

    Raises:
        LogError: Where MLflow cannot be reached.
    """
    from mlflow import MlflowClient  # noqa: PLC0415 (an extra)
    from mlflow.entities import Param  # noqa: PLC0415
    from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME  # noqa: PLC0415

    with failures_explained("mlflow"):
        client = MlflowClient()  # not `mlflow.start_run`, which would end or nest a run of the user's own
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        experiment = client.get_experiment_by_name(name)
        experiment_id = client.create_experiment(name) if experiment is None else experiment.experiment_id
        begun = client.search_runs([experiment_id], f"tags.`{_TAG}` = '{run.key}'", max_results=1)
        if begun:
            run_id = begun[0].info.run_id
            client.update_run(run_id, status="RUNNING")
        else:
            tags = {_TAG: run.key, "batchsift.group": run.group, MLFLOW_RUN_NAME: run.name}
            run_id = client.create_run(experiment_id, tags=tags).info.run_id
            parameters = [Param(key, str(plain(value))) for key, value in run.parameters.items()]
            for start in range(0, len(parameters), _AT_ONCE):
                client.log_batch(run_id, params=parameters[start : start + _AT_ONCE])
    return MlflowRun(client, run_id)


class MlflowRun:
    """An open run of MLflow."""

    def __init__(self, client: "MlflowClient", run_id: str) -> None:
        self._client, self._run_id, self._last_epoch = client, run_id, 0

    def write(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """Write the metrics of one epoch; one that an earlier, killed process wrote comes twice, with equal values."""
        from mlflow.entities import Metric  # noqa: PLC0415

        now, self._last_epoch = int(1000 * time.time()), epoch
        metrics = [Metric(name, value, now, epoch) for name, value in numbers.items()]
        self._client.log_batch(self._run_id, metrics=metrics)

    def close(self, final: Mapping[str, float]) -> None:
        """Write what came out, and say that the run is finished, or that it was stopped."""
        if final:
            self.write(self._last_epoch, final)
        self._client.set_terminated(self._run_id, status="FINISHED" if final else "KILLED")
