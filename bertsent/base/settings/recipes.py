"""Recipes as data: a name -> the settings of a whole training run.

A recipe is where a run starts; a configuration file and the options of `bertsent train` change it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bertsent.base.errors import UsageError
from bertsent.base.settings.training import TrainSettings

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Named settings; `about` says in a few words what they are for."""

    name: str
    about: str
    settings: TrainSettings


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in [
        Recipe(DEFAULT, "bertsent's own choice", TrainSettings()),
        # The settings of TensorFlow's tutorial "Classify text with BERT", as the original scripts had them.
        # Every field is written out, so that a new default does not change this recipe.
        Recipe(
            "original",
            "a small BERT, as TensorFlow's tutorial trains it",
            TrainSettings(
                epochs=5,
                init_lr=3e-5,
                warmup=0.1,
                batch_size=32,
                dropout=0.1,
                optimizer="adamw",
                encoder="small_bert/bert_en_uncased_L-4_H-512_A-8",
                preprocessor="",
                seq_length=128,
                train_length=128,
                window="head",
                crops=0.0,
                momentum=0.9,
                validation_share=0.2,
                balance="none",
                unlabelled_rows=30_000,
                teacher_share=0.5,
                patience=0,
                folds=0,
                seed=42,
            ),
        ),
        Recipe(
            "student",
            "a second round, for --unlabelled and --warm-start",
            # Starting from weights that were trained on 160 tokens, one epoch of 384 is affordable, and it
            # improves long reviews.
            replace(TrainSettings(), epochs=1, init_lr=5e-5, crops=0.5, seq_length=384, train_length=384),
        ),
        # One epoch, or more with few labels (`retraining.run.settings_for`). Batches are small, because few
        # labels give few steps.
        Recipe(
            "retrain",
            "a warm start on new labels and some old reviews",
            replace(TrainSettings(), epochs=1, init_lr=5e-5, batch_size=16, crops=0.5),
        ),
        # Few rows give few steps, so batches are small and epochs many.
        Recipe(
            "few-shot",
            "a warm start on 16 to 200 labels, measured by cross-validation",
            replace(TrainSettings(), epochs=10, init_lr=5e-5, batch_size=8, crops=0.0, folds=5),
        ),
        Recipe(
            "fast",
            "a first look, in minutes on two cores",
            replace(TrainSettings(), encoder="minilm", epochs=1, seq_length=128, train_length=64, crops=0.0),
        ),
    ]
}


def find_recipe(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        UsageError: if there is none; the message lists all recipes.
    """
    if name not in RECIPES:
        raise UsageError(f"A recipe is one of {', '.join(RECIPES)}.", received=repr(name[:60]))
    return RECIPES[name]
