// The tree of IOCs, devices and parts, as in the ARIA treeview pattern; only the rows in sight are in the document.

const HEIGHT = 30;
const tree = { roots: [], rows: [], current: null, shown: null, open: new Set(), searching: false };
const drawnRows = new Map();

function node(parent, key, kind, label, more) {
  const made = { parent, key, kind, label, level: parent ? parent.level + 1 : 1, children: [], ...more };
  if (parent) parent.children.push(made);
  return made;
}

// What stands below the IOCs: everything, or what a search has found.
function grown(found) {
  const roots = new Map(
    data.iocs.map((ioc) => [ioc.name, node(null, `ioc ${ioc.name}`, "ioc", ioc.name, { hint: "" })]),
  );
  for (const device of data.devices) {
    const hit = found?.get(device);
    if (found && !hit) continue;
    if (!roots.has(device.ioc)) roots.set(device.ioc, node(null, `ioc ${device.ioc}`, "ioc", device.ioc, { hint: "" }));
    const below = node(roots.get(device.ioc), `device ${device.number}`, "device", device.name, {
      device,
      hint: device.type,
      path: [device.name],
      copied: device.parts[0].prefix,
    });
    const alone = device.parts.length === 1 && !device.parts[0].attribute;
    device.parts.forEach((part, index) => {
      const numbers = hit ? hit.rows[index] : [];
      if (found && !numbers.length && (alone || !hit.all[index])) return;
      const path = [device.name, part.attribute];
      const holder = alone
        ? below
        : node(below, `part ${device.number} ${index}`, "part", part.attribute, {
            device,
            part,
            hint: part.kind.name,
            path,
            copied: part.prefix,
          });
      for (const number of numbers) {
        const row = part.kind.rows[number];
        node(holder, `signal ${device.number} ${index} ${number}`, "signal", row[ROW.attribute], {
          device,
          part,
          number,
          hint: filled(part, row[ROW.read]),
          path: [...path, row[ROW.attribute]],
          copied: filled(part, row[ROW.read]),
          setpoint: row[ROW.write] && filled(part, row[ROW.write]),
        });
      }
    });
  }
  return [...roots.values()].filter((root) => root.children.length);
}

function flatten() {
  const rows = [];
  const add = (nodes) =>
    nodes.forEach((one, index) => {
      one.place = rows.length;
      one.position = index + 1;
      one.size = nodes.length;
      rows.push(one);
      if (one.children.length && isOpen(one)) add(one.children);
    });
  add(tree.roots);
  tree.rows = rows;
  byId("rows").style.height = `${rows.length * HEIGHT}px`;
}

const isOpen = (one) => (tree.searching ? !tree.open.has(`closed ${one.key}`) : tree.open.has(one.key));

function setOpen(one, open) {
  if (!one.children.length) return;
  const key = tree.searching ? `closed ${one.key}` : one.key;
  if (open !== tree.searching) tree.open.add(key);
  else tree.open.delete(key);
}

function drawTree() {
  const pane = byId("tree");
  const first = Math.max(0, Math.floor(pane.scrollTop / HEIGHT) - 8);
  const last = Math.min(tree.rows.length, Math.ceil((pane.scrollTop + pane.clientHeight) / HEIGHT) + 8);
  const rows = byId("rows");
  const seen = new Set(tree.rows.slice(first, last));
  for (const [one, row] of drawnRows) {
    if (seen.has(one)) continue;
    row.remove();
    drawnRows.delete(one);
  }
  // A row that stays in sight stays the same element: one that is made anew between press and release has no click.
  let index = 0;
  for (const one of seen) {
    if (!drawnRows.has(one)) drawnRows.set(one, makeRow(one));
    const row = drawnRows.get(one);
    if (rows.children[index] !== row) rows.insertBefore(row, rows.children[index] ?? null);
    refreshRow(row, one);
    index += 1;
  }
  const current = tree.current && tree.rows[tree.current.place] === tree.current ? tree.current : null;
  if (current && current.place >= first && current.place < last)
    pane.setAttribute("aria-activedescendant", `row-${current.place}`);
  else pane.removeAttribute("aria-activedescendant");
}

function makeRow(one) {
  const hint = one.kind === "ioc" ? String(one.children.length) : one.hint;
  const row = make(
    `div.row.${one.kind}`,
    {
      role: "treeitem",
      "aria-level": one.level,
      "aria-setsize": one.size,
      "aria-posinset": one.position,
      on: { click: (event) => pick(one, event) },
    },
    make("span.twig", { "aria-hidden": "true" }),
    make("span.label", null, one.label),
    make("span.hint", null, make("bdi", { dir: "ltr" }, hint)),
  );
  row.style.paddingInlineStart = `${0.5 + (one.level - 1) * 0.95}rem`;
  return row;
}

