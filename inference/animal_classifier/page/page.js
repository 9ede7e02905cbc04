"use strict";

const drop = document.getElementById("drop");
const file = document.getElementById("file");
const photo = document.getElementById("photo");
const status = document.getElementById("status");
const answer = document.getElementById("answer");
let latest = 0;

function say(text, wrong = false) {
  status.textContent = text;
  status.classList.toggle("wrong", wrong);
}

function bar(label, probability) {
  const row = document.createElement("li");
  const name = document.createElement("span");
  name.textContent = label;
  const share = document.createElement("progress");
  share.value = probability;
  share.setAttribute("aria-label", label);
  const percent = document.createElement("span");
  percent.className = "share";
  percent.textContent = `${(100 * probability).toFixed(1)} %`;
  row.append(name, share, percent);
  return row;
}

async function classify(image) {
  const mine = ++latest;
  URL.revokeObjectURL(photo.src);
  photo.src = URL.createObjectURL(image);
  photo.hidden = false;
  answer.replaceChildren();
  say("Looking …");
  const form = new FormData();
  form.append("file", image);
  try {
    const response = await fetch("predict", { method: "POST", body: form });
    const body = await response.json();
    if (mine !== latest) return; // another photo has been dropped since
    if (!response.ok) {
      photo.hidden = true;
      say(body.error.message, true);
      return;
    }
    say(`It is most likely one of the ${body.label}.`);
    const sorted = Object.entries(body.probabilities).sort((a, b) => b[1] - a[1]);
    answer.replaceChildren(...sorted.map(([label, probability]) => bar(label, probability)));
  } catch (error) {
    if (mine === latest) say(`The service can't be reached: ${error.message}`, true);
  }
}

function take(files) {
  if (files.length) classify(files[0]);
}

file.addEventListener("change", () => take(file.files));
document.addEventListener("paste", (event) => take(event.clipboardData.files));
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name === "drop") take(event.dataTransfer.files);
  });
}

fetch("version")
  .then((response) => response.json())
  .then((version) => {
    const short = version.commit.slice(0, 7);
    document.getElementById("version").textContent =
      `${version.model_name} version ${version.model_version}, commit ${short}`;
  })
  .catch((error) => say(`The service can't be reached: ${error.message}`, true));
