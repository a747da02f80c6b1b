"""A pool of reviews to label: what in it is worth a question, and which question comes next."""

from bertsent.pool.background import Model, prepare
from bertsent.pool.queue import LEFT_OUT, Pool, Question, read_pool, second_look

__all__ = ["LEFT_OUT", "Model", "Pool", "Question", "prepare", "read_pool", "second_look"]
