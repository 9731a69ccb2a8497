/* The parts of the scans: opened by a link, built when first opened, drawn on canvas. */
{
  const FOR = [46, 184, 92];
  const AGAINST = [186, 85, 232];
  const FINE = 48; // rows and columns that a map is drawn with, before the canvas smooths it
  const MINUS = "\u2212";
  // Colour and dashes of each outline, in pixels of the large picture; the style sheet has the same colours.
  const OUTLINES = { outline: ["#ffd400", []], aorta: ["#ff7a3c", [9, 5]], pools: ["#5aa2ff", [2, 4]] };

  const signed = (number, decimals = 2) => `${number < 0 ? MINUS : "+"}${Math.abs(number).toFixed(decimals)}`;

  /** A map's value at a share (0 to 1) of the way across and down. Cell i of n lies at i / n; see docs on maps. */
  const valueAt = (map, across, down) => {
    const place = (share, count) => {
      const at = Math.min(share * count, count - 1);
      const first = Math.floor(at);
      return [first, Math.min(first + 1, count - 1), at - first];
    };
    const [top, bottom, y] = place(down, map.length);
    const [left, right, x] = place(across, map[0].length);
    const mix = (a, b, t) => a + (b - a) * t;
    return mix(mix(map[top][left], map[top][right], x), mix(map[bottom][left], map[bottom][right], x), y);
  };

  /** A map as a small canvas: clear at 0, full colour at `reach`. */
  const heatOf = (map, reach) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = FINE;
    const context = canvas.getContext("2d");
    const image = context.createImageData(FINE, FINE);
    for (let pixel = 0; pixel < FINE * FINE; pixel++) {
      const value = valueAt(map, ((pixel % FINE) + 0.5) / FINE, (Math.floor(pixel / FINE) + 0.5) / FINE);
      image.data.set([...(value < 0 ? AGAINST : FOR), (255 * Math.abs(value)) / reach], 4 * pixel);
    }
    context.putImageData(image, 0, 0);
    return canvas;
  };

  const pathOf = (outline, factor) => {
    const path = new Path2D();
    for (const polygon of outline) {
      path.moveTo(polygon[0] * factor, polygon[1] * factor);
      for (let i = 2; i < polygon.length; i += 2) path.lineTo(polygon[i] * factor, polygon[i + 1] * factor);
      path.closePath();
    }
    return path;
  };

  class Viewer {
    constructor(part, data) {
      this.part = part;
      this.slices = data.slices;
      this.pixels = data.pixels;
      this.node = document.querySelector("#viewer").content.firstElementChild.cloneNode(true);
      this.fields = {};
      for (const field of this.node.querySelectorAll("[name]")) this.fields[field.name] = field;
      this.canvas = this.node.querySelector(".frame canvas");
      this.marks = [...part.querySelectorAll(".strip g")];
      this.hasMaps = this.slices.every((slice) => slice.maps);
      this.node.querySelector(".others").hidden = !this.slices.some(({ aorta, pools }) => aorta.length || pools.length);
      this.node.querySelector(".heat").hidden = !this.hasMaps;
      this.node.querySelector(".no-heat").hidden = this.hasMaps || !this.marks.length; // without a vote nothing was asked
      this.fields.slice.max = this.slices.length - 1;
      this.thumbs = this.slices.map((slice, number) => this.makeThumb(number));
      this.node.querySelector(".sheet").append(...this.thumbs);
      this.listen();
    }

    async load() {
      this.images = await Promise.all(
        this.slices.map(async (slice) => {
          const image = new Image();
          image.src = `data:image/jpeg;base64,${slice.jpeg}`;
          await image.decode();
          return image;
        }),
      );
      this.part.querySelector(".pictures").replaceChildren(this.node);
      this.drawAll();
      this.show(Math.floor(this.slices.length / 2));
      this.part.dataset.ready = "";
    }

    makeThumb(number) {
      const thumb = document.createElement("button");
      thumb.type = "button";
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = 128;
      const label = document.createElement("span");
      label.textContent = this.slices[number].index;
      thumb.title = this.captionOf(number);
      thumb.setAttribute("aria-label", thumb.title);
      thumb.append(canvas, label);
      if (this.marks.length) thumb.classList.add(this.marks[number].classList[0]);
      thumb.addEventListener("click", () => this.show(number));
      return thumb;
    }

    /** A slice in words; its quality is known where there is a vote. */
    captionOf(number) {
      const { index, position_mm } = this.slices[number];
      return this.marks[number]?.querySelector("title").textContent ?? `Slice ${index} at ${signed(position_mm, 1)} mm`;
    }

    listen() {
      const { slice, ...others } = this.fields;
      slice.addEventListener("input", () => this.show(Number(slice.value)));
      for (const field of Object.values(others)) field.addEventListener("input", () => this.drawAll());
      for (const [number, mark] of this.marks.entries()) mark.addEventListener("click", () => this.show(number));
      for (const button of this.part.querySelectorAll(".to-slice")) {
        button.addEventListener("click", () => {
          this.show(Number(button.dataset.slice));
          this.canvas.scrollIntoView({ block: "nearest" });
        });
      }
      this.part.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step || event.target.matches("input, select") || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        this.show(Math.min(Math.max(this.number + step, 0), this.slices.length - 1));
        if (this.thumbs.includes(event.target)) this.thumbs[this.number].focus();
      });
    }

    show(number) {
      this.number = number;
      const caption = this.captionOf(number);
      this.fields.slice.value = number;
      this.fields.slice.setAttribute("aria-valuetext", caption);
      this.canvas.setAttribute("aria-label", caption);
      this.node.querySelector("figcaption").textContent = caption;
      for (const [other, thumb] of this.thumbs.entries()) {
        thumb.setAttribute("aria-current", other === number);
      }
      const mark = this.marks[number]?.querySelector(".target");
      if (mark) this.part.querySelector(".here").setAttribute("x", mark.getAttribute("x"));
      this.draw(this.canvas, number);
      this.writeNumbers();
    }

    drawAll() {
      const scale = Number(this.fields.scale.value);
      const heat = this.node.querySelector(".heat");
      heat.classList.toggle("off", !this.fields.heat.checked);
      this.node.querySelector(".outlines").hidden = !this.fields.others.checked;
      heat.firstElementChild.textContent = `Heat map: ${this.fields.scale.selectedOptions[0].text}`;
      if (this.hasMaps) {
        this.reach = Math.max(...this.slices.flatMap((slice) => slice.maps[scale].flat()).map(Math.abs)) || 1;
        this.heats = this.slices.map((slice) => heatOf(slice.maps[scale], this.reach));
        this.node.querySelector(".against").textContent = signed(-this.reach);
        this.node.querySelector(".for").textContent = signed(this.reach);
      }
      for (const [number, thumb] of this.thumbs.entries()) this.draw(thumb.firstElementChild, number);
      if (this.number !== undefined) this.show(this.number);
    }

    draw(canvas, number) {
      const context = canvas.getContext("2d");
      const side = canvas.width;
      context.imageSmoothingQuality = "high";
      context.drawImage(this.images[number], 0, 0, side, side);
      if (this.hasMaps && this.fields.heat.checked) {
        context.globalAlpha = this.fields.opacity.value / 100;
        context.drawImage(this.heats[number], 0, 0, side, side);
        context.globalAlpha = 1;
      }
      if (this.fields.others.checked) for (const name of ["pools", "aorta"]) this.drawOutline(context, number, name);
      if (this.fields.outline.checked) this.drawOutline(context, number, "outline");
    }

    drawOutline(context, number, name) {
      const side = context.canvas.width;
      const path = pathOf(this.slices[number][name], side / this.pixels);
      const [colour, dashes] = OUTLINES[name];
      context.lineJoin = "round";
      context.setLineDash(dashes.map((length) => (length * (side + 256)) / 768));
      for (const [stroke, width] of [["#000a", 2.6], [colour, 1.2]]) {
        context.strokeStyle = stroke;
        context.lineWidth = (width * (side + 256)) / 512;
        context.stroke(path);
      }
      context.setLineDash([]);
    }

    writeNumbers() {
      if (!this.hasMaps) return;
      const cells = this.node.querySelector(".cells");
      cells.classList.toggle("mapped", this.fields.heat.checked);
      cells.hidden = !(this.fields.heat.checked && this.fields.numbers.checked);
      const map = this.slices[this.number].maps[Number(this.fields.scale.value)];
      cells.style.gridTemplateColumns = `repeat(${map[0].length}, 1fr)`;
      cells.replaceChildren(
        ...map.flat().map((value) => {
          const cell = document.createElement("span");
          cell.textContent = signed(value);
          return cell;
        }),
      );
    }
  }

  const build = (part) => {
    const holder = part.querySelector(".pictures-data");
    if (!holder) return;
    const data = JSON.parse(holder.textContent);
    holder.remove();
    return new Viewer(part, data).load();
  };

  const openLinked = () => {
    const part = document.getElementById(location.hash.slice(1));
    if (part?.closest("#definitions")) part.closest("#definitions").open = true;
    if (!part?.matches(".scan")) return;
    part.hidden = false;
    part.open = true;
    part.querySelector("summary").focus();
    part.scrollIntoView();
  };

  const parts = [...document.querySelectorAll(".scan")];
  for (const part of parts) part.addEventListener("toggle", () => part.open && build(part));
  document.querySelector("#open-all").addEventListener("click", () => {
    for (const part of parts) part.open = !part.hidden || part.open;
  });
  document.querySelector("#close-all").addEventListener("click", () => {
    for (const part of parts) part.open = false;
  });
  document.querySelector("#print").addEventListener("click", () => print());
  addEventListener("hashchange", openLinked);
  document.querySelector("#scans")?.addEventListener("click", (event) => {
    if (event.target.closest("a")?.hash === location.hash) openLinked(); // a link to the same place changes no hash
  });
  openLinked();
}
