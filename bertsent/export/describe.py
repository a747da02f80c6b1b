"""export.json and README.md: all that is needed to use an export without bertsent."""

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
from bertsent.export.folder import DESCRIPTION, FORMAT, MARK
from bertsent.export.records import Distance
from bertsent.export.weights import calibration
from bertsent.scoring.tokenizer import AnyTokenizer, window_sizes
from bertsent.versions.manifest import Version

CARD = "README.md"
OUTPUT = "score"
_SEEN = {
    "head": "its first {pieces}",
    "head+tail": "its first {head} and its last {tail}",
}


def input_name(form: Format) -> str:
    """The name of the input of an export."""
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
        score: Scores texts by the export itself, for examples.

    Returns:
        The bytes of all files.
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
    """What export.json says of the version and of how a text becomes a score."""
    manifest = version.manifest
    head, tail = window_sizes(manifest.seq_length, manifest.window)
    temperature, bias = calibration(version)
    ids = f"token ids, padded with 0 at the end of a row, at most {manifest.seq_length} a row"
    return {
        MARK: FORMAT,
        "format": form,
        "created": now(),
        "bertsent": __version__,
        "source": {
            "version": manifest.version,
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
        "unsure": list(manifest.calibration.get("unsure", (DEFAULT_THRESHOLD, DEFAULT_THRESHOLD))),
        "seq_length": manifest.seq_length,
        "window": {"kind": manifest.window, "head": head, "tail": tail},
        "calibration": {"temperature": temperature, "bias": bias, "applied": True},
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
        f"# bertsent sentiment classifier, version {source['version']}, for {_FOR[form]}",
        "",
        f"Exported by bertsent {described['bertsent']} on {described['created']} from the version of "
        f"{source['created']} (encoder {visible(str(source['encoder']))}). `export.json` says the same to "
        "programs.",
        "",
        f"- **Input**: `{described['input']['name']}`, {described['input']['type']} "
        f"[{', '.join(described['input']['shape'])}]: {described['input']['meaning']}.",
        f"- **Output**: `{described['output']['name']}`, float32 [batch]: the probability that a text is "
        f"positive. From {described['threshold']} on the label is positive; between {low:.4f} and "
        f"{high:.4f} too few labels are correct, and bertsent says unsure.",
        "- **Calibration** is inside: score = sigmoid(logit / "
        f"{described['calibration']['temperature']:.6g} + {described['calibration']['bias']:.6g}).",
        f"- **Window**: {described['seq_length']} tokens, [CLS] and [SEP] counted. Of a longer text the "
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


_FOR = {"saved-model": "TF Serving", "litert": "LiteRT", "onnx": "ONNX Runtime"}
_TOKENS = (
    "## From a text to ids",
    "",
    "`score.py` does all of it with NumPy and the standard library; read it, or take it as it is:",
    "",
    "1. Clean: no U+FEFF; `<br>` in its spellings becomes a space; every run of white space one space.",
    "2. Where `lower_case`: NFKC, full case folding, NFD, no marks of category Mn.",
    "3. Control and format characters become spaces; punctuation and CJK ideographs words of their own.",
    "4. Each word becomes its longest pieces of `vocab.txt` (the line number, from 0, is the id); a word",
    "   without them, or of more than 100 bytes, is [UNK].",
    "5. The window; [CLS] before, [SEP] after. Rows of a batch are padded at their ends with 0.",
)
_USE = {
    "saved-model": (
        "Cleaning, tokenizing and window are in the graph: it takes texts as they come, in UTF-8. The name",
        "of this folder is the version number that TF Serving looks for; the server is given the folder",
        "above, where these commands run (`tensorflow/serving:2.20.0` or later: earlier ones have an older",
        "TensorFlow Text):",
        "",
        "```sh",
        'docker run --rm -p 8501:8501 -v "$PWD:/models/sentiment" -e MODEL_NAME=sentiment \\',
        "  tensorflow/serving:2.20.0",
        'curl http://localhost:8501/v1/models/sentiment:predict -d \'{"instances": ["great film"]}\'',
        "```",
        "",
        "The warm-up requests in `assets.extra` are run while the server loads it. In Python, import",
        "tensorflow_text before `tf.saved_model.load`.",
    ),
    "litert": (
        "```sh",
        "pip install ai-edge-litert numpy",
        'python score.py "great film"',
        "```",
        "",
        "The weights are int8; it is the file that bertsent itself scores with, row by row and unpadded, as",
        "`score.py` does. In another batch or padding int8 rounds otherwise: scores move by about 0.01.",
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
