"""The HTML page in a browser: headless Chromium opens it, sorts, filters, and prints it.

Screenshots are kept in build/screenshots/.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROJECT
from tests.show.conftest import GOLDEN, small_network
from tests.show.test_page import HOSTILE
from xnorsim.analysis import analyze
from xnorsim.show.page import page
from xnorsim.show.report import document

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
SHOTS = PROJECT / "build" / "screenshots"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def doc() -> dict[str, Any]:
    """Two machines, the second without energies; one layer's name is markup."""
    profiles = (GOLDEN / "tiny.yaml", "paper-64ops")
    made = copy.deepcopy(document(analyze(small_network(), binarize="xnor", profile=profiles)))
    for rows in (made["layers"], *(item["layers"] for item in made["predictions"])):
        rows[1]["name"] = HOSTILE
    made["totals"]["peak_layer"] = HOSTILE
    return made


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    for program in (CHROMIUM, DRIVER):
        if not program.exists():
            pytest.skip(f"{program} is not installed (Debian's chromium and chromium-driver)")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,1400"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(executable_path=str(DRIVER)))
    try:
        yield found
    finally:
        found.quit()


@pytest.fixture(scope="module")
def opened(driver, doc, tmp_path_factory) -> Any:
    """The page of `doc`, and of the same network without machines, all its figures drawn."""
    from selenium.webdriver.support.ui import WebDriverWait

    counted = {**doc, "predictions": [], "model": {**doc["model"], "name": "counted"}}
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page([doc, counted]), encoding="utf-8")
    driver.get(path.as_uri())
    drawn = "return document.documentElement.dataset.drawn === 'all'"
    WebDriverWait(driver, 60).until(lambda each: each.execute_script(drawn))
    return driver


def run(driver: Any, script: str, *arguments: Any) -> Any:
    return driver.execute_script(script, *arguments)


def shoot(driver: Any, name: str) -> bytes:
    SHOTS.mkdir(parents=True, exist_ok=True)
    content = base64.b64decode(
        driver.execute_cdp_cmd(
            "Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True}
        )["data"]
    )
    (SHOTS / f"{name}.png").write_bytes(content)
    return content


def shown(driver: Any, column: str) -> list[str]:
    """What stands in a column of the layer table, of the rows that are shown."""
    return run(
        driver,
        """const table = document.getElementById("m1-layers");
        const heads = [...table.tHead.rows[0].cells];
        const at = heads.findIndex((c) => c.dataset.header === arguments[0]);
        return [...table.tBodies[0].rows].filter((r) => !r.hidden)
            .map((r) => r.cells[at].textContent);""",
        column,
    )


def click(driver: Any, css: str) -> None:
    run(driver, "document.querySelector(arguments[0]).click()", css)


def test_nothing_is_wrong_and_nothing_is_asked_for(opened):
    """The logs are of everything since the browser began: opening, and drawing all figures."""
    assert opened.get_log("browser") == []
    messages = [json.loads(line["message"])["message"] for line in opened.get_log("performance")]
    asked = {
        message["params"]["request"]["url"].partition(":")[0]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }
    assert asked <= {"file", "data", "blob"}
    assert run(opened, "return performance.getEntriesByType('resource').length") == 0
    assert run(opened, "return window.hacked") is None


def test_every_figure_is_drawn(opened, doc):
    names = run(opened, "return [...document.querySelectorAll('.plot')].map((p) => p.id)")
    keys = ("totals", "shares", "costs", "roofline", "memory", "speedups")
    assert names == ["overview-figure", *(f"m1-{key}" for key in keys), "m2-memory"]
    counts = run(
        opened,
        "return arguments[0].map((id) => document.querySelectorAll(`#${id} .main-svg`).length)",
        names,
    )
    assert min(counts) >= 1
    bars = "return document.querySelectorAll('#m1-costs .bars .point path').length"
    layers = zip(*(item["layers"] for item in doc["predictions"]), strict=True)
    costly = sum(any(cost["latency_s"] for cost in costs) for costs in layers)
    assert run(opened, bars) == 2 * costly
    shoot(opened, "report-light")


