"""Old and new data -> a challenger -> the gate -> the next version, or a line in the ledger.

Every run leaves one outcome. The next run with the same rows finishes a killed one: training resumes from its
checkpoints, a complete challenger is not trained again, and what was published or rejected stays so.
"""
