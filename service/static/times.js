/** How long an answer took: the round trip as the browser saw it, and the service's own stages where it tells them. */

/**
 * `decode;dur=1.2, infer;dur=0.1` → `[["decode", 1.2], ["infer", 0.1]]`
 * @param {string | null} header @returns {[string, number][]}
 */
export function parseServerTiming(header) {
  return (header ?? "").split(",").flatMap((entry) => {
    const [name, ...parameters] = entry.split(";").map((part) => part.trim());
    const duration = parameters.find((parameter) => /^dur=/i.test(parameter));
    const value = Number(duration?.slice(4).replaceAll('"', ""));
    return name && duration && Number.isFinite(value) ? [[name, value]] : [];
  });
}

/** @param {HTMLElement} list @param {number | null} roundTrip @param {[string, number][]} stages */
export function show(list, roundTrip, stages) {
  const rows = [["round trip", roundTrip], ...stages.map(([name, ms]) => [name === "total" ? "service" : name, ms])];
  list.replaceChildren(...rows.map(([name, ms]) => entry(name, ms)));
}

function entry(name, ms) {
  const [group, term, value] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
  term.textContent = name;
  value.textContent = ms === null ? "–" : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  group.append(term, value);
  return group;
}
