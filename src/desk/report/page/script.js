"use strict";
(() => {
  // What needs this script is shown where it runs.
  document.documentElement.classList.add("script");
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.setAttribute("role", "status");
  document.body.append(tip);
  let on = null;

  const hide = () => {
    tip.classList.remove("shown");
    if (on) on.classList.remove("on");
    on = null;
  };
  const show = (mark) => {
    if (on === mark) return;
    hide();
    on = mark;
    mark.classList.add("on");
    tip.textContent = mark.dataset.tip;
    const at = mark.getBoundingClientRect();
    const own = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, at.left + at.width / 2 - own.width / 2), innerWidth - own.width - 8);
    const above = Math.max(at.top, 0) - own.height - 8;
    const isTall = at.height > innerHeight / 4;
    const top = isTall ? Math.max(8, at.top + 8) : above < 8 ? at.bottom + 8 : above;
    tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
    tip.classList.add("shown");
  };
  const markOf = (event) => event.target.closest ? event.target.closest("[data-tip]") : null;

  document.addEventListener("pointerover", (event) => {
    const mark = markOf(event);
    if (mark) show(mark); else hide();
  });
  document.addEventListener("pointerdown", (event) => {
    const mark = markOf(event);
    if (mark) show(mark); else hide();
  });
  document.addEventListener("scroll", hide, { passive: true, capture: true });

  // Arrow keys go from one place of a picture to the next.
  for (const group of document.querySelectorAll("[data-marks]")) {
    const marks = [...group.querySelectorAll("[data-tip]")];
    group.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -marks.length, End: marks.length };
      if (event.key === "Escape") return hide();
      if (!(event.key in steps) || marks.length === 0) return;
      event.preventDefault();
      const now = marks.indexOf(on);
      const next = now < 0 ? (steps[event.key] < 0 ? marks.length - 1 : 0) : now + steps[event.key];
      show(marks[Math.min(Math.max(next, 0), marks.length - 1)]);
    });
    group.addEventListener("blur", hide);
  }

  // Paper has the numbers behind the pictures, also of a browser that shows nothing closed.
  const closed = [];
  addEventListener("beforeprint", () => {
    for (const numbers of document.querySelectorAll(".numbers:not([open])")) {
      closed.push(numbers);
      numbers.open = true;
    }
  });
  addEventListener("afterprint", () => {
    for (const numbers of closed.splice(0)) numbers.open = false;
  });

  // The filter leaves the trades that have every word in one of their cells.
  for (const input of document.querySelectorAll(".filter input")) {
    const section = input.closest("section");
    const rows = [...section.querySelectorAll("tbody tr")];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const told = section.querySelector("output");
    const filter = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, index) => {
        row.hidden = !words.every((word) => texts[index].includes(word));
        if (!row.hidden) shown += 1;
      });
      told.textContent = words.length ? `${shown} of ${rows.length}` : "";
    };
    input.addEventListener("input", filter);
    filter();
  }

  // Numbers are sorted from the largest first, texts from A; a second click turns the order round.
  for (const table of document.querySelectorAll(".sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const isNumber = head.classList.contains("num");
      const before = head.getAttribute("aria-sort");
      const isAscending = before ? before === "descending" : !isNumber;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", isAscending ? "ascending" : "descending");
      const key = (row) => {
        const cell = row.cells[column];
        return cell.dataset.sort === undefined ? cell.textContent : cell.dataset.sort;
      };
      const order = (one, other) => {
        const [a, b] = [key(one), key(other)];
        if (a === "" || b === "") return a === b ? 0 : a === "" ? 1 : -1;
        const way = isNumber ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0;
        return isAscending ? way : -way;
      };
      body.append(...[...body.rows].sort(order));
    }));
  }
})();
