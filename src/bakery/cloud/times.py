"""Times in the API's answers."""

from datetime import datetime


def is_older(created_at: str, cutoff: datetime) -> bool:
    """Whether ``created_at``, as the API writes it, is before ``cutoff``. A date that cannot be read is not."""
    try:
        return datetime.fromisoformat(created_at) < cutoff
    except (ValueError, TypeError):
        return False
