/** What the service answered, on the page. */

import { Bars, percent } from "./bars.js";
import * as times from "./times.js";
import * as waiting from "./waiting.js";

const at = (id) => document.getElementById(id);
const bars = new Bars(at("bars"));
// Screen readers are told once things have come to rest, not at each move of a stroke.
const REST_MS = 700;
let telling = 0;
// Shorter than the warning that says the same.
const UNFAMILIAR = { code: "not_in_distribution", text: "this is unlike anything the model was trained on" };

/** Makes room for a model's answers. @param {string[]} labels */
export function prepare(labels) {
  bars.label(labels);
  at("bars").classList.toggle("short", labels.every((label) => label.length < 3));
}

/** Nothing is answered, and no answer is awaited. */
export function clear() {
  empty();
  waiting.end();
}

/** Nothing is answered yet. */
export function wait() {
  empty();
  waiting.begin(false, true);
}

/**
 * What is shown is of an earlier state of the drawing; it stays, dimmed, until the next answer.
 * @param {boolean} finished whether no stroke is moving
 */
export function dim(finished) {
  clearTimeout(telling);
  waiting.begin(true, finished);
}

function empty() {
  bars.clear();
  at("top").textContent = "–";
  at("verdict").dataset.unsure = "true";
  at("sure").textContent = "";
  at("seen").hidden = true;
  for (const id of ["notes", "steps"]) at(id).replaceChildren();
  times.show(at("times"), null, []);
  tell("");
}

/**
 * @param {{predictions: object[]}} answer @param {number} roundTrip @param {[string, number][]} stages
 * @param {boolean} final whether this is of what is on the page, and not of an earlier state of the drawing
 */
export function show({ predictions: [prediction] }, roundTrip, stages, final) {
  const { label, probability, probabilities, in_distribution: familiar, warnings, seen } = prediction;
  bars.show(probabilities);
  at("top").textContent = label;
  at("sure").textContent = percent(probability);
  at("verdict").dataset.unsure = String(familiar === false);
  const others = warnings.filter(({ code }) => code !== UNFAMILIAR.code);
  const marked = familiar === false ? [UNFAMILIAR, ...others] : others;
  at("notes").replaceChildren(...marked.map(warning));
  showSeen(seen);
  times.show(at("times"), roundTrip, stages);
  if (!final) return;
  waiting.end();
  tell([`${label}, ${percent(probability)}`, ...marked.map((one) => one.text)].join(". "));
}

function showSeen({ png, steps }) {
  const image = at("seen");
  image.src = `data:image/png;base64,${png}`;
  image.alt = "The picture as the model saw it";
  image.hidden = false;
  at("steps").replaceChildren(...steps.map(item));
}

function item({ text }) {
  const element = document.createElement("li");
  element.textContent = text[0].toUpperCase() + text.slice(1);
  return element;
}

function warning(one) {
  const element = item(one);
  element.className = "warning";
  return element;
}

function tell(text) {
  clearTimeout(telling);
  telling = setTimeout(() => (at("live").textContent = text), REST_MS);
}
