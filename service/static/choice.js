/** Which model and which of its versions answers; kept in the address, so that a link leads back to it. */

const MODEL = document.getElementById("model");
const VERSION = document.getElementById("version");

/** @type {{name: string, version: number | null, versions: number[], version_labels: Object<string, number>}[]} */
let listed = [];

/** @param {() => void} changed */
export function listen(changed) {
  const turned = () => {
    history.replaceState(null, "", `#${[model(), version() ?? ""].filter(String).join("/")}`);
    changed();
  };
  MODEL.addEventListener("change", () => {
    fillVersions(null);
    turned();
  });
  VERSION.addEventListener("change", turned);
}

/** Takes the models there are, and keeps what was chosen if it is still among them. */
export function fill(models) {
  listed = models;
  const [name, number] = decodeURIComponent(location.hash.slice(1)).split("/");
  const before = model() || name;
  MODEL.replaceChildren(...models.map((one) => option(one.name, one.name, one.version === null)));
  const first = models.find((one) => one.version !== null);
  MODEL.value = models.some((one) => one.name === before && one.version !== null) ? before : (first?.name ?? "");
  fillVersions(version() ?? (MODEL.value === name ? Number(number) : null));
}

/** @returns {string} empty where no model can answer */
export const model = () => MODEL.value;

/** @returns {number | null} null for the one that answers by default */
export const version = () => (VERSION.value ? Number(VERSION.value) : null);

function fillVersions(chosen) {
  const found = listed.find((one) => one.name === model());
  const versions = found?.versions ?? [];
  const current = option("", found ? `latest (${found.version})` : "none", !found);
  const each = [...versions].reverse().map((number) => option(number, named(number, found.version_labels), false));
  VERSION.replaceChildren(current, ...each);
  VERSION.value = versions.includes(chosen) ? String(chosen) : "";
}

/** A version's number, and its labels. */
function named(number, labels) {
  const own = Object.keys(labels).filter((label) => labels[label] === number);
  return own.length ? `${number} (${own.join(", ")})` : String(number);
}

function option(value, text, disabled) {
  const element = new Option(text, value);
  element.disabled = disabled;
  return element;
}
