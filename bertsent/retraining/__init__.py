"""Old and new data -> a challenger -> the gate -> the next version, or a line in the ledger.

Every run leaves one outcome. A run that was killed, wherever, is finished by the next one with the same
rows: training goes on from its checkpoints, a finished challenger is not trained again, a published one is
found by its lineage, a rejected one by its line in the ledger.
"""
