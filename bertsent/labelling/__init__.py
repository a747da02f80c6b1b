"""A pool of reviews to label: what in it is worth a question, and which question comes next.

`bertsent.labelling.background`, which needs NumPy, is imported where the first question has been asked.
"""

from bertsent.labelling.pool import LEFT_OUT, Pool, Question, read_pool, second_look
from bertsent.labelling.shared_scorer import Model

__all__ = ["LEFT_OUT", "Model", "Pool", "Question", "read_pool", "second_look"]
