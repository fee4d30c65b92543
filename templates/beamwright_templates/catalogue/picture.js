// The ways of a detector's frames, from the driver to the plugins: one column for each step.

const BOX = { width: 172, height: 50, across: 70, down: 16, margin: 4 };

function columnsOf(device) {
  const depth = new Map([[device.parts[0].attribute, 0]]);
  const waiting = [device.parts[0].attribute];
  while (waiting.length) {
    const from = waiting.shift();
    for (const [talker, listener] of device.frames) {
      if (talker !== from || depth.has(listener)) continue;
      depth.set(listener, depth.get(from) + 1);
      waiting.push(listener);
    }
  }
  const columns = [];
  for (const part of device.parts) (columns[depth.get(part.attribute) ?? 0] ??= []).push(part);
  return columns;
}

function drawn(tag, attributes, ...content) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  for (const one of content) typeof one === "string" ? say(element, one) : element.append(one);
  return element;
}

function fitted(text, letters) {
  return text.length > letters ? `${text.slice(0, letters - 1)}…` : text;
}

function picture(device) {
  const columns = columnsOf(device);
  const tallest = Math.max(...columns.map((column) => column.length));
  const height = tallest * (BOX.height + BOX.down) - BOX.down + 2 * BOX.margin;
  const width = columns.length * (BOX.width + BOX.across) - BOX.across + 2 * BOX.margin;
  const at = new Map();
  columns.forEach((column, x) => {
    const top = (height - column.length * (BOX.height + BOX.down) + BOX.down) / 2;
    column.forEach((part, y) =>
      at.set(part.attribute, { x: BOX.margin + x * (BOX.width + BOX.across), y: top + y * (BOX.height + BOX.down) }),
    );
  });
  const lines = device.frames.flatMap(([from, to]) => {
    const a = at.get(from),
      b = at.get(to);
    const x1 = a.x + BOX.width,
      y1 = a.y + BOX.height / 2,
      x2 = b.x,
      y2 = b.y + BOX.height / 2,
      bend = (x2 - x1) / 2;
    return [
      drawn("path", { class: "frames", d: `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2 - 6},${y2}` }),
      drawn("path", { class: "tip", d: `M${x2 - 9},${y2 - 5} L${x2 - 1},${y2} L${x2 - 9},${y2 + 5} Z` }),
    ];
  });
  const boxes = device.parts.map((part) => {
    const { x, y } = at.get(part.attribute);
    return drawn(
      "a",
      { href: link(device.name, part.attribute), class: "box" },
      drawn("title", {}, `${part.attribute}: ${part.kind.name} at ${part.prefix}`),
      drawn("rect", { x, y, width: BOX.width, height: BOX.height, rx: 8 }),
      drawn("text", { x: x + 12, y: y + 21, class: "attribute" }, fitted(part.attribute, 20)),
      drawn("text", { x: x + 12, y: y + 38, class: "type" }, fitted(part.kind.name, 22)),
    );
  });
  const ways = device.frames.map(([from, to]) => `${from} to ${to}`).join(", ");
  const svg = drawn(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": `Frames go from ${ways}` },
    ...lines,
    ...boxes,
  );
  return make("div.picture", null, svg);
}
