"""What a unit test must not do, as one error."""


class EscapedError(BaseException):
    """A unit test reached outside. Not an ``Exception``, so that no handler in the product can swallow it."""
