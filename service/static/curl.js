/** The shell command that asks the service the same. */

import { address, examplePath, modelPath } from "./api.js";
import * as key from "./key.js";

// A shell takes at most 128 kB in one argument.
const MOST_INLINE = 90_000;

/** @param {string} text @returns {string} safe as one word of a POSIX shell */
export const quoted = (text) => (/^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/**
 * @param {string} model @param {number | null} version
 * @param {import("./pictures.js").Shown} shown
 * @returns {Promise<string>}
 */
export async function command(model, version, shown) {
  const url = quoted(address(`${modelPath(model, version)}/predict`));
  // The variable, not the key: commands end up in histories and screenshots.
  const authorized = key.known() ? ['-H "Authorization: Bearer $SQUINT_API_KEY"'] : [];
  const curl = (...words) => ["curl", ...authorized, ...words, url].join(" ");
  if (shown.example) {
    const source = quoted(address(examplePath(shown.example.model, shown.example.version, shown.example.index)));
    return `${["curl -s", ...authorized, source].join(" ")} | ${curl("--data-binary", "@-")}`;
  }
  if (shown.onDisk || shown.blob.size > MOST_INLINE) return curl("--data-binary", quoted(`@${shown.name}`));
  const body = JSON.stringify({ images: [await base64(shown.blob)] });
  return curl("-H", "'Content-Type: application/json'", "-d", quoted(body));
}

/** @param {Blob} blob @returns {Promise<string>} */
const base64 = (blob) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
