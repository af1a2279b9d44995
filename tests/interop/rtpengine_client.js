// The client from npm (rtpengine-client) does what a proxy does, over UDP and TCP. Usage: rtpengine_client.js HOST PORT
// It prints one JSON object: what came back of each command.
'use strict';
const { Client } = require('rtpengine-client');
const TcpClient = require('rtpengine-client/lib/TcpClient');

const [host, port] = process.argv.slice(2);
const fingerprint = Array(32).fill('AB').join(':');

function phone(session, lines) {
  const text = ['v=0', `o=- ${session} 1 IN IP4 127.0.0.1`, 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 40000 RTP/AVP 0'];
  for (const [at, channels] of lines) {
    text.push(`m=application ${at} UDP/DTLS/SCTP webrtc-datachannel`, 'a=setup:actpass', `a=fingerprint:SHA-256 ${fingerprint}`, channels);
  }
  return text.join('\r\n') + '\r\n';
}

// `ask` sends a command with a dictionary.
async function play(ask, name) {
  const call = { 'call-id': `${name}@example.test`, 'from-tag': 'alice' };
  const said = {};
  said.ping = await ask('ping', {});
  said.offer = await ask('offer', {
    ...call, flags: ['trust address'], replace: ['origin'],
    sdp: phone(1, [[5000, 'a=dcmap:0 subprotocol="http"'], [5002, 'a=dcmap:1000']]),
  });
  said.answer = await ask('answer', { ...call, 'to-tag': 'bob', sdp: phone(2, [[6000, 'a=dcmap:1000']]) });
  said.query = await ask('query', call);
  said.delete = await ask('delete', call);
  said.gone = await ask('query', call);
  return said;
}

async function main() {
  const log = console.log;
  console.log = () => {}; // the TCP client talks to itself
  const udp = new Client({ timeout: 10000 });
  const all = { udp: await play((command, what) => udp[command](Number(port), host, what), 'udp') };
  udp.close();
  const tcp = new TcpClient(`${host}:${port}`);
  await new Promise((resolve, reject) => tcp.on('listening', resolve).on('error', reject));
  all.tcp = await play((command, what) => tcp[command](what), 'tcp');
  log(JSON.stringify(all));
  process.exit(0);
}

main().catch((e) => {
  console.error(e);
  process.exit(1);
});
