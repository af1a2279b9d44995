/*
 * app.js: a sheet both sides of a call draw on.
 *
 * A message is one JSON object: {"line": [x, y, x, y, ...], "ink": "#rrggbb", "width": n} with coordinates from 0 to 1,
 * so that sheets of different sizes show the same; {"clear": true}; {"hello": true} asks for what is there already.
 */
"use strict";

const INKS = ["#2563eb", "#dc2626", "#16a34a", "#d97706", "#7c3aed", "#64748b"];
const SEND_MS = 40; /* points are gathered so long: 25 messages a second at most */

const sheet = document.getElementById("sheet");
const pen = sheet.getContext("2d");
const width = document.getElementById("width");
const lines = []; /* all there is, to draw anew when the sheet changes its size */
let ink = INKS[0];
let current = null; /* the line under the finger */
let unsent = [];

function drawLine(line) {
	const p = line.line;

	pen.strokeStyle = line.ink;
	pen.lineWidth = line.width;
	pen.lineCap = pen.lineJoin = "round";
	pen.beginPath();
	pen.moveTo(p[0] * sheet.width, p[1] * sheet.height);
	for (let i = 2; i + 1 < p.length; i += 2)
		pen.lineTo(p[i] * sheet.width, p[i + 1] * sheet.height);
	if (p.length === 2)
		pen.lineTo(p[0] * sheet.width + 0.1, p[1] * sheet.height);
	pen.stroke();
}

function drawAll() {
	sheet.width = sheet.clientWidth;
	sheet.height = sheet.clientHeight;
	lines.forEach(drawLine);
}

/* From the other side comes only what it should be; the rest is dropped. */
function isLine(m) {
	return Array.isArray(m.line) && m.line.length >= 2 && m.line.length <= 2000 && m.line.length % 2 === 0 &&
		m.line.every((v) => typeof v === "number" && v >= 0 && v <= 1) &&
		/^#[0-9a-f]{6}$/.test(m.ink) && m.width >= 1 && m.width <= 24;
}

function showState(text, kind) {
	const state = document.getElementById("state");

	state.textContent = text;
	state.className = "state " + kind;
}

const channel = CallChannel.open("drawing", {
	onopen(how) {
		showState(how === "call" ? "connected" : "rehearsal: open a second tab", "open");
		channel.send(JSON.stringify({ hello: true }));
	},
	onmessage(text) {
		let m;

		try {
			m = JSON.parse(text);
		} catch {
			return;
		}
		if (m.hello)
			lines.forEach((line) => channel.send(JSON.stringify(line)));
		else if (m.clear)
			clearSheet();
		else if (isLine(m)) {
			lines.push(m);
			drawLine(m);
		}
	},
	onclose(reason) {
		showState(reason, "closed");
	},
});

function clearSheet() {
	lines.length = 0;
	drawAll();
}

function point(event) {
	const box = sheet.getBoundingClientRect();
	const part = (v) => Math.round(Math.min(1, Math.max(0, v)) * 1e4) / 1e4;

	return [part((event.clientX - box.left) / box.width), part((event.clientY - box.top) / box.height)];
}

function flush() {
	if (unsent.length < 2)
		return;
	const line = { line: unsent, ink, width: Number(width.value) };

	channel.send(JSON.stringify(line));
	lines.push(line);
	unsent = unsent.slice(-2); /* the next piece goes on from here */
	if (!current)
		unsent = [];
}

sheet.addEventListener("pointerdown", (event) => {
	sheet.setPointerCapture(event.pointerId);
	current = point(event);
	unsent = [...current];
	drawLine({ line: current, ink, width: Number(width.value) });
});
sheet.addEventListener("pointermove", (event) => {
	if (!current)
		return;
	const next = point(event);

	drawLine({ line: [...current, ...next], ink, width: Number(width.value) });
	current = next;
	unsent.push(...next);
});
for (const end of ["pointerup", "pointercancel"]) {
	sheet.addEventListener(end, () => {
		current = null;
		flush();
	});
}
setInterval(() => {
	if (current && unsent.length > 2)
		flush();
}, SEND_MS);

for (const color of INKS) {
	const button = document.createElement("button");

	button.className = "ink";
	button.style.background = color;
	button.setAttribute("aria-label", "Ink " + color);
	button.setAttribute("aria-pressed", String(color === ink));
	button.addEventListener("click", () => {
		ink = color;
		for (const other of document.querySelectorAll(".ink"))
			other.setAttribute("aria-pressed", String(other === button));
	});
	document.getElementById("inks").append(button, " ");
}
document.getElementById("clear").addEventListener("click", () => {
	clearSheet();
	channel.send(JSON.stringify({ clear: true }));
});
window.addEventListener("resize", drawAll);
drawAll();
