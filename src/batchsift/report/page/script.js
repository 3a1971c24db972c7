"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const series = (number) => (number === 0 ? 0 : ((number - 1) % 8) + 1);

  // Tables: a click on a heading sorts by it, another turns the order round. What has no number goes last.
  const sort = (table, column) => {
    const headings = all("thead th", table);
    const heading = headings[column];
    const numeric = heading.classList.contains("n");
    const order = heading.getAttribute("aria-sort") === (numeric ? "descending" : "ascending") ? (numeric ? 1 : -1) : numeric ? -1 : 1;
    const value = (row) => {
      const cell = row.cells[column];
      if (!numeric) return cell.textContent;
      return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
    };
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      return order * (numeric ? x - y : x.localeCompare(y, undefined, { numeric: true }));
    };
    headings.forEach((one) => one.setAttribute("aria-sort", "none"));
    heading.setAttribute("aria-sort", order > 0 ? "ascending" : "descending");
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
  };
  all("table.sortable").forEach((table) =>
    all("thead button", table).forEach((button, column) => button.addEventListener("click", () => sort(table, column))),
  );

  // Scopes: one at a time.
  const choices = all("[data-shows]");
  const show = (name) => {
    choices.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.shows === name)));
    all("[data-scope]").forEach((part) => { part.hidden = part.dataset.scope !== name; });
  };
  choices.forEach((button) => button.addEventListener("click", () => show(button.dataset.shows)));
  if (choices.length) show(choices[0].dataset.shows);

  // Legends: a method stands out in all figures of its section.
  all(".legend button").forEach((button) =>
    button.addEventListener("click", () => {
      const section = button.closest("section");
      const pressed = button.getAttribute("aria-pressed") === "true";
      all(".legend button", section).forEach((one) => one.setAttribute("aria-pressed", "false"));
      button.setAttribute("aria-pressed", String(!pressed));
      section.classList.toggle("dimmed", !pressed);
      all(".plot [data-series]", section).forEach((mark) => mark.classList.toggle("lit", mark.dataset.series === button.dataset.series));
    }),
  );

  // Curves: the pointer or the arrow keys read values off them.
  all("[data-hover]").forEach((figure) => {
    const { epochs, panels } = JSON.parse(figure.dataset.hover);
    const svg = figure.querySelector("svg");
    const view = svg.viewBox.baseVal;
    const tip = make("div", "tip");
    tip.hidden = true;
    tip.setAttribute("role", "status");
    figure.append(tip);
    const cursors = panels.map((panel) => {
      const line = document.createElementNS(svg.namespaceURI, "line");
      line.setAttribute("class", "cursor");
      line.setAttribute("y1", panel.top);
      line.setAttribute("y2", panel.bottom);
      line.setAttribute("visibility", "hidden");
      svg.append(line);
      return line;
    });
    const place = (panel, at) =>
      panel.left + ((epochs[at] - panel.range[0]) / (panel.range[1] - panel.range[0])) * (panel.right - panel.left);
    let current = -1;
    const read = (at, panel) => {
      current = at;
      cursors.forEach((line, number) => {
        const x = place(panels[number], at);
        line.setAttribute("x1", x);
        line.setAttribute("x2", x);
        line.setAttribute("visibility", "visible");
      });
      tip.replaceChildren(make("b", "", `Epoch ${epochs[at]}`));
      const known = panel.series.filter((one) => one.values[at] !== null);
      known.sort((a, b) => b.values[at] - a.values[at]).forEach((one) => {
        const row = make("div");
        row.append(make("i", `swatch series-${series(one.number)}`), one.name, make("span", "", one.values[at].toFixed(Math.abs(one.values[at]) < 10 ? 4 : 1)));
        tip.append(row);
      });
      tip.hidden = false;
      const box = svg.getBoundingClientRect(), outer = figure.getBoundingClientRect();
      const x = box.left - outer.left + (place(panel, at) / view.width) * box.width;
      const y = box.top - outer.top + (panel.top / view.height) * box.height;
      const right = outer.left + x + 14 + tip.offsetWidth <= window.innerWidth - 8;
      tip.style.left = `${Math.max(4, right ? x + 14 : x - 14 - tip.offsetWidth)}px`;
      tip.style.top = `${y + 6}px`;
    };
    const hide = () => {
      tip.hidden = true;
      cursors.forEach((line) => line.setAttribute("visibility", "hidden"));
    };
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * view.width;
      const y = ((event.clientY - box.top) / box.height) * view.height;
      const panel = panels.find((one) => y <= one.bottom + 6) ?? panels[panels.length - 1];
      let nearest = 0;
      epochs.forEach((_, at) => { if (Math.abs(place(panel, at) - x) < Math.abs(place(panel, nearest) - x)) nearest = at; });
      read(nearest, panel);
    });
    svg.addEventListener("pointerleave", hide);
    figure.addEventListener("blur", hide);
    figure.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: -epochs.length, End: epochs.length }[event.key];
      if (event.key === "Escape") hide();
      if (step === undefined) return;
      event.preventDefault();
      read(Math.min(epochs.length - 1, Math.max(0, current + step)), panels[0]);
    });
  });
})();
