/** A row of a model's own pictures to click. */

import * as api from "./api.js";

// A row; a model of a hundred classes has a hundred.
const MOST = 12;

/**
 * @param {HTMLElement} place
 * @param {string} model @param {number} version
 * @param {(shown: import("./pictures.js").Shown) => void} got
 */
export async function show(place, model, version, got) {
  const listed = (await api.examples(model, version)).slice(0, MOST);
  const buttons = await Promise.all(listed.map((one) => button(model, version, one, got)));
  place.replaceChildren(...buttons);
}

async function button(model, version, { index, label }, got) {
  // Not by its address: an image element sends no key.
  const blob = await api.example(model, version, index);
  const [element, image] = [document.createElement("button"), document.createElement("img")];
  element.type = "button";
  image.src = URL.createObjectURL(blob);
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  image.alt = `Example: ${label}`;
  element.append(image);
  element.addEventListener("click", () =>
    got({ blob, name: `${label}, an example`, onDisk: false, example: { model, version, index } }),
  );
  return element;
}
