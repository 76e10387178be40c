"""The folder of the workers' numbers."""

import os
from pathlib import Path

import pytest

from gateway.observe.worker_metrics import WorkerMetrics
from gateway_cli.serving import worker_metrics_folder as place
from gateway_cli.serving.worker_metrics_folder import worker_metrics_folder


def test_what_killed_gateways_have_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what others use, nor what only looks like it; and the own folder goes at its end."""
    monkeypatch.setattr(place, "MEMORY", str(tmp_path))
    left, used, foreign = (
        tmp_path / name for name in ("cuebot-gateway-1-x", "cuebot-gateway-2-x", "cuebot-gateway-x")
    )
    for folder in (left, used, foreign):
        folder.mkdir()
        WorkerMetrics(str(folder), 0, 0.0).put({})
    for folder in (left, foreign):
        os.utime(folder, (0, 0))
    with worker_metrics_folder() as own:
        assert {*tmp_path.iterdir()} == {used, foreign, Path(own)}
    assert {*tmp_path.iterdir()} == {used, foreign}