def test_headings_sort_by_number_and_by_text(opened, doc):
    layers, costs = doc["layers"], doc["predictions"][0]["layers"]
    by_latency = sorted(range(len(costs)), key=lambda i: (-costs[i]["latency_s"], i))
    head = "#m1-layers th[data-header='latency']"
    click(opened, f"{head} button")
    assert shown(opened, "layer") == [layers[i]["name"] for i in by_latency]
    assert run(opened, f'return document.querySelector("{head}").ariaSort') == "descending"
    click(opened, f"{head} button")
    rising = sorted(range(len(costs)), key=lambda i: (costs[i]["latency_s"], i))
    assert shown(opened, "layer") == [layers[i]["name"] for i in rising]
    assert run(opened, f'return document.querySelector("{head}").ariaSort') == "ascending"
    click(opened, "#m1-layers th[data-header='MACs'] button")
    sizes = [layer["macs"] for layer in layers]
    by_size = sorted(range(len(sizes)), key=lambda i: (-sizes[i], i))
    assert shown(opened, "layer") == [layers[i]["name"] for i in by_size]
    click(opened, "#m1-layers th[data-header='kind'] button")
    assert shown(opened, "kind") == sorted(layer["kind"] for layer in layers)
    click(opened, "#m1-layers th[data-header='order'] button")
    assert shown(opened, "layer") == [layer["name"] for layer in layers]
    sorted_by = "return document.querySelectorAll('#m1-layers [aria-sort]').length"
    assert run(opened, sorted_by) == 1


def choose(driver: Any, name: str, value: Any) -> None:
    """Set a control above the layer table, as a user would."""
    run(
        driver,
        """const control = document.querySelector("form[data-table]").elements[arguments[0]];
        if (control.type === "checkbox") control.checked = arguments[1];
        else control.value = arguments[1];
        control.dispatchEvent(new Event("input", { bubbles: true }));""",
        name,
        value,
    )


def test_filters_leave_the_layers_asked_for(opened, doc):
    layers = doc["layers"]
    for name, value, wanted in (
        ("text", "BLOCK", lambda layer, _: "block" in layer["name"]),
        ("text", "dense", lambda layer, _: layer["kind"] == "dense"),
        ("text", "<img", lambda layer, _: layer["name"] == HOSTILE),
        ("precision", "xnor W1A1", lambda layer, _: layer["scheme"] == "bipolar*bipolar"),
        ("multiplying", True, lambda layer, _: layer["macs"] > 0),
        ("bound", "overhead", lambda _, costs: "overhead" in costs),
    ):
        choose(opened, name, value)
        costs = [
            [cost["bound"] for cost in each if cost["latency_s"]]
            for each in zip(*(item["layers"] for item in doc["predictions"]), strict=True)
        ]
        expected = [
            layer["name"] for layer, each in zip(layers, costs, strict=True) if wanted(layer, each)
        ]
        assert shown(opened, "layer") == expected, name
        assert 0 < len(expected) < len(layers), name
        count = run(opened, "return document.querySelector('.count').textContent")
        assert count == f"{len(expected)} of {len(layers)} layers"
        choose(opened, name, False if value is True else "")
    assert shown(opened, "layer") == [layer["name"] for layer in layers]


def test_what_is_shown_is_added_up(opened):
    choose(opened, "precision", "xnor W1A1")
    found = run(
        opened,
        """const table = document.getElementById("m1-layers");
        const at = [...table.tHead.rows[0].cells].findIndex((c) => c.dataset.header === "MACs");
        const line = table.tFoot.querySelector(".shown");
        return [line.hidden, line.cells[at].textContent];""",
    )
    assert found == [False, "295 k"]  # 2 x 64 positions x 16 filters x 9 taps x 16 channels
    choose(opened, "precision", "")
    assert run(opened, "return document.querySelector('tr.shown').hidden") is True


def test_columns_and_profiles_are_switched(opened):
    visible = """return [...document.querySelectorAll("#m1-layers thead th")]
        .filter((c) => getComputedStyle(c).display !== "none").map((c) => c.textContent.trim())"""
    before = run(opened, visible)
    assert "paper-64ops latency" in before
    assert "output" not in before
    click(opened, "[data-switch=p1]")
    click(opened, "[data-switch=shape]")
    after = run(opened, visible)
    assert [head for head in after if "paper-64ops" in head] == []
    assert "output" in after
    click(opened, "[data-switch=p1]")
    click(opened, "[data-switch=shape]")
    assert run(opened, visible) == before


