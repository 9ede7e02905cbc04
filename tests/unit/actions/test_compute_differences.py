"""How a compute's YAML is compared with what Azure has."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_actions.compute.differences import Difference, differences, rescaled

CLUSTER = {
    "tags": {"team": "vision"},
    "properties": {
        "computeType": "AmlCompute",
        "description": "for training",
        "properties": {
            "vmSize": "STANDARD_DS3_V2",
            "vmPriority": "LowPriority",
            "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT2M"},
            "remoteLoginPortPublicAccess": "NotSpecified",
        },
    },
}
INSTANCE = {
    "properties": {
        "computeType": "ComputeInstance",
        "properties": {
            "vmSize": "STANDARD_DS3_V2",
            "idleTimeBeforeShutdown": "PT30M",
            "sshSettings": {"sshPublicAccess": "Disabled"},
        },
    }
}


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ({"name": "other", "type": "amlcompute", "size": "standard_ds3_v2", "tier": "low_priority"}, []),
        ({"min_instances": 0, "max_instances": 4, "idle_time_before_scale_down": 120}, []),
        ({"description": "for training", "tags": {"team": "vision"}}, []),
        # Azure tells nothing of it.
        ({"enable_node_public_ip": False}, []),
        ({"max_instances": 2}, [("max_instances", 2, 4)]),
        ({"idle_time_before_scale_down": 600}, [("idle_time_before_scale_down", 600, 120)]),
        (
            {"size": "Standard_NC6", "tier": "dedicated"},
            [("size", "Standard_NC6", "STANDARD_DS3_V2"), ("tier", "dedicated", "LowPriority")],
        ),
        ({"tags": {"team": "sound", "cost": 1}}, [("tags.team", "sound", "vision"), ("tags.cost", "1", None)]),
        ({"type": "computeinstance"}, [("type", "computeinstance", "AmlCompute")]),
        ({"ssh_public_access_enabled": True}, [("ssh_public_access_enabled", True, "NotSpecified")]),
    ],
)
def test_a_cluster(definition: dict[str, Any], expected: list[tuple[str, object, object]]) -> None:
    found = differences(definition, CLUSTER, instance=False)
    assert found == [Difference(*one) for one in expected]


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ({"idle_time_before_shutdown_minutes": 30, "ssh_public_access_enabled": False}, []),
        ({"idle_time_before_shutdown": "PT1800S"}, []),
        ({"idle_time_before_shutdown_minutes": 45}, [("idle_time_before_shutdown_minutes", 45, 30)]),
        ({"size": "Standard_DS2_v2"}, [("size", "Standard_DS2_v2", "STANDARD_DS3_V2")]),
        # No setting of an instance's.
        ({"max_instances": 3}, []),
    ],
)
def test_an_instance(definition: dict[str, Any], expected: list[tuple[str, object, object]]) -> None:
    assert differences(definition, INSTANCE, instance=True) == [Difference(*one) for one in expected]


def test_only_what_the_yaml_says_is_rescaled() -> None:
    body = rescaled({"max_instances": 8, "idle_time_before_scale_down": 300}, CLUSTER)
    scale = {"minNodeCount": 0, "maxNodeCount": 8, "nodeIdleTimeBeforeScaleDown": "PT300S"}
    assert body == {"properties": {"properties": {"scaleSettings": scale}}}
