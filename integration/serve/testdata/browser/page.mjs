// The page in a real browser: node page.mjs URL LOCKED_URL KEY READING_KEY. The servers and their memories are made by browser_test.go.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { open } from "./browser.mjs";

const [url, locked, key, reader] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await open();
const problems = [];

async function tab(options, at = url) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (e) => console.error("policy: " + e.violatedDirective + " " + e.blockedURI));
  });
  page.on("console", (m) => { if (m.type() === "error" && !m.text().includes("401") && !m.text().includes("404")) problems.push(m.text()); });
  page.on("pageerror", (e) => problems.push(String(e)));
  page.on("request", (r) => { if (!r.url().startsWith(at) && !r.url().startsWith("data:")) problems.push("asked " + r.url()); });
  return page;
}

// accessible runs axe, which knows the rules of WCAG, contrast included.
async function accessible(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  assert.deepEqual(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ") + " " + n.failureSummary).join("; ")}`), [], what);
}

async function fits(page, what) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(over <= 0, `${what} is ${over} pixels wider than the window`);
}

// settled tells that the ranking has come to its end, and that no row moves any more.
const settled = () => document.querySelector("output").textContent === "as ranked" && document.getAnimations().every((a) => a.playState !== "running");

const tests = {
  async "an answer streams in, with its claims and its rounds"() {
    const page = await tab();
    await page.goto(url);
    await page.fill("#question", "Where does Ruth live?");
    await page.click("summary");
    await page.fill("#draft", "Ruth lives in Madrid.");
    await page.keyboard.press("Tab");
    await page.click("button.primary");
    await page.waitForSelector(".round .proposal");
    const text = await page.textContent(".answer");
    assert.ok(text.includes("Lisbon") && !text.includes("Madrid"), text);
    assert.ok(await page.locator(".chip.good", { hasText: "accepted" }).count() > 0, "nothing is said to be accepted");
    assert.ok((await page.locator(".proposal").first().textContent()).includes("scores"), "no reason is given");
    assert.ok((await page.locator("del").first().textContent()).includes("Madrid"), "the change is not shown");
    assert.ok(await page.locator("ins").count() > 0);
    assert.equal(await page.locator("[aria-busy]").count(), 0);
    await page.click(".cite");
    assert.ok((await page.textContent("dialog .quote")).includes("Lisbon"));
    await page.keyboard.press("Escape");
    await accessible(page, "ask");
    // Enter asks again; a question that nothing answers says so.
    await page.fill("#draft", "");
    await page.fill("#question", "Xylophones?");
    await page.press("#question", "Enter");
    await page.waitForFunction(() => document.querySelector(".answer")?.textContent.match(/nothing|do not find/) && !document.querySelector("[aria-busy]"));
    await page.context().close();
  },

  async "a query settles, and every memory tells what lifted it"() {
    const page = await tab({ reducedMotion: "no-preference" });
    await page.goto(url + "/#/recall?q=" + encodeURIComponent("After whom is Priya's daughter named, and why?"));
    await page.waitForSelector(".line", { state: "attached" }); // a weight that stays draws no area
    await page.waitForFunction(settled);
    const after = await page.locator(".line").first().getAttribute("d");
    const rows = await page.$$eval(".ranked", (list) => list.map((e) => ({ top: e.getBoundingClientRect().top, weight: Number(e.querySelector(".weight").textContent) })));
    rows.sort((a, b) => a.top - b.top);
    assert.ok(rows.length >= 5 && rows.every((r, i) => i === 0 || r.weight <= rows[i - 1].weight), JSON.stringify(rows));
    assert.equal(rows[0].weight, 1);
    assert.ok(await page.locator(".ranked .gain.good").count() > 0 && await page.locator(".line.gained").count() > 0, "no memory has gained a place");
    assert.match(await page.locator(".ranked .gain.good").first().textContent(), /▲\d+\d+ places? gained: number \d+ by its words alone/);
    await page.locator("input[type=range]").fill("0");
    assert.equal(await page.textContent("output"), "by words alone");
    assert.ok((await page.locator(".line").first().getAttribute("d")).length < after.length, "the chart does not move");
    await page.locator(".ranked button").first().click();
    assert.ok(await page.locator(".liftlist li").count() > 1, "no lifts");
    const shares = (await page.$$eval(".liftlist li span:nth-child(2)", (l) => l.map((e) => parseFloat(e.textContent)))).reduce((a, b) => a + b);
    assert.ok(Math.abs(shares - 100) < 4, `the shares sum to ${shares} %`);
    assert.equal(await page.locator(".line.picked").count(), 1);
    await page.click("details summary");
    assert.ok(await page.locator("table tbody tr").count() >= 5, "no table");
    await accessible(page, "recall");
    await page.context().close();

    const calm = await tab({ reducedMotion: "reduce" });
    await calm.goto(url + "/#/recall?q=Priya");
    await calm.waitForSelector(".line", { state: "attached" });
    assert.ok(await calm.evaluate(settled), "it moves for somebody who asked for no motion");
    await calm.context().close();
  },

  async "memories are listed, searched and filtered"() {
    const page = await tab();
    await page.goto(url + "/#/memories");
    await page.waitForSelector(".memory");
    const first = await page.locator(".memory").count();
    await page.click("text=Load more");
    await page.waitForFunction((n) => document.querySelectorAll(".memory").length > n, first);
    await page.fill("#search", "penicillin");
    await page.waitForFunction(() => document.querySelector("[role=status]").textContent.includes("best first"));
    assert.ok((await page.locator(".memory").first().textContent()).includes("penicillin"));
    await page.fill("#search", "zzzz qqqq");
    await page.waitForFunction(() => document.querySelector("[role=status]").textContent === "Nothing in memory speaks of this.");
    await page.fill("#search", "cottage");
    await page.click("text=hardly fit");
    await page.fill("#search", "");
    await page.selectOption("#kind", "fact");
    await page.selectOption("#state", "superseded");
    await page.waitForFunction(() => document.querySelectorAll(".memory.gone").length === 1);
    await accessible(page, "memories");
    await page.context().close();
  },

  async "a graph leads from name to name"() {
    const page = await tab({ viewport: { width: 375, height: 800 } });
    await page.goto(url + "/#/graph?q=Priya");
    await page.waitForSelector(".net .name");
    assert.ok(await page.locator(".net .dot").count() > 4 && await page.locator(".net .shares").count() > 4);
    await accessible(page, "graph");
    await fits(page, "graph");
    const name = await page.locator(".net .name").first().textContent();
    await page.locator(".net a:has(.name)").first().press("Enter");
    await page.waitForFunction((n) => document.querySelector("[role=status]")?.textContent.includes(`“${n}”`), name);
    await page.click("summary");
    await page.locator("a.memory").first().click();
    await page.waitForSelector(".timeline");
    await page.click(".facts a");
    await page.waitForFunction(() => document.querySelector("main [role=status]")?.textContent.includes("of the session") && !document.querySelector("dialog[open]"));
    assert.ok(await page.locator(".net .turns").count() > 0, "the turns of a session are not joined");
    await page.goto(url + "/#/graph?q=zzzz");
    await page.waitForSelector(".empty >> text=Nothing in memory");
    await page.context().close();
  },

  async "what memories hold stays text"() {
    const page = await tab();
    await page.goto(url + "/#/memories");
    await page.fill("#search", "hostile");
    const hostile = page.locator(".memory", { hasText: "hostile" }).first();
    await hostile.waitFor();
    await page.waitForFunction(() => document.querySelector("[role=status]").textContent.includes("best first"));
    assert.ok((await hostile.textContent()).includes("<img src=x onerror="), await hostile.textContent());
    await hostile.click();
    await page.waitForSelector(".timeline");
    await page.goto(url + "/#/recall?q=hostile");
    await page.waitForSelector(".ranked");
    await page.locator(".ranked button").first().click();
    await page.goto(url + "/#/ask?q=" + encodeURIComponent("What is hostile <img src=x onerror=window.pwned=1>?"));
    await page.waitForSelector(".chips li");
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    assert.equal(await page.locator("img, iframe, main script").count(), 0);
    await page.context().close();
  },

  async "a memory shows its history in both times"() {
    const page = await tab();
    await page.goto(url + "/#/memories");
    await page.selectOption("#state", "superseded");
    await page.locator(".memory.gone").first().click();
    await page.waitForSelector(".timeline");
    assert.ok((await page.textContent("#detail-title")).startsWith("Replaced on"));
    assert.equal(await page.locator(".timeline rect.true").count(), 2);
    assert.equal(await page.locator(".timeline rect.believed").count(), 2);
    assert.match(await page.getAttribute(".timeline", "aria-label"), /Version 1: true from 2021-04-01 to 2025-02-01, believed from \d{4}-\d\d-\d\d to .*Version 2: true from 2025-02-01 on/);
    await page.click("dialog summary");
    assert.equal(await page.locator(".events tbody tr").count(), 3);
    await accessible(page, "history");
    await page.click(".versions a");
    await page.waitForFunction(() => document.getElementById("detail-title")?.textContent === "What holds now");
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.querySelector("dialog[open]")), null);
    await page.waitForFunction(() => location.hash === "#/memories"); // the dialog tells of its end in a task of its own
    await page.goto(url + "/#/memory/01ARZ3NDEKTSV4RRFFQ69G5FAV");
    await page.waitForSelector("dialog .problem");
    await page.context().close();
  },

  async "the keyboard is enough"() {
    const page = await tab();
    await page.goto(url);
    await page.waitForSelector("#question");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
    for (let i = 0; i < 4; i++) await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Memories");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".memory");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main", "the focus does not follow");
    assert.equal(await page.textContent("nav [aria-current]"), "Memories");
    assert.equal(await page.title(), "Memories — Refiner");
    for (let i = 0; i < 20 && (await page.evaluate(() => document.activeElement.className)) !== "memory"; i++) await page.keyboard.press("Tab"); // filters, the first memory
    assert.equal(await page.evaluate(() => document.activeElement.className), "memory");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".timeline");
    await page.context().close();
  },

  async "it fits a phone, and it is dark where that is wanted"() {
    const page = await tab({ viewport: { width: 360, height: 720 }, colorScheme: "dark", isMobile: true, hasTouch: true });
    await page.goto(url + "/#/ask?q=" + encodeURIComponent("When are Jo and Dev going to the cottage?"));
    await page.waitForSelector(".chips li");
    await fits(page, "ask");
    await accessible(page, "ask, dark");
    await page.goto(url + "/#/recall?q=cottage");
    await page.waitForSelector(".ranked");
    await page.locator(".ranked button").first().click();
    await fits(page, "recall");
    await page.waitForFunction(settled);
    await accessible(page, "recall, dark");
    await page.goto(url + "/#/memories");
    await page.locator(".memory").first().click();
    await page.waitForSelector(".timeline");
    await fits(page, "memories");
    await accessible(page, "history, dark");
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    await page.click("#theme");
    await page.reload();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light", "the choice is not kept");
    await page.context().close();
  },

  async "memories are added, edited, pinned, undone and deleted"() {
    const page = await tab({ viewport: { width: 375, height: 800 } });
    await page.goto(url + "/#/memories");
    await page.waitForSelector(".memory");
    await page.click("#add");
    await accessible(page, "the form");
    await fits(page, "the form");
    await page.fill("#memory-text", "The kayak lies in the <b>boat shed</b>.");
    await page.click("#form button.primary");
    await page.waitForSelector(".timeline");
    assert.ok((await page.textContent("#detail .quote")).includes("<b>boat shed</b>"));

    // Found, edited and saved in three clicks.
    await page.keyboard.press("Escape");
    await page.fill("#search", "kayak boat shed");
    await page.locator(".memory", { hasText: "kayak" }).first().click();
    await page.click("#actions >> text=Edit");
    await page.fill("#memory-text", "The kayak lies in the garage.");
    await page.click("#form button.primary");
    await page.waitForFunction(() => document.querySelector("#detail .quote")?.textContent.includes("garage"));
    assert.equal(await page.locator(".timeline rect.true").count(), 2);
    await accessible(page, "a memory with its buttons");
    await fits(page, "a memory with its buttons");
    await page.click("#actions >> text=Undo");
    await page.waitForFunction(() => document.querySelector("#detail .quote")?.textContent.includes("boat shed") && document.getElementById("detail-title").textContent === "What holds now");

    await page.click("#actions >> text=Pin");
    await page.waitForFunction(() => document.querySelector("#actions")?.textContent.includes("Unpin"));
    assert.ok((await page.textContent("#detail .facts")).includes("pinned"));
    await page.click("#actions >> text=Out of date");
    await page.waitForFunction(() => document.querySelector("#actions") && !document.querySelector("#actions").textContent.includes("Out of date"));

    // What goes with a memory is shown before it goes; who thinks again loses nothing.
    await page.goto(url + "/#/memories");
    await page.fill("#search", "Ruth lives in Lisbon");
    await page.locator(".memory", { hasText: "Ruth lives in Lisbon." }).first().click();
    await page.click("#actions >> text=Delete");
    await page.waitForSelector("#goes");
    const form = await page.textContent("#form");
    assert.ok(form.includes("Ruth has a home by the sea.") && form.includes("1 other version of it:Ruth lives in Madrid."), form);
    await accessible(page, "the deletion");
    await page.click("#form >> text=Cancel");
    assert.ok((await page.textContent("#detail .quote")).includes("Lisbon"));
    await page.click("#actions >> text=Delete");
    await page.click("#form button.danger");
    await page.waitForFunction(() => document.getElementById("told").textContent.includes("3 memories are deleted"));
    await page.waitForFunction(() => ![...document.querySelectorAll(".memory")].some((m) => /Ruth lives in (Lisbon|Madrid)\./.test(m.textContent)));

    // Filters by time.
    await page.fill("#search", "");
    await page.fill("#since", "2030-01-01");
    await page.waitForFunction(() => document.querySelector("main [role=status]").textContent === "No memories here.");
    await page.fill("#since", "");
    await page.waitForSelector(".memory");
    await fits(page, "memories at 375 px");
    await page.context().close();
  },

  async "who may only read sees no buttons"() {
    const page = await tab({}, locked);
    await page.goto(locked + "/#/memories");
    await page.fill("#key", reader);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".memory");
    await page.waitForFunction(() => document.getElementById("who").textContent.includes("read only"));
    assert.equal(await page.locator("#add").count(), 0);
    await page.locator(".memory").first().click();
    await page.waitForSelector(".timeline");
    assert.equal(await page.locator("#actions button").count(), 0);
    await page.context().close();
  },

  async "a server with keys asks for one"() {
    const page = await tab({}, locked);
    await page.goto(locked + "/#/memories");
    await page.waitForSelector("#keyask[open]");
    await page.fill("#key", "rfn_wrong");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.getElementById("key-problem").textContent.includes("not one of this server"));
    await accessible(page, "the key's dialog");
    await page.fill("#key", key);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".memory");
    assert.equal(await page.evaluate(() => document.cookie + localStorage.getItem("refine.key")), "null", "the key is kept for longer than the tab");
    await page.context().close();
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  problems.length = 0;
  const start = Date.now();
  try {
    await test();
    assert.deepEqual(problems, [], "the browser reports");
    console.log(`ok   ${name} (${Date.now() - start} ms)`);
  } catch (e) {
    failed++;
    console.log(`FAIL ${name}: ${e.message}${problems.length ? "\n     " + problems.join("\n     ") : ""}`);
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
