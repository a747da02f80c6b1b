"""model/<n>/: published versions, which never change."""
