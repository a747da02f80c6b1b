"""The frozen values that pass between the packages of bertsent."""
