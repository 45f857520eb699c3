"""Deletes what DigitalOcean refuses to delete while it is in use, or while an action on it is in progress.

For a certificate the answer is 403 "Make sure the certificate is not in use before deleting it", also for a while
after the load balancer has let it go: DigitalOcean's Terraform provider repeats the request for 15 minutes
(digitalocean/certificate/resource_certificate.go).
"""

from collections.abc import Callable

from bakery.errors import UnauthorizedError, UnprocessableError
from bakery.wait import Pending


def delete_if_free(delete: Callable[[], None], what: str) -> bool | Pending:
    """Call ``delete``. Return True if it succeeded, and why not if ``what`` is in use; for a wait.

    Raises:
        UnauthorizedError: the API does not accept the token.
    """
    try:
        delete()
    except (UnprocessableError, UnauthorizedError) as error:
        if isinstance(error, UnauthorizedError) and error.rejects_token:
            raise
        return Pending(f"{what}: {error.details or error}")
    return True
