from azureml_emulator.jobs.mlflow.run_names import exchange_in_filter, exchange_run_ids


def test_run_ids_are_exchanged_wherever_they_stand() -> None:
    body = {
        "run": {"info": {"run_id": "a", "run_uuid": "a", "name": "a"}, "data": {"tags": [{"key": "k", "value": "a"}]}},
        "run_ids": ["a", "b"],
        "tags": [{"key": "mlflow.parentRunId", "value": "a"}],
    }
    assert exchange_run_ids(body, {"a": "x", "b": "b"}.__getitem__) == {
        "run": {"info": {"run_id": "x", "run_uuid": "x", "name": "a"}, "data": {"tags": [{"key": "k", "value": "a"}]}},
        "run_ids": ["x", "b"],
        "tags": [{"key": "mlflow.parentRunId", "value": "x"}],
    }


def test_run_ids_are_exchanged_in_what_a_search_quotes() -> None:
    condition = """tags.mlflow.parentRunId = 'job' AND params."job" = "job" AND run_id IN ('b', 'job')"""
    exchanged = exchange_in_filter(condition, lambda name: {"job": "id"}.get(name, name))
    assert exchanged == """tags.mlflow.parentRunId = 'id' AND params."job" = "id" AND run_id IN ('b', 'id')"""
