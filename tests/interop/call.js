// The browser's side of a call: call_messages.py and call_window.py in the words of a page. `plan` is what call_chromium.py says.
let plan, binary, pc, account;
const channels = {}, ledgers = {}, flow = { sent: {}, confirmed: {}, bytes: 0, messages: 0, moved: 0 };
const said = new Set(), farSaid = new Set(), LOST_AFTER_MS = 5000;
let lastHeard = 0, reporting = false, waiting = [];

const sleep = ms => new Promise(ok => setTimeout(ok, ms));
const news = () => new Promise(ok => waiting.push(ok));
const wake = () => { for (const ok of waiting.splice(0)) ok(); };
const mapped = (object, fn) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, fn(value)]));

// --- messages

function make(n) {
  const size = plan.sizes[n], at = n * plan.step % plan.longest, head = size >= plan.head ? n.toString(16).padStart(plan.head, "0") : "";
  if (n % 3 === 0) return head + plan.text.substr(at, size - head.length);
  const bytes = new Uint8Array(size);
  for (let i = 0; i < head.length; i++) bytes[i] = head.charCodeAt(i);
  bytes.set(binary.subarray(at, at + size - head.length), head.length);
  return bytes;
}

function same(heard, made) {
  if (typeof heard === "string" || typeof made === "string") return heard === made;
  const bytes = new Uint8Array(heard);
  return bytes.length === made.length && bytes.every((b, i) => b === made[i]);
}

const sizeOf = message => typeof message === "string" ? message.length : message.byteLength;
const keyOf = message => typeof message === "string" ? "text " + message : "bytes " + new Uint8Array(message);

function numberOf(message) {
  const head = typeof message === "string" ? message.slice(0, plan.head) : String.fromCharCode(...new Uint8Array(message, 0, plan.head));
  return /^[0-9a-f]+$/.test(head) ? parseInt(head, 16) : -1;
}

// --- what was heard

function hear(l, message) {
  const expected = l.count++;
  if (l.inStep) l.wrong += !same(message, make(expected));
  else if (sizeOf(message) < plan.head) l.short.set(keyOf(message), (l.short.get(keyOf(message)) ?? 0) + 1);
  else hearNumber(l, numberOf(message), message);
}

function hearNumber(l, n, message) {
  l.wrong += !(n >= 0 && n < plan.messages && same(message, make(n)));
  l.doubled += l.seen.has(n);
  l.late += n < l.highest;
  l.seen.add(n);
  l.highest = Math.max(l.highest, n);
}

function report(l) {
  const tooMany = new Map(l.short);
  for (let n = 0; n < plan.messages; n++) {
    const key = plan.sizes[n] < plan.head ? keyOf(make(n)) : null;
    if (tooMany.has(key)) tooMany.set(key, tooMany.get(key) - 1);
  }
  let doubled = l.doubled;
  for (const left of tooMany.values()) doubled += Math.max(left, 0);
  return { count: l.count, late: l.late, wrong: l.wrong, doubled };
}

// --- keeping step

function tell(what) {
  if (account.readyState === "open") account.send(JSON.stringify(what));
}

function onMessage(label, message) {
  lastHeard = performance.now();
  hear(ledgers[label], message);
  if (reporting) return;
  reporting = true;
  setTimeout(() => {
    reporting = false;
    tell({ heard: mapped(ledgers, l => Math.max(l.count, l.highest + 1)) });
  }, plan.reportMs);
}

function onAccount(message) {
  const { heard = {}, said: label } = JSON.parse(message);
  for (const [x, n] of Object.entries(heard)) confirm(x, n);
  if (label !== undefined) farSaid.add(label);
  wake();
}

function confirm(label, n) {
  if (n <= flow.confirmed[label]) return;
  flow.bytes -= plan.before[n] - plan.before[flow.confirmed[label]];
  flow.messages -= n - flow.confirmed[label];
  flow.confirmed[label] = n;
  flow.moved = performance.now();
}

const isOpen = label => flow.messages === 0 || (flow.bytes + plan.sizes[flow.sent[label]] <= plan.window && flow.messages < plan.most);

function look() {
  if (performance.now() - flow.moved < plan.patience * 1000) return;
  for (const [label, kind] of Object.entries(plan.channels)) if (!kind.reliable) confirm(label, flow.sent[label]);
}

async function send(label, c) {
  if (c.readyState !== "open") await new Promise(ok => c.onopen = ok);
  for (let n = 0; n < plan.messages; n++) {
    while (!isOpen(label)) await news();
    if (flow.messages === 0) flow.moved = performance.now();
    flow.bytes += plan.sizes[n];
    flow.messages++;
    flow.sent[label]++;
    c.send(make(n));
  }
  said.add(label);
  tell({ said: label });
}

function isDone() {
  const all = Object.keys(channels).length;
  if (said.size < all || farSaid.size < all) return false;
  const missing = Object.keys(channels).filter(label => ledgers[label].count < plan.messages);
  if (missing.some(label => plan.channels[label].reliable)) return false;
  return missing.length === 0 || performance.now() - lastHeard > LOST_AFTER_MS;
}

// --- the call

function open(label, kind) {
  const c = channels[label] = pc.createDataChannel(label, kind.options);
  ledgers[label] = { count: 0, late: 0, wrong: 0, doubled: 0, highest: -1, seen: new Set(), short: new Map(), inStep: kind.ordered && kind.reliable };
  flow.sent[label] = flow.confirmed[label] = 0;
  c.binaryType = "arraybuffer";
  c.onmessage = e => onMessage(label, e.data);
}

async function offer(what, done) {
  plan = what;
  plan.before = [0];
  for (const size of plan.sizes) plan.before.push(plan.before.at(-1) + size);
  binary = Uint8Array.from(atob(plan.binary), c => c.charCodeAt(0));
  pc = new RTCPeerConnection();
  account = pc.createDataChannel(plan.account);
  account.onmessage = e => onAccount(e.data);
  for (const [label, kind] of Object.entries(plan.channels)) open(label, kind);
  window.exchange = exchange;
  await pc.setLocalDescription(await pc.createOffer());
  while (pc.iceGatheringState !== "complete") await sleep(10);
  done(pc.localDescription.sdp);
}

async function exchange(answer, done) {
  const end = performance.now() + plan.seconds * 1000, errors = [];
  try {
    await pc.setRemoteDescription({ type: "answer", sdp: answer });
    for (const [label, c] of Object.entries(channels)) send(label, c).catch(e => errors.push(`${label}: ${e}`));
    while (!isDone() && errors.length === 0 && performance.now() < end) {
      await sleep(50);
      look();
      wake();
    }
  } catch (e) {
    errors.push(String(e));
  }
  const stats = await pc.getStats(), transport = [...stats.values()].find(s => s.type === "transport" && s.remoteCertificateId);
  done({
    sent: flow.sent, heard: mapped(ledgers, report), errors,
    role: transport?.dtlsRole ?? null,
    peer: stats.get(transport?.remoteCertificateId)?.fingerprint ?? null,
  });
}
