"""Computes: instances and clusters with their states, and the operations that take them from one to the next.

https://learn.microsoft.com/rest/api/azureml/compute
"""

from .definitions import CLUSTER, INSTANCE
from .routes import routes
from .states import KIND, SECONDS, every, find, register_operations, state

__all__ = ["CLUSTER", "INSTANCE", "KIND", "SECONDS", "every", "find", "register_operations", "routes", "state"]
