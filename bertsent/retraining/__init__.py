"""Trains a challenger on old and new data; the gate publishes it as the next version or rejects it.

Every run leaves one outcome. The next run with the same rows finishes a killed one: training resumes from its
checkpoints, a complete challenger is not trained again, and an outcome that is written stays.
"""
