// The table of a part's signals: a page of rows at a time, so that a database of any size opens at once.

const PAGE = 300;

function signalTable(part, wanted) {
  const body = make("tbody");
  const count = part.kind.rows.length;
  const start = wanted === null ? 0 : Math.max(0, wanted - Math.floor(PAGE / 3));
  const range = { first: start, last: start };
  const before = make("button.more", { type: "button", on: { click: () => grow(-1) } });
  const after = make("button.more", { type: "button", on: { click: () => grow(1) } });

  function label() {
    before.hidden = range.first === 0;
    after.hidden = range.last === count;
    before.textContent = `${counted(range.first, "signal")} before`;
    after.textContent = `${counted(count - range.last, "signal")} more`;
  }
  function grow(direction) {
    if (direction > 0) {
      const from = range.last;
      range.last = Math.min(count, from + PAGE);
      for (let number = from; number < range.last; number++)
        body.append(signalRow(signal(part, number), number > range.first ? part.kind.rows[number - 1] : null));
    } else {
      const until = range.first;
      range.first = Math.max(0, until - PAGE);
      const rows = [];
      for (let number = range.first; number < until; number++)
        rows.push(signalRow(signal(part, number), number > range.first ? part.kind.rows[number - 1] : null));
      body.prepend(...rows);
    }
    label();
  }
  grow(1);
  const rows = () => [...body.querySelectorAll("tr.signal")];
  const first = wanted === null ? rows()[0] : rows().find((row) => Number(row.dataset.number) === wanted);
  first?.setAttribute("tabindex", "0");
  if (wanted !== null) first?.classList.add("wanted");
  body.addEventListener("keydown", (event) =>
    tableKey(event, rows, part, () => {
      if (after.hidden) return false;
      grow(1);
      return true;
    }),
  );
  body.addEventListener("focusin", (event) => {
    const row = event.target.closest("tr.signal");
    if (!row) return;
    for (const other of body.querySelectorAll('tr[tabindex="0"]')) other.setAttribute("tabindex", "-1");
    row.setAttribute("tabindex", "0");
  });
  body.addEventListener("click", (event) => event.target.closest("tr.signal")?.focus({ preventScroll: true }));
  const heads = ["Signal", "PV", "Type", "Description", "Record"].map((name) => make("th", { scope: "col" }, name));
  return make(
    "div.table",
    null,
    before,
    make(
      "table.signals",
      { "aria-label": `Signals of ${part.attribute || part.device.name}` },
      make("thead", null, make("tr", null, heads)),
      body,
    ),
    after,
  );
}

function tableKey(event, rows, part, more) {
  const row = event.target.closest("tr.signal");
  if (!row || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("button")) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const one = () => signal(part, Number(row.dataset.number));
  if (step) {
    let there = rows();
    let place = there.indexOf(row) + step;
    if (place === there.length && more()) there = rows();
    place = Math.min(Math.max(place, 0), there.length - 1);
    there[place].focus();
  } else if (event.key === "Home" || event.key === "End")
    rows()
      .at(event.key === "Home" ? 0 : -1)
      .focus();
  else if (event.key === "c") copy(one().read);
  else if (event.key === "s") copy(one().write || one().read);
  else if (event.key === "Enter")
    history.replaceState(null, "", link(part.device.name, part.attribute, one().attribute));
  else return;
  event.preventDefault();
}

function signalRow(one, above) {
  const attribute = one.attribute.split(".");
  const name = attribute.pop();
  const holder = attribute.length ? `${attribute.join(".")}.` : "";
  const names = [[one.read, one.write ? "readback" : "PV"], ...(one.write ? [[one.write, "setpoint"]] : [])];
  const pvs = names.map(([text, what]) =>
    make("div.name", null, pvName(one.part.prefix, text), copyButton(text, what)),
  );
  const [letters, style, words] = ACCESSES[one.access] ?? [one.access, "read", ""];
  const shownBefore = above && data.texts[above[ROW.owner]] === one.owner;
  return make(
    `tr.signal${shownBefore || !above ? "" : ".next"}`,
    { tabindex: "-1", "data-number": one.number },
    make(
      "th",
      { scope: "row", "data-head": "Signal" },
      make("code", null, make("span.shared", null, holder), breakable(name)),
      make("span.owner", { title: "the class that declares it" }, one.owner),
    ),
    make("td.pvs", { "data-head": "PV" }, pvs),
    make(
      "td.typed",
      { "data-head": "Type" },
      make(`span.badge.${style}`, { title: `${one.access}: ${words}` }, letters),
      " ",
      make("code", null, one.type),
      one.units ? make("span.units", { title: "units" }, one.units) : null,
      one.format ? make("span.chip", { title: "in the documents of a run" }, one.format) : null,
      choices(one.choices),
    ),
    make(
      "td.doc",
      { "data-head": "Description", dir: "auto" },
      one.doc,
      one.observed
        ? make(
            "div.observed",
            null,
            make("span.chip", { title: "what the running IOC served" }, "observed"),
            " ",
            one.observed,
          )
        : null,
    ),
    make(
      "td.record",
      { "data-head": "Record" },
      one.record ? make("code", null, one.record) : null,
      one.at ? make("span.at", { title: one.at }, breakable(one.at.split("/").at(-1))) : null,
    ),
  );
}

function choices(texts) {
  if (!texts.length) return null;
  const chips = (some) => some.map((text) => make("span.choice", null, text || "(blank)"));
  if (texts.length <= 6) return make("div.choices", null, chips(texts));
  const rest = make("details.choices", null, make("summary", null, `${texts.length} choices`), chips(texts));
  return rest;
}
