// What the right side shows: the whole beamline, an IOC, a device, or a part of one with its signals.

const SHOWN_CHIPS = 80;
const SHOWN_PROBLEMS = 100;

function facts(rows) {
  return make(
    "dl.facts",
    null,
    rows
      .filter(([, value]) => value !== "" && value !== null && value !== undefined)
      .map(([name, value]) => make("div", null, make("dt", null, name), make("dd", null, value))),
  );
}

const copied = (text, what) => make("span.copied", null, make("code", null, text), copyButton(text, what));

function policyChip(device) {
  return make(
    "span",
    null,
    make(`span.chip.policy.${device.policy}`, null, device.policy),
    ` ${POLICIES[device.policy] ?? ""}`,
  );
}

function beamlineView() {
  const count = data.devices.reduce((sum, device) => sum + signalsOf(device), 0);
  const classes = new Set(data.kinds.map((kind) => `${kind.module}.${kind.name}`)).size;
  const ofSeverity = (severity) => [data.problems.filter((problem) => problem.severity === severity).length, severity];
  const figures = [
    [data.devices.length, "device"],
    [count, "signal"],
    [classes, "class"],
    [data.iocs.length, "IOC"],
    ofSeverity("warning"),
    ofSeverity("note"),
  ];
  const byIoc = new Map(data.iocs.map((ioc) => [ioc.name, []]));
  for (const device of data.devices) (byIoc.get(device.ioc) ?? byIoc.set(device.ioc, []).get(device.ioc)).push(device);
  const detectors = data.devices.filter((device) => device.frames.length);
  return [
    make("h1", null, data.title || data.name),
    make(
      "p.lead",
      null,
      "Beamline ",
      make("code", null, data.name),
      ", described in ",
      make("code", null, data.source),
      ".",
    ),
    make(
      "div.figures",
      null,
      figures
        .filter(([number]) => number)
        .map(([number, noun]) =>
          make(
            "div",
            null,
            make("strong", null, number.toLocaleString("en")),
            make("span", null, number === 1 ? noun : noun === "class" ? "classes" : `${noun}s`),
          ),
        ),
    ),
    make("h2", null, "IOCs"),
    make(
      "div.cards",
      null,
      [...byIoc].map(([name, devices]) =>
        make(
          "section.card",
          null,
          make("h3", null, make("a", { href: link("", name) }, name)),
          observationLine(name),
          deviceChips(devices, SHOWN_CHIPS),
        ),
      ),
    ),
    detectors.length ? make("h2", null, "Detectors") : null,
    detectors
      .slice(0, 6)
      .map((device) =>
        make(
          "section.detector",
          null,
          make("h3", null, make("a", { href: link(device.name) }, device.name), " ", make("small", null, device.doc)),
          picture(device),
        ),
      ),
    detectors.length > 6 ? make("p.muted", null, `${detectors.length - 6} more in the tree`) : null,
    make("h2", null, "Problems and notes"),
    data.problems.length
      ? problemList(data.problems)
      : make("p.muted", null, "Nothing was found that anyone should know of."),
  ];
}

function observationLine(name) {
  const ioc = data.iocs.find((one) => one.name === name);
  if (!ioc) return null;
  if (ioc.observed === null) return make("p.muted", null, "never observed running");
  return make(
    "p.muted",
    null,
    `${counted(ioc.observed, "PV")} observed${ioc.answered ? "" : ", but it did not answer the last time"}`,
  );
}

function deviceChips(devices, most) {
  const chips = devices
    .slice(0, most)
    .map((device) => make("a.tag", { href: link(device.name), title: device.doc }, device.name));
  return make(
    "p.devices",
    null,
    chips,
    devices.length > most ? make("span.muted", null, `and ${(devices.length - most).toLocaleString("en")} more`) : null,
  );
}

function iocView(name) {
  const devices = data.devices.filter((device) => device.ioc === name);
  return [
    make("p.path", null, crumb([], data.title || data.name)),
    make("h1", null, name),
    observationLine(name),
    make(
      "p",
      null,
      `${counted(devices.length, "device")}, ${counted(
        devices.reduce((sum, device) => sum + signalsOf(device), 0),
        "signal",
      )}`,
    ),
    deviceChips(devices, 2000),
  ];
}

const crumb = (path, label) => make("a", { href: path.length ? link(...path) : "#" }, label);
const crumbs = (...steps) =>
  make(
    "p.path",
    null,
    steps.flatMap(([path, label], index) => [index ? " › " : "", crumb(path, label)]),
  );

