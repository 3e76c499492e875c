"use strict";
// The page works without this script but for filters, search and evidence. Foreign text is set as textContent, never as markup.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};

// --- filter and search ---------------------------------------------------------------------------

const search = document.getElementById("search");
const buttons = all(".filters button");
const words = (element) => element.textContent.toLowerCase();
let index = null;

// Read from the page once, at the first use: the texts are in it already.
function readIndex() {
  index = all(".profile").map((profile) => ({
    element: profile,
    requirements: all(".requirement", profile).map((requirement) => ({
      element: requirement,
      verdict: requirement.dataset.verdict,
      text: all(":scope > summary, :scope > .rule", requirement).map(words).join(" "),
      checks: all(":scope > .check", requirement).map((check) => ({
        element: check,
        verdict: check.dataset.verdict,
        text: all(":scope > summary, .links, .cases", check).map(words).join(" "),
      })),
    })),
  }));
}

function applyFilter() {
  if (!index) readIndex();
  const verdicts = new Set(buttons.filter((b) => b.getAttribute("aria-pressed") === "true").map((b) => b.dataset.verdict));
  const terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = (verdict) => verdicts.size === 0 || verdicts.has(verdict);
  const found = (...texts) => terms.every((term) => texts.some((text) => text.includes(term)));
  const shown = new Set();
  const known = new Set();
  let rules = 0;
  for (const profile of index) {
    let inProfile = 0;
    for (const requirement of profile.requirements) {
      let inRequirement = 0;
      for (const check of requirement.checks) {
        known.add(check.element.dataset.check);
        const show = wanted(check.verdict) && found(check.text, requirement.text);
        check.element.hidden = !show;
        if (show) { inRequirement += 1; shown.add(check.element.dataset.check); }
      }
      const alone = requirement.checks.length === 0 && wanted(requirement.verdict) && found(requirement.text);
      requirement.element.hidden = !(inRequirement || alone);
      if (inRequirement || alone) { inProfile += 1; rules += 1; }
    }
    profile.element.hidden = inProfile === 0;
  }
  const filtered = verdicts.size > 0 || terms.length > 0;
  document.getElementById("shown").textContent = filtered ? `${shown.size} of ${known.size} checks` : `${known.size} checks`;
  document.getElementById("nothing").hidden = rules > 0;
}

let waiting = 0;
search.addEventListener("input", () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(applyFilter); });
for (const button of buttons) {
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    applyFilter();
  });
}
const foldAll = (open) => all(".requirement").forEach((requirement) => { if (!requirement.hidden) requirement.open = open; });
document.getElementById("unfold").addEventListener("click", () => foldAll(true));
document.getElementById("fold").addEventListener("click", () => foldAll(false));

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !/^(INPUT|TEXTAREA)$/.test(event.target.tagName)) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "Escape" && event.target === search) {
    search.value = "";
    applyFilter();
    search.blur();
  }
});

// --- links and printing --------------------------------------------------------------------------

function reveal() {
  let id = location.hash.slice(1);
  try { id = decodeURIComponent(id); } catch { /* a stray percent sign is part of the id */ }
  const goal = id && document.getElementById(id);
  if (!goal) return;
  if (goal.hidden || goal.closest("[hidden]")) {
    buttons.forEach((button) => button.setAttribute("aria-pressed", "false"));
    search.value = "";
    applyFilter();
  }
  for (let outer = goal; outer; outer = outer.parentElement) if (outer.tagName === "DETAILS") outer.open = true;
  goal.scrollIntoView();
  goal.querySelector("summary")?.focus({ preventScroll: true });
}
addEventListener("hashchange", reveal);
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='#']");
  if (link && link.getAttribute("href") === location.hash) { event.preventDefault(); reveal(); }
});

let opened = [];
addEventListener("beforeprint", () => {
  opened = all(".requirement:not([open]), .profile:not([open])");
  opened.forEach((element) => { element.open = true; });
});
addEventListener("afterprint", () => opened.forEach((element) => { element.open = false; }));

// --- evidence ------------------------------------------------------------------------------------

// `toggle` does not bubble, but it is captured.
document.addEventListener("toggle", (event) => {
  const check = event.target;
  if (!check.open || !check.classList.contains("check") || check.dataset.read) return;
  check.dataset.read = "yes";
  const place = check.querySelector(".evidence");
  const island = document.getElementById(`evidence-${check.dataset.check}`);
  if (!island) { place.append(make("p", "note", "No exchange was recorded.")); return; }
  const [exchanges, attachments] = JSON.parse(island.textContent);
  place.append(...exchanges.map(showExchange), ...attachments.map(showAttachment));
}, true);

function showExchange(exchange) {
  const box = make("section", "exchange");
  const head = make("h3");
  const copy = copyButton("Copy as curl", () => curl(exchange.request));
  const when = `${exchange.duration_ms?.toFixed(1)} ms, at ${exchange.at_ms?.toFixed(0)} ms`;
  head.append(make("span", "muted", `${exchange.n}.`), make("span", `role ${exchange.role}`, exchange.role),
    make("span", "", exchange.label), make("span", "ms", when), copy);
  const sides = make("div", "sides");
  const answer = exchange.response ? showMessage("Response", exchange.response) : make("div", "side");
  if (exchange.error) answer.append(make("p", "failed", exchange.error));
  if (!exchange.response && !exchange.error) answer.append(make("p", "note", "No response was recorded."));
  sides.append(showMessage("Request", exchange.request), answer);
  box.append(head, sides);
  return box;
}

