// Figures, sorting, filtering and the theme of the page. Texts go in as text, never as HTML.
"use strict";

(() => {
  const PREFIXES = { "-12": "p", "-9": "n", "-6": "µ", "-3": "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T" };

  // --- figures -----------------------------------------------------------------------------------

  const CONFIG = {
    responsive: true,
    displaylogo: false,
    showTips: false,
    showSendToCloud: false, // nothing of the page leaves it
    plotlyServerURL: "",
    topojsonURL: "",
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    toImageButtonOptions: { format: "svg", filename: "xnorsim" },
  };
  const waiting = [...document.querySelectorAll("script[data-figure]")];
  const drawn = [];

  // {of: column, at: places} stands for those places of a column of the figure.
  function filled(value, columns) {
    if (Array.isArray(value) || value === null || typeof value !== "object") return value;
    if ("of" in value) {
      const column = columns[value.of];
      return value.at ? value.at.map((place) => column[place]) : column;
    }
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each, columns)]));
  }

  function draw(source) {
    const plot = document.getElementById(source.dataset.figure);
    const figure = JSON.parse(source.textContent);
    const data = figure.data.map((trace) => filled(trace, figure.columns));
    drawn.push(plot);
    Plotly.newPlot(plot, data, figure.layout, CONFIG);
    if (figure.choices) listen(plot, figure);
  }

  function listen(plot, figure) {
    const boxes = [...plot.closest("figure").querySelectorAll("input[type=radio]")];
    const names = Object.keys(figure.choices);
    const chosen = (name) => {
      const id = `${plot.id}-${name.replaceAll(" ", "-")}`;
      const box = boxes.find((each) => each.name === id && each.checked);
      return box ? box.value : figure.choices[name][0];
    };
    const change = () => {
      const options = names.map(chosen);
      const visible = figure.data.map((trace) => options.every((option, i) => trace.meta[i] === option));
      const layout = Object.assign({}, ...options.map((option) => figure.relayout[option] || {}));
      for (let i = 1; plot.layout[`yaxis${i > 1 ? i : ""}`]; i += 1) layout[`yaxis${i > 1 ? i : ""}.autorange`] = true;
      Plotly.update(plot, { visible }, layout);
    };
    boxes.forEach((box) => box.addEventListener("change", change));
    if (boxes.some((box) => box.checked !== box.defaultChecked)) change(); // as the browser kept them
  }

  function drawNext() {
    if (!waiting.length) {
      document.documentElement.dataset.drawn = "all";
      return;
    }
    draw(waiting.shift());
    setTimeout(drawNext, 0);
  }

  // A page of A4 less its margins, at 96 pixels an inch: upright, and across for what is wide.
  const UPRIGHT = { width: 700, height: 940 };
  const ACROSS = { width: 1020, height: 600 };

  function resize(plot, width, height) {
    plot.style.height = `${height}px`;
    Plotly.relayout(plot, { width, height, autosize: width === null });
  }

  function fitForPrint() {
    for (const plot of drawn) {
      plot.dataset.height = plot.layout.height;
      const room = plot.closest(".wide") ? ACROSS : UPRIGHT;
      resize(plot, room.width, Math.min(plot.layout.height, room.height));
    }
    for (const table of document.querySelectorAll("table.layers")) {
      table.style.fontSize = "10px";
      const wide = table.scrollWidth;
      table.style.fontSize = `${Math.min(10, (10 * ACROSS.width) / wide)}px`;
    }
  }

  function backFromPrint() {
    drawn.forEach((plot) => resize(plot, null, Number(plot.dataset.height)));
    for (const table of document.querySelectorAll("table.layers")) table.style.fontSize = "";
  }

  addEventListener("beforeprint", () => {
    while (waiting.length) draw(waiting.shift());
    fitForPrint();
  });
  addEventListener("afterprint", backFromPrint);

  // --- theme -------------------------------------------------------------------------------------

  const theme = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
  const say = () => {
    theme.textContent = isDark() ? "light" : "dark";
    theme.setAttribute("aria-pressed", String(isDark()));
  };
  theme.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    say();
  });
  dark.addEventListener("change", say);
  say();

  // --- tables ------------------------------------------------------------------------------------

  function quantity(value, unit) {
    if (unit === "bit") return memory(value);
    if (unit === "%") return `${(100 * value).toFixed(1)}%`;
    if (!value || (unit === "" && Math.abs(value) < 1000)) return `${value} ${unit}`.trim();
    const exact = Number(value.toPrecision(3));
    const power = Math.min(12, Math.max(-12, 3 * Math.floor(Math.log10(Math.abs(exact)) / 3 + 1e-12)));
    return `${(exact / 10 ** power).toPrecision(3)} ${PREFIXES[power]}${unit}`.trim();
  }

  function memory(bits) {
    if (bits < 8192) return bits % 8 ? `${bits} bit` : `${bits / 8} B`;
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let value = bits / 8;
    let step = 0;
    for (; value >= 1023.5 && step < 4; step += 1) value /= 1024;
    return `${value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(value))))} ${units[step]}`;
  }

  function tableOf(form) {
    const table = document.getElementById(form.dataset.table);
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    const rows = [...body.rows].map((row, place) => {
      const cells = [...row.cells];
      return {
        row, place, isShown: true,
        texts: cells.map((cell) => cell.textContent),
        values: cells.map((cell) => ("v" in cell.dataset ? Number(cell.dataset.v) : null)),
      };
    });
    const columns = (header) => heads.flatMap((head, i) => (head.dataset.header === header ? [i] : []));
    return { form, table, body, heads, rows, columns };
  }

  function sort(found, column, direction) {
    const isNumber = "number" in found.heads[column].dataset;
    const words = new Intl.Collator("en", { numeric: true });
    const unknown = (item) => (isNumber ? item.values[column] === null : item.texts[column] === "");
    found.rows.sort((a, b) => {
      if (unknown(a) !== unknown(b)) return unknown(a) ? 1 : -1; // last, whatever the direction
      const order = isNumber
        ? a.values[column] - b.values[column]
        : words.compare(a.texts[column], b.texts[column]);
      return direction * order || a.place - b.place;
    });
    found.body.append(...found.rows.map((item) => item.row));
    found.heads.forEach((head) => head.removeAttribute("aria-sort"));
    found.heads[column].setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
  }

  function sortable(found) {
    found.heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const first = "number" in head.dataset && column ? -1 : 1; // of numbers the largest first
        sort(found, column, now ? (now === "ascending" ? -1 : 1) : first);
      });
    });
  }

  function filter(found) {
    const { text, precision, bound, multiplying } = found.form.elements;
    const wanted = text.value.trim().toLowerCase();
    const [kind] = found.columns("kind");
    const [used] = found.columns("precision");
    const [macs] = found.columns("MACs");
    const bounds = found.columns("bound").filter((i) => getComputedStyle(found.heads[i]).display !== "none");
    const places = bounds.length ? bounds : found.columns("bound");
    for (const item of found.rows) {
      const { texts, values } = item;
      item.isShown = (!wanted || `${texts[1]} ${texts[kind]}`.toLowerCase().includes(wanted))
        && (!precision.value || texts[used] === precision.value)
        && (!bound || !bound.value || places.some((i) => texts[i] === bound.value))
        && (!multiplying.checked || values[macs] > 0);
      item.row.hidden = !item.isShown;
    }
    tell(found);
  }

  // How many are shown, and their totals.
  function tell(found) {
    const shown = found.rows.filter((item) => item.isShown);
    const isAll = shown.length === found.rows.length;
    const count = `${found.rows.length} layers`;
    found.form.querySelector("output").textContent = isAll ? count : `${shown.length} of ${count}`;
    const line = found.table.tFoot.querySelector(".shown");
    line.hidden = isAll;
    found.heads.forEach((head, i) => {
      const { adds, unit } = head.dataset;
      const known = shown.map((item) => item.values[i]).filter((value) => value !== null);
      if (!adds) return;
      const total = adds === "max" ? Math.max(0, ...known) : known.reduce((a, b) => a + b, 0);
      line.cells[i].textContent = known.length ? quantity(total, unit) : "";
    });
  }

  function switchable(found) {
    for (const box of found.form.querySelectorAll("[data-switch]")) {
      const change = () => {
        found.table.classList.toggle(`no-${box.dataset.switch}`, !box.checked);
        filter(found);
      };
      box.addEventListener("change", change);
    }
  }

  for (const form of document.querySelectorAll("form[data-table]")) {
    const found = tableOf(form);
    sortable(found);
    switchable(found);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => filter(found));
  }

  drawNext();
})();
