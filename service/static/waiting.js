/** An answer is awaited: assistive technology knows at once; the eye once it takes long. */

// A text that goes again at once would flicker.
const TEXT_DELAY_MS = 200;

const at = (id) => document.getElementById(id);
let timer = 0;

/**
 * @param {boolean} dimmed whether what is shown stays, dimmed, although it is of an earlier state of the drawing
 * @param {boolean} finished whether no stroke is moving: while one is, the bars move too, and need no text
 */
export function begin(dimmed, finished) {
  set(true, dimmed);
  if (finished) timer ||= setTimeout(() => (at("looking").hidden = false), TEXT_DELAY_MS);
  else hideText();
}

/** Nothing is awaited. */
export function end() {
  hideText();
  set(false, false);
}

function set(busy, dimmed) {
  at("result").setAttribute("aria-busy", String(busy));
  document.body.classList.toggle("dimmed", dimmed);
}

function hideText() {
  clearTimeout(timer);
  timer = 0;
  at("looking").hidden = true;
}
