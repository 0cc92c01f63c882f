// Copy buttons, the host in examples, and a filter for the contents. Everything can be read without them.
"use strict";
for (const figure of document.querySelectorAll("figure.code")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy: " + figure.querySelector("figcaption span").textContent);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(figure.querySelector("pre").textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not copied";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  figure.querySelector("figcaption").append(button);
}
// Examples show the host under which this page was opened.
if (location.port && location.hostname !== "127.0.0.1") {
  const texts = document.createTreeWalker(document.getElementById("main"), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    text.data = text.data.replaceAll("http://127.0.0.1:", location.protocol + "//" + location.hostname + ":");
  }
}
const filter = document.querySelector(".filter");
if (filter) {
  filter.hidden = false;
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const item of document.querySelectorAll(".side li")) {
      item.hidden = !item.textContent.toLowerCase().includes(wanted);
    }
  });
}
const menu = document.getElementById("menu");
document.querySelector(".side").addEventListener("click", (event) => {
  if (event.target.closest("a")) menu.checked = false;
});
