"""What stops the cluster's commands, with a message that says what to do."""


class ClusterError(RuntimeError):
    """It cannot be started, or does not come up."""


class HostError(ClusterError):
    """A namespace cannot be made or changed."""
