"""batchsift in training frameworks, one module for each; it imports its framework, and no other room imports it.

| module | what it gives |
|---|---|
| `lightning` | `SelectorCallback` for a Lightning `Trainer` |
| `transformers` | `SelectorTrainer`, a Hugging Face `Trainer` |
| `accelerate` | `prepare_loader` for a loop of your own with Accelerate |
| `ray` | `prepare_loader` for the workers of Ray Train |
"""
