"""batchsift in training frameworks; each module imports its framework, and is imported by nobody else."""
