#!/usr/bin/env node
// Runs the binary of this platform's package: same arguments, same standard streams, same exit code.
"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");

const name = `@runyard/${process.platform}-${process.arch}`;

function binary() {
  try {
    return require.resolve(`${name}/runyard`);
  } catch {
    const { optionalDependencies } = require("./package.json");
    const built = Object.keys(optionalDependencies).map((one) => one.replace("@runyard/", ""));
    console.error(`runyard: there is no binary for ${process.platform}-${process.arch}: the package ${name} is not installed.`);
    console.error(`Binaries exist for ${built.join(", ")}. If yours is among them, install without --omit=optional.`);
    process.exit(1);
  }
}

const child = spawn(binary(), process.argv.slice(2), { stdio: "inherit" });
// A terminal sends its signals to both processes: the binary decides when to end. A signal to this process alone is passed on.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    if (!process.stdin.isTTY || signal !== "SIGINT") child.kill(signal);
  });
}
child.on("error", (error) => {
  console.error(`runyard: the binary does not start: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  process.exit(signal ? 128 + constants.signals[signal] : code);
});
