// Finding devices and signals: each word must stand in the device's or the signal's texts, one of them in the signal's own.

function termsOf(query) {
  return query
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .map((text) => {
      const glob = /[*?]/.test(text);
      const pattern =
        glob &&
        new RegExp(
          text
            .replace(/[.+^${}()|[\]\\]/g, "\\$&")
            .replaceAll("*", "[^\\n]*")
            .replaceAll("?", "[^\\n]"),
        );
      return { text, pattern, isIn: glob ? (where) => pattern.test(where) : (where) => where.includes(text) };
    });
}

// How many letters of a word the prefix may end with, the rest then beginning the suffix: PVs are found whole without making them.
function overlaps(prefix, text) {
  const found = [];
  for (let length = 1; length < text.length; length++) if (prefix.endsWith(text.slice(0, length))) found.push(length);
  return found;
}

function partMatches(part, terms, deviceText) {
  const prefix = part.prefix.toLowerCase();
  const around = `${deviceText}\n${part.attribute}\n${part.kind.name}\n${part.prefix}`.toLowerCase();
  const known = terms.map((term) => term.isIn(around));
  const ends = terms.map((term) => (term.pattern ? [] : overlaps(prefix, term.text)));
  const found = [];
  part.kind.rows.forEach((row, number) => {
    let own = part.kind.own[number];
    const words = part.words?.[number];
    if (words) own += `\n${words[0]}`.toLowerCase();
    let hit = false;
    for (let index = 0; index < terms.length; index++) {
      const term = terms[index];
      if (term.isIn(own) || spans(term, ends[index], prefix, part, row)) hit = true;
      else if (!known[index]) return;
    }
    if (hit) found.push(number);
  });
  return { all: known.every(Boolean), found };
}

function spans(term, ends, prefix, part, row) {
  if (part.arguments || term.pattern) {
    const name = (suffix) => filled(part, suffix).toLowerCase();
    return (
      !term.isIn(prefix) &&
      (term.isIn(name(row[ROW.read])) || (row[ROW.write] !== "" && term.isIn(name(row[ROW.write]))))
    );
  }
  return ends.some((length) => {
    const rest = term.text.slice(length);
    return row[ROW.read].toLowerCase().startsWith(rest) || row[ROW.write].toLowerCase().startsWith(rest);
  });
}

function find(query) {
  const terms = termsOf(query);
  const found = new Map();
  let signals = 0;
  for (const device of data.devices) {
    const text = `${device.name}\n${device.type}\n${device.doc}\n${device.ioc}`;
    const parts = device.parts.map((part) => partMatches(part, terms, text));
    const rows = parts.map((part) => part.found);
    const count = rows.reduce((sum, numbers) => sum + numbers.length, 0);
    if (count || parts.some((part) => part.all)) found.set(device, { rows, all: parts.map((part) => part.all) });
    signals += count;
  }
  return { found, signals };
}
