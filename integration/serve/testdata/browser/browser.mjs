// Opens the Chromium that is installed. Playwright brings none along here.
import { chromium } from "playwright-core";
import { existsSync } from "node:fs";

export function executable() {
  const known = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];
  return known.find((path) => path && existsSync(path));
}

export function open() {
  return chromium.launch({
    executablePath: executable(), headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--mute-audio"],
  });
}
