"""The only folder that may import TensorFlow; this module sets TensorFlow's environment first.

`hub.KerasLayer`, tf-models and their optimizers are Keras 2 code (package tf_keras), so this module chooses
legacy Keras before it imports TensorFlow. Nothing in this folder imports `keras`.
"""

from __future__ import annotations

import logging
import os
import warnings

from bertsent.base.display import size
from bertsent.base.errors import BertsentError, MissingExtraError
from bertsent.base.resources import addresses, cores
from bertsent.base.settings.download import cache_folder
from bertsent.base.settings.training import MemorySettings

_addresses, _least = addresses(), MemorySettings().addresses
if _addresses is not None and _addresses < _least:  # TensorFlow would abort the process without a word
    raise BertsentError(
        f"TensorFlow needs {size(_least)} of address space.",
        received=f"{size(_addresses)} (ulimit -v)",
        hint="ulimit -v unlimited; scoring and labelling work as it is",
    )

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # only TensorFlow's developers need its C++ messages
os.environ.setdefault("TFHUB_CACHE_DIR", str(cache_folder() / "tfhub"))
os.environ.setdefault("TFHUB_MODEL_LOAD_FORMAT", "COMPRESSED")  # the only form that is cached
os.environ.pop("TFHUB_DOWNLOAD_PROGRESS", None)  # it would write to stdout, which is for results

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pkg_resources and protobuf deprecations of the pinned stack
    try:
        import tensorflow as tf
        import tensorflow_hub
        import tensorflow_text  # noqa: F401  (registers the preprocessors' ops, CaseFoldUTF8 among them)
        import tf_keras
    except ImportError as error:
        raise MissingExtraError(
            f"This needs TensorFlow, which the plain installation leaves out ({error}).",
            hint="pip install 'bertsent[train]'",
        ) from error

# TensorFlow would start a thread for each core of the machine, also where a container may use only a part of
# them, and those threads would wait for each other.
if "TF_NUM_INTRAOP_THREADS" not in os.environ:
    tf.config.threading.set_intra_op_parallelism_threads(cores())
    tf.config.threading.set_inter_op_parallelism_threads(cores())

tf.get_logger().setLevel(logging.ERROR)
logging.getLogger("absl").setLevel(logging.ERROR)

__all__ = ["tensorflow_hub", "tf", "tf_keras"]
