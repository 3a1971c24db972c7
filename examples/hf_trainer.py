"""Batch selection with the Hugging Face Trainer: a small text classifier, from scratch, on made up texts.

python examples/hf_trainer.py
"""

import hashlib
import tempfile

import torch
from torch.utils.data import Dataset
from transformers import BertConfig, BertForSequenceClassification, TrainingArguments, set_seed

import batchsift as bs
from batchsift.integrations.transformers import SelectorTrainer  # new

TEXTS, LENGTH, WORDS, TOPICS = 600, 16, 200, 6
EPOCHS, BATCH_SIZE = 5, 32

# A topic is present if at least two of its ten words are in the text.
tokens = torch.randint(1, WORDS, (TEXTS, LENGTH), generator=torch.Generator().manual_seed(0))
labels = torch.stack([(tokens // 10 == topic + 1).sum(1) >= 2 for topic in range(TOPICS)], dim=1).float()


class Texts(Dataset):
    """As the Trainer wants them: mappings of what the model takes."""

    def __len__(self):
        return TEXTS

    def __getitem__(self, index):
        return {"input_ids": tokens[index], "labels": labels[index]}


set_seed(0)
config = BertConfig(
    vocab_size=WORDS,
    hidden_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=128,
    max_position_embeddings=LENGTH,
    num_labels=TOPICS,
    problem_type="multi_label_classification",
)
model = BertForSequenceClassification(config)

selector = bs.Selector(labels, method="uncertainty", batch_size=BATCH_SIZE, epochs=EPOCHS, seed=0)  # new
print("plan:", hashlib.sha256(str(list(selector)).encode()).hexdigest()[:16])

with tempfile.TemporaryDirectory() as folder:
    arguments = TrainingArguments(
        folder,
        per_device_train_batch_size=BATCH_SIZE,
        num_train_epochs=EPOCHS,
        learning_rate=1e-3,
        logging_strategy="epoch",
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        dataloader_pin_memory=False,
        disable_tqdm=True,
    )
    trainer = SelectorTrainer(model, arguments, train_dataset=Texts(), selector=selector)  # changed
    trainer.train()

losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
print(f"training loss: {losses[0]:.4f} in the first epoch, {losses[-1]:.4f} in the last")
