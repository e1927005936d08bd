"use strict";
// Runs inside a report's page, after its own script, and tells the page around it what it finds.
(() => {
  const wanted = JSON.parse(document.getElementById("wanted").textContent);
  const own = JSON.parse(document.getElementById("report").textContent);
  const wrong = [];
  const at = (key) => key.split(".").reduce((value, name) => value == null ? undefined : value[name], wanted);

  // As it stands there, without trailing zeros: equal numbers are equal texts.
  const plain = (text) => text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
  const seconds = { d: 86400, h: 3600, m: 60, s: 1 };

  const fits = (element) => {
    const key = element.dataset.key;
    const value = at(key);
    const shown = element.textContent.replace(/\u2212/g, "-").replace(/[,+\u00a0%R]/g, "");
    if (value === undefined) return false;
    if (value === null) return shown === "\u2013" || shown === "\u221e";
    const text = String(value);
    if (element.dataset.form === "seconds") {
      let sum = 0;
      let unit = 1;
      for (const [, count, name] of shown.matchAll(/(\d+)([dhms])/g)) {
        unit = seconds[name];
        sum += Number(count) * unit;
      }
      return sum <= Number(text) && Number(text) < sum + unit;
    }
    const [, digits, suffix] = /^(-?\d+(?:\.\d+)?)([kM]?)$/.exec(shown) || [];
    if (digits === undefined) return false;
    const places = (digits.split(".")[1] || "").length;
    const own = (text.split(".")[1] || "").length;
    const isPlain = !suffix && element.dataset.form !== "fraction";
    if (isPlain && own <= places) return plain(digits) === plain(text) || Number(digits) === 0 && Number(text) === 0;
    const factor = element.dataset.form === "fraction" ? 100 : suffix === "k" ? 1e-3 : suffix === "M" ? 1e-6 : 1;
    return Math.abs(Number(text) * factor - Number(digits)) <= 0.5 * 10 ** -places + 1e-9;
  };

  const numbers = [...document.querySelectorAll("[data-key]")];
  for (const element of numbers) {
    if (!fits(element)) wrong.push([element.dataset.key, element.textContent, at(element.dataset.key)]);
  }
  // The same members, in whatever order.
  const same = (one, other) => {
    if (one === null || typeof one !== "object") return one === other;
    const [names, others] = [Object.keys(one), Object.keys(other ?? {})];
    return names.length === others.length && names.every((name) => same(one[name], other[name]));
  };
  if (!same(own, wanted)) wrong.push(["the JSON in the page"]);

  const findings = {
    wrong,
    numbers: numbers.length,
    width: innerWidth,
    wider_than_the_window: document.documentElement.scrollWidth > innerWidth,
    "title_is_the_report's": document.title.startsWith(wanted.range.title),
    fetched: performance.getEntriesByType("resource").length,
  };

  // What has no room for its rows, and numbers that are not shown.
  findings.cut_off = [...document.querySelectorAll(".scroll")]
    .filter((it) => getComputedStyle(it).maxHeight !== "none" || getComputedStyle(it).overflowY !== "visible").length;
  findings.closed = [...document.querySelectorAll(".numbers td")].filter((it) => !it.checkVisibility()).length;

  // Whoever does not see a picture is told what it is of.
  findings.without_a_name = [...document.querySelectorAll("[tabindex], input, [role=group]")]
    .filter((it) => !it.getAttribute("aria-label") && !it.labels?.length && !it.caption)
    .map((it) => it.outerHTML.slice(0, 80));

  const input = document.querySelector(".filter input");
  if (input) {
    const section = input.closest("section");
    const rows = () => [...section.querySelectorAll("tbody tr")];
    input.value = "nvda";
    input.dispatchEvent(new Event("input"));
    findings.filtered = rows().filter((it) => !it.hidden).length;
    findings.told = section.querySelector("output").textContent;
    input.value = "";
    input.dispatchEvent(new Event("input"));
    const head = section.querySelectorAll("thead th")[1];
    head.querySelector("button").click();
    findings.sorted = head.getAttribute("aria-sort");
    findings.largest_first = rows()[0].cells[1].dataset.sort;
  }

  const plot = document.querySelector(".plot");
  if (plot) {
    plot.focus();
    plot.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
    const tip = document.getElementById("tip");
    findings.tip = tip.classList.contains("shown") ? tip.textContent : "";
  }

  // Texts against what is behind them, as WCAG counts contrast.
  const light = (colour) => {
    const parts = colour.match(/\w\w/g).map((it) => parseInt(it, 16) / 255);
    const [r, g, b] = parts.map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const full = (colour) => {
    const digits = colour.trim().slice(1);
    return digits.length === 3 ? [...digits].map((it) => it + it).join("") : digits;
  };
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => light(full(style.getPropertyValue(name)));
  findings.too_pale = [];
  for (const ground of ["--card", "--ground"]) {
    for (const text of ["--ink", "--soft", "--gain", "--loss", "--accent", "--warn"]) {
      const [low, high] = [colour(ground), colour(text)].sort((a, b) => a - b);
      const contrast = (high + 0.05) / (low + 0.05);
      if (contrast < 4.5) findings.too_pale.push([text, ground, contrast]);
    }
  }

  parent.postMessage(JSON.stringify(findings), "*");
})();
