"use strict";
// The search over authors. Index and cards come as scripts beside the page, so that it works as a file, too.
// What they hold is put in as text, never as markup.
(() => {
  const FOLDER = "report_authors/", MOST = 100;
  const STATES = {
    all: "everybody",
    summary: "with a summary",
    doubt: "summary in doubt",
    outdated: "summary of an older record",
    failed: "failed",
    pending: "not asked yet",
  };
  const [section, words, state, found, hits, author] =
    ["authors", "words", "state", "found", "hits", "author"].map((id) => document.getElementById(id));
  const cards = new Map(), loaded = new Map();
  let people = [], chosen = null;

  // An element; empty and null parts are left out.
  const made = (tag, attributes, ...parts) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...parts.filter((part) => part !== null && part !== ""));
    return element;
  };
  const text = (tag, ...parts) => made(tag, {}, ...parts);
  const soft = (...parts) => made("p", { class: "small soft" }, ...parts);
  const thousands = (number) => number.toLocaleString("en");
  const authors = (number) => `${thousands(number)} author${number === 1 ? "" : "s"}`;
  const folded = (value) => value.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  const load = (file) => {
    if (!loaded.has(file)) {
      loaded.set(file, new Promise((resolve, reject) => {
        const script = made("script", { src: `${FOLDER}${file}.js` });
        script.onload = resolve;
        script.onerror = () => { loaded.delete(file); reject(new Error(`${FOLDER}${file}.js`)); };
        document.head.append(script);
      }));
    }
    return loaded.get(file);
  };

  window.reportCards = (part) => part.authors.forEach((one) => cards.set(one.id, one));

  window.reportIndex = (index) => {
    for (const [file, rows] of index.files)
      for (const [id, name, affiliation, stands, reason] of rows)
        people.push({ file, id, name, affiliation, stands, reason, folded: folded(`${name} ${id}`) });
    const order = new Intl.Collator("en").compare;
    const nameless = (one) => one.name === "(no name)";  // they come last
    people.sort((one, other) => nameless(one) - nameless(other) || order(one.name, other.name) || order(one.id, other.id));
    offer();
    search();
    follow();
  };

  // The states and reasons that somebody has, with their numbers.
  const offer = () => {
    const states = new Map([["all", people.length]]), reasons = new Map();
    for (const one of people) {
      states.set(one.stands, (states.get(one.stands) || 0) + 1);
      if (one.reason) reasons.set(one.reason, (reasons.get(one.reason) || 0) + 1);
    }
    const add = (value, label, number) => state.append(made("option", { value }, `${label} (${thousands(number)})`));
    for (const [value, label] of Object.entries(STATES)) if (states.has(value)) add(value, label, states.get(value));
    for (const [reason, number] of [...reasons].sort()) add(`=${reason}`, `failed: ${reason}`, number);
  };

  const search = () => {
    const parts = folded(words.value).split(/\s+/).filter(Boolean), exact = words.value.trim();
    const wanted = state.value || "all";
    const fits = (one) => (wanted === "all" || wanted === one.stands || wanted === `=${one.reason}`)
      && parts.every((part) => one.folded.includes(part));
    const fitting = people.filter(fits);
    if (exact) fitting.sort((one, other) => (other.id === exact) - (one.id === exact));
    found.textContent = !fitting.length ? "Nobody shown here has all of these words in name or id."
      : authors(fitting.length) + (fitting.length > MOST ? `, the first ${MOST}` : "");
    hits.replaceChildren(...fitting.slice(0, MOST).map(hit));
  };

  const hit = (one) => {
    const stands = one.stands === "summary" || state.value !== "all" ? "" : one.reason || STATES[one.stands];
    const told = [one.affiliation, stands].filter(Boolean).join(" · ");
    const link = made("a", { href: `#author=${encodeURIComponent(one.id)}` }, text("bdi", one.name),
      told && made("span", { class: "small soft" }, told));
    if (one.id === chosen) link.setAttribute("aria-current", "true");
    return text("li", link);
  };

  const facts = (rows) => made("dl", { class: "facts" },
    ...rows.flatMap(([name, value]) => [text("dt", name), text("dd", value)]));
  const quoted = (...parts) => made("blockquote", { dir: "auto" }, ...parts);

  const record = (one) => {
    const papers = one.papers.map(([title, told]) => text("li", text("bdi", title),
      told && made("span", { class: "small soft told" }, text("bdi", told))));
    return text("section", text("h4", one.changed ? "The record, as it is now" : "The record, as it is sent"),
      text("p", text("bdi", one.affiliation || "(no affiliation)")),
      one.totals && text("p", one.totals),
      one.topics && text("p", "Topics: ", text("bdi", one.topics)),
      papers.length ? made("ul", { class: "papers" }, ...papers) : null);
  };

  const summary = (one) => {
    if (!one.summary) return [text("p", one.failure ? "There is none." : "There is none: nobody was asked yet.")];
    const why = one.why.map(([meaning, look, passages]) => text("li", meaning,
      passages.length ? ` In doubt: ${passages.join(", ")}.` : "", made("span", { class: "soft" }, ` ${look}`)));
    return [
      quoted(...one.summary.map(([part, doubted]) => doubted ? text("mark", part) : part)),
      one.changed ? soft("The record has changed since: the summary is of an older one, and no words are marked.") : null,
      why.length ? made("ul", { class: "why small" }, ...why) : null,
    ];
  };

  const earlier = (one) => {
    if (one.earlier === null) return [soft("They cannot be read: their files are gone from the table.")];
    if (!one.earlier.length) return [soft("None.")];
    return one.earlier.map((version) => made("details", { class: "small" }, text("summary", version.told), quoted(version.summary)));
  };

  const draw = (one) => author.replaceChildren(
    text("h3", text("bdi", one.name)),
    soft("author ", text("bdi", text("code", one.id)), ", bucket ", text("code", one.bucket)),
    made("div", { class: "sides" }, record(one), text("section",
      text("h4", "The summary"), ...summary(one),
      one.failure ? text("h4", "Why not") : null, one.failure ? facts(one.failure) : null,
      one.cost ? text("h4", "Cost, and how it was made") : null, one.cost ? facts(one.cost) : null,
      text("h4", "Earlier versions, of the last seven days"), ...earlier(one))));

  const say = (sentence) => author.replaceChildren(text("p", sentence));

  const show = async (id, scroll) => {
    chosen = id;
    search();
    const one = people.find((person) => person.id === id);
    if (!one) return say(`This page does not show the author ${id}.`);
    try {
      await load(one.file);
    } catch (error) {
      return say(`${error.message} is not beside this page. Load the page again; if you copied it, copy the folder, too.`);
    }
    if (chosen !== id) return;  // somebody chose another one meanwhile
    if (!cards.has(id)) return say("A newer report took the place of this one: load the page again.");
    draw(cards.get(id));
    if (scroll && author.getBoundingClientRect().top > innerHeight / 2) author.scrollIntoView();
  };

  const follow = () => {
    const match = /^#author=(.+)$/.exec(location.hash);
    const first = people.find((one) => one.stands === "summary") || people[0];
    if (match) show(decodeURIComponent(match[1]), true);
    else if (first) show(first.id, false);
  };

  section.hidden = false;
  words.addEventListener("input", search);
  state.addEventListener("change", search);
  addEventListener("hashchange", follow);
  load("index").catch(() => {
    found.textContent = `The folder ${FOLDER} is not beside this page: if you copied the page, copy the folder, too.`;
  });
})();
