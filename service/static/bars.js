/** A bar for each class, in class order; of many classes the ten likeliest, likeliest first. */

const MOST = 10;

export class Bars {
  #rows = [];
  #labels = [];

  /** @param {HTMLElement} list */
  constructor(list) {
    this.list = list;
  }

  /** Takes a model's labels; the rows are there before the first answer, so that nothing jumps. */
  label(labels) {
    this.#labels = labels;
    this.#rows = labels.slice(0, MOST).map(row);
    this.list.replaceChildren(...this.#rows.map((one) => one.item));
    this.clear();
  }

  /** @param {Record<string, number>} probabilities by label */
  show(probabilities) {
    const top = this.#labels.reduce((a, b) => (probabilities[b] > probabilities[a] ? b : a));
    this.#shown(probabilities).forEach((label, n) => fill(this.#rows[n], label, probabilities[label], label === top));
  }

  clear() {
    this.#rows.forEach((one, n) => fill(one, this.#labels[n], null, false));
  }

  #shown(probabilities) {
    if (this.#labels.length <= MOST) return this.#labels;
    return [...this.#labels].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, MOST);
  }
}

/** @param {number} probability */
export function percent(probability) {
  if (probability > 0 && probability < 0.001) return "< 0.1 %";
  if (probability > 0.999 && probability < 1) return "> 99.9 %";
  return `${(100 * probability).toFixed(1)} %`;
}

function row() {
  const item = document.createElement("li");
  const [name, track, value] = ["name", "track", "value"].map((kind) => {
    const part = document.createElement("span");
    part.className = kind;
    return part;
  });
  const bar = document.createElement("span");
  track.append(bar);
  track.setAttribute("aria-hidden", "true");
  item.append(name, track, value);
  return { item, name, bar, value };
}

function fill({ item, name, bar, value }, label, probability, top) {
  name.textContent = name.title = label;
  value.textContent = probability === null ? "–" : percent(probability);
  bar.style.transform = `scaleX(${probability ?? 0})`;
  item.classList.toggle("top", top);
}