function showMessage(name, message) {
  const side = make("div", "side");
  side.setAttribute("aria-label", name);
  side.append(make("div", "start", message.start_line));
  side.append(make("div", "headers", message.headers.map(([header, value]) => `${header}: ${value}`).join("\n")));
  const { size, digest, truncated, content } = message.body;
  if (content === "empty") return side;
  showContent(side, content);
  const kept = truncated && content !== "omitted" ? ", the beginning of which is shown" : "";
  side.append(make("p", "note", `${size} bytes${kept}${digest ? `, ${digest}` : ""}`));
  return side;
}

function showContent(place, content) {
  if (content === "empty") { place.append(make("p", "note", "Empty.")); return; }
  if (content === "omitted") { place.append(make("p", "note", "Not kept.")); return; }
  if (content.text === undefined) { place.append(make("pre", "body-text", dump(bytesOf(content)))); return; }
  const pre = make("pre", "body-text", content.text);
  place.append(pre);
  const laidOut = layOut(content.text);
  if (laidOut === null || laidOut === content.text) return;
  let exact = false;
  const swap = make("button", "", "Show the exact text");
  swap.type = "button";
  swap.addEventListener("click", () => {
    exact = !exact;
    pre.textContent = exact ? content.text : laidOut;
    swap.textContent = exact ? "Show it laid out" : "Show the exact text";
  });
  pre.textContent = laidOut;
  place.append(swap);
}

// JSON with line breaks added between its tokens. It is not parsed and written again, which would hide repeated members and round numbers.
function layOut(text) {
  try { if (typeof JSON.parse(text) !== "object") return null; } catch { return null; }
  let depth = 0;
  const line = () => "\n" + "  ".repeat(Math.min(depth, 40));
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[^\s"{}[\],:]+|[{}[\],:]/g) ?? [];
  return tokens.map((token, n) => {
    if (token === "{" || token === "[") { depth += 1; return token + (/[}\]]/.test(tokens[n + 1]?.[0]) ? "" : line()); }
    if (token === "}" || token === "]") { depth -= 1; return (/^[{[]$/.test(tokens[n - 1]) ? "" : line()) + token; }
    return token === "," ? token + line() : token === ":" ? ": " : token;
  }).join("");
}

const bytesOf = (content) => content.text !== undefined
  ? new TextEncoder().encode(content.text)
  : Uint8Array.from(atob(content.base64), (char) => char.charCodeAt(0));

function dump(bytes) {
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, 1024); at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(48);
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex} ${row.map((b) => (b > 31 && b < 127 ? String.fromCharCode(b) : ".")).join("")}`);
  }
  if (bytes.length > 1024) lines.push(`… ${bytes.length - 1024} more bytes`);
  return lines.join("\n");
}

function showAttachment(file) {
  const box = make("section", "exchange");
  const head = make("h3");
  const save = make("button", "", "Save");
  save.type = "button";
  save.addEventListener("click", () => {
    const bytes = typeof file.content === "string" ? new Uint8Array() : bytesOf(file.content);
    const link = make("a");
    // Never its own media type: a page of the target's must not run as this one.
    link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
    link.download = file.name;
    link.click();
    URL.revokeObjectURL(link.href);
  });
  head.append(make("span", "role", "file"), make("span", "", file.name), make("span", "muted", file.media_type), save);
  const side = make("div", "side");
  showContent(side, file.content);
  box.append(head, side);
  return box;
}

// --- curl ----------------------------------------------------------------------------------------

function copyButton(name, text) {
  const button = make("button", "", name);
  button.type = "button";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      // A page from a file may not reach the clipboard: then the text is shown to be copied by hand.
      const field = make("textarea", "body-text", text());
      field.readOnly = true;
      button.closest(".exchange").append(field);
      field.select();
      button.disabled = true;
    }
  });
  return button;
}

// One word of a POSIX shell, or of bash where a control character must be spelt out.
function quote(text) {
  if (!/[\x00-\x1f\x7f]/.test(text)) return `'${text.replaceAll("'", "'\\''")}'`;
  const escaped = text.replace(/[\\']/g, "\\$&").replace(/[\x00-\x1f\x7f]/g, (char) => "\\x" + char.charCodeAt(0).toString(16).padStart(2, "0"));
  return `$'${escaped}'`;
}

// Tokens are not in the report; where one stood, the shell's variable stands.
function quoteHeader(header) {
  const named = header.split(/<(admin|user) token>/);
  return named.map((part, n) => (n % 2 ? `"$ASSAY_${part.toUpperCase()}_TOKEN"` : part && quote(part))).join("");
}

function curl(request) {
  const [method = "GET", path = "/"] = request.start_line.split(" ");
  const base = document.querySelector("main").dataset.url.replace(/\/+$/, "");
  const parts = ["curl -sS -i --globoff --path-as-is", `-X ${quote(method)}`, `--url ${quote(path.startsWith("/") ? base + path : path)}`];
  for (const [name, value] of request.headers) {
    if (/^(host|content-length|transfer-encoding|connection)$/i.test(name)) continue;
    parts.push(`-H ${quoteHeader(`${name}: ${value}`)}`);
  }
  const { content, truncated, size } = request.body;
  let before = truncated ? `# The body had ${size} bytes; only its beginning was kept.\n` : "";
  if (content.text !== undefined && !content.text.includes("\0")) parts.push(`--data-raw ${quote(content.text)}`);
  else if (typeof content !== "string") {
    const bytes = bytesOf(content);
    const base64 = content.base64 ?? btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    before += `printf %s '${base64.replace(/[^A-Za-z0-9+/=]/g, "")}' | base64 -d | `;
    parts.push("--data-binary @-");
  }
  // curl would name a type of its own.
  const typed = request.headers.some(([name]) => /^content-type$/i.test(name));
  if (content !== "empty" && content !== "omitted" && !typed) parts.push("-H 'Content-Type:'");
  return before + parts.join(" \\\n  ");
}

applyFilter();
reveal();
