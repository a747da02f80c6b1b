"""A pool of reviews to label: what in it is worth a question, and which question comes next.

`bertsent.pool.background`, which needs NumPy, is imported where the first question has been asked.
"""

from bertsent.pool.model import Model
from bertsent.pool.queue import LEFT_OUT, Pool, Question, read_pool, second_look

__all__ = ["LEFT_OUT", "Model", "Pool", "Question", "read_pool", "second_look"]
