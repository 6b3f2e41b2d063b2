/** Pictures that are not drawn: chosen, photographed, dropped or pasted. */

/**
 * A picture on the stage. `onDisk`: whoever chose it can name the file in a shell.
 * @typedef {{blob: Blob, name: string, onDisk: boolean, example?: {model: string, version: number, index: number}}} Shown
 */

/**
 * @param {(shown: Shown) => void} got
 * @param {() => void} refused something was dropped that is no file
 */
export function listen(got, refused) {
  chosen("file", (file) => got({ blob: file, name: file.name, onDisk: true }));
  chosen("camera", (file) => got({ blob: file, name: file.name || "photo.jpg", onDisk: false }));
  document.addEventListener("paste", (event) => pasted(event, got));
  dropped(got, refused);
}

function chosen(id, got) {
  const input = document.getElementById(id);
  input.addEventListener("change", () => {
    if (input.files.length) got(input.files[0]);
    // The same file, changed meanwhile, may be chosen again.
    input.value = "";
  });
}

function pasted(event, got) {
  const file = event.clipboardData?.files[0];
  if (!file) return;
  event.preventDefault();
  got({ blob: file, name: `pasted.${file.type.split("/")[1]?.split("+")[0] || "png"}`, onDisk: false });
}

function dropped(got, refused) {
  const lit = (on) => document.body.classList.toggle("dragging", on);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    lit(true);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && lit(false));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    lit(false);
    const file = event.dataTransfer.files[0];
    if (file) got({ blob: file, name: file.name, onDisk: true });
    else refused();
  });
}
