"""`python -m benchmarks.plot`: draw the results, results/plot.svg."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
TARGET = "#c0392b"
COLOURS = {"quiet": "#2c7fb8", "logged": "#a1c9e4"}
LABELS = {"quiet": "without access log", "logged": "with access log"}


def draw(results: dict[str, Any], path: Path) -> None:
    """Bars of CPU per request as multiples of Envoy's, with the targets as marks."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "cuebot-gateway"  # the same picture for the same results
    from matplotlib import pyplot as plt

    tables = {name: results[name] for name in COLOURS if results[name]}
    titles = [each["title"] for each in next(iter(tables.values()))]
    figure, axes = plt.subplots(figsize=(9, 0.55 * len(titles) + 1.4), layout="constrained")
    height = 0.8 / len(tables)
    for index, (name, outcomes) in enumerate(tables.items()):
        places = [number + index * height for number in range(len(outcomes))]
        ratios = [each["ratio"] or 0 for each in outcomes]
        bars = axes.barh(places, ratios, height, color=COLOURS[name], label=LABELS[name])
        axes.bar_label(bars, [f"{ratio:.2f}" for ratio in ratios], padding=3, fontsize=8)
    for number, each in enumerate(next(iter(tables.values()))):
        if each["target"]:
            axes.plot([each["target"]] * 2, [number - 0.4, number + 0.4], color=TARGET, lw=2)
    axes.plot([], [], color=TARGET, lw=2, label="target")
    axes.axvline(1, color="black", lw=0.8)
    axes.set_yticks([number + 0.4 - height / 2 for number in range(len(titles))], titles)
    axes.invert_yaxis()
    axes.set_xlabel("CPU per request, Envoy = 1 (less is better)")
    axes.legend(fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    draw(json.loads((RESULTS / "results.json").read_text()), RESULTS / "plot.svg")
