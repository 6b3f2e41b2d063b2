/** The page: what is shown to which model, and what comes of it. */

import * as answer from "./answer.js";
import * as api from "./api.js";
import { Drawing } from "./canvas.js";
import * as choice from "./choice.js";
import * as curl from "./curl.js";
import * as examples from "./examples.js";
import * as key from "./key.js";
import { Latest, pause } from "./latest.js";
import * as pictures from "./pictures.js";
import * as trouble from "./trouble.js";

const at = (id) => document.getElementById(id);
const MOST_BYTES = Number(document.querySelector("meta[name=max-image-bytes]").content);
// Drawn on sooner than photographed; pictures of other kinds are rather uploaded.
const DRAWN_KINDS = ["digit"];

const latest = new Latest();
const drawing = new Drawing(at("drawing"), at("pen"), drawn);
/** @type {import("./pictures.js").Shown | null} */
let picture = null;
/** Counts the choices of a model, so that what belongs to an earlier one is not shown. */
let choices = 0;
/** Before this time the service wants no request. */
let notBefore = 0;
/** @type {number | null} The version whose labels and figures are shown; null while there is none. */
let described = null;
/** Whether the models, or what one of them is like, are under way. */
let loading = false;

const mode = () => document.querySelector("input[name=mode]:checked")?.value ?? "draw";
const blank = () => (mode() === "draw" ? drawing.empty : !picture);

async function start() {
  loading = true;
  forget();
  try {
    choice.fill(await api.models());
  } catch (problem) {
    return notLoaded(problem);
  }
  await chosen();
}

/** A model was chosen, or another version. */
async function chosen() {
  const mine = ++choices;
  loading = true;
  described = null;
  // They are another version's.
  at("examples").replaceChildren();
  if (picture?.example) show(null);
  forget();
  if (!choice.model()) return noModel();
  try {
    const found = await api.describe(choice.model(), choice.version());
    if (mine !== choices) return;
    loading = false;
    describe(found);
    renew();
    await examples.show(at("examples"), found.name, found.version, got);
  } catch (problem) {
    if (mine === choices) notLoaded(problem);
  }
}

function noModel() {
  loading = false;
  answer.clear();
  told({ title: "No model", detail: "No model can answer yet.", advice: "", again: true }, start);
}

function notLoaded(problem) {
  loading = false;
  failed(problem, 0, start);
}

function describe({ name, version, labels, input, engine, metrics }) {
  described = version;
  answer.prepare(labels);
  const accuracy = metrics[engine]?.accuracy;
  const colours = input.channels === 1 ? "grey" : "colour";
  const parts = [`${name} ${version}`, `${labels.length} classes`, `${input.width}×${input.height} ${colours}`, engine];
  if (accuracy !== undefined) parts.push(`${(100 * accuracy).toFixed(2)} % right on its test images`);
  at("about").textContent = parts.join(" · ");
  if (drawing.empty && !picture) setMode(DRAWN_KINDS.includes(input.kind) ? "draw" : "picture");
}

function setMode(wanted) {
  document.querySelector(`input[name=mode][value=${wanted}]`).checked = true;
  document.body.dataset.mode = wanted;
  drawing.show();
}

/** A stroke moves, or has ended. */
function drawn(finished) {
  const empty = drawing.empty;
  document.body.classList.toggle("drawn", !empty);
  at("undo").disabled = at("clear").disabled = empty;
  if (finished) at("drawing").setAttribute("aria-label", `Drawing area, ${empty ? "empty" : "with your drawing"}`);
  if (empty) return renew();
  answer.dim(finished);
  ask(finished);
}

/** A picture came, however it came. */
function got(shown) {
  setMode("picture");
  show(shown);
  renew();
}

function show(shown) {
  picture = shown;
  const image = at("picture");
  URL.revokeObjectURL(image.src);
  image.hidden = !shown;
  image.alt = shown ? `Your picture: ${shown.name}` : "";
  image.classList.toggle("tiny", Boolean(shown?.example));
  if (shown) image.src = URL.createObjectURL(shown.blob);
  else image.removeAttribute("src");
  at("drop-hint").textContent = "";
  at("remove").disabled = !shown;
}

/** Takes away the last answer or error at once: it belongs to another picture, or another model gave it. */
function forget() {
  latest.drop();
  told(null);
  if (blank()) answer.clear();
  else answer.wait();
}

