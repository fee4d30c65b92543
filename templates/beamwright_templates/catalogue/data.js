// What the page holds, as JSON; rows are arrays with numbers of shared texts.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const ROW = {
  attribute: 0,
  owner: 1,
  access: 2,
  type: 3,
  read: 4,
  write: 5,
  doc: 6,
  units: 7,
  choices: 8,
  record: 9,
  format: 10,
  file: 11,
  line: 12,
};
const POLICIES = {
  eager: "connected when the session starts",
  lazy: "connected when a plan first needs it",
  explicit: "connected only when it is asked for",
};
const ACCESSES = {
  SignalR: ["R", "read", "can be read"],
  SignalRW: ["RW", "readwrite", "can be read and set"],
  SignalW: ["W", "write", "can be set"],
  TriggerableCommand: ["run", "command", "can be triggered"],
};

for (const kind of data.kinds) {
  kind.own = kind.rows.map((row) =>
    [row[ROW.attribute], row[ROW.read], row[ROW.write], row[ROW.doc], data.texts[row[ROW.type]]]
      .join("\n")
      .toLowerCase(),
  );
}
data.devices.forEach((device, number) => {
  device.number = number;
  device.parts.forEach((part, index) => {
    part.device = device;
    part.index = index;
    part.kind = data.kinds[part.kind];
  });
});
const deviceByName = new Map(data.devices.map((device) => [device.name, device]));

function filled(part, suffix) {
  const name = part.prefix + suffix;
  return part.arguments
    ? name.replace(/\$[({]([^)}=]+)(=[^)}]*)?[)}]/g, (all, macro) => part.arguments[macro] ?? all)
    : name;
}

function signal(part, number) {
  const row = part.kind.rows[number];
  const words = part.words?.[number];
  return {
    number,
    part,
    attribute: row[ROW.attribute],
    owner: data.texts[row[ROW.owner]],
    access: data.texts[row[ROW.access]],
    type: data.texts[row[ROW.type]],
    read: filled(part, row[ROW.read]),
    write: row[ROW.write] ? filled(part, row[ROW.write]) : "",
    doc: words ? words[0] : row[ROW.doc],
    units: words ? words[1] : data.texts[row[ROW.units]],
    choices: data.choices[row[ROW.choices]],
    record: data.texts[row[ROW.record]],
    format: data.texts[row[ROW.format]],
    at: row[ROW.line] ? `${data.texts[row[ROW.file]]}:${row[ROW.line]}` : "",
    observed: part.observed ? data.texts[part.observed[number] ?? 0] : "",
  };
}

const counted = (number, noun) =>
  `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : noun.endsWith("s") ? "es" : "s"}`;
const signalsOf = (device) => device.parts.reduce((sum, part) => sum + part.kind.rows.length, 0);
