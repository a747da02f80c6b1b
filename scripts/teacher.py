"""Fine-tunes a large sentence encoder on labelled reviews, and scores unlabelled ones with it.

A large classifier is too slow to run from a terminal, but a small one can learn from its scores:

    python scripts/teacher.py train ENCODER teacher/ reviews.jsonl sentences.jsonl
    python scripts/teacher.py score teacher/ unlabelled.jsonl scored.jsonl
    bertsent train --data ... --unlabelled scored.jsonl

ENCODER is a folder as Hugging Face has it, for example all-mpnet-base-v2. The files are JSON lines with
`text` and, to train, `label` (0 or 1). Every step takes rows of each file, so that long and short texts count
alike; training ends when one file has been read once. A stopped run resumes from its last checkpoint.

Needs torch and transformers, which nothing else here needs:
    pip install torch transformers
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer


@dataclass(frozen=True)
class Settings:
    """How the teacher is trained."""

    learning_rate: float = 4e-5  # falls linearly to 0
    warmup: float = 0.06  # share of the steps in which the rate rises
    weight_decay: float = 0.01
    frozen_layers: int = 3  # the lowest; with the embeddings they keep what pre-training gave them
    length: int = 160  # word pieces of a text: its first and last ones
    rows: tuple[int, ...] = (8, 24)  # of each file in a step
    most_steps: int = 1000
    dropout: float = 0.1  # before the head; inside the encoder none, as its draws took a quarter of the time
    seed: int = 42
    save_every: int = 25  # steps
    bf16: bool = False  # products in bf16: several times as fast where the processor has AMX or AVX512-BF16


class Teacher(torch.nn.Module):
    """An encoder and a head over the mean of its token vectors; gives a logit a text."""

    def __init__(self, folder: Path, dropout: float, *, bf16: bool) -> None:
        super().__init__()
        self.bf16 = bf16
        self.tokenizer = AutoTokenizer.from_pretrained(str(folder))
        self.encoder = AutoModel.from_pretrained(
            str(folder), add_pooling_layer=False, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
        )
        self.dropout = torch.nn.Dropout(dropout)
        self.head = torch.nn.Linear(self.encoder.config.hidden_size, 1)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            vectors = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        vectors, weights = vectors.float(), mask.unsqueeze(-1).float()
        return self.head(self.dropout((vectors * weights).sum(1) / weights.sum(1))).squeeze(-1)

    def batch(self, rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and their mask, padded to the longest row."""
        width = max(map(len, rows))
        padding = self.tokenizer.pad_token_id
        ids = torch.tensor([row + [padding] * (width - len(row)) for row in rows])
        return ids, torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])

    def tokens(self, text: str, length: int) -> list[int]:
        """Token ids of a text; of a long one the first and the last."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        room = length - 2
        if len(ids) > room:
            ids = ids[: room // 2] + ids[-(room - room // 2) :]
        return [self.tokenizer.cls_token_id, *ids, self.tokenizer.sep_token_id]


def train(encoder: Path, output: Path, files: list[Path], settings: Settings) -> None:
    """Trains a teacher and saves it in `output`, with its settings."""
    torch.manual_seed(settings.seed)
    output.mkdir(parents=True, exist_ok=True)
    teacher = Teacher(encoder, settings.dropout, bf16=settings.bf16)
    freeze(teacher, settings.frozen_layers)
    parts = [read(path) for path in files]
    steps = min(
        [settings.most_steps, *(len(part) // rows for part, rows in zip(parts, settings.rows, strict=True))]
    )
    trained = [each for each in teacher.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    rise = max(1, int(settings.warmup * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rise, (steps - step) / max(1, steps - rise))
    )
    checkpoint, first = output / "checkpoint.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        teacher.load_state_dict(state["teacher"], strict=False)
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        first = state["step"]
    batches = [
        in_batches(part, rows, seed=settings.seed) for part, rows in zip(parts, settings.rows, strict=True)
    ]
    teacher.train()
    began, mean = time.monotonic(), 0.0
    for step in range(first, steps):
        total = 0.0
        for part in batches:
            chosen = part[step]
            logits = teacher(*teacher.batch([teacher.tokens(text, settings.length) for text, _ in chosen]))
            labels = torch.tensor([label for _, label in chosen])
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels) / len(parts)
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        mean = 0.98 * mean + 0.02 * total if mean else total
        if (step + 1) % settings.save_every == 0 or step + 1 == steps:
            names = {name for name, value in teacher.named_parameters() if value.requires_grad}
            state = {name: value for name, value in teacher.state_dict().items() if name in names}
            saved = {"teacher": state, "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
            torch.save({**saved, "step": step + 1}, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)
            pace = (time.monotonic() - began) / (step + 1 - first)
            print(f"step {step + 1}/{steps} loss {mean:.4f} {pace:.2f} s a step", flush=True)
    torch.save(state, output / "trained.pt")
    (output / "teacher.json").write_text(json.dumps({"encoder": str(encoder), **asdict(settings)}, indent=1))


def freeze(teacher: Teacher, layers: int) -> None:
    """Keeps the embeddings and the lowest layers as they are, which saves their part of the backward pass."""
    for part in (teacher.encoder.embeddings, *teacher.encoder.encoder.layer[:layers]):
        part.requires_grad_(requires_grad=False)


@torch.inference_mode()
def score(folder: Path, source: Path, target: Path, length: int, *, bf16: bool) -> None:
    """Writes the rows of `source` with `score`, P(positive); those that `target` has are not scored again."""
    described = json.loads((folder / "teacher.json").read_text())
    teacher = Teacher(Path(described["encoder"]), described["dropout"], bf16=bf16)
    teacher.load_state_dict(torch.load(folder / "trained.pt", weights_only=True), strict=False)
    teacher.eval()
    done = sum(1 for _ in target.open()) if target.exists() else 0
    began, first = time.monotonic(), done
    with target.open("a", encoding="utf-8") as file:
        for rows in chunks(source, done, 256):
            tokens = [teacher.tokens(row["text"], length) for row in rows]
            order = sorted(range(len(rows)), key=lambda index: len(tokens[index]))
            scores = [0.0] * len(rows)
            for start in range(0, len(order), 16):
                batch = order[start : start + 16]
                logits = teacher(*teacher.batch([tokens[index] for index in batch]))
                for index, value in zip(batch, torch.sigmoid(logits).tolist(), strict=True):
                    scores[index] = round(value, 6)
            for row, value in zip(rows, scores, strict=True):
                file.write(json.dumps({**row, "score": value}, ensure_ascii=False) + "\n")
            file.flush()
            done += len(rows)
            print(f"{done} rows, {(done - first) / (time.monotonic() - began):.1f} a second", flush=True)


def read(path: Path) -> list[tuple[str, float]]:
    """Texts and labels of a file."""
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    return [(row["text"], float(row["label"])) for row in rows]


def in_batches(rows: list[tuple[str, float]], size: int, *, seed: int) -> list[list[tuple[str, float]]]:
    """Batches in random order, each of texts of about one length, so that little of it is padding."""
    draw = random.Random(seed)
    draw.shuffle(rows)
    batches = []
    for start in range(0, len(rows) - size + 1, 16 * size):
        near = sorted(rows[start : start + 16 * size], key=lambda row: len(row[0]))
        batches += [near[first : first + size] for first in range(0, len(near) - size + 1, size)]
    draw.shuffle(batches)
    return batches


def chunks(path: Path, skip: int, size: int) -> Iterator[list[dict[str, object]]]:
    """The rows of a file after the first `skip`, in lists of at most `size`."""
    rows = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file):
            if number >= skip:
                rows.append(json.loads(line))
            if len(rows) == size:
                yield rows
                rows = []
    if rows:
        yield rows


def main() -> None:
    """Runs one of the two commands."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=Settings.most_steps)
    parser.add_argument("--rows", type=int, nargs=2, default=Settings.rows, help="of each file in a step")
    parser.add_argument("--length", type=int, help="word pieces: 160 to train, 256 to score")
    parser.add_argument("--bf16", action="store_true", help="faster with AMX or AVX512-BF16")
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    training.add_argument("encoder", type=Path)
    training.add_argument("output", type=Path)
    training.add_argument("files", type=Path, nargs=2)
    scoring = commands.add_parser("score")
    scoring.add_argument("folder", type=Path)
    scoring.add_argument("source", type=Path)
    scoring.add_argument("target", type=Path)
    given = parser.parse_args()
    if given.command == "train":
        settings = Settings(
            most_steps=given.steps,
            rows=tuple(given.rows),
            length=given.length or Settings.length,
            bf16=given.bf16,
        )
        train(given.encoder, given.output, given.files, settings)
    else:
        score(given.folder, given.source, given.target, given.length or 256, bf16=given.bf16)


if __name__ == "__main__":
    main()
