from pathlib import Path

from azureml_emulator.faults.armory import Armory
from azureml_emulator.faults.rules import Rule
from azureml_emulator.faults.tunnels import TunnelFault, for_tunnel
from azureml_emulator.store import Store

COMPUTE = "/subscriptions/s/providers/p/computes/one"


def tally(armory: Armory) -> dict[str, tuple[int, int, bool]]:
    return {one["name"]: (one["seen"], one["hits"], one["spent"]) for one in armory.listed()}


def test_a_rule_is_counted_and_spent_across_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    Armory(store).arm([Rule("r", "reset", route="**", count=2, after=1)])
    struck = [bool(Armory(store).strike({"reset"}, lambda _: True)) for _ in range(5)]
    assert struck == [False, True, True, False, False]
    assert tally(Armory(store)) == {"r": (3, 2, True)}


def test_delays_add_up_and_one_other_fault_decides(tmp_path: Path) -> None:
    armory = Armory(Store(tmp_path / "store"))
    armory.arm(
        [
            Rule("slow", "slow", tunnel="*.net", seconds=1),
            Rule("slower", "slow", tunnel="*.net", seconds=2),
            Rule("elsewhere", "refuse", tunnel="*.org"),
            Rule("reset", "reset", tunnel="*.net", after_bytes=9),
            Rule("late", "refuse", tunnel="*.net"),
        ]
    )
    assert for_tunnel(armory, "A.net") == TunnelFault(delay=3, reset_after=9)
    assert for_tunnel(armory, "a.org") == TunnelFault(refuse=True)
    assert for_tunnel(armory, "a.com") == TunnelFault()
    assert [hits for _, hits, _ in tally(armory).values()] == [1, 1, 1, 1, 0]


def test_arming_again_counts_anew_and_load_replaces_all(tmp_path: Path) -> None:
    armory = Armory(Store(tmp_path / "store"))
    armory.arm([Rule("a", "reset", route="**"), Rule("b", "reset", route="**")])
    armory.strike({"reset"}, lambda _: True)
    armory.arm([Rule("a", "reset", route="**")])
    assert tally(armory) == {"b": (0, 0, False), "a": (0, 0, False)}
    armory.arm([Rule("c", "reset", route="**")], instead=True)
    assert list(tally(armory)) == ["c"]
    assert armory.clear("nobody") == []
    assert armory.clear() == ["c"]
    assert armory.listed() == []


def test_an_operation_is_held_until_its_rule_is_cleared(tmp_path: Path) -> None:
    armory = Armory(Store(tmp_path / "store"))
    rule = Rule("stuck", "stuck_operation", operation="compute start", resource="one")
    armory.arm([rule])
    assert armory.hold("compute stop", COMPUTE) is None
    assert armory.hold("compute start", f"{COMPUTE}-more") is None
    held = armory.hold("compute start", COMPUTE)
    assert held
    assert armory.holds(held)
    armory.arm([rule])  # The same again holds what begins from now on.
    assert not armory.holds(held)


def test_an_operation_is_held_for_a_time(tmp_path: Path) -> None:
    armory = Armory(Store(tmp_path / "store"))
    armory.arm([Rule("stuck", "stuck_operation", operation="*", seconds=0)])
    held = armory.hold("compute start", COMPUTE)
    assert held
    assert not armory.holds(held)