function refreshRow(row, one) {
  row.id = `row-${one.place}`;
  row.style.top = `${one.place * HEIGHT}px`;
  row.setAttribute("aria-selected", String(one.key === tree.shown));
  if (one.children.length) row.setAttribute("aria-expanded", String(isOpen(one)));
  row.classList.toggle("current", one === tree.current);
}

function pick(one, event) {
  const toggled = one.kind === "ioc" || event.target.classList.contains("twig");
  moveTo(one);
  if (toggled) {
    setOpen(one, !isOpen(one));
    redraw();
  }
  const isNarrow = matchMedia("(max-width: 44rem)").matches;
  if (!event.target.classList.contains("twig") && !(toggled && isNarrow)) go(one);
}

function go(one) {
  location.hash = one.path ? link(...one.path) : link("", one.label);
  show();
  document.body.classList.add("inside");
}

function redraw() {
  flatten();
  drawTree();
}

function moveTo(one) {
  if (!one) return;
  tree.current = one;
  const pane = byId("tree");
  const top = one.place * HEIGHT;
  if (top < pane.scrollTop) pane.scrollTop = top;
  else if (top + HEIGHT > pane.scrollTop + pane.clientHeight) pane.scrollTop = top + HEIGHT - pane.clientHeight;
  drawTree();
}

const TREE_KEYS = {
  ArrowDown: (one) => moveTo(tree.rows[one.place + 1]),
  ArrowUp: (one) => moveTo(tree.rows[one.place - 1]),
  PageDown: (one) => moveTo(tree.rows[Math.min(tree.rows.length - 1, one.place + perPage())]),
  PageUp: (one) => moveTo(tree.rows[Math.max(0, one.place - perPage())]),
  Home: () => moveTo(tree.rows[0]),
  End: () => moveTo(tree.rows.at(-1)),
  ArrowRight: (one) => {
    if (!one.children.length) return;
    if (isOpen(one)) return moveTo(one.children[0]);
    setOpen(one, true);
    redraw();
  },
  ArrowLeft: (one) => {
    if (!one.children.length || !isOpen(one)) return moveTo(one.parent);
    setOpen(one, false);
    redraw();
  },
  "*": (one) => {
    for (const beside of one.parent ? one.parent.children : tree.roots) setOpen(beside, true);
    redraw();
    moveTo(one);
  },
  Enter: (one) => {
    go(one);
    enterDetail();
  },
  " ": (one) => go(one),
  c: (one) => copy(one.copied ?? one.label),
  s: (one) => copy(one.setpoint ?? ""),
};
const perPage = () => Math.max(1, Math.floor(byId("tree").clientHeight / HEIGHT) - 1);

function startTree() {
  const pane = byId("tree");
  pane.addEventListener("scroll", drawTree, { passive: true });
  new ResizeObserver(drawTree).observe(pane);
  pane.addEventListener("focus", () => {
    if (!tree.current || tree.rows[tree.current.place] !== tree.current)
      moveTo(tree.rows.find((one) => one.key === tree.shown) ?? tree.rows[0]);
  });
  pane.addEventListener("keydown", (event) => {
    const act = TREE_KEYS[event.key];
    if (!act || !tree.current || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(tree.current);
  });
  plant("");
}

// Show everything, or what is found.
function plant(query) {
  const words = query.trim();
  const result = words ? find(words) : null;
  tree.searching = result !== null;
  for (const key of [...tree.open]) if (key.startsWith("closed ")) tree.open.delete(key);
  tree.roots = grown(result?.found);
  if (!result && !tree.open.size && data.devices.length <= 200) tree.roots.forEach((root) => tree.open.add(root.key));
  tree.current = null;
  byId("tree").scrollTop = 0;
  redraw();
  byId("found").textContent = result
    ? result.found.size
      ? `${counted(result.signals, "signal")} in ${counted(result.found.size, "device")}`
      : "Nothing is called so"
    : `${counted(data.devices.length, "device")} of ${counted(data.iocs.length, "IOC")}`;
}

// Mark what the page shows, and make it visible where it is in the tree.
function markShown(key) {
  tree.shown = key;
  const [kind, device] = key.split(" ");
  if (!tree.searching && (kind === "device" || kind === "part" || kind === "signal")) {
    const root = tree.roots.find((one) => one.children.some((below) => below.device.number === Number(device)));
    if (root) setOpen(root, true);
    const below = root?.children.find((one) => one.device.number === Number(device));
    if (below && kind !== "device") setOpen(below, true);
    redraw();
  }
  const there = tree.rows.find((one) => one.key === key);
  if (there && there !== tree.current) moveTo(there);
  else drawTree();
}
