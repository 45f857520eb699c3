"""What only programs and libraries can check of the cluster file, before anything is made.

Most files need none of it, and loading it takes longer than the rest of ``bakery validate``: each part is imported
when the file has something for it.
"""

from typing import TYPE_CHECKING

from bakery.plan.model import ClusterPlan

if TYPE_CHECKING:
    from bakery.operations.context import Context


def check_agents(context: "Context", plan: ClusterPlan) -> None:
    """Check what the file merges into the agents' configuration, and the certificates of the ingress nodes.

    Raises:
        ConfigError: consul or nomad refuses the configuration, or a certificate does not fit.
        CredentialsError: the key of a certificate cannot be read.
    """
    if context.config.ingress.certificates:
        from bakery.operations.check_certificates import check_certificates

        check_certificates(context.config, context.reporter)
    if any(node.settings.consul or node.settings.nomad for node in plan.nodes):
        from bakery.operations.check_settings import check_settings

        check_settings(context, plan)
