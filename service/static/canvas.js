/** A drawing as strokes, which a theme may recolour and a screen of any density shows sharp. */

// The PNG that is sent; strokes are in units of it.
const SIDE = 280;

/** @typedef {{width: number, points: {x: number, y: number}[]}} Stroke */

export class Drawing {
  /** @type {Stroke[]} */
  #strokes = [];
  /** @type {Stroke | null} */
  #current = null;
  #pointer = null;
  #frame = 0;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLInputElement} pen the width
   * @param {(finished: boolean) => void} changed called while a stroke moves and when it ends
   */
  constructor(canvas, pen, changed) {
    this.canvas = canvas;
    this.pen = pen;
    this.changed = changed;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
      canvas.addEventListener(name, (event) => this.#up(event));
    new ResizeObserver(() => this.show()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.show());
  }

  get empty() {
    return this.#strokes.length === 0;
  }

  undo() {
    this.#strokes.pop();
    this.#redrawn();
  }

  clear() {
    this.#strokes = [];
    this.#redrawn();
  }

  /** Paints the strokes on the page. */
  show() {
    const side = Math.round(this.canvas.clientWidth * devicePixelRatio);
    if (side === 0) return;
    if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side;
    this.#paint(this.canvas);
  }

  /** @returns {Promise<Blob>} the drawing as a PNG */
  png() {
    const sheet = document.createElement("canvas");
    sheet.width = sheet.height = SIDE;
    this.#paint(sheet);
    return new Promise((resolve) => sheet.toBlob(resolve, "image/png"));
  }

  #redrawn() {
    this.show();
    this.changed(true);
  }

  #down(event) {
    if (this.#pointer !== null || event.button !== 0) return;
    event.preventDefault();
    this.#pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.#current = { width: Number(this.pen.value), points: [this.#place(event)] };
    this.#strokes.push(this.#current);
    this.#soon();
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    // All the places between two frames, where the browser tells them: curves instead of corners.
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) this.#current.points.push(this.#place(one));
    this.#soon();
  }

  #up(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = this.#current = null;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#redrawn();
  }

  /** At most one painting and one request a frame. */
  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.show();
      this.changed(false);
    });
  }

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * SIDE, y: ((event.clientY - box.top) / box.height) * SIDE };
  }

  #paint(canvas) {
    const context = canvas.getContext("2d");
    const style = getComputedStyle(this.canvas);
    context.setTransform(canvas.width / SIDE, 0, 0, canvas.height / SIDE, 0, 0);
    context.fillStyle = style.backgroundColor;
    context.fillRect(0, 0, SIDE, SIDE);
    context.strokeStyle = style.color;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of this.#strokes) trace(context, stroke);
  }
}

/** A smooth line: through the middles between points, bent by the points. */
function trace(context, { width, points }) {
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(points[0].x, points[0].y);
  for (let n = 1; n < points.length - 1; n++) {
    const [here, next] = [points[n], points[n + 1]];
    context.quadraticCurveTo(here.x, here.y, (here.x + next.x) / 2, (here.y + next.y) / 2);
  }
  const last = points[points.length - 1];
  context.lineTo(last.x, last.y);
  context.stroke();
}
