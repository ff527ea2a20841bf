"""Execute analyses/*.py from scratch; write each as .ipynb and as a page that needs no network.

Exit code 1 if a cell fails or warns, the form is not kept or an answer is not borne out. A notebook
runs in analyses/, as in Jupyter, and as many at a time as there are cores.
"""

from __future__ import annotations

import os
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from pathlib import Path

import jupytext
import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from notebook_form import Cell, answer_of, form_faults, read_cells, unsupported

PROJECT = Path(__file__).resolve().parent.parent
ANALYSES = PROJECT / "analyses"
BUILD = PROJECT / "build" / "notebooks"
CELL_TIMEOUT_S = 120
BUDGET_S = 180
"""All notebooks together, on two cores."""
LONGEST = ("which_layers_binary", "what_if_hardware", "do_we_believe_it")
"""Begun first, so that no core has nothing to do while the last of them runs."""

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_SCRIPTS = re.compile(r"<script\b.*?</script>", re.DOTALL)
_STYLE = "<style>.jp-OutputArea-output pre { word-break: normal; overflow-wrap: anywhere }</style>"


class OwnPython(AsyncKernelManager):
    """Kernels of the Python that runs this, whatever kernels the machine has installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """How a kernel is started."""
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python")


def build(name: str) -> tuple[list[str], float]:
    """Execute one analysis and write it, as far as it got: its faults, and the time it took [s]."""
    start = time.perf_counter()
    source = (ANALYSES / f"{name}.py").read_text("utf-8")
    try:
        faults = [f"analyses/{name}.py:{fault}" for fault in form_faults(read_cells(source))]
    except SyntaxError as fault:
        return [f"analyses/{name}.py: a cell is not Python: {fault}"], 0.0
    if not faults:
        notebook = jupytext.reads(source, fmt="py:percent")
        faults = [f"analyses/{name}.py:{fault}" for fault in executed(notebook, source)]
        write(notebook, name)
    return faults, time.perf_counter() - start


def executed(notebook: nbformat.NotebookNode, source: str) -> list[str]:
    """Execute all cells in place; what went wrong, each with the line of its cell."""
    cells = read_cells(source)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_manager_class=OwnPython,
        resources={"metadata": {"path": str(ANALYSES)}},
        extra_arguments=["--InlineBackend.figure_formats={'retina'}", "--log-level=ERROR"],
    )
    try:
        client.execute()
    except CellTimeoutError:
        return [f"{_at(notebook, cells)}: took longer than {CELL_TIMEOUT_S} s"]
    except CellExecutionError as fault:
        return [f"{_at(notebook, cells)}: {_ESCAPES.sub('', fault.traceback).strip()}"]
    except DeadKernelError as fault:
        return [f"{_at(notebook, cells)}: {fault}"]
    outputs = [
        (place.line, output)
        for cell, place in zip(notebook.cells, cells, strict=True)
        for output in cell.get("outputs", [])
    ]
    faults = [f"{line}: the cell {fault}" for line, item in outputs if (fault := _unfit(item))]
    printed = (o.text for o in notebook.cells[-1].outputs if o.get("name") == "stdout")
    fault = unsupported(answer_of(cells), "".join(printed))
    return [*faults, *([f"{cells[-1].line}: {fault}"] if fault else [])]


def _unfit(output: nbformat.NotebookNode) -> str:
    """Why an output is nothing to show to a reader; "" if it is."""
    if output.get("name") == "stderr":
        return f"warns: {output.text.strip()}"
    if re.match("<Figure size", output.get("data", {}).get("text/plain", "")):
        images = [kind for kind in output.data if kind.startswith("image/")]
        return "" if images else "has a figure without a picture: %matplotlib inline is missing"
    return ""


def _at(notebook: nbformat.NotebookNode, cells: list[Cell]) -> str:
    """The line of the cell that was executed last, and its place among the cells."""
    counts = [cell.get("execution_count") or 0 for cell in notebook.cells]
    begun = [i for i, cell in enumerate(notebook.cells) if "execution" in cell.metadata]
    number = begun[-1] if begun else counts.index(max(counts))
    return f"{cells[number].line}: cell {number + 1} of {len(cells)}"


def write(notebook: nbformat.NotebookNode, name: str) -> None:
    """Write build/notebooks/<name>.ipynb and <name>.html; the page loads nothing."""
    BUILD.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, BUILD / f"{name}.ipynb")
    page, _ = HTMLExporter(embed_images=True).from_notebook_node(
        notebook, resources={"metadata": {"name": name}}
    )
    page = _SCRIPTS.sub("", page)  # of MathJax and Mermaid, from the network; nothing here moves
    page = page.replace("</head>", f"{_STYLE}</head>", 1)
    (BUILD / f"{name}.html").write_text(page, "utf-8")


def main(wanted: list[str]) -> int:
    """Build the analyses of these names, or all; the exit code."""
    known = sorted(path.stem for path in ANALYSES.glob("*.py"))
    if unknown := [name for name in wanted if name not in known]:
        print(f"notebooks: no analysis {', '.join(unknown)}; there are {', '.join(known)}")
        return 2
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # kernels share the cores among them
    # Its first import on a machine says on stderr that it looks for fonts: a warning, in a cell.
    import_module("matplotlib.font_manager")
    start, failed = time.perf_counter(), 0
    names = sorted(wanted or known, key=lambda name: name not in LONGEST)
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        running = {pool.submit(build, name): name for name in names}
        for number, done in enumerate(as_completed(running), 1):
            faults, seconds = done.result()
            state = "FAILED" if faults else "ok"
            print(f"{number}/{len(names)} {running[done]:24} {seconds:6.1f} s  {state}", flush=True)
            print("".join(f"    {fault}\n" for fault in faults), end="", flush=True)
            failed += bool(faults)
    seconds = time.perf_counter() - start
    late = f", more than the {BUDGET_S} s that all may take" if seconds > BUDGET_S else ""
    print(f"{len(names) - failed} of {len(names)} in {seconds:.0f} s{late}: {BUILD}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
