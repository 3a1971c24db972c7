"""The verbs of the command line as functions: what `batchsift compare`, `train` and `predict` call too."""
