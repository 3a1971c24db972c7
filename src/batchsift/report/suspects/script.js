"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const body = $("suspects").tBodies[0];
  const rows = [...body.rows];
  const names = JSON.parse($("names").textContent);
  const heads = [...document.querySelectorAll("th[data-key]")];
  const cell = (row) => `${row.dataset.sample},${names[row.dataset.label]}`;
  const store = "batchsift suspects " + document.title;
  let marks = {};
  try { marks = JSON.parse(localStorage.getItem(store)) || {}; } catch { /* a browser may forbid it */ }

  const marked = (row) => (Object.hasOwn(marks, cell(row)) ? marks[cell(row)] : "");
  const shown = () => [...body.rows].filter((row) => !row.hidden);

  const draw = (row) => {
    const mark = marked(row);
    row.classList.toggle("is-wrong", mark === "wrong");
    row.classList.toggle("is-right", mark === "right");
    row.querySelector(".mark button").textContent = mark || "mark";
  };

  const count = () => {
    const done = rows.filter(marked).length;
    $("state").textContent = `${shown().length} of ${rows.length} shown, ${done} marked`;
    $("save").disabled = done === 0;
  };

  const filter = () => {
    const [label, given, mark] = ["label", "given", "mark"].map((id) => $(id).value);
    for (const row of rows) {
      row.hidden = (label !== "" && row.dataset.label !== label) || (given !== "" && row.dataset.given !== given)
        || (mark !== "" && (marked(row) || "open") !== mark);
    }
    count();
  };

  const sort = (head) => {
    const falls = head.ariaSort ? head.ariaSort !== "descending" : ["probability", "score"].includes(head.dataset.key);
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falls ? "descending" : "ascending");
    const value = (row) => Number(row.dataset[head.dataset.key]);
    const sign = falls ? -1 : 1;
    rows.sort((a, b) => sign * (value(a) - value(b)) || b.dataset.score - a.dataset.score);
    body.append(...rows);
  };

  const move = (steps) => {
    const list = shown();
    const at = list.indexOf(document.activeElement.closest("tbody tr"));
    const to = at < 0 ? 0 : Math.min(Math.max(at + steps, 0), list.length - 1);
    list[to]?.focus();
  };

  const set = (row, mark) => {
    if (mark) marks[cell(row)] = mark; else delete marks[cell(row)];
    try { localStorage.setItem(store, JSON.stringify(marks)); } catch { /* then they last as long as the page */ }
    draw(row);
    count();
    move(1);
  };

  const next = { "": "wrong", wrong: "right", right: "" };
  for (const row of rows) { // for those without a keyboard
    const button = document.createElement("button");
    button.type = "button";
    button.addEventListener("click", () => { set(row, next[marked(row)]); button.focus({ preventScroll: true }); });
    row.querySelector(".mark").append(button);
  }

  const save = () => {
    const quote = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const lines = rows.filter(marked).map((row) =>
      [row.dataset.sample, quote(names[row.dataset.label]), row.dataset.given, marked(row)].join(","));
    const text = ["sample,label,given,mark", ...lines, ""].join("\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = "marks.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  };

  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(head));
    head.replaceChildren(button);
  }
  for (const id of ["label", "given", "mark"]) $(id).addEventListener("change", filter);
  $("save").addEventListener("click", save);
  const keys = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
  const verdicts = { w: "wrong", r: "right", Backspace: "" };
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("select, button") || event.ctrlKey || event.metaKey || event.altKey) return;
    const row = event.target.closest("tbody tr");
    if (Object.hasOwn(keys, event.key)) move(keys[event.key]);
    else if (row && Object.hasOwn(verdicts, event.key)) set(row, verdicts[event.key]);
    else return;
    event.preventDefault();
  });
  body.addEventListener("click", (event) => event.target.closest("tr")?.focus());

  for (const id of ["tools", "state", "keys"]) $(id).hidden = false;
  rows.forEach(draw);
  filter();
})();
