"""Writes export.json and README.md: everything needed to use an export without bertsent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bertsent import __version__
from bertsent.base.digests import sha256_file
from bertsent.base.display import visible
from bertsent.base.files import now, write_text
from bertsent.base.records.core import to_json
from bertsent.base.settings.export import Format
from bertsent.base.settings.scoring import DEFAULT_THRESHOLD
from bertsent.base.version_names import spoken
from bertsent.export.folder import DESCRIPTION, FORMAT, MARK
from bertsent.export.records import Distance
from bertsent.scoring.calibration import Calibration
from bertsent.scoring.tokenizer import AnyTokenizer, window_sizes
from bertsent.versions.manifest import Version

CARD = "README.md"
OUTPUT = "score"
_SEEN = {
    "head": "its first {pieces}",
    "head+tail": "its first {head} and its last {tail}",
}


def input_name(form: Format) -> str:
    """The name of an export's input."""
    return "text" if form == "saved-model" else "input_word_ids"


def write(
    folder: Path,
    version: Version,
    form: Format,
    *,
    tokenizer: AnyTokenizer,
    score: Callable[[Sequence[str]], Sequence[float]] | None = None,
    distances: Sequence[Distance] = (),
) -> int:
    """Writes README.md, then export.json, which lists every other file with its digest.

    Args:
        score: Scores texts with the export itself, for the examples.

    Returns:
        The size of all files together, in bytes.
    """
    description, probes = _description(version, form, tokenizer), list(version.manifest.probes)
    description["examples"] = dict(zip(probes, score(probes), strict=True)) if score else {}
    description["compared"] = to_json(distances)
    write_text(folder / CARD, render(description))
    description["files"] = {
        path.relative_to(folder).as_posix(): {"sha256": sha256_file(path), "size": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / DESCRIPTION
    }
    write_text(folder / DESCRIPTION, json.dumps(description, indent=2, ensure_ascii=False) + "\n")
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _description(version: Version, form: Format, tokenizer: AnyTokenizer) -> dict[str, Any]:
    """What export.json says about the version and about the way from a text to a score."""
    manifest = version.manifest
    head, tail = window_sizes(manifest.seq_length, manifest.window)
    corrected = Calibration.of(manifest.calibration)
    ids = f"token ids, padded with 0 at the end of a row, at most {manifest.seq_length} a row"
    return {
        MARK: FORMAT,
        "format": form,
        "created": now(),
        "bertsent": __version__,
        "source": {
            "version": version.id,
            "created": manifest.created,
            "encoder": manifest.encoder.get("name"),
            "files": {name: file["sha256"] for name, file in sorted(manifest.files.items())},
        },
        "input": {
            "name": input_name(form),
            "type": "string" if form == "saved-model" else "int32",
            "shape": ["batch"] if form == "saved-model" else ["batch", "tokens"],
            "meaning": "texts in UTF-8, as they come" if form == "saved-model" else ids,
        },
        "output": {"name": OUTPUT, "type": "float32", "shape": ["batch"], "meaning": "P(positive), 0 to 1"},
        "labels": dict(manifest.labels),
        "threshold": DEFAULT_THRESHOLD,
        "unsure": list(corrected.unsure),
        "cleaning": manifest.cleaning,
        "seq_length": manifest.seq_length,
        "window": {"kind": manifest.window, "head": head, "tail": tail},
        "calibration": {
            name: value
            for name, value in corrected.as_json().items()
            if name in {"temperature", "bias", "short"}
        }
        | {"applied": True},
        "tokenizer": {
            "kind": manifest.tokenizer["kind"],
            "lower_case": tokenizer.lower_case,
            "padding": tokenizer.pad_id,
            "start": tokenizer.start_id,
            "end": tokenizer.end_id,
        },
    }


def render(described: Mapping[str, Any]) -> str:
    """The README of an export, from what its export.json says."""
    source, form = described["source"], described["format"]
    low, high = described["unsure"]
    head, tail = described["window"]["head"], described["window"]["tail"]
    seen = _SEEN[described["window"]["kind"]].format(pieces=head + tail, head=head, tail=tail)
    lines = [
        f"# bertsent sentiment classifier, {spoken(source['version'])}, for {_FOR[form]}",
        "",
        f"Exported by bertsent {described['bertsent']} on {described['created']} from the version of "
        f"{source['created']} (encoder {visible(str(source['encoder']))}). `export.json` has the same facts "
        "for programs.",
        "",
        f"- **Input**: `{described['input']['name']}`, {described['input']['type']} "
        f"[{', '.join(described['input']['shape'])}]: {described['input']['meaning']}.",
        f"- **Output**: `{described['output']['name']}`, float32 [batch]: the probability that a text is "
        f"positive. At {described['threshold']} or above the label is positive. Between {low:.4f} and "
        f"{high:.4f} too few labels are correct, so bertsent says unsure.",
        _calibration(described["calibration"]),
        f"- **Window**: {described['seq_length']} tokens, including [CLS] and [SEP]. Of a longer text the "
        f"model sees {seen} word pieces.",
        "",
        *_USE[form],
        "",
        "## Compared before it was written",
        "",
        *(
            f"- with {distance['against']}, {distance['texts']} texts: mean {distance['mean']:.2g}, largest "
            f"{distance['largest']:.2g}, the same label on {distance['same_label']} ({distance['allowed']})"
            for distance in described["compared"]
        ),
        "",
    ]
    return "\n".join(lines)


def _calibration(values: Mapping[str, Any]) -> str:
    line = (
        "- **Calibration** is in the model: score = sigmoid(logit / "
        f"{values['temperature']:.6g} + {values['bias']:.6g})"
    )
    short = values.get("short")
    if short is None:
        return line + "."
    return (
        f"{line} from {short['long']} tokens on, sigmoid(logit / {short['temperature']:.6g} + "
        f"{short['bias']:.6g}) up to {short['tokens']}; between, 1 / temperature and bias change in a line."
    )


_FOR = {"saved-model": "TF Serving", "litert": "LiteRT", "onnx": "ONNX Runtime"}
_TOKENS = (
    "## From a text to ids",
    "",
    "`score.py` does these steps with NumPy and the standard library. Read it, or use it as it is:",
    "",
    "1. Clean: replace emoji by their Unicode names (`spell_emoji` in the script) if `cleaning` is 2; remove",
    "   U+FEFF; replace every spelling of `<br>`, and every run of white space, by a space.",
    "2. If `lower_case` is true: apply NFKC, full case folding and NFD, and remove marks of category Mn.",
    "3. Replace control and format characters by spaces. Punctuation and CJK ideographs are separate words.",
    "4. Split each word into its longest pieces in `vocab.txt` (an id is a line number, from 0). A word that",
    "   cannot be split into them, or has more than 100 bytes, is [UNK].",
    "5. Cut to the window; put [CLS] before and [SEP] after. Pad the rows of a batch at their ends with 0.",
)
_USE = {
    "saved-model": (
        "Cleaning, tokenizing and window are in the graph: it takes raw texts in UTF-8. The name of this",
        "folder is the version number that TF Serving looks for. The server gets the folder above it, so run",
        "these commands there (`tensorflow/serving:2.20.0` or later; earlier ones have an older TensorFlow",
        "Text):",
        "",
        "```sh",
        'docker run --rm -p 8501:8501 -v "$PWD:/models/sentiment" -e MODEL_NAME=sentiment \\',
        "  tensorflow/serving:2.20.0",
        'curl http://localhost:8501/v1/models/sentiment:predict -d \'{"instances": ["great film"]}\'',
        "```",
        "",
        "The server runs the warm-up requests in `assets.extra` while it loads the model. In Python, import",
        "tensorflow_text before `tf.saved_model.load`.",
    ),
    "litert": (
        "```sh",
        "pip install ai-edge-litert numpy",
        'python score.py "great film"',
        "```",
        "",
        "The weights are int8. bertsent itself scores with this file, row by row and without padding, and so",
        "does `score.py`. With other batches or padding int8 rounds differently: scores move by about 0.01.",
        "",
        *_TOKENS,
    ),
    "onnx": (
        "```sh",
        "pip install onnxruntime numpy",
        'python score.py "great film"',
        "```",
        "",
        "Weights and arithmetic are float32, opset 20.",
        "",
        *_TOKENS,
    ),
}
