/** The API key: asked for only when the service wants one, kept only in this tab. */

const STORED = "squint-api-key";

/** @returns {Record<string, string>} */
export function header() {
  const key = sessionStorage.getItem(STORED);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

export const known = () => sessionStorage.getItem(STORED) !== null;

/**
 * Shows the field; calls back when a key was entered.
 * @param {() => void} entered
 */
export function prepare(entered) {
  const form = document.getElementById("key-form");
  const field = document.getElementById("key");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(STORED, field.value.trim());
    field.value = "";
    form.hidden = true;
    entered();
  });
}

export function ask() {
  const form = document.getElementById("key-form");
  if (!form.hidden) return;
  form.hidden = false;
  document.getElementById("key").focus();
}
