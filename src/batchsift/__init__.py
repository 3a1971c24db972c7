"""batchsift: better mini-batches for multi-label training in PyTorch."""
