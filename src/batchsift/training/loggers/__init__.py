"""Logging training runs to TensorBoard, MLflow or Weights & Biases, each by its own package, imported where asked for.

| file | what it holds |
| --- | --- |
| `run` | what is logged: a run's name and parameters, the numbers of an epoch |
| `opening` | which logs there are, and opening them |
| `tensorboard`, `mlflow`, `wandb` | one package each |
"""
