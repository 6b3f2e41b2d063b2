/** What went wrong and what to do about it, in words. */

/** What somebody in front of the page can do, by status. */
const ADVICE = {
  400: "Try another picture.",
  401: "Enter a key above.",
  403: "This key may not ask for predictions. Enter another one above.",
  404: "The models may have changed. Choose one again.",
  408: "The picture took too long to arrive. Try a smaller one.",
  413: "Choose a smaller picture, or a smaller version of this one.",
  415: "Choose a picture file; or open this one in a picture viewer and save it as PNG or JPEG.",
  422: "The file seems damaged. Open it in a picture viewer, save it again, and choose the new file.",
  429: "Many others are asking. Wait a moment.",
  503: "The service is starting or about to stop. Wait a moment.",
  504: "The answer took too long. Try again, or with a smaller picture.",
};

const TITLES = {
  0: "No answer",
  401: "A key is needed",
  403: "Not allowed",
  404: "Not found",
  413: "Too large",
  415: "Not a picture that can be read",
  422: "The picture cannot be used",
  429: "The service is busy",
  503: "Not ready",
  504: "Too slow",
};

const RETRIABLE = new Set([0, 408, 429, 500, 502, 503, 504]);
// The service says which of several pictures it means; here is only one.
const ONLY_IMAGE = /^image 0: /;
const LARGE = 2 ** 20;

/**
 * @param {import("./api.js").Problem} problem @param {number} size of what was sent
 * @returns {{title: string, detail: string, advice: string, again: boolean}}
 */
export function inWords(problem, size = 0) {
  const { status } = problem;
  return {
    title: TITLES[status] ?? (status >= 500 ? "The service failed" : "This did not work"),
    detail: sentence(problem.message.replace(ONLY_IMAGE, "")) + (status >= 500 && problem.requestId ? ` Request ${problem.requestId}.` : ""),
    advice: status === 0 ? unreachable(size) : (ADVICE[status] ?? "Try again; if it happens again, tell who runs it."),
    again: RETRIABLE.has(status),
  };
}

/** @param {number} bytes @param {number} most */
export const tooLarge = (bytes, most) => ({
  title: TITLES[413],
  detail: `This file has ${megabytes(bytes)}; the service takes ${megabytes(most)} at most.`,
  advice: ADVICE[413],
  again: false,
});

export const notAFile = {
  title: "No picture in that",
  detail: "What was dropped is no file.",
  advice: "Save the picture first, then drop the file; or copy the picture itself and paste it.",
  again: false,
};

function unreachable(size) {
  if (!navigator.onLine) return "This device is offline. Connect it, then try again.";
  const perhaps = size > LARGE ? ` The connection may also have been closed because ${megabytes(size)} is too much.` : "";
  return `The service could not be reached. See whether it runs and the network is up, then try again.${perhaps}`;
}

const sentence = (text) => (text ? text[0].toUpperCase() + text.slice(1) + (/[.?!]$/.test(text) ? "" : ".") : "");

const megabytes = (bytes) => (bytes < 100_000 ? `${bytes} bytes` : `${(bytes / 1e6).toFixed(1)} MB`);

/**
 * @param {HTMLElement} place
 * @param {{title: string, detail: string, advice: string, again?: boolean} | null} words null: nothing is wrong
 * @param {() => void} again
 */
export function show(place, words, again = () => {}) {
  const parts = words ? [text("strong", words.title), text("p", words.detail), text("p", words.advice)] : [];
  if (words?.again) parts.push(button(again));
  place.replaceChildren(...parts.filter((part) => part.textContent));
}

function text(tag, content) {
  const element = document.createElement(tag);
  element.textContent = content;
  return element;
}

function button(pressed) {
  const element = text("button", "Try again");
  element.type = "button";
  element.addEventListener("click", pressed);
  return element;
}
