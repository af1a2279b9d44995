/*
 * app.js: measures round trips on a data channel. Each side sends {"ping": n, "fill": "..."} and answers with {"pong": n}.
 * A ping that is not answered in five seconds counts as lost.
 */
"use strict";

const LOST_MS = 5000;
const KEPT = 200; /* round trips in the plot and in the figures */

const FIGURES = [
	["last", "last", (s) => s[s.length - 1]],
	["median", "median", (s) => quantile(s, 0.5)],
	["p95", "95 %", (s) => quantile(s, 0.95)],
	["max", "longest", (s) => Math.max(...s)],
];

const toggle = document.getElementById("toggle");
const plot = document.getElementById("plot");
const waiting = new Map(); /* number of a ping: when it left */
const times = [];
let next = 0, answered = 0, lost = 0, timer = null;

function quantile(samples, q) {
	const sorted = [...samples].sort((a, b) => a - b);

	return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

function figure(value, words) {
	const box = document.createElement("div");
	const number = document.createElement("b");
	const label = document.createElement("span");

	box.className = "figure";
	number.textContent = value;
	label.textContent = words;
	box.append(number, label);
	return box;
}

function draw() {
	const pen = plot.getContext("2d");
	const style = getComputedStyle(document.documentElement);
	const top = Math.max(1, ...times) * 1.1;

	plot.width = plot.clientWidth * devicePixelRatio;
	plot.height = plot.clientHeight * devicePixelRatio;
	pen.strokeStyle = style.getPropertyValue("--accent");
	pen.lineWidth = 2 * devicePixelRatio;
	pen.beginPath();
	times.forEach((ms, i) => {
		const x = (i / (KEPT - 1)) * plot.width, y = plot.height * (1 - ms / top);

		i === 0 ? pen.moveTo(x, y) : pen.lineTo(x, y);
	});
	pen.stroke();
	pen.fillStyle = style.getPropertyValue("--soft");
	pen.font = 12 * devicePixelRatio + "px system-ui";
	pen.fillText(top.toFixed(1) + " ms", 8 * devicePixelRatio, 16 * devicePixelRatio);
}

function show() {
	const boxes = FIGURES.map(([, words, of]) => figure(times.length ? of(times).toFixed(1) + " ms" : "–", words));

	boxes.push(figure(String(answered), "answered"), figure(String(lost), "lost"));
	document.getElementById("figures").replaceChildren(...boxes);
	draw();
}

function showState(text, kind) {
	const state = document.getElementById("state");

	state.textContent = text;
	state.className = "state " + kind;
	toggle.disabled = kind !== "open";
}

function ping() {
	const now = performance.now();

	for (const [n, left] of waiting) {
		if (now - left > LOST_MS) {
			waiting.delete(n);
			lost++;
		}
	}
	waiting.set(next, now);
	channel.send(JSON.stringify({ ping: next++, fill: "x".repeat(Number(document.getElementById("size").value)) }));
	show();
}

const channel = CallChannel.open("roundtrip", {
	onopen(how) {
		showState(how === "call" ? "connected" : "rehearsal: open a second tab", "open");
	},
	onmessage(text) {
		let m;

		try {
			m = JSON.parse(text);
		} catch {
			return;
		}
		if (Number.isInteger(m.ping)) {
			channel.send(JSON.stringify({ pong: m.ping }));
		} else if (waiting.has(m.pong)) {
			times.push(performance.now() - waiting.get(m.pong));
			waiting.delete(m.pong);
			answered++;
			if (times.length > KEPT)
				times.shift();
			show();
		}
	},
	onclose(reason) {
		stop();
		showState(reason, "closed");
	},
});

function stop() {
	clearInterval(timer);
	timer = null;
	toggle.textContent = "Start";
}

toggle.addEventListener("click", () => {
	if (timer !== null) {
		stop();
		return;
	}
	timer = setInterval(ping, Number(document.getElementById("every").value));
	toggle.textContent = "Stop";
	ping();
});
document.getElementById("every").addEventListener("change", () => {
	if (timer !== null) {
		clearInterval(timer);
		timer = setInterval(ping, Number(document.getElementById("every").value));
	}
});
window.addEventListener("resize", show);
show();
