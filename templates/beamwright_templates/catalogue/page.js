// Making elements: every text of a description becomes a text node, never markup.

// Marks that hide, reorder or break a line are shown by their number, so that a text is what it seems to be.
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

function say(parent, text) {
  let done = 0;
  for (const found of text.matchAll(UNSEEN)) {
    parent.append(text.slice(done, found.index));
    const code = found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    const mark = document.createElement("span");
    mark.className = "unseen";
    mark.title = "a mark that cannot be seen";
    mark.textContent = `U+${code}`;
    parent.append(mark);
    done = found.index + found[0].length;
  }
  parent.append(done ? text.slice(done) : text);
}

function make(tag, attributes, ...content) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  for (const one of content.flat()) {
    if (one === null || one === undefined || one === "") continue;
    if (typeof one === "string") say(element, one);
    else element.append(one);
  }
  return element;
}

const link = (...path) => "#" + path.map(encodeURIComponent).join("/");
const byId = (id) => document.getElementById(id);

let quiet = 0;
function announce(text) {
  const said = byId("said");
  said.replaceChildren();
  say(said, text);
  said.classList.add("shown");
  clearTimeout(quiet);
  quiet = setTimeout(() => said.classList.remove("shown"), 2000);
}

async function copy(text) {
  if (!text) return;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { "aria-hidden": "true" });
    area.value = text;
    const before = document.activeElement;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    before?.focus({ preventScroll: true });
  }
  announce(`Copied ${text}`);
}

const copyButton = (text, what) =>
  make("button.copy", {
    type: "button",
    tabindex: "-1",
    title: `Copy ${what}`,
    "aria-label": `Copy ${what}`,
    on: {
      click: (event) => {
        event.stopPropagation();
        copy(text);
      },
    },
  });

// A PV with the part that all its neighbours share held back.
function pvName(prefix, name) {
  const shared = name.startsWith(prefix) ? prefix : "";
  return make("span.pv", null, make("span.shared", null, shared), make("wbr"), breakable(name.slice(shared.length)));
}

// A name that may go on in the next line after its marks.
const breakable = (name) => name.split(/(?<=[_.:])/).flatMap((part, index) => (index ? [make("wbr"), part] : [part]));