function deviceFacts(device, part) {
  const kind = part?.kind;
  return facts([
    [
      "Class",
      kind
        ? make("span", null, make("code", null, kind.name), make("span.muted", null, ` ${kind.module}`))
        : make("code", null, device.type),
    ],
    ["Extends", kind?.lineage.length ? make("code", null, kind.lineage.join(", ")) : ""],
    ["Prefix", part ? copied(part.prefix, "prefix") : ""],
    ["Protocol", part ? ({ ca: "Channel Access", pva: "PV Access" }[part.protocol] ?? part.protocol) : ""],
    [
      "Macros",
      part?.arguments
        ? make(
            "code",
            null,
            Object.entries(part.arguments)
              .map(([name, value]) => `${name}=${value}`)
              .join(" "),
          )
        : "",
    ],
    ["IOC", crumb(["", device.ioc], device.ioc)],
    ["Policy", policyChip(device)],
    ["Optional", device.optional ? "yes: the beamline starts without it" : ""],
    ["Timeout", device.timeout === null ? "" : `${device.timeout} s`],
    ["Loaded at", part?.at ? make("code.at", null, part.at) : device.at ? make("code.at", null, device.at) : ""],
    ["Made from", kind ? make("code.at", null, kind.sources.join(", ")) : ""],
    ["In Python", copied(`${data.name}.${device.name}()${part?.attribute ? access(part) : ""}`, "expression")],
  ]);
}

const access = (part) => (/^\d+$/.test(part.attribute) ? `[${part.attribute}]` : `.${part.attribute}`);

function deviceView(device) {
  const whole = device.parts.length === 1 && !device.parts[0].attribute;
  if (whole) return partView(device.parts[0], null);
  return [
    crumbs([[], data.title || data.name], [["", device.ioc], device.ioc]),
    make("h1", null, device.name),
    make("p.lead", { dir: "auto" }, device.doc),
    deviceFacts(device, null),
    device.frames.length
      ? [
          make("h2", null, "How frames go"),
          picture(device),
          make("p.muted", null, "As the databases start; clients can change the wiring while the IOC runs."),
        ]
      : null,
    make("h2", null, "Parts"),
    make(
      "ul.parts",
      null,
      device.parts.map((part) =>
        make(
          "li",
          null,
          make(
            "a",
            { href: link(device.name, part.attribute) },
            make("strong", null, part.attribute),
            " ",
            make("span.muted", null, part.kind.name),
          ),
          make("div", null, make("code", null, part.prefix), copyButton(part.prefix, "prefix")),
          make("div.muted", null, `${counted(part.kind.rows.length, "signal")}; ${part.doc}`),
        ),
      ),
    ),
    problemsOf(device.parts),
  ];
}

function partView(part, attribute) {
  const device = part.device;
  const number = attribute === null ? null : part.kind.rows.findIndex((row) => row[ROW.attribute] === attribute);
  const path = part.attribute
    ? [
        [[], data.title || data.name],
        [["", device.ioc], device.ioc],
        [[device.name], device.name],
      ]
    : [
        [[], data.title || data.name],
        [["", device.ioc], device.ioc],
      ];
  return [
    crumbs(...path),
    make("h1", null, part.attribute || device.name),
    make("p.lead", { dir: "auto" }, part.doc || device.doc),
    deviceFacts(device, part),
    make("h2", null, counted(part.kind.rows.length, "signal")),
    part.kind.rows.length ? signalTable(part, number === -1 ? null : number) : null,
    problemsOf([part]),
  ];
}

function problemsOf(parts) {
  const files = new Set(
    parts.flatMap((part) => [
      ...part.kind.sources,
      ...part.kind.rows.slice(0, 20000).map((row) => data.texts[row[ROW.file]]),
    ]),
  );
  const places = new Set(parts.map((part) => part.at));
  const found = data.problems.filter(
    (problem) => places.has(`${problem.file}:${problem.line}`) || (problem.file && files.has(problem.file)),
  );
  return found.length ? [make("h2", null, "Problems and notes of its descriptions"), problemList(found)] : null;
}

function problemList(problems) {
  const list = make("ul.problems");
  let shown = 0;
  const more = make("button.more", { type: "button", on: { click: () => add() } });
  function add() {
    for (const problem of problems.slice(shown, shown + SHOWN_PROBLEMS)) {
      list.append(
        make(
          `li.${problem.severity}`,
          null,
          make(
            "div",
            null,
            make("span.severity", null, problem.severity),
            " ",
            make("strong", null, problem.code),
            " ",
            make("code.at", null, problem.file ? `${problem.file}:${problem.line}` : ""),
          ),
          make("div", { dir: "auto" }, problem.message),
          problem.detail.length
            ? make(
                "pre",
                null,
                problem.detail
                  .join("\n")
                  .split("\n")
                  .flatMap((line, index) => [index ? document.createTextNode("\n") : "", line]),
              )
            : null,
          problem.hint ? make("div.muted", null, problem.hint) : null,
        ),
      );
    }
    shown = Math.min(problems.length, shown + SHOWN_PROBLEMS);
    more.hidden = shown === problems.length;
    more.textContent = `${counted(problems.length - shown, "problem")} more`;
  }
  add();
  return [list, more];
}