/** Something else is on the stage, or something else is to answer. */
function renew() {
  forget();
  if (blank()) showCommand({ blob: new Blob(), name: "picture.png", onDisk: true });
  else ask(true);
}

/** Asks about what is on the stage now. @param {boolean} finished whether no stroke is moving */
function ask(finished) {
  // The picture is asked about once the model is known.
  if (loading) return;
  if (described === null) return start();
  const shown = mode() === "picture" ? picture : null;
  latest.ask(async (signal) => {
    const current = shown ?? { blob: await drawing.png(), name: "drawing.png", onDisk: false };
    if (finished) await showCommand(current);
    if (!signal.aborted) await answered(current, finished, signal);
  });
}

async function answered(shown, finished, signal) {
  if (shown.blob.size > MOST_BYTES) {
    answer.clear();
    return told(trouble.tooLarge(shown.blob.size, MOST_BYTES));
  }
  try {
    const { answer: found, roundTrip, stages } = await patiently(shown.blob, signal);
    told(null);
    // Another version answers since the models were listed; its labels may be others.
    if (found.version !== described) start();
    else answer.show(found, roundTrip, stages, finished && !latest.waiting);
  } catch (problem) {
    // What comes of a newer state of the drawing matters more.
    if (problem.name !== "AbortError" && !latest.waiting) failed(problem, shown.blob.size, renew);
  }
}

/** Waits as long as the service asks for, and tries once more. */
async function patiently(blob, signal) {
  const send = async () => {
    await pause(Math.max(0, notBefore - Date.now()), signal);
    return api.predict(choice.model(), choice.version(), blob, signal);
  };
  try {
    return await send();
  } catch (problem) {
    if (problem.retryAfter === null || problem.retryAfter === undefined) throw problem;
    notBefore = Date.now() + 1000 * problem.retryAfter;
    const seconds = Math.ceil(problem.retryAfter);
    const advice = `Trying once more in ${seconds} ${seconds === 1 ? "second" : "seconds"}.`;
    answer.wait();
    told({ ...trouble.inWords(problem), advice, again: false });
    return send();
  }
}

function failed(problem, size, again) {
  if (!(problem instanceof api.Problem)) throw problem;
  answer.clear();
  if (problem.status === 401 || problem.status === 403) key.ask();
  told(trouble.inWords(problem, size), again);
}

let toldLast = "null";
/** Says what is wrong; not again what was said already. */
function told(words, again) {
  const text = JSON.stringify(words);
  document.body.classList.toggle("troubled", words !== null);
  if (text !== toldLast) trouble.show(at("trouble"), words, again);
  toldLast = text;
}

async function showCommand(shown) {
  const save = at("save");
  URL.revokeObjectURL(save.href);
  save.hidden = shown.onDisk || Boolean(shown.example);
  if (save.hidden) save.removeAttribute("href");
  else save.href = URL.createObjectURL(shown.blob);
  save.download = shown.name;
  at("curl").textContent = choice.model() ? await curl.command(choice.model(), choice.version(), shown) : "";
}

async function copy() {
  const done = await navigator.clipboard?.writeText(at("curl").textContent).then(() => true, () => false);
  if (!done) getSelection().selectAllChildren(at("curl"));
  at("copy").textContent = done ? "Copied" : "Selected";
  setTimeout(() => (at("copy").textContent = "Copy"), 2000);
}

at("undo").addEventListener("click", () => drawing.undo());
at("clear").addEventListener("click", () => drawing.clear());
at("remove").addEventListener("click", () => {
  show(null);
  renew();
});
at("copy").addEventListener("click", copy);
at("picture").addEventListener("error", () => {
  if (!picture) return;
  at("picture").hidden = true;
  at("drop-hint").textContent = `${picture.name} cannot be shown by this browser`;
});
for (const radio of document.querySelectorAll("input[name=mode]"))
  radio.addEventListener("change", () => {
    setMode(radio.value);
    renew();
  });
document.addEventListener("keydown", (event) => {
  const undo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z";
  if (!undo || mode() !== "draw" || event.target.matches("input[type=password]")) return;
  event.preventDefault();
  drawing.undo();
});
pictures.listen(got, () => told(trouble.notAFile));
choice.listen(chosen);
key.prepare(start);
start();