def test_costs_are_coloured_by_bound_and_energies_shown(opened):
    seen = """return document.getElementById("m1-costs").data
        .filter((t) => t.visible === true).map((t) => t.meta.join(" "))"""
    assert set(run(opened, seen)) == {"latency precision"}
    click(opened, "input[name=m1-costs-coloured-by][value=bound]")
    assert set(run(opened, seen)) == {"latency bound"}
    click(opened, "input[name=m1-costs-cost][value=energy]")
    assert set(run(opened, seen)) == {"energy bound"}
    title = "return document.querySelector('#m1-costs .ytitle').textContent"
    assert run(opened, title).startswith("energy (")
    click(opened, "input[name=m1-costs-coloured-by][value=precision]")
    click(opened, "input[name=m1-costs-cost][value=latency]")


def test_a_hostile_name_is_text_under_the_pointer_too(opened):
    found = run(
        opened,
        """const plot = document.getElementById("m1-memory");
        Plotly.Fx.hover(plot, [{ curveNumber: 0, pointNumber: 1 }], ["xy"]);
        return [plot.querySelector(".hoverlayer").textContent,
            document.images.length, window.hacked];""",
    )
    assert HOSTILE in found[0]
    assert found[1:] == [0, None]
    run(opened, "Plotly.Fx.unhover(document.getElementById('m1-memory'))")


COLOURS = """const style = (css) => getComputedStyle(document.querySelector(css));
return [style("body").backgroundColor, style("#m1-costs .xtick text").fill];"""


def test_dark_and_light(opened):
    light = run(opened, COLOURS)
    click(opened, "#theme")
    dark = run(opened, COLOURS)
    assert light[0] == "rgb(255, 255, 255)"
    assert all(a != b for a, b in zip(light, dark, strict=True)), "figures follow the page"
    shoot(opened, "report-dark")
    click(opened, "#theme")
    assert run(opened, COLOURS) == light
    system = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", system)
    run(opened, "delete document.documentElement.dataset.theme")
    assert run(opened, COLOURS) == dark
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_print_is_light_without_controls_and_fits(opened):
    click(opened, "#theme")
    assert run(opened, COLOURS)[0] != "rgb(255, 255, 255)"
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert run(opened, COLOURS)[0] == "rgb(255, 255, 255)"
    hidden = """return ["#theme", ".controls", ".choices", ".top nav"]
        .map((css) => getComputedStyle(document.querySelector(css)).display)"""
    assert set(run(opened, hidden)) == {"none"}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    run(
        opened,
        """window.widths = [];
        addEventListener("beforeprint", () => {
          window.widths = [...document.querySelectorAll(".plot")].map((p) => p.layout.width);
        });""",
    )
    made = opened.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    (SHOTS / "report-print.pdf").write_bytes(base64.b64decode(made["data"]))
    assert base64.b64decode(made["data"]).startswith(b"%PDF")
    widths = run(opened, "return window.widths")
    assert len(widths) == 8
    assert max(widths) <= 1020
    after = "return [...document.querySelectorAll('.plot')].map((p) => p.layout.autosize)"
    assert all(run(opened, after))
    click(opened, "#theme")


def test_a_narrow_window_scrolls_tables_and_not_the_page(opened):
    size = {"width": 600, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert run(opened, wide) <= 0
    shoot(opened, "report-narrow")
    opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_heading_that_is_gone_to_is_in_sight(opened):
    """Below the line of sections, however many models and how long their names are."""
    run(
        opened,
        """const nav = document.querySelector(".top nav"), first = nav.firstElementChild;
        for (let i = 0; i < 30; i += 1) nav.append(first.cloneNode(true));
        document.querySelector(".top h1").textContent += " of a long name".repeat(30);
        document.getElementById("m2").scrollIntoView();""",
    )
    header, heading = run(
        opened,
        """return [document.querySelector(".top"), document.querySelector("#m2 h2")]
            .map((item) => item.getBoundingClientRect()).map((box) => [box.top, box.bottom]);""",
    )
    assert header[0] == 0
    assert header[1] <= heading[0] < heading[1] < 200


def test_models_are_compared_first(opened):
    heads = "return [...document.querySelectorAll('#overview tbody th')].map((c) => c.textContent)"
    assert run(opened, heads) == ["small", "counted"]
    assert run(opened, "return document.querySelector('main > section').id") == "overview"


def test_the_console_stays_empty(opened):
    """Of everything that the tests above did."""
    assert opened.get_log("browser") == []
